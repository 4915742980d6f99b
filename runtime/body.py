"""SMPL-X body: the schema, its loader and the plain forward pass (Pavlakos et al. 2019; DINAR Sec. 3.1)."""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import DTypeLike

from dinar.runtime.errors import DinarError
from dinar.runtime.files.npz import ArrayFileError, ArrayHeader, Arrays, open_arrays
from dinar.runtime.rotations import matrix_from_axis_angle

JOINT_COUNT = 55
POSE_FEATURE_COUNT = 9 * (JOINT_COUNT - 1)

# `smplx` reads 400 directions or more as 300 shape + 100 expression, any smaller number as 10 + 10.
FULL_SHAPE_COUNT, FULL_EXPRESSION_COUNT = 300, 100
SMALL_SHAPE_COUNT, SMALL_EXPRESSION_COUNT = 10, 10

MAX_BODY_BYTES = 1 << 30
"""Most memory a body's arrays may take as float64; the licensed SMPL-X takes 240 MB."""

_WEIGHT_SUM_TOLERANCE = 1e-2
_UV_TOLERANCE = 1e-2
_ROOT_PARENTS = (-1, 2**32 - 1)
_VERTICES_AT_A_TIME = 256
_MAX_VALUE = 1e10  # far above any metre, weight or index, far below what float32 holds


class BodyError(DinarError):
    """A file that is no usable body model; its text is one sentence for the user."""


@dataclass(frozen=True)
class Body:
    """A body model in the SMPL-X schema.

    V vertices, F faces, T texture coordinates, S shape and E expression directions.

    Attributes:
        v_template: float64 [V, 3], metres, y up, T-pose.
        faces: int32 [F, 3], vertex ids, counter-clockwise seen from outside.
        shapedirs: float64 [V, 3, S], metres per unit beta.
        exprdirs: float64 [V, 3, E], metres per unit of expression.
        posedirs: [V, 3, 486], metres per entry of (R_joint - I) of joints 1..54, row-major. float64, or
            float32 where the file holds no more than that: it is by far the largest array.
        J_regressor: float64 [55, V], rows sum to 1 (as closely as the file's do).
        parents: int32 [55], parents[0] = -1, parents[j] < j.
        weights: float64 [V, 55], rows sum to 1.
        uv: float32 [T, 2], in [0, 1], v down: texel (row r, column c) of an H x W texture has its centre at
            ((c + .5) / W, (r + .5) / H). (Files store OBJ's v up.)
        uv_faces: int32 [F, 3], texture-coordinate ids, corner by corner as `faces`.
        hash: hex SHA-256 over the file's arrays (see `load_body`): names the body and its UV in avatar files.
    """

    v_template: np.ndarray
    faces: np.ndarray
    shapedirs: np.ndarray
    exprdirs: np.ndarray
    posedirs: np.ndarray
    J_regressor: np.ndarray
    parents: np.ndarray
    weights: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    hash: str


