"""Bring MakeHuman's A-pose into the T-pose of SMPL-X by linear blend skinning with the full 163-bone rig."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from dinar.trainer.data.body.makehuman import Rig

PELVIS = np.array([0.0, -0.35, 0.012])  # metres: where SMPL-X's template has it
COLLAR_UP = np.radians(10)
THIGH_OUT = np.radians(3)
FOOT_YAW = np.radians(10)
FOREARM_TWIST_SHARE = {"lowerarm01": 0.3, "lowerarm02": 0.75}  # how much of the wrist's twist each half takes
FINGER_SPREAD = 0.7  # of the A-pose's


def unit(v: np.ndarray) -> np.ndarray:
    """Normalise along the last axis; [..., 3]."""
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def frame(primary: np.ndarray, secondary: np.ndarray) -> np.ndarray:
    """Rotation [3, 3] whose first column is `primary` [3] and whose second lies towards `secondary` [3]."""
    x = unit(primary)
    y = unit(secondary - x * (secondary @ x))
    return np.stack([x, y, np.cross(x, y)], axis=1)


def shortest_arc(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The smallest rotation [3, 3] that takes direction `source` [3] to `target` [3]."""
    a, b = unit(source), unit(target)
    axis = np.cross(a, b)
    angle = np.arctan2(np.linalg.norm(axis), a @ b)
    norm = np.linalg.norm(axis)
    return Rotation.from_rotvec(axis * (angle / norm) if norm > 1e-12 else np.zeros(3)).as_matrix()


def about(axis: str, angle: float) -> np.ndarray:
    """Rotation [3, 3] by `angle` radians about a coordinate axis."""
    return Rotation.from_euler(axis, angle).as_matrix()


def bone_rotations(heads: np.ndarray, tails: np.ndarray, rig: Rig) -> np.ndarray:
    """World rotations [B, 3, 3] that take the A-pose to the T-pose.

    Collars rise by 10 degrees; upper arm, forearm and middle metacarpal lie on +-x with the inside of the
    elbow forward and the palm down; fingers are straight; thighs point 3 degrees outward, shins straight
    down, feet 10 degrees outward.

    Args:
        heads: [B, 3] bone heads in the A-pose, metres.
        tails: [B, 3] bone tails.
        rig: the rig they belong to.
    """
    at = {n: i for i, n in enumerate(rig.names)}

    def direction(first: str, last: str) -> np.ndarray:
        """From the head of one bone to the head of another."""
        return heads[at[last]] - heads[at[first]]

    own: dict[
        str, np.ndarray
    ] = {}  # world rotations of the bones that are aimed; the others follow their parent
    for side, s in ((".L", 1.0), (".R", -1.0)):
        x = np.array([s, 0.0, 0.0])
        own["clavicle" + side] = about("z", s * COLLAR_UP)

        upper = direction("upperarm01" + side, "lowerarm01" + side)
        fore = direction("lowerarm01" + side, "wrist" + side)
        # The A-pose bends the elbow: its hinge becomes the vertical, so that flexing brings the hand forward.
        hinge = np.array([0.0, -s, 0.0])
        arm = frame(x, hinge) @ frame(upper, np.cross(upper, fore)).T
        elbow = shortest_arc(arm @ fore, x) @ arm

        across = direction(
            "finger2-1" + side, "finger5-1" + side
        )  # index to little finger: backward in the T-pose
        metacarpal = heads[at["finger3-1" + side]] - heads[at["metacarpal2" + side]]
        wrist = frame(x, np.array([0.0, 0.0, -1.0])) @ frame(metacarpal, across).T
        twist = Rotation.from_matrix(wrist @ elbow.T).as_rotvec() @ x

        own["upperarm01" + side] = arm
        for bone, share in FOREARM_TWIST_SHARE.items():
            own[bone + side] = Rotation.from_rotvec(share * twist * x).as_matrix() @ elbow
        own["wrist" + side] = wrist
        for finger in "2345":
            rest = wrist @ direction(f"finger{finger}-1{side}", f"finger{finger}-2{side}")
            straight = unit(np.array([rest[0], 0.0, FINGER_SPREAD * rest[2]]))
            for phalanx in "123":
                bone = f"finger{finger}-{phalanx}{side}"
                own[bone] = shortest_arc(wrist @ (tails[at[bone]] - heads[at[bone]]), straight) @ wrist

        thigh = direction("upperleg01" + side, "lowerleg01" + side)
        shin = direction("lowerleg01" + side, "foot" + side)
        own["upperleg01" + side] = shortest_arc(
            thigh, np.array([s * np.sin(THIGH_OUT), -np.cos(THIGH_OUT), 0.0])
        )
        own["lowerleg01" + side] = shortest_arc(shin, np.array([0.0, -1.0, 0.0]))
        sole = direction("foot" + side, "toe2-1" + side)  # the A-pose stands flat: only the yaw changes
        own["foot" + side] = about("y", s * FOOT_YAW - np.arctan2(sole[0], sole[2]))

    rotations = np.empty((len(rig.names), 3, 3))
    for i, name in enumerate(rig.names):
        inherited = rotations[rig.parents[i]] if rig.parents[i] >= 0 else np.eye(3)
        rotations[i] = own.get(name, inherited)
    return rotations


def to_tpose(v: np.ndarray, rig: Rig) -> tuple[np.ndarray, np.ndarray]:
    """The whole base mesh in the T-pose, by linear blend skinning, its pelvis joint at `PELVIS`.

    Args:
        v: float64 [N, 3], the base mesh with helpers and joint cubes, A-pose, metres.
        rig: the rig, B bones.

    Returns:
        vertices float64 [N, 3] and bone heads float64 [B, 3], both in the T-pose.
    """
    heads, tails = rig.heads @ v, rig.tails @ v
    rotations = bone_rotations(heads, tails, rig)
    posed = np.empty_like(heads)
    for i, parent in enumerate(rig.parents):
        posed[i] = heads[i] if parent < 0 else posed[parent] + rotations[parent] @ (heads[i] - heads[parent])
    posed += PELVIS - posed[rig.names.index("spine05")]
    offsets = posed - np.einsum("bij,bj->bi", rotations, heads)
    transforms = np.concatenate([rotations, offsets[:, :, None]], axis=2)  # [B, 3, 4]
    blended = (rig.weights @ transforms.reshape(-1, 12)).reshape(-1, 3, 4)
    return np.einsum("nij,nj->ni", blended[:, :, :3], v) + blended[:, :, 3], posed
