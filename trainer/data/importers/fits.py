"""SMPL-X parameters of one picture or scan, as fitting programs store them (.pkl, .npz, .json).

Read are the names of the `smplx` package and of SMPLify-X (Pavlakos et al. 2019): global_orient [3],
body_pose [63] (or VPoser's 32), jaw_pose, leye_pose, reye_pose [3], left_hand_pose, right_hand_pose
[45 angles, or fewer: PCA coefficients], betas, expression, transl; camera_rotation, camera_translation and a
focal length; and of THuman2's fits, scale and translation. Only the number of values of an entry counts, not
its axes; what is missing is zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dinar.runtime.body import Pose
from dinar.runtime.errors import DinarError
from dinar.runtime.files.npz import ArrayFileError, open_arrays
from dinar.runtime.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from dinar.trainer.data.dataset.layout import read_json
from dinar.trainer.data.dataset.plausibility import JointModel
from dinar.trainer.data.importers.importer import ImportFailure
from dinar.trainer.data.importers.pickled import read_pickle
from dinar.trainer.data.importers.vposer import VPoser

ENDINGS = (".pkl", ".npz", ".json")
VPOSER_NUMBERS = 32
_MAX_BYTES = 1 << 26
_HAND = 45
_NESTED = ("result", "smplx")  # entries that hold the parameters, in the files of DINAR's authors
_PARTS = {"global_orient": 0, "jaw_pose": 22, "leye_pose": 23, "reye_pose": 24}
_FLIP = np.diag([1.0, -1.0, -1.0])  # x right, y down, z forward <=> x right, y up, z backward


@dataclass(frozen=True)
class HandSpace:
    """What hand coefficients mean, from a body's file.

    Attributes:
        components: float64 [2, 45, 45], left and right, one direction a row.
        mean: float64 [2, 45], angles of the relaxed hand, radians.
    """

    components: np.ndarray
    mean: np.ndarray


@dataclass(frozen=True)
class FitCamera:
    """The camera of a fit: p_camera = R @ p + t, x right, y down, z forward.

    Attributes:
        R: float64 [3, 3].
        t: float64 [3], metres.
        focal: float64 [2], pixels; None where the file does not say.
        centre: float64 [2], pixels; None likewise.
    """

    R: np.ndarray
    t: np.ndarray
    focal: np.ndarray | None
    centre: np.ndarray | None


@dataclass(frozen=True)
class Fit:
    """SMPL-X parameters of one picture.

    Attributes:
        pose: in the fit's own world, hand angles absolute.
        betas: float32 [S].
        camera: that looks at this world.
        gender: of the model it was made with, if the file says so.
        crop: left, top, right, bottom of the part of the picture that was fitted, if not all of it.
        scale: of a scan: its metres per metre of the body.
        offset: float64 [3], of a scan: p_scan = scale * p + offset.
    """

    pose: Pose
    betas: np.ndarray
    camera: FitCamera
    gender: str | None
    crop: np.ndarray | None
    scale: float
    offset: np.ndarray


def read_hand_space(body_file: Path) -> HandSpace | None:
    """Read `hands_*` of a body's file; None when it has none. Raises ImportFailure when they are damaged."""
    names = ("hands_componentsl", "hands_componentsr", "hands_meanl", "hands_meanr")
    try:
        with open_arrays(body_file, 1 << 30) as arrays:
            if not set(names) <= set(arrays.names):
                return None
            left, right, mean_left, mean_right = (arrays.read(name).astype(np.float64) for name in names)
    except (ArrayFileError, OSError) as error:
        raise ImportFailure(str(error)) from error
    shapes = [array.shape for array in (left, right)], [array.size for array in (mean_left, mean_right)]
    if shapes != ([(_HAND, _HAND)] * 2, [_HAND] * 2):
        raise ImportFailure(f"{body_file}: hands_* have unexpected shapes, such as {left.shape}")
    return HandSpace(np.stack([left, right]), np.stack([mean_left.ravel(), mean_right.ravel()]))


