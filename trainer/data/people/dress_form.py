"""The body as a tailor sees it: standing, arms away from the sides; and the way back to the T-pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.runtime.body import Body, Pose, joint_transforms, rest_vertices
from dinar.runtime.rotations import matrix_from_axis_angle
from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.patch import Patch

_COLLAR_DOWN = np.radians(12)  # an arm goes down from the collarbone first
_ARM_DOWN = np.radians(42)
_LEG_OUT = np.radians(4)


@dataclass(frozen=True)
class DressForm:
    """One body shape in the T-pose and in the fitting pose (arms down, legs a little apart).

    Attributes:
        body: the body model.
        rest: float64 [V, 3], metres, T-pose of the shape, neutral face.
        joints: float64 [55, 3], metres, T-pose.
        posed: float64 [V, 3], metres, fitting pose.
        normals: float64 [V, 3], unit, fitting pose.
        transforms: float64 [55, 4, 4], T_posed_rest of each joint.
        correctives: float64 [V, 3], metres, what the pose correctives add to `rest` in the fitting pose.
    """

    body: Body
    rest: np.ndarray
    joints: np.ndarray
    posed: np.ndarray
    normals: np.ndarray
    transforms: np.ndarray
    correctives: np.ndarray

    def pose(
        self,
        rest: np.ndarray,
        joint_weights: np.ndarray,
        anchor_vertex: np.ndarray,
        anchor_weight: np.ndarray,
    ) -> np.ndarray:
        """Put T-pose points [n, 3] tied to the body into the fitting pose: float64 [n, 3]."""
        corrected = rest + (self.correctives[anchor_vertex] * anchor_weight[..., None]).sum(1)
        blend = np.einsum("nj,jab->nab", joint_weights, self.transforms)
        return np.einsum("nab,nb->na", blend[:, :3, :3], corrected) + blend[:, :3, 3]

    def unpose(self, posed: np.ndarray, patch: Patch) -> np.ndarray:
        """Take points of a patch [n, 3] from the fitting pose back to the T-pose: float64 [n, 3]."""
        blend = np.einsum("nj,jab->nab", patch.lift(self.body.weights), self.transforms)
        local = np.linalg.solve(blend[:, :3, :3], (posed - blend[:, :3, 3])[..., None])[..., 0]
        return local - patch.lift(self.correctives)

    def turn(self, directions: np.ndarray, joint_weights: np.ndarray) -> np.ndarray:
        """Turn T-pose directions [n, 3] (unit) into the fitting pose: float64 [n, 3], unit."""
        blend = np.einsum("nj,jab->nab", joint_weights, self.transforms[:, :3, :3])
        turned = np.einsum("nab,nb->na", blend, directions)
        return turned / np.linalg.norm(turned, axis=1, keepdims=True)


def stand(body: Body, betas: np.ndarray, face: np.ndarray | None = None) -> DressForm:
    """Pose a body of the given shape for fitting clothes.

    Args:
        body: the body.
        betas: its shape.
        face: float64 [V, 3], metres, what the face adds to the T-pose (see `Individual`); the joints stay.
    """
    pose = fitting_pose()
    rest = rest_vertices(body, betas)
    joints = body.J_regressor @ rest
    rest = rest if face is None else rest + face
    rotations = matrix_from_axis_angle(pose.rotations.astype(np.float64))
    transforms = joint_transforms(rotations, joints, body.parents)
    correctives = np.einsum("vkp,p->vk", body.posedirs, (rotations[1:] - np.eye(3)).reshape(-1))
    blend = np.einsum("vj,jab->vab", body.weights, transforms)
    posed = np.einsum("vab,vb->va", blend[:, :3, :3], rest + correctives) + blend[:, :3, 3]
    return DressForm(body, rest, joints, posed, vertex_normals(posed, body.faces), transforms, correctives)


def fitting_pose() -> Pose:
    """Arms about 50 degrees down and slightly bent, legs a little apart, fingers loose."""
    rotations = np.zeros((55, 3), np.float32)
    rotations[1], rotations[2] = (0, 0, _LEG_OUT), (0, 0, -_LEG_OUT)
    rotations[7], rotations[8] = (0, 0, -_LEG_OUT), (0, 0, _LEG_OUT)
    rotations[13], rotations[14] = (0, 0, -_COLLAR_DOWN), (0, 0, _COLLAR_DOWN)
    rotations[16], rotations[17] = (0, 0, -_ARM_DOWN), (0, 0, _ARM_DOWN)
    rotations[18], rotations[19] = (0, -0.20, 0), (0, 0.20, 0)
    rotations[25:40] = (0, 0, -0.18)
    rotations[40:55] = (0, 0, 0.18)
    return Pose(rotations, np.zeros(3, np.float32), np.zeros(0, np.float32))
