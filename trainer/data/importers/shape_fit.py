"""SMPL-X shapes for poses that were fitted with SMPL.

Joint rotations mean the same in both models, betas do not, and the rest pelvis lies elsewhere. Both are found
again: from keypoints of many frames, or from SMPL's own joints where that model is at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dinar.runtime.body import joint_transforms
from dinar.runtime.errors import DinarError
from dinar.runtime.files.npz import ArrayFileError, open_arrays
from dinar.runtime.rotations import matrix_from_axis_angle
from dinar.trainer.data.dataset.plausibility import JointModel
from dinar.trainer.data.importers.pickled import read_pickle

SHARED_JOINTS = 22
"""Joints of SMPL that SMPL-X has as well, with the same numbers."""

# COCO's points that are joints of the body, and which: shoulders, elbows, wrists, knees, ankles.
COCO_JOINTS = {5: 16, 2: 17, 6: 18, 3: 19, 7: 20, 4: 21, 12: 4, 9: 5, 13: 7, 10: 8}

_PIXELS = 0.01  # of the picture's longer side: how exact keypoints are
_PELVIS_PRIOR = np.array([-0.002, -0.23, 0.029])  # metres, SMPL's rest pelvis, about
_PELVIS_SPREAD = 0.05  # metres
_MOST_FRAMES = 200
_ROUNDS = 8
_JOINT_NOISE = 0.005  # metres, how closely joints of the two models can agree
_MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class Shape:
    """What SMPL-X needs to stand where SMPL stood.

    Attributes:
        betas: float64 [S].
        pelvis: float64 [3], metres: SMPL's rest pelvis, which its translation is relative to.
    """

    betas: np.ndarray
    pelvis: np.ndarray


def fit_to_keypoints(
    joints: JointModel,
    rotations: np.ndarray,
    translation: np.ndarray,
    keypoints: np.ndarray,
    T_camera_world: np.ndarray,
    K: np.ndarray,
    *,
    betas: np.ndarray | None = None,
) -> Shape:
    """Find the shape, and SMPL's rest pelvis, with which joints fall on keypoints (Gauss-Newton).

    Joints are linear in betas when the rotations are known; depth comes with SMPL's translation. Betas are
    kept near zero as far as the keypoints leave them open (a normal distribution of variance 1).

    Args:
        joints: of the SMPL-X body.
        rotations: float [N, 55, 3].
        translation: float [N, 3], metres, SMPL's.
        keypoints: float [N, 18, 3], COCO's order, pixels and confidence.
        T_camera_world: float [4, 4].
        K: float [3, 3].
        betas: float [S], if they are known: only the pelvis is looked for.
    """
    chosen = np.linspace(0, len(rotations) - 1, min(len(rotations), _MOST_FRAMES)).astype(int)
    of_body = list(COCO_JOINTS.values())
    target = keypoints[chosen][:, list(COCO_JOINTS)]  # [N, 10, 3]
    base, slope = zip(*(_linear_joints(joints, rotations[n].astype(np.float64)) for n in chosen), strict=True)
    R, t = T_camera_world[:3, :3], T_camera_world[:3, 3]
    # Camera metres of the joints: offset + R @ pelvis + directions @ betas.
    offset = (np.stack(base)[:, of_body] + translation[chosen, None]) @ R.T + t
    directions = np.einsum("ab,njbs->njas", R, np.stack(slope)[:, of_body])
    free = 0 if betas is not None else directions.shape[3]
    if betas is not None:
        offset = offset + directions[..., : len(betas)] @ betas
    weight = np.clip(target[..., 2], 0, 1) / (_PIXELS * 2 * K[:2, 2].max())
    unknown = np.concatenate([_PELVIS_PRIOR, np.zeros(free)])
    for _ in range(_ROUNDS):
        place = offset + R @ unknown[:3] + directions[..., :free] @ unknown[3:]
        unknown += _step(place, target[..., :2], weight, K, R, directions[..., :free], unknown)
    return Shape(unknown[3:] if betas is None else betas, unknown[:3])


def _step(
    place: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    K: np.ndarray,
    R: np.ndarray,
    directions: np.ndarray,
    unknown: np.ndarray,
) -> np.ndarray:
    """One Gauss-Newton step of pelvis and betas; far-off keypoints count less (Cauchy)."""
    depth = np.maximum(place[..., 2:], 0.1)
    pixel = place @ K.T
    residual = target - pixel[..., :2] / depth
    by_place = (K[:2] - (pixel[..., :2] / depth)[..., None] * np.array([0, 0, 1.0])) / depth[..., None]
    unknowns = np.concatenate([np.broadcast_to(R, (*place.shape, 3)), directions], axis=-1)
    jacobian = by_place @ unknowns  # [N, J, 2, 3 + S]
    far = (residual * weight[..., None]) ** 2
    share = weight**2 / (1 + far.sum(-1))  # [N, J]
    spread = np.concatenate([np.full(3, _PELVIS_SPREAD), np.ones(len(unknown) - 3)])
    prior = np.concatenate([_PELVIS_PRIOR, np.zeros(len(unknown) - 3)])
    normal = np.einsum("njpa,njpb,nj->ab", jacobian, jacobian, share) + np.diag(spread**-2)
    right = np.einsum("njpa,njp,nj->a", jacobian, residual, share) + (prior - unknown) / spread**2
    return np.linalg.solve(normal, right)


def _linear_joints(joints: JointModel, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joints relative to the pelvis, [55, 3], and their change per beta, [55, 3, S], of given rotations."""
    turned = matrix_from_axis_angle(rotations)
    shapes = joints.shape.shape[2]
    rest = np.concatenate([joints.template[..., None], joints.shape], axis=2)  # [55, 3, 1 + S]
    global_turn = joint_transforms(turned, np.zeros((len(rest), 3)), joints.parents)[:, :3, :3]
    posed = np.zeros_like(rest)
    for joint in range(1, len(rest)):
        parent = int(joints.parents[joint])
        posed[joint] = posed[parent] + global_turn[parent] @ (rest[joint] - rest[parent])
    return posed[..., 0], posed[..., 1 : 1 + shapes]