@dataclass(frozen=True)
class Pose:
    """One pose of the body.

    Attributes:
        rotations: float32 [55, 3], axis-angle radians, each joint relative to its parent, SMPL-X joint order
            (absolute hand angles, as with `flat_hand_mean=True`); joint 0 is the global orientation.
        translation: float32 [3], metres, y up.
        expression: float32 [E'], E' <= the body's E; the rest counts as zero.
    """

    rotations: np.ndarray
    translation: np.ndarray
    expression: np.ndarray

    @classmethod
    def rest(cls) -> Pose:
        """Return the T-pose: no rotation, no translation, neutral face."""
        return cls(np.zeros((JOINT_COUNT, 3), np.float32), np.zeros(3, np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True)
class PosedBody:
    """A body in one pose.

    Attributes:
        vertices: [V, 3], metres, world.
        joints: [55, 3], metres, world.
        transforms: [55, 4, 4], T_world_rest of each joint: T-pose metres (of these betas and this expression)
            => world metres, translation included.
    """

    vertices: np.ndarray
    joints: np.ndarray
    transforms: np.ndarray


def open_body_path() -> Path:
    """Return the path of the open body that comes with the package."""
    return Path(__file__).parent / "assets" / "open_body.npz"


# --- Loading --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entry:
    """What an entry must be: axis lengths (a number, "V" or "F" for a shared one, "?" for any) and kind."""

    shape: tuple[int | str, ...]
    whole: bool = False


_SCHEMA = {
    "v_template": _Entry(("V", 3)),
    "f": _Entry(("F", 3), whole=True),
    "shapedirs": _Entry(("V", 3, "?")),
    "posedirs": _Entry(("V", 3, POSE_FEATURE_COUNT)),
    "J_regressor": _Entry((JOINT_COUNT, "V")),
    "kintree_table": _Entry((2, JOINT_COUNT), whole=True),
    "weights": _Entry(("V", JOINT_COUNT)),
    "vt": _Entry(("?", 2)),
    "ft": _Entry(("F", 3), whole=True),
}


def load_body(source: str | os.PathLike[str] | BinaryIO, *, name: str | None = None) -> Body:
    """Load a body model from an SMPL-X-schema .npz: the open body or a licensed `SMPLX_*.npz`, unchanged.

    Reads only the entries it needs (`v_template, f, shapedirs, posedirs, J_regressor, kintree_table, weights,
    vt, ft`), never a pickled one, and checks every shape before it takes memory. Of the W directions in
    `shapedirs` the first 300 are shape and the next 100 expression if W >= 400; otherwise the first 10 and
    the next 10, as in `smplx`. Rows of skinning weights that sum to 1 within 1e-2 (half precision) are made
    to sum to 1.

    `hash` is SHA-256 over the entries in the order above, as stored and before the changes made here (of
    kintree_table: its first row, with -1 for the root). Each adds its name in ASCII, a zero byte, its number
    of axes and its lengths as little-endian int64, and its values in row-major order as little-endian
    float32 (`f`, `kintree_table`, `ft`: int32). So the same values name the same body, whichever precision
    they are stored in.

    Args:
        source: a path, or a seekable binary file (which stays open).
        name: how messages call the file; the path when left out.

    Raises:
        BodyError: the file cannot be read or is no body model.
    """
    where = name or (os.fspath(source) if isinstance(source, str | os.PathLike) else "the body file")
    try:
        with open_arrays(source, MAX_BODY_BYTES, name=where) as file:
            return _make_body(_read_arrays(file, where), where)
    except ArrayFileError as error:
        raise BodyError(f"{error}; expected a body model in the SMPL-X schema (.npz).") from error
    except OSError as error:
        raise BodyError(f"{where}: cannot read the body model ({error.strerror or error}).") from error


def _read_arrays(file: Arrays, where: str) -> dict[str, np.ndarray]:
    """Read the needed entries, checking all headers before the first array takes memory."""
    headers = {key: file.header(key) for key in _SCHEMA}
    lengths: dict[str | int, int] = {}
    for key, entry in _SCHEMA.items():
        _check_header(headers[key], entry, lengths, f"{where}: {key}")
    total = sum(8 * math.prod(header.shape) for header in headers.values())
    if total > MAX_BODY_BYTES:
        raise BodyError(
            f"{where}: expected a body of at most {MAX_BODY_BYTES >> 20} MB in memory, got {total >> 20} MB."
        )
    return {key: _read_array(file, key, where) for key in _SCHEMA}


def _check_header(header: ArrayHeader, entry: _Entry, lengths: dict[str | int, int], where: str) -> None:
    """Check kind and shape; `lengths` holds the shared axes met so far and is added to."""
    if header.dtype.kind not in ("iuf" if entry.whole else "f") or header.dtype.itemsize > 8:
        kind = "whole" if entry.whole else "floating-point"
        raise BodyError(f"{where}: expected {kind} numbers, got type {header.dtype}.")
    if len(header.shape) == len(entry.shape):
        for axis, length in zip(entry.shape, header.shape, strict=True):
            if axis in ("V", "F"):
                lengths.setdefault(axis, length)
    wanted = [lengths.get(axis, axis) for axis in entry.shape]
    if len(header.shape) != len(wanted) or not all(
        length > 0 and axis in ("?", length) for length, axis in zip(header.shape, wanted, strict=True)
    ):
        raise BodyError(f"{where}: expected shape [{', '.join(map(str, wanted))}], got {list(header.shape)}.")


def _read_array(file: Arrays, key: str, where: str) -> np.ndarray:
    """Read one array; half precision becomes single, with which computers are faster."""
    array = file.read(key)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    largest = max(float(array.max()), -float(array.min()))  # NaN if there is one
    if array.dtype.kind == "f" and not largest < _MAX_VALUE:
        raise BodyError(f"{where}: {key}: expected numbers below {_MAX_VALUE:g}, got larger ones or NaN.")
    return array


# --- From arrays to a body ------------------------------------------------------------------------


def _make_body(arrays: dict[str, np.ndarray], name: str) -> Body:
    """Check the values, name the body and bring the arrays into `Body`'s types."""
    faces = _indices(arrays["f"], len(arrays["v_template"]), f"{name}: f")
    uv_faces = _indices(arrays["ft"], len(arrays["vt"]), f"{name}: ft")
    parents = _parents(arrays["kintree_table"][0], f"{name}: kintree_table")
    digest = _hash(arrays | {"f": faces, "kintree_table": parents, "ft": uv_faces})
    directions = arrays["shapedirs"]
    full = directions.shape[2] >= FULL_SHAPE_COUNT + FULL_EXPRESSION_COUNT
    shape_count = FULL_SHAPE_COUNT if full else SMALL_SHAPE_COUNT
    expression_count = FULL_EXPRESSION_COUNT if full else SMALL_EXPRESSION_COUNT
    return Body(
        v_template=_float64(arrays["v_template"]),
        faces=faces,
        shapedirs=_float64(directions[:, :, :shape_count]),
        exprdirs=_float64(directions[:, :, shape_count : shape_count + expression_count]),
        posedirs=np.ascontiguousarray(arrays["posedirs"]),
        J_regressor=_float64(arrays["J_regressor"]),
        parents=parents,
        weights=_weights(_float64(arrays["weights"]), f"{name}: weights"),
        uv=_uv(arrays["vt"], f"{name}: vt"),
        uv_faces=uv_faces,
        hash=digest,
    )


def _float64(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, np.float64)


def _indices(array: np.ndarray, count: int, where: str) -> np.ndarray:
    """Return ids in [0, count) as int32."""
    bad = (array < 0) | (array >= count) | (array != np.floor(array))
    if bad.any():
        raise BodyError(f"{where}: expected whole numbers from 0 to {count - 1}, got {array[bad][0]}.")
    return array.astype(np.int32)


def _parents(row: np.ndarray, where: str) -> np.ndarray:
    """Return each joint's parent as int32, -1 for the root; that parents come first rules out cycles."""
    if row[0] not in _ROOT_PARENTS:
        raise BodyError(
            f"{where}: expected joint 0 to be the root (parent -1 or 2^32 - 1), got parent {row[0]}."
        )
    for joint, parent in enumerate(row[1:], start=1):
        if not (0 <= parent < joint and parent == np.floor(parent)):
            raise BodyError(
                f"{where}: expected the parent of joint {joint} to be one of 0 to {joint - 1}, got {parent}."
            )
    return np.concatenate([[-1], row[1:]]).astype(np.int32)


def _weights(weights: np.ndarray, where: str) -> np.ndarray:
    """Return skinning weights whose rows sum to 1."""
    sums = weights.sum(axis=1, keepdims=True)  # [V, 1]
    worst = int(np.abs(sums - 1).argmax())
    if abs(sums[worst, 0] - 1) > _WEIGHT_SUM_TOLERANCE:
        raise BodyError(f"{where}: expected rows that sum to 1, got {sums[worst, 0]:.4g} for vertex {worst}.")
    return weights / sums


def _uv(vt: np.ndarray, where: str) -> np.ndarray:
    """Turn OBJ's v up into v down, float32 in [0, 1]."""
    if vt.min() < -_UV_TOLERANCE or vt.max() > 1 + _UV_TOLERANCE:
        raise BodyError(
            f"{where}: expected texture coordinates in [0, 1], got {vt.min():.4g} to {vt.max():.4g}."
        )
    v_up = np.clip(vt.astype(np.float32), 0, 1)
    return np.stack([v_up[:, 0], 1 - v_up[:, 1]], axis=1)


def _hash(arrays: dict[str, np.ndarray]) -> str:
    """Hex SHA-256 as `load_body` defines it."""
    digest = hashlib.sha256()
    for key, entry in _SCHEMA.items():
        array = np.ascontiguousarray(arrays[key], "<i4" if entry.whole else "<f4")
        digest.update(key.encode("ascii") + b"\0")
        digest.update(np.array([array.ndim, *array.shape], "<i8").tobytes())
        digest.update(array.data)
    return digest.hexdigest()


# --- Forward pass ---------------------------------------------------------------------------------


def forward(body: Body, betas: np.ndarray, pose: Pose, *, dtype: DTypeLike = np.float64) -> PosedBody:
    """Pose a body by linear blend skinning with pose correctives: M(p, s) of SMPL-X, as `smplx` computes it.

    The plain reference: one pose, dense arrays, NumPy. `runtime.cpu.skin` is its fast twin.

    Args:
        body: the model.
        betas: [S'], S' <= the body's S; the rest counts as zero.
        pose: joint rotations, translation and expression.
        dtype: float64 or float32, precision of the computation and of the result.

    Raises:
        ValueError: betas or pose do not fit the body.
    """
    check_pose(pose, body.exprdirs.shape[2])
    v_expressive = rest_vertices(body, betas, dtype=dtype)  # [V, 3]
    expression = np.asarray(pose.expression, dtype)
    v_expressive += body.exprdirs[:, :, : len(expression)].astype(dtype, copy=False) @ expression
    rest_joints = body.J_regressor.astype(dtype, copy=False) @ v_expressive  # [55, 3]

    rotations = matrix_from_axis_angle(np.asarray(pose.rotations, dtype))  # [55, 3, 3]
    pose_feature = (rotations[1:] - np.eye(3, dtype=dtype)).reshape(-1)  # [486]
    v_posed = v_expressive + _directions_times(body.posedirs, pose_feature)

    transforms = joint_transforms(rotations, rest_joints, body.parents)
    transforms[:, :3, 3] += np.asarray(pose.translation, dtype)
    blended = (body.weights.astype(dtype, copy=False) @ transforms.reshape(JOINT_COUNT, 16)).reshape(-1, 4, 4)
    vertices = (blended[:, :3, :3] @ v_posed[:, :, None])[:, :, 0] + blended[:, :3, 3]
    joints = (transforms[:, :3, :3] @ rest_joints[:, :, None])[:, :, 0] + transforms[:, :3, 3]
    return PosedBody(vertices, joints, transforms)


def _directions_times(directions: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Return directions [V, 3, K] @ coefficients [K] in the coefficients' precision, [V, 3].

    Converts some vertices at a time: all of them would take 150 MB.
    """
    offsets = np.empty(directions.shape[:2], coefficients.dtype)
    for first in range(0, len(directions), _VERTICES_AT_A_TIME):
        part = slice(first, first + _VERTICES_AT_A_TIME)
        offsets[part] = directions[part].astype(coefficients.dtype, copy=False) @ coefficients
    return offsets


def rest_vertices(body: Body, betas: np.ndarray, *, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Return the T-pose vertices [V, 3], metres, of `betas` [S'], S' <= S.

    Raises:
        ValueError: betas do not fit the body.
    """
    betas = np.asarray(betas, dtype)
    count = body.shapedirs.shape[2]
    if betas.ndim != 1 or len(betas) > count or not np.isfinite(betas).all():
        raise ValueError(f"betas: expected at most {count} finite numbers, got shape {list(betas.shape)}.")
    shapedirs = body.shapedirs[:, :, : len(betas)].astype(dtype, copy=False)
    return body.v_template.astype(dtype, copy=False) + shapedirs @ betas


def check_pose(pose: Pose, expression_count: int) -> None:
    """Raise ValueError with one sentence unless `pose` fits a body of so many expression directions."""
    shape = np.shape(pose.rotations)
    if shape != (JOINT_COUNT, 3):
        raise ValueError(f"pose: expected rotations of shape [{JOINT_COUNT}, 3], got {list(shape)}.")
    if np.shape(pose.translation) != (3,):
        raise ValueError(
            f"pose: expected a translation of shape [3], got {list(np.shape(pose.translation))}."
        )
    if np.ndim(pose.expression) != 1 or len(pose.expression) > expression_count:
        raise ValueError(
            f"pose: expected at most {expression_count} expression coefficients, "
            f"got shape {list(np.shape(pose.expression))}."
        )


def joint_transforms(rotations: np.ndarray, rest_joints: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Chain joint rotations along the kinematic tree.

    Args:
        rotations: [55, 3, 3], each joint relative to its parent.
        rest_joints: [55, 3], metres, T-pose.
        parents: int [55], parents[j] < j.

    Returns:
        [55, 4, 4], T_posed_rest of each joint, metres: identity for the T-pose.
    """
    local = np.zeros(
        (len(parents), 4, 4), rotations.dtype
    )  # rest => rest: turn about the joint's own position
    local[:, :3, :3] = rotations
    local[:, :3, 3] = rest_joints - (rotations @ rest_joints[:, :, None])[:, :, 0]
    local[:, 3, 3] = 1
    chained = local.copy()
    for joint in range(1, len(parents)):
        chained[joint] = chained[parents[joint]] @ local[joint]
    return chained