@dataclass(frozen=True)
class FitReader:
    """Reads parameter files.

    Attributes:
        hands: needed for hand coefficients, and for hand angles relative to the mean.
        flat_hands: hand angles and coefficients are relative to the flat hand (`flat_hand_mean=True`), not
            to the mean hand.
        vposer: needed for body poses as VPoser's 32 numbers.
    """

    hands: HandSpace | None
    flat_hands: bool = False
    vposer: VPoser | None = None

    def read(self, path: Path) -> Fit:
        """Read a file. Raises DinarError naming what is wrong."""
        entries = _Entries(path, _unwrapped(path, _load(path)))
        rotations = np.zeros((55, 3))
        for name, joint in _PARTS.items():
            rotations[joint] = entries.numbers(name, 3)
        rotations[1:22] = self._body(entries).reshape(21, 3)
        for side, name in enumerate(("left_hand_pose", "right_hand_pose")):
            rotations[25 + 15 * side : 40 + 15 * side] = self._hand(entries, name, side).reshape(15, 3)
        gender = entries.values.get("gender")
        return Fit(
            pose=Pose(
                rotations.astype(np.float32),
                entries.numbers("transl", 3).astype(np.float32),
                entries.vector("expression").astype(np.float32),
            ),
            betas=entries.vector("betas", needed=True).astype(np.float32),
            camera=_camera(entries),
            gender=gender if isinstance(gender, str) else None,
            crop=entries.numbers("ltrb", 4) if "ltrb" in entries.values else None,
            scale=float(entries.numbers("scale", 1)[0]) if "scale" in entries.values else 1.0,
            offset=entries.numbers("translation", 3),
        )

    def _body(self, entries: _Entries) -> np.ndarray:
        angles = entries.vector("body_pose", needed=True)
        if len(angles) == VPOSER_NUMBERS:
            if self.vposer is None:
                raise ImportFailure(
                    f"{entries.path}: body_pose holds VPoser's 32 numbers: name its weights with --vposer"
                )
            return self.vposer.decode(angles)
        if len(angles) != 63:
            raise ImportFailure(
                f"{entries.path}: body_pose has {len(angles)} numbers; expected 63 angles, or VPoser's 32"
            )
        return angles

    def _hand(self, entries: _Entries, name: str, side: int) -> np.ndarray:
        values = entries.vector(name)
        if name not in entries.values:
            return np.zeros(_HAND)
        if len(values) > _HAND:
            raise ImportFailure(f"{entries.path}: {name} has {len(values)} numbers, expected up to {_HAND}")
        if self.hands is None:
            if len(values) == _HAND and self.flat_hands:
                return values
            raise ImportFailure(
                f"{entries.path}: {name} is relative to the mean hand, which the body file does not hold "
                "(hands_mean, hands_components)"
            )
        if len(values) < _HAND:
            values = values @ self.hands.components[side, : len(values)]
        return values if self.flat_hands else values + self.hands.mean[side]


def upright(
    pose: Pose, betas: np.ndarray, R: np.ndarray, t: np.ndarray, joints: JointModel
) -> tuple[Pose, np.ndarray]:
    """Turn a world so that y is up where its camera's y is down, and the camera stands at the origin.

    Args:
        pose: of the body in the old world.
        betas: [S].
        R: float64 [3, 3], rotation of the camera: p_camera = R @ p + t.
        t: float64 [3], metres.
        joints: of the body.

    Returns:
        The pose in the new world, and T_camera_world, float64 [4, 4].

    Raises:
        ImportFailure: betas or expression do not fit the body.
    """
    T = np.eye(4)
    T[:3, :3] = _FLIP
    return moved(pose, betas, _FLIP @ R, _FLIP @ t, joints), T


def moved(pose: Pose, betas: np.ndarray, R: np.ndarray, t: np.ndarray, joints: JointModel) -> Pose:
    """Return the pose of a body moved rigidly: every vertex p becomes R @ p + t.

    The root turns about the pelvis J0, so its rotation becomes R @ root, and its translation
    R @ (J0 + translation) + t - J0.
    """
    pelvis = rest_pelvis(joints, betas, pose.expression)
    rotations = pose.rotations.copy()
    root = matrix_from_axis_angle(pose.rotations[0].astype(np.float64))
    rotations[0] = axis_angle_from_matrix(R @ root)
    translation = R @ (pelvis + pose.translation) + t - pelvis
    return Pose(rotations, translation.astype(np.float32), pose.expression)


