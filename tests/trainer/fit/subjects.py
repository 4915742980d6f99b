"""People of the open body in front of a camera, with the keypoints and the mask that they would have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from dinar.runtime.body import Body, Pose, load_body, open_body_path
from dinar.runtime.camera import Camera
from dinar.runtime.rotations import rotation_about
from dinar.trainer.data.dataset.layout import encode
from dinar.trainer.data.dataset.truth import Keypoints
from dinar.trainer.fit.body_points import BodyPoints, open_body_points
from dinar.trainer.fit.keypoints import BODY, FACE, LEFT_HAND, RIGHT_HAND, observed
from dinar.trainer.fit.optimize import KeypointFit
from dinar.trainer.fit.photo import Subject, fit_camera
from dinar.trainer.fit.priors import GaussianPosePrior, load_priors
from dinar.trainer.fit.unknowns import PersonSpace, Start, Unknowns
from dinar.trainer.texture.body_view import view_body

WIDTH, HEIGHT, FOCAL, DEPTH = 240, 320, 600.0, 4.0


@cache
def open_body() -> Body:
    return load_body(open_body_path())


@cache
def points() -> BodyPoints:
    return open_body_points(open_body(), open_body_path())


@cache
def space() -> PersonSpace:
    priors = load_priors()
    return PersonSpace(open_body(), priors, GaussianPosePrior(priors.body))


@dataclass(frozen=True, eq=False)
class Truth:
    """Somebody whose parameters are known."""

    betas: np.ndarray
    pose: Pose
    camera: Camera
    keypoints: Keypoints
    mask: np.ndarray

    @property
    def subject(self) -> Subject:
        found = observed(self.keypoints, WIDTH, HEIGHT, "keypoints")
        return Subject(self.mask, found, self.camera)


def nobody(width: int = WIDTH, height: int = HEIGHT) -> KeypointFit:
    """A fit whose keypoints do not matter."""
    body = np.array([[0.3 * width, 0.1 * height, 1.0], [0.6 * width, 0.9 * height, 1.0]] * 12 + [[9, 9, 1]])
    rest = [np.zeros((n, 3), np.float32) for n in (21, 21, 70)]
    keypoints = Keypoints(body.astype(np.float32), *rest)
    camera = fit_camera(FOCAL, width, height)
    return KeypointFit(open_body(), points(), space(), camera, observed(keypoints, width, height, "nobody"))


def random_unknowns(seed: int, *, spread: float = 0.6) -> Unknowns:
    generator = torch.Generator().manual_seed(seed)
    codes = {
        name: spread * torch.randn(code.shape, generator=generator, dtype=torch.float64)
        for name, code in vars(space().zeros()).items()
    }
    return Unknowns(**codes)


@cache
def make_truth(seed: int, yaw: float = 0.0) -> Truth:
    """Somebody who stands as people usually do, turned by `yaw` radians."""
    fit, start = nobody(), Start(rotation_about("y", yaw), np.array([0.0, -0.02]), DEPTH)
    unknowns = random_unknowns(seed)
    parameters = space().parameters(unknowns, start)
    with torch.no_grad():
        pixels = fit.pixels(unknowns, start, fit.contour(unknowns, start)).numpy()
    seen = np.concatenate([pixels, np.ones((len(pixels), 1))], 1).astype(np.float32)
    camera = fit_camera(FOCAL, WIDTH, HEIGHT)
    betas, pose = parameters.betas.numpy().astype(np.float32), parameters.pose()
    mask = view_body(open_body(), betas, pose, camera).coverage * np.uint8(255)
    keypoints = Keypoints(seen[BODY], seen[LEFT_HAND], seen[RIGHT_HAND], seen[FACE])
    return Truth(betas, pose, camera, keypoints, mask)


def write_files(root: Path, truth: Truth, name: str = "anna") -> None:
    """Photo, mask and keypoints in the folders that `dinar data import photos` reads."""
    for folder in ("images", "masks", "keypoints", "smplx"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    photo = np.repeat(np.where(truth.mask > 0, 180, 60).astype(np.uint8)[..., None], 3, 2)
    encode(root / f"images/{name}.png", photo)
    encode(root / f"masks/{name}.png", truth.mask)
    (root / f"keypoints/{name}_keypoints.json").write_bytes(truth.keypoints.to_openpose())
