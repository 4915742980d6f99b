"""Divide a body in the SMPL-X schema into charts that flatten well.

Torso and legs are one chart, so that the back is whole; head and arms are charts of their own; hands and
feet fall into an upper and a lower half; ears, eyeballs and the cavities of mouth and eye sockets come off.
Everything is found from the joints, the skinning weights and the mesh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.uv.surface import BodyMesh, Dual, absorb_islands, shortest_border
from dinar.trainer.data.uv.visible import sphere_directions, visibility

NECK, HEAD, JAW = 12, 15, 22
KNEES, ANKLES, FEET = (4, 5), (7, 8), (10, 11)  # left, right
SHOULDERS, ELBOWS, WRISTS, EYES = (16, 17), (18, 19), (20, 21), (23, 24)
EAR_VERTICES = (6, 616)  # fixed by the schema: left, right
SIDES = ("left", "right")

CHARTS = (
    "body",
    "head",
    "left_arm",
    "right_arm",
    "left_hand_back",
    "right_hand_back",
    "left_palm",
    "right_palm",
    "left_foot",
    "right_foot",
    "left_sole",
    "right_sole",
    "left_ear",
    "right_ear",
    "left_eye_front",
    "right_eye_front",
    "left_eye_back",
    "right_eye_back",
    "cavity",
)


@dataclass(frozen=True)
class Split:
    """One step: triangles of chart `parent` that surely belong to chart `child`, or surely do not."""

    child: str
    parent: str
    inside: np.ndarray
    outside: np.ndarray


def label_triangles(mesh: BodyMesh, dual: Dual) -> np.ndarray:
    """Each triangle's chart [F], an index into `CHARTS`; borders are as short as the anatomy allows."""
    labels = np.full(len(mesh.faces), CHARTS.index("body"))
    for seeds in (eye_splits, head_splits, limb_splits, cavity_splits):
        for split in seeds(mesh):
            own = labels == CHARTS.index(split.parent)
            if (split.inside & own).any() and (split.outside & own).any():
                # Triangles of other charts count as outside, or the border could run through them for free.
                border = shortest_border(dual, split.inside & own, split.outside | ~own)
                labels[border & own] = CHARTS.index(split.child)
            elif (split.inside & own).any():
                labels[split.inside & own] = CHARTS.index(split.child)
    return absorb_islands(labels, dual, scattered=CHARTS.index("cavity"))


def eye_splits(mesh: BodyMesh) -> list[Split]:
    """Eyeballs (pieces of the mesh that move with the eyes alone), each into a front and a back half."""
    splits = []
    normals = mesh.face_normals
    for k, side in enumerate(SIDES):
        eye = (mesh.weights[mesh.faces][:, :, EYES[k]] > 0.99).all(1)
        splits.append(Split(f"{side}_eye_front", "body", eye, ~eye))
        back = normals[:, 2] < 0
        splits.append(Split(f"{side}_eye_back", f"{side}_eye_front", eye & back, eye & ~back))
    return splits


def head_splits(mesh: BodyMesh) -> list[Split]:
    """Head with neck, cut off at the collar line; the ears, where they stand off the skull."""
    centres = mesh.centres
    neck, head = mesh.joints[NECK], mesh.joints[HEAD]
    along = (
        (centres - neck) @ (head - neck) / ((head - neck) @ (head - neck))
    )  # 0 at the neck joint, 1 at the head's
    splits = [Split("head", "body", along > 0.05, along < -0.3)]
    moves_with_head = mesh.face_weights[:, [HEAD, JAW, *EYES]].sum(1) > 0.5
    for k, side in enumerate(SIDES):
        ear = mesh.v[EAR_VERTICES[k]]
        distance = np.linalg.norm(centres - ear, axis=1)
        above = moves_with_head & (centres[:, 1] > ear[1] + 0.03)
        half_width = np.percentile(np.abs(centres[above, 0]), 99) if above.any() else np.inf
        stands_off = (distance < 0.07) & (np.abs(centres[:, 0]) > half_width + 0.003)
        splits.append(
            Split(f"{side}_ear", "head", stands_off, (distance > 0.075) | (np.abs(centres[:, 0]) < 0.058))
        )
    return splits


def limb_splits(mesh: BodyMesh) -> list[Split]:
    """Arms, hands (back and palm) and feet (upper and sole)."""
    centres, normals, weights = mesh.centres, mesh.face_normals, mesh.face_weights
    splits = []
    for k, (side, s) in enumerate(zip(SIDES, (1, -1), strict=True)):
        x = s * (centres[:, 0] - mesh.joints[SHOULDERS[k], 0])
        fingers = slice(25 + 15 * k, 40 + 15 * k)
        arm = weights[:, [SHOULDERS[k], ELBOWS[k], WRISTS[k]]].sum(1) + weights[:, fingers].sum(1)
        splits.append(Split(f"{side}_arm", "body", (x > 0.05) & (arm > 0.5), (x < -0.005) | (arm < 0.05)))
        x = s * (centres[:, 0] - mesh.joints[WRISTS[k], 0])
        splits.append(Split(f"{side}_hand_back", f"{side}_arm", x > 0.015, x < -0.02))
        splits.append(Split(f"{side}_palm", f"{side}_hand_back", normals[:, 1] < -0.45, normals[:, 1] > 0.35))
        leg = weights[:, [KNEES[k], ANKLES[k], FEET[k]]].sum(1) > 0.5
        height = centres[:, 1] - mesh.joints[ANKLES[k], 1]
        splits.append(Split(f"{side}_foot", "body", leg & (height < 0.015), ~leg | (height > 0.05)))
        floor = centres[leg, 1].min()
        low = centres[:, 1] < floor + 0.03
        splits.append(
            Split(f"{side}_sole", f"{side}_foot", low & (normals[:, 1] < -0.3), ~low | (normals[:, 1] > 0.4))
        )
    return splits


def cavity_splits(mesh: BodyMesh, views: int = 96) -> list[Split]:
    """The insides of mouth, nostrils and eye sockets: skin of the head that nobody sees from outside."""
    of_head = mesh.face_weights[:, [HEAD, JAW, NECK, *EYES]].sum(1) > 0.5
    used, drawn = np.unique(mesh.faces[of_head], return_inverse=True)
    seen = np.ones(len(mesh.faces))
    seen[of_head] = visibility(mesh.v[used], drawn.reshape(-1, 3), sphere_directions(views))
    return [Split("cavity", "head", seen == 0, seen > 0.06)]
