"""Does a mask belong to its body? Cheap: the bare body's joints, projected, must lie on the person, and the
person near the bones between them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dinar.runtime.body import Body, Pose, check_pose, joint_transforms
from dinar.runtime.camera import Camera
from dinar.runtime.rotations import matrix_from_axis_angle

REACH = 0.02  # of the picture's longer side: how far from the mask a joint may lie
MIN_JOINTS = 3  # in the picture
MIN_JOINT_SHARE = 0.8  # of the joints in the picture that must lie on the person
CLOTHES = 0.25  # metres from the bones: body, clothes and hair
MIN_NEAR_SHARE = 0.8  # of the mask that must lie so near
PERSON = 128  # mask value from which on a pixel is the person's
FULLEST, EMPTIEST = 0.98, 0.0005  # shares of the picture that a person can take

_COUNTED = 23  # joints of body, head and jaw: fingers, thirty of them, would outvote all others
_FACE = (22, 23, 24)  # jaw and eyes, which end no bone
_NEAR = 1e-3  # metres in front of the camera
_FAR = 30_000  # pixels, what OpenCV draws lines to


@dataclass(frozen=True)
class JointModel:
    """Joints of a body without its vertices: a thousandth of the work of posing them all.

    Attributes:
        template: float64 [55, 3], metres, T-pose.
        shape: float64 [55, 3, S], metres per unit beta.
        expression: float64 [55, 3, E].
        parents: int32 [55].
    """

    template: np.ndarray
    shape: np.ndarray
    expression: np.ndarray
    parents: np.ndarray

    def joints(self, betas: np.ndarray, pose: Pose) -> np.ndarray:
        """Joints of a posed body as `forward` has them: float64 [55, 3], world metres.

        Raises ValueError: betas or pose do not fit the body.
        """
        check_pose(pose, self.expression.shape[2])
        if len(betas) > self.shape.shape[2]:
            raise ValueError(
                f"betas: expected at most {self.shape.shape[2]} shape coefficients, got {len(betas)}."
            )
        rest = self.template + self.shape[..., : len(betas)] @ betas.astype(np.float64)
        rest = rest + self.expression[..., : len(pose.expression)] @ pose.expression.astype(np.float64)
        turned = matrix_from_axis_angle(pose.rotations.astype(np.float64))
        T = joint_transforms(turned, rest, self.parents)
        return np.einsum("jab,jb->ja", T[:, :3, :3], rest) + T[:, :3, 3] + pose.translation


def joint_model(body: Body) -> JointModel:
    """Take the joints out of a body model."""
    return JointModel(
        body.J_regressor @ body.v_template,
        np.einsum("jv,vas->jas", body.J_regressor, body.shapedirs),
        np.einsum("jv,vae->jae", body.J_regressor, body.exprdirs),
        body.parents,
    )


def mask_problem(mask: np.ndarray) -> str | None:
    """What is implausible about a mask alone (uint8 [H, W]); None for nothing."""
    share = float((mask >= PERSON).mean())
    if share < EMPTIEST:
        return f"the mask is empty (its largest value is {mask.max()}, the person's should be 255)"
    if share > FULLEST:
        return f"the mask takes {share:.0%} of the picture: there is no background"
    return None


def meeting_problem(model: JointModel, joints: np.ndarray, camera: Camera, mask: np.ndarray) -> str | None:
    """What is implausible about a mask and the body it should belong to; None for nothing.

    Args:
        model: of the body.
        joints: [55, 3], world metres.
        camera: of H rows and W columns.
        mask: uint8 [H, W], with somebody on it.
    """
    seen = joints @ camera.T_camera_world[:3, :3].T + camera.T_camera_world[:3, 3]
    ahead = seen[:, 2] > _NEAR
    pixel = seen @ camera.K.T  # [55, 3], homogeneous
    place = np.full((len(seen), 2), -1.0)  # column, row
    place[ahead] = np.clip(pixel[ahead, :2] / pixel[ahead, 2:], -_FAR, _FAR)
    inside = (place >= 0).all(1) & (place[:, 0] < camera.width) & (place[:, 1] < camera.height)
    inside[_COUNTED:] = False
    if inside.sum() < MIN_JOINTS:
        return "the body lies outside the picture: its pose, translation or camera are of another convention"
    reach = max(1, round(REACH * max(mask.shape)))
    met = [
        mask[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1].max()
        >= PERSON
        for column, row in place[inside].astype(int)
    ]
    if np.mean(met) < MIN_JOINT_SHARE:
        return f"the mask does not meet the body: {sum(met)} of {len(met)} joints in the picture lie on it"
    bones = np.full(mask.shape, 255, np.uint8)
    for joint, parent in enumerate(model.parents):
        if parent >= 0 and joint not in _FACE and ahead[joint] and ahead[parent]:
            cv2.line(bones, place[parent].astype(int).tolist(), place[joint].astype(int).tolist(), 0)
    metres = np.median(seen[inside, 2]) / camera.K[0, 0]  # a pixel at the person's distance
    distance = cv2.distanceTransform(bones, cv2.DIST_L2, 3)[mask >= PERSON] * metres
    near = float(np.mean(distance < CLOTHES))
    if near < MIN_NEAR_SHARE:
        return (
            f"the mask does not meet the body: {1 - near:.0%} of it is further than {CLOTHES} m from any bone"
        )
    return None
