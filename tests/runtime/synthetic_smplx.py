"""A random body model in the layout of the licensed SMPL-X files, and `smplx` as the oracle that poses it."""

from pathlib import Path

import numpy as np
import smplx
import torch

from dinar.runtime.body import JOINT_COUNT, Pose

PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 15, 15, 15]
PARENTS += [20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35, 20, 37, 38]
PARENTS += [21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50, 21, 52, 53]


def licensed_arrays(
    rng: np.random.Generator, *, vertices: int = 10_475, faces: int = 20_908, directions: int = 400
) -> dict[str, np.ndarray]:
    """All entries of an `SMPLX_*.npz`, with its types and shapes, for a mesh around a random skeleton."""
    joints = np.zeros((JOINT_COUNT, 3))
    for joint, parent in enumerate(PARENTS[1:], start=1):
        joints[joint] = joints[parent] + 0.1 * rng.standard_normal(3)
    owner = np.concatenate([np.arange(JOINT_COUNT), rng.integers(0, JOINT_COUNT, vertices - JOINT_COUNT)])
    v_template = joints[owner] + 0.05 * rng.standard_normal((vertices, 3))
    kintree = np.array([PARENTS, range(JOINT_COUNT)], np.int64)
    kintree[0, 0] = 2**32 - 1
    return {
        "v_template": v_template,
        "f": rng.integers(0, vertices, (faces, 3)).astype(np.uint32),
        "shapedirs": 0.005 * rng.standard_normal((vertices, 3, directions)),
        "posedirs": 0.0005 * rng.standard_normal((vertices, 3, 486)),
        "J_regressor": np.where(owner == np.arange(JOINT_COUNT)[:, None], 1 / np.bincount(owner)[:, None], 0),
        "kintree_table": kintree,
        "weights": _weights_of_nearest_joints(v_template, joints),
        "vt": rng.random((vertices + 800, 2)),
        "ft": rng.integers(0, vertices + 800, (faces, 3)).astype(np.uint32),
        "hands_componentsl": rng.standard_normal((45, 45)),
        "hands_componentsr": rng.standard_normal((45, 45)),
        "hands_coeffsl": rng.standard_normal((1554, 45)),
        "hands_coeffsr": rng.standard_normal((1554, 45)),
        "hands_meanl": rng.standard_normal(45),
        "hands_meanr": rng.standard_normal(45),
        "lmk_faces_idx": rng.integers(0, faces, 51),
        "lmk_bary_coords": rng.random((51, 3)),
        "dynamic_lmk_faces_idx": rng.integers(0, faces, (79, 17)),
        "dynamic_lmk_bary_coords": rng.random((79, 17, 3)),
        "joint2num": np.array({"Pelvis": 0}, dtype=object),
        "part2num": np.array({"Global": 0}, dtype=object),
    }


def _weights_of_nearest_joints(vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Skinning weights [V, 55]: the five nearest joints by a Gaussian of their distance."""
    squared = ((vertices[:, None] - joints) ** 2).sum(axis=2)
    weights = np.exp(-squared / 0.1**2)
    weights[squared > np.partition(squared, 4, axis=1)[:, 4:5]] = 0
    return weights / weights.sum(axis=1, keepdims=True)


def random_pose(rng: np.random.Generator, *, expressions: int, angle: float = 0.5) -> Pose:
    """A pose that turns every joint, fingers, jaw and eyes included, `angle` radians per axis on average."""
    return Pose(
        rotations=(angle * rng.standard_normal((JOINT_COUNT, 3))).astype(np.float32),
        translation=rng.standard_normal(3).astype(np.float32),
        expression=rng.standard_normal(expressions).astype(np.float32),
    )


def open_smplx(path: Path, *, dtype: torch.dtype, shapes: int = 10, expressions: int = 10) -> smplx.SMPLX:
    """Open a model with the `smplx` package, hands given as absolute joint angles."""
    return smplx.SMPLX(
        str(path),
        num_betas=shapes,
        num_expression_coeffs=expressions,
        use_pca=False,
        flat_hand_mean=True,
        dtype=dtype,
    )


def smplx_forward(model: smplx.SMPLX, betas: np.ndarray, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V, 3] and the 55 joints [55, 3] of the oracle."""
    rotations = torch.tensor(pose.rotations, dtype=model.dtype).reshape(1, -1)
    orient, body, jaw, left_eye, right_eye, left_hand, right_hand = torch.split(
        rotations, [3, 63, 3, 3, 3, 45, 45], dim=1
    )
    with torch.no_grad():
        output = model(
            betas=torch.tensor(betas, dtype=model.dtype)[None],
            expression=torch.tensor(pose.expression, dtype=model.dtype)[None],
            global_orient=orient,
            body_pose=body,
            jaw_pose=jaw,
            leye_pose=left_eye,
            reye_pose=right_eye,
            left_hand_pose=left_hand,
            right_hand_pose=right_hand,
            transl=torch.tensor(pose.translation, dtype=model.dtype)[None],
        )
    return output.vertices[0].numpy(), output.joints[0, :JOINT_COUNT].numpy()
