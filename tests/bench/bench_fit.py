"""How near `dinar fit` comes to people whose pose, shape and camera are known.

    dinar synth --people 20 --seed 900000 --out benchmark --views 6 --poses 3
    python -m tests.bench.bench_fit benchmark --people 10 --sheet fits.jpg

One picture of each person that shows the whole body; keypoints are the true ones with 4 pixels of noise, one
in ten missing. The error is the mean over the 22 joints of the body: pelvis on pelvis, with the size taken
out as well (one photo does not tell how tall somebody is), and in space. Silhouettes are compared with the
photo's mask, clothes and hair included (the true bare body's own value stands beside it), and with that of
the true bare body.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from rich.console import Console
from rich.progress import track
from rich.table import Table

from dinar.runtime.body import Body, forward, open_body_path, rest_vertices
from dinar.runtime.camera import Camera
from dinar.runtime.errors import DinarError
from dinar.runtime.files.bodies import find_body
from dinar.trainer.data.dataset.layout import View, people_of, person_folder, read_info, read_view, read_views
from dinar.trainer.data.dataset.plausibility import PERSON
from dinar.trainer.data.dataset.truth import Keypoints, read_keypoints
from dinar.trainer.fit.fit_photo import Fitted, PhotoFitter
from dinar.trainer.fit.keypoints import observed
from dinar.trainer.fit.photo import USUAL_FOCAL, Subject, fit_camera
from dinar.trainer.fit.priors import GaussianPosePrior, load_priors
from dinar.trainer.fit.refine import STEPS
from dinar.trainer.fit.silhouette import silhouette_iou
from dinar.trainer.texture.body_view import view_body

NOISE, MISSING = 4.0, 0.1  # pixels; share of the keypoints
BODY_JOINTS = 22
_WHOLE = (2, 5, 9, 12, 11, 14)  # shoulders, hips and ankles
_TILE = 256  # pixels of the sheet


@dataclass(frozen=True)
class Score:
    """How one fit did.

    Attributes:
        person: who.
        view: which picture.
        stage: "keypoints", or "keypoints and mask".
        aligned_mm: mean joint error, pelvis on pelvis.
        scaled_mm: the same with the best size.
        absolute_mm: in space.
        iou: with the photo's mask.
        true_iou: of the true bare body with that mask.
        body_iou: with the silhouette of the true bare body.
        residual: of the keypoints, pixels.
        seconds: since the photo was read; processor time.
    """

    person: str
    view: int
    stage: str
    aligned_mm: float
    scaled_mm: float
    absolute_mm: float
    iou: float
    true_iou: float
    body_iou: float
    residual: float
    seconds: float


def noisy(keypoints: Keypoints, person: str) -> Keypoints:
    """As a detector would find them: 4 pixels off, one in ten not found."""
    random = np.random.default_rng(int(person))
    changed = {}
    for name, points in vars(keypoints).items():
        points = points.copy()
        points[:, :2] += random.normal(0, NOISE, (len(points), 2))
        points[(random.random(len(points)) < MISSING) | (points[:, 2] == 0)] = 0
        changed[name] = points
    return Keypoints(**changed)


def whole_view(root: Path, person: str) -> tuple[View, Keypoints]:
    """The first picture that shows somebody from shoulders to ankles."""
    for number in range(len(read_views(root, person))):
        keypoints = read_keypoints(person_folder(root, person) / f"{number:04d}.keypoints.json")
        if (keypoints.body[list(_WHOLE), 2] > 0).all():
            return read_view(root, person, number), keypoints
    raise SystemExit(f"no picture shows {person} whole")


def joints_of(body: Body, view: View | Fitted, camera: Camera) -> np.ndarray:
    """The body's joints as the camera has them: [22, 3], metres."""
    joints = forward(body, view.betas, view.pose).joints[:BODY_JOINTS]
    return joints @ camera.T_camera_world[:3, :3].T + camera.T_camera_world[:3, 3]


def score(body: Body, view: View, fitted: Fitted, camera: Camera, stage: str, seconds: float) -> Score:
    """Compare a fit with the truth."""
    found, true = joints_of(body, fitted, camera), joints_of(body, view, view.camera)
    own, wanted = found - found[0], true - true[0]
    size = (own * wanted).sum() / (own * own).sum()
    mask = view.mask >= PERSON
    bare = view_body(body, view.betas, view.pose, view.camera).coverage
    seen = view_body(body, fitted.betas, fitted.pose, camera).coverage

    def millimetres(a: np.ndarray, b: np.ndarray) -> float:
        return float(1000 * np.linalg.norm(a - b, axis=1).mean())

    return Score(
        *(view.person, view.view, stage),
        *(millimetres(own, wanted), millimetres(size * own, wanted), millimetres(found, true)),
        *(fitted.iou, silhouette_iou(bare, mask), silhouette_iou(seen, bare)),
        *(fitted.residual, seconds),
    )


@dataclass(frozen=True, eq=False)
class Case:
    """One person's scores, without and with the mask, and the row of the sheet."""

    scores: tuple[Score, Score]
    row: Image.Image


