"""The 55 joints of SMPL-X, and how MakeHuman's 163 bones become them."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from dinar.trainer.data.body.makehuman import Rig

FINGERS = ("index", "middle", "pinky", "ring", "thumb")  # SMPL-X's order
FINGER_NUMBERS = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}  # MakeHuman's

JOINT_NAMES = [
    *("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle"),
    *("right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head"),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "jaw"),
    *("left_eye", "right_eye"),
    *(f"{side}_{finger}{k}" for side in ("left", "right") for finger in FINGERS for k in (1, 2, 3)),
]

PARENTS = np.array(
    [
        *(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 15, 15, 15),
        *(20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35, 20, 37, 38),
        *(21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50, 21, 52, 53),
    ]
)

# Joint: the bones whose weights it takes. `*` stands for the rest of the head; the sides add `.L` and `.R`.
CENTRE_BONES = {
    "pelvis": "root pelvis.L pelvis.R spine05",
    "spine1": "spine04 spine03",
    "spine2": "spine02 breast.L breast.R",
    "spine3": "spine01",
    "neck": "neck01 neck02",
    "head": "neck03 head *",
    "jaw": "jaw special04 oris01 oris02 oris06.L oris06.R oris07.L oris07.R "
    "tongue00 tongue01 tongue02 tongue03 tongue04 "
    "tongue05.L tongue05.R tongue06.L tongue06.R tongue07.L tongue07.R",
}
SIDE_BONES = {
    "hip": "upperleg01 upperleg02",
    "knee": "lowerleg01 lowerleg02",
    "ankle": "foot",
    "foot": "toe1-1 toe1-2 " + " ".join(f"toe{t}-{k}" for t in (2, 3, 4, 5) for k in (1, 2, 3)),
    "collar": "clavicle shoulder01",
    "shoulder": "upperarm01 upperarm02",
    "elbow": "lowerarm01 lowerarm02",
    "wrist": "wrist metacarpal1 metacarpal2 metacarpal3 metacarpal4",
    "eye": "eye",
    **{f"{finger}{k}": f"finger{FINGER_NUMBERS[finger]}-{k}" for finger in FINGERS for k in (1, 2, 3)},
}

# Joint: the bones whose heads' mean is its position.
CENTRE_HEADS = {
    "pelvis": "spine05",
    "spine1": "spine04",
    "spine2": "spine02",
    "spine3": "spine01",
    "neck": "neck01",
    "head": "head",
    "jaw": "jaw",
}
SIDE_HEADS = {joint: bones.split()[0] for joint, bones in SIDE_BONES.items()} | {
    "foot": "toe1-1 toe2-1 toe3-1 toe4-1"
}


def side_joints(table: dict[str, str]) -> dict[str, str]:
    """The table of one side's joints and bones, written out for both sides."""
    both = {}
    for side, suffix in (("left", ".L"), ("right", ".R")):
        for joint, bones in table.items():
            both[f"{side}_{joint}"] = " ".join(bone + suffix for bone in bones.split())
    return both


def joint_positions(heads: np.ndarray, rig: Rig) -> np.ndarray:
    """Joint positions [55, 3] from the rig's bone heads [B, 3]."""
    table = CENTRE_HEADS | side_joints(SIDE_HEADS)
    return np.array([heads[[rig.names.index(b) for b in table[j].split()]].mean(0) for j in JOINT_NAMES])


def joint_weights(rig: Rig) -> np.ndarray:
    """Skinning weights [N, 55] of the whole base mesh; each joint takes those of its bones."""
    table = CENTRE_BONES | side_joints(SIDE_BONES)
    joint_of = {bone: joint for joint, bones in table.items() for bone in bones.split()}
    columns = [JOINT_NAMES.index(joint_of.get(name, joint_of["*"])) for name in rig.names]
    merge = sparse.csr_matrix(
        (np.ones(len(columns)), (np.arange(len(columns)), columns)), shape=(len(columns), 55)
    )
    weights = (rig.weights @ merge).toarray()
    weights[weights < 2e-3] = 0
    return weights / weights.sum(1, keepdims=True)
