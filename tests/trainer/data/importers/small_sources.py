"""A person of the open body in the conventions of fitting programs, and files as these write them."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from dinar.runtime.body import Body, Pose, forward, load_body, open_body_path
from dinar.runtime.camera import Camera
from dinar.runtime.cpu.rasterize import rasterize
from dinar.trainer.data.dataset.layout import encode
from dinar.trainer.data.dataset.plausibility import joint_model
from dinar.trainer.data.importers.fits import rest_pelvis

BODY = open_body_path()
SIZE = (150, 120)  # height, width


@cache
def open_body() -> Body:
    return load_body(BODY)


@dataclass(frozen=True)
class Truth:
    """Somebody in front of a camera at the origin, x right, y down, z forward."""

    pose: Pose
    betas: np.ndarray
    joints: np.ndarray  # [55, 3], camera metres
    K: np.ndarray
    image: np.ndarray
    mask: np.ndarray

    @property
    def pixels(self) -> np.ndarray:
        """Where the joints are in the picture, [55, 2]."""
        return project(self.joints, self.K)


def project(points: np.ndarray, K: np.ndarray) -> np.ndarray:
    pixel = points @ K.T
    return pixel[:, :2] / pixel[:, 2:]


def make_truth(seed: int, *, focal: float, depth: float, centre: tuple[float, float] | None = None) -> Truth:
    """A person upside down in y, as in all pictures; hands by their own angles."""
    rng, (height, width) = np.random.default_rng(seed), SIZE
    rotations = rng.normal(0, 0.1, (55, 3)).astype(np.float32)
    rotations[0] = cv2.Rodrigues(
        cv2.Rodrigues(np.array([np.pi, 0, 0]))[0]
        @ cv2.Rodrigues(np.array([0.1, rng.uniform(-2, 2), 0.05]))[0]
    )[0][:, 0]
    betas = rng.normal(0, 0.7, 10).astype(np.float32)
    expression = rng.normal(0, 0.5, 10).astype(np.float32)
    pelvis = rest_pelvis(joint_model(open_body()), betas, expression)
    pose = Pose(rotations, ([0.03, -0.1, depth] - pelvis).astype(np.float32), expression)
    posed = forward(open_body(), betas, pose)
    centre = centre or (width // 2, height // 2)
    K = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
    image, mask = draw(posed.vertices, K, rng)
    return Truth(pose, betas, posed.joints, K, image, mask)


def draw(vertices: np.ndarray, K: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    body, (height, width) = open_body(), SIZE
    camera = Camera(np.eye(4), K, width, height)
    seen = rasterize(vertices.astype(np.float32), body.faces, body.uv, body.uv_faces, [camera])
    mask = seen.coverage[0] * np.uint8(255)
    image = rng.integers(60, 90, (height, width, 3), np.uint8)
    image[mask > 0] = (200, 120, 40)
    return image, mask


def smplify_entries(truth: Truth, *, hand_numbers: int = 45) -> dict[str, np.ndarray]:
    """The entries of SMPLify-X's result files, each of shape [1, n]."""
    r = truth.pose.rotations
    entries = {
        "camera_rotation": np.eye(3, dtype=np.float32)[None],
        "camera_translation": truth.pose.translation[None],
        "betas": truth.betas[None],
        "global_orient": r[:1],
        "body_pose": r[1:22].reshape(1, -1),
        "jaw_pose": r[22:23],
        "leye_pose": r[23:24],
        "reye_pose": r[24:25],
        "expression": truth.pose.expression[None],
    }
    with np.load(BODY, allow_pickle=False) as arrays:
        for name, letter, first in (("left_hand_pose", "l", 25), ("right_hand_pose", "r", 40)):
            angles = r[first : first + 15].ravel() - arrays[f"hands_mean{letter}"].ravel()
            if hand_numbers < 45:
                angles = angles @ np.linalg.pinv(arrays[f"hands_components{letter}"][:hand_numbers])
            entries[name] = angles[None].astype(np.float32)
    return entries


def write_picture(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(path, image)


def openpose_text(pixels: np.ndarray) -> str:
    """An OpenPose file that knows the neck and the knees."""
    body = np.zeros((25, 3))
    body[[1, 13, 10], :2] = pixels[[12, 4, 5]]
    body[[1, 13, 10], 2] = 0.9
    return json.dumps({"version": 1.3, "people": [{"pose_keypoints_2d": body.ravel().tolist()}]})


def python2_pickle(values: dict[str, np.ndarray | int]) -> bytes:
    """What `cPickle.dump(values, file, protocol=2)` of Python 2 and NumPy 1 writes, byte for byte in kind."""

    def text(s: str) -> bytes:
        return b"U" + bytes([len(s)]) + s.encode("latin-1")

    def array(a: np.ndarray) -> bytes:
        shape = b"(" + b"".join(b"K" + bytes([n]) for n in a.shape) + b"t"
        dtype = b"cnumpy\ndtype\n" + text(a.dtype.str[1:]) + b"K\x00K\x01\x87R"
        dtype += b"(K\x03" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        data = a.tobytes()
        start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text("b") + b"\x87R"
        return start + b"(K\x01" + shape + dtype + b"\x89T" + struct.pack("<I", len(data)) + data + b"tb"

    items = b"".join(
        text(name) + (b"M" + struct.pack("<H", value) if isinstance(value, int) else array(value))
        for name, value in values.items()
    )
    return b"\x80\x02}(" + items + b"u."