def cases(root: Path, people: int, *, usual_focal: bool, heights: bool, steps: int) -> Iterator[Case]:
    """Fit people one by one."""
    info, priors = read_info(root), load_priors()
    body = find_body(info.body, info.body_vertices)
    fitter = PhotoFitter(body, open_body_path(), priors, GaussianPosePrior(priors.body))
    for person in people_of(root)[:people]:
        view, keypoints = whole_view(root, person)
        height, width = view.mask.shape
        focal = USUAL_FOCAL * max(height, width) if usual_focal else float(view.camera.K[0, 0])
        camera = fit_camera(focal, width, height)
        tall = float(np.ptp(rest_vertices(body, view.betas)[:, 1])) if heights else None
        try:
            found = observed(noisy(keypoints, person), width, height, person)
        except DinarError as error:  # the noise took all keypoints of the shoulders, or of the hips
            Console(stderr=True).print(f"left out: {error}", soft_wrap=True, highlight=False)
            continue
        subject = Subject(view.mask, found, camera, tall)
        start = time.process_time()
        draft = fitter.to_keypoints(subject, lambda _: None)
        first = time.process_time() - start
        masked = fitter.to_mask(draft, steps, lambda: None)
        second = time.process_time() - start
        results = fitter.result(draft), fitter.result(masked)
        stages = ("keypoints", first), ("keypoints and mask", second)
        both = [score(body, view, r, camera, *s) for r, s in zip(results, stages, strict=True)]
        pictures = [overlay(view.image, body, r, camera) for r in results]
        labels = [f"{view.person} {view.view}", *(f"{s.aligned_mm:.0f} mm, IoU {s.iou:.2f}" for s in both)]
        yield Case((both[0], both[1]), _row([view.image, *pictures], labels))


def overlay(image: np.ndarray, body: Body, fitted: Fitted, camera: Camera) -> np.ndarray:
    """The photo with the fitted body over it, shaded by how it faces the camera."""
    seen = view_body(body, fitted.betas, fitted.pose, camera)
    shade = (60 + 195 * seen.facing())[..., None] * [0.5, 0.75, 1.0]
    mixed = 0.35 * image + 0.65 * shade
    return np.where(seen.coverage[..., None], mixed, image).astype(np.uint8)


def _row(images: list[np.ndarray], labels: list[str]) -> Image.Image:
    row = Image.new("RGB", (_TILE * len(images), _TILE), "white")
    for n, (image, label) in enumerate(zip(images, labels, strict=True)):
        tile = Image.fromarray(image).resize((_TILE, _TILE), Image.Resampling.LANCZOS)
        ImageDraw.Draw(tile).text((4, 2), label, fill="black", stroke_width=2, stroke_fill="white")
        row.paste(tile, (n * _TILE, 0))
    return row


MEASURES = (
    ("joint error, pelvis on pelvis, mm", "aligned_mm", 1),
    ("  with the size taken out, mm", "scaled_mm", 1),
    ("  in space, mm", "absolute_mm", 0),
    ("IoU with the photo's mask", "iou", 3),
    ("  of the true bare body", "true_iou", 3),
    ("IoU with the true bare body", "body_iou", 3),
    ("keypoints, pixels off", "residual", 2),
    ("seconds a photo, one core", "seconds", 1),
)


def print_table(scores: list[tuple[Score, Score]], console: Console) -> None:
    """Print means over people, without and with the mask, and the worst person's."""
    table = Table("mean (worst)", "keypoints", "keypoints and mask")
    for name, field, digits in MEASURES:
        columns = []
        for stage in (0, 1):
            values = [getattr(both[stage], field) for both in scores]
            worst = min(values) if "IoU" in name or "true bare" in name else max(values)
            columns.append(f"{np.mean(values):.{digits}f} ({worst:.{digits}f})")
        table.add_row(name, *columns)
    console.print(table)


def main() -> None:
    """Fit, print, and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path, help="the dataset of people to fit")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--usual-focal", action="store_true", help="as if the focal length were not known")
    parser.add_argument("--heights", action="store_true", help="tell how tall people are")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the silhouette")
    parser.add_argument("--sheet", type=Path, help="picture to draw")
    parser.add_argument("--json", type=Path, help="file for all scores")
    arguments = parser.parse_args()
    found = [
        *track(
            cases(
                arguments.root,
                arguments.people,
                usual_focal=arguments.usual_focal,
                heights=arguments.heights,
                steps=arguments.steps,
            ),
            "fitting",
            total=arguments.people,
        )
    ]
    print_table([case.scores for case in found], Console())
    if arguments.json:
        rows = [asdict(each) for case in found for each in case.scores]
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    if arguments.sheet:
        sheet = Image.new("RGB", (found[0].row.width, _TILE * len(found)), "white")
        for n, case in enumerate(found):
            sheet.paste(case.row, (0, n * _TILE))
        sheet.save(arguments.sheet, quality=88)


if __name__ == "__main__":
    main()