def rest_pelvis(joints: JointModel, betas: np.ndarray, expression: np.ndarray) -> np.ndarray:
    """The pelvis of the T-pose, float64 [3], metres. Raises ImportFailure: too many coefficients."""
    shapes, expressions = joints.shape.shape[2], joints.expression.shape[2]
    if len(betas) > shapes or len(expression) > expressions:
        raise ImportFailure(
            f"it has {len(betas)} betas and {len(expression)} numbers of expression, "
            f"the body {shapes} and {expressions}: was it fitted with another model?"
        )
    shaped = joints.template[0] + joints.shape[0, :, : len(betas)] @ betas.astype(np.float64)
    return np.asarray(shaped + joints.expression[0, :, : len(expression)] @ expression.astype(np.float64))


# --- Files ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entries:
    """The entries of a file, looked at as vectors."""

    path: Path
    values: dict[str, Any]

    def vector(self, name: str, *, needed: bool = False) -> np.ndarray:
        """Return all numbers of an entry in a row, float64; none when it is missing."""
        if self.values.get(name) is None:
            if needed:
                held = ", ".join(map(str, self.values)) or "nothing"
                raise ImportFailure(f"{self.path} has no {name} (it holds {held[:200]})")
            return np.zeros(0)
        try:
            array = np.asarray(self.values[name], np.float64).ravel()
        except (TypeError, ValueError) as error:
            raise ImportFailure(f"{self.path}: {name} holds something other than numbers") from error
        if array.size > 4096 or not np.isfinite(array).all():
            raise ImportFailure(f"{self.path}: {name} is not finite, or has too many numbers ({array.size})")
        return array

    def numbers(self, name: str, count: int) -> np.ndarray:
        """Return exactly `count` numbers, float64; zeros when the entry is missing."""
        array = self.vector(name)
        if array.size not in (0, count) or (array.size == 0 and self.values.get(name) is not None):
            raise ImportFailure(f"{self.path}: {name} has {array.size} numbers, expected {count}")
        return array if array.size else np.zeros(count)


def _camera(entries: _Entries) -> FitCamera:
    R = entries.numbers("camera_rotation", 9).reshape(3, 3)
    if entries.values.get("camera_rotation") is None:
        R = np.eye(3)
    elif np.abs(R @ R.T - np.eye(3)).max() > 1e-3 or np.linalg.det(R) < 0:
        raise ImportFailure(f"{entries.path}: camera_rotation is no rotation")
    focal = _first(entries, ("camera_focal_length", "focal_length", "focal"))
    centre = _first(entries, ("camera_center", "princpt"))
    if focal is not None:
        focal = np.resize(focal, 2)
        if not (focal > 0).all():
            raise ImportFailure(f"{entries.path}: the focal length must be above 0, not {focal[0]:g}")
    if centre is not None and centre.size != 2:
        raise ImportFailure(f"{entries.path}: the camera's centre has {centre.size} numbers, expected 2")
    return FitCamera(R, entries.numbers("camera_translation", 3), focal, centre)


def _first(entries: _Entries, names: tuple[str, ...]) -> np.ndarray | None:
    found = next((entries.vector(name) for name in names if name in entries.values), None)
    return found if found is not None and found.size else None


def _load(path: Path) -> Any:
    if path.suffix == ".pkl":
        return read_pickle(path)
    if path.suffix == ".json":
        return read_json(path)
    try:
        with open_arrays(path, _MAX_BYTES) as arrays:
            kinds = {name: arrays.header(name).dtype.kind for name in arrays.names}
            return {name: arrays.read(name) for name, kind in kinds.items() if kind in "biuf"}
    except (ArrayFileError, OSError) as error:
        raise ImportFailure(str(error)) from error


def _unwrapped(path: Path, value: Any) -> dict[str, Any]:
    """Return the map of parameters within a file."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    for name in _NESTED:
        if isinstance(value, dict) and isinstance(value.get(name), dict):
            value = value[name]
    if not isinstance(value, dict):
        raise ImportFailure(f"{path} holds no map of SMPL-X parameters, but a {type(value).__name__}")
    return value


def check_gender(fit: Fit, wanted: str | None, path: Path) -> None:
    """Raise DinarError when a fit was made with another model than the one that was asked for."""
    if wanted is not None and fit.gender is not None and fit.gender != wanted:
        raise DinarError(f"{path} was fitted with the {fit.gender} model, not the {wanted} one")
