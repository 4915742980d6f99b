"""`dinar fit`: what it writes is what importers read; bad input gets one sentence."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from dinar.runtime.body import Pose, forward, open_body_path
from dinar.runtime.cli import main
from dinar.runtime.errors import DinarError, UsageError
from dinar.trainer.data.dataset.layout import encode, read_view
from dinar.trainer.data.importers.fits import FitReader, read_hand_space
from dinar.trainer.fit.command import FitConfig, judge
from dinar.trainer.fit.fit_photo import Fitted
from dinar.trainer.fit.photo import focal_length

from .subjects import FOCAL, HEIGHT, WIDTH, Truth, make_truth, open_body, write_files

pytestmark = pytest.mark.usefixtures("one_thread")

OUT = Path("me.npz")
BACK = float(np.pi) - 0.3


@pytest.fixture(scope="module")
def truth() -> Truth:
    return make_truth(5, BACK)


@dataclass(frozen=True)
class Done:
    """A folder for `dinar data import photos`, its parameters by `dinar fit`, and what that said."""

    root: Path
    out: str
    err: str


@pytest.fixture(scope="module")
def done(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Done:
    root, out, err = tmp_path_factory.mktemp("photos"), io.StringIO(), io.StringIO()
    write_files(root, truth)
    with redirect_stdout(out), redirect_stderr(err):
        assert run(root, "--silhouette-steps", "6") == 0
    return Done(root, out.getvalue(), err.getvalue())


@pytest.fixture
def source(done: Done) -> Path:
    return done.root


def run(root: Path, *more: str, mask: str = "masks/anna.png") -> int:
    return main(
        [
            *(
                "fit",
                str(root / "images/anna.png"),
                "--keypoints",
                str(root / "keypoints/anna_keypoints.json"),
            ),
            *("--mask", str(root / mask), "--out", str(root / "smplx/anna.npz"), "--focal", str(FOCAL)),
            *more,
        ]
    )


def from_pelvis(betas: np.ndarray, pose: Pose) -> np.ndarray:
    joints = forward(open_body(), betas, pose).joints[:22]
    return joints - joints[0]


def test_somebody_seen_from_behind_is_found(source: Path, truth: Truth) -> None:
    fit = FitReader(read_hand_space(open_body_path())).read(source / "smplx/anna.npz")
    found = from_pelvis(fit.betas, fit.pose)
    error = np.linalg.norm(found - from_pelvis(truth.betas, truth.pose), axis=1)
    assert error.mean() < 0.04  # metres
    assert found[16, 0] < found[17, 0]  # the left is on the left
    assert found[1, 0] < found[2, 0]


def test_importers_read_it(source: Path, truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "people"
    arguments = ["data", "import", "photos", str(source), "--out", str(out), "--body", str(open_body_path())]
    assert main([*arguments, "--size", "0", "--params", "smplx"]) == 0, capsys.readouterr().err
    view = read_view(out, "anna", 0)
    fit = FitReader(read_hand_space(open_body_path())).read(source / "smplx/anna.npz")
    np.testing.assert_allclose(view.pose.rotations, fit.pose.rotations, atol=1e-5)
    np.testing.assert_allclose(view.pose.translation, fit.pose.translation, atol=1e-5)
    joints = forward(open_body(), view.betas, view.pose).joints
    T, K = view.camera.T_camera_world, view.camera.K
    seen = (joints @ T[:3, :3].T + T[:3, 3]) @ K.T
    shoulder = seen[17, :2] / seen[17, 2]
    np.testing.assert_allclose(shoulder, truth.keypoints.body[2, :2], atol=3)  # pixels
    assert main(["data", "check", str(out)]) == 0


def test_a_line_says_how_well_it_went(done: Done) -> None:
    assert done.out.startswith(f"wrote {done.root / 'smplx/anna.npz'}: keypoints within ")
    assert "silhouette IoU 0." in done.out
    assert not done.err


def fitted(residual: float, iou: float) -> Fitted:
    return Fitted(np.zeros(10, np.float32), Pose.rest(), 400 * residual, residual, iou)


@pytest.mark.parametrize(("residual", "iou"), [(0.04, 0.8), (0.01, 0.4)])
def test_a_poor_fit_is_told_with_its_numbers(residual: float, iou: float) -> None:
    said = io.StringIO()
    judge(fitted(residual, iou), Console(file=said, width=500))
    assert f"{400 * residual:.1f} pixels off" in said.getvalue()
    assert f"silhouette IoU {iou:.2f}" in said.getvalue()


def test_a_good_fit_needs_no_words() -> None:
    said = io.StringIO()
    judge(fitted(0.01, 0.8), Console(file=said))
    assert not said.getvalue()


@pytest.mark.parametrize("residual", [0.2, float("nan")])
def test_a_fit_that_did_not_converge_is_refused(residual: float) -> None:
    with pytest.raises(DinarError, match=r"the fit did not converge: .*try --focal"):
        judge(fitted(residual, 0.2), Console(file=io.StringIO()))


def changed(root: Path, truth: Truth, change: Callable[[Path], object]) -> Path:
    write_files(root, truth)
    change(root)
    return root


def invert(root: Path) -> None:
    mask = np.asarray(Image.open(root / "masks/anna.png"))
    encode(root / "masks/anna.png", 255 - mask)


def two_people(root: Path) -> None:
    file = root / "keypoints/anna_keypoints.json"
    entries = json.loads(file.read_text())
    file.write_text(json.dumps({**entries, "people": 2 * entries["people"]}))


def larger_mask(root: Path) -> None:
    encode(root / "masks/anna.png", np.zeros((20, 30), np.uint8))


def empty_mask(root: Path) -> None:
    encode(root / "masks/anna.png", np.zeros((HEIGHT, WIDTH), np.uint8))


def no_photo(root: Path) -> None:
    (root / "images/anna.png").write_text("no picture")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (invert, "so it is inverted"),
        (two_people, "keypoints of 2 people, expected one"),
        (larger_mask, "has 30 x 20 pixels, the photo 240 x 320"),
        (empty_mask, "the mask is empty"),
        (no_photo, "is not a picture that can be read"),
    ],
)
def test_bad_input_is_told_in_one_sentence(
    truth: Truth,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    change: Callable[[Path], object],
    sentence: str,
) -> None:
    assert run(changed(tmp_path, truth, change)) == 1
    out, err = capsys.readouterr()
    assert not out
    assert sentence in err
    assert err.startswith("dinar: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "smplx/anna.npz").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"out": Path("me.pkl"), "mask": Path("m.png")}, "--out expects the name of a .npz file"),
        ({"out": Path("nowhere/me.npz"), "mask": OUT}, "there is no folder nowhere; make it first"),
        ({"out": OUT}, "name the photo's mask with --mask"),
        ({"out": OUT, "mask": OUT, "focal": 0.0}, "--focal must lie between"),
        ({"out": OUT, "mask": OUT, "height": 178.0}, "--height must lie between 0.5 and 2.5 metres, not 178"),
        ({"out": OUT, "mask": OUT, "silhouette_steps": -1}, "--silhouette-steps must be"),
    ],
)
def test_bad_options_are_told(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        FitConfig(Path("photo.png"), Path("op.json"), **options)


def test_the_focal_length_comes_from_the_photo(tmp_path: Path) -> None:
    image, exif = Image.new("RGB", (300, 400)), Image.Exif()
    image.save(tmp_path / "plain.jpg")
    assert focal_length(tmp_path / "plain.jpg", 300, 400) == 800
    exif.get_ifd(0x8769)[0xA405] = 26
    image.save(tmp_path / "phone.jpg", exif=exif)
    assert focal_length(tmp_path / "phone.jpg", 300, 400) == pytest.approx(26 / 43.27 * 500)