def fit_to_smpl(joints: JointModel, smpl_file: Path, betas: np.ndarray) -> Shape:
    """Find the SMPL-X shape whose rest joints lie as SMPL's of given betas do, relative to the pelvis.

    Args:
        joints: of the SMPL-X body.
        smpl_file: the SMPL model, .npz or .pkl with plain arrays: v_template, shapedirs, J_regressor.
        betas: float [10], SMPL's.

    Raises:
        DinarError: the file cannot be read, or is no SMPL model.
    """
    template, shapedirs, regressor = _read_smpl(smpl_file)
    vertices = template + shapedirs[..., : len(betas)] @ betas[: shapedirs.shape[2]].astype(np.float64)
    smpl = (regressor @ vertices)[:SHARED_JOINTS]
    used = slice(1, SHARED_JOINTS)
    residual = (smpl[used] - smpl[0]) - (joints.template[used] - joints.template[0])
    slope = (joints.shape[used] - joints.shape[0]).reshape(residual.size, -1) / _JOINT_NOISE
    normal = slope.T @ slope + np.eye(slope.shape[1])
    return Shape(np.linalg.solve(normal, slope.T @ residual.ravel() / _JOINT_NOISE), smpl[0])


def _read_smpl(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    names = ("v_template", "shapedirs", "J_regressor")
    try:
        if path.suffix == ".pkl":
            values = read_pickle(path)
            arrays = [np.asarray(values[name], np.float64) for name in names]
        else:
            with open_arrays(path, _MAX_BYTES) as file:
                arrays = [file.read(name).astype(np.float64) for name in names]
    except (ArrayFileError, OSError, KeyError, TypeError) as error:
        raise DinarError(f"{path} is no SMPL model with {', '.join(names)} ({error})") from error
    template, shapedirs, regressor = arrays
    vertices = len(template)
    good = template.shape == (vertices, 3) and shapedirs.shape[:2] == (vertices, 3) and shapedirs.ndim == 3
    if not good or regressor.ndim != 2 or len(regressor) < SHARED_JOINTS or regressor.shape[1] != vertices:
        raise DinarError(
            f"{path}: v_template, shapedirs and J_regressor have shapes that do not fit together"
        )
    return template, shapedirs, regressor
