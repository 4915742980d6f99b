"""The vertices that the smplx package knows by fixed ids: nose, eyes, ears, finger tips, toes and heels."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.body.makehuman import Rig

# The fixed vertex ids at which the smplx package looks for these points (its `vertex_ids.py`).
SMPLX_VERTEX_IDS = {
    "nose": 9120,
    "right_eye": 9929,
    "left_eye": 9448,
    "right_ear": 616,
    "left_ear": 6,
    "right_thumb": 8079,
    "right_index": 7669,
    "right_middle": 7794,
    "right_ring": 7905,
    "right_pinky": 8022,
    "left_thumb": 5361,
    "left_index": 4933,
    "left_middle": 5058,
    "left_ring": 5169,
    "left_pinky": 5286,
    "left_big_toe": 5770,
    "left_small_toe": 5780,
    "left_heel": 8846,
    "right_big_toe": 8463,
    "right_small_toe": 8474,
    "right_heel": 8635,
}

TIP_BONES = {
    "thumb": "finger1-3",
    "index": "finger2-3",
    "middle": "finger3-3",
    "ring": "finger4-3",
    "pinky": "finger5-3",
    "big_toe": "toe1-2",
    "small_toe": "toe5-3",
}


def landmark_vertices(
    v: np.ndarray, heads: np.ndarray, rig: Rig, body: np.ndarray, eyes: np.ndarray
) -> dict[str, int]:
    """The base mesh's vertex at each of the points in `SMPLX_VERTEX_IDS`, found by its position.

    Args:
        v: [N, 3], T-pose.
        heads: [B, 3] bone heads, T-pose.
        rig: the rig.
        body: ids of the body's vertices.
        eyes: ids of the eyeballs' vertices.
    """
    head = body[v[body, 1] > heads[rig.names.index("head"), 1]]
    found = {"nose": head[np.argmax(v[head, 2] - 10 * np.abs(v[head, 0]))]}
    for side, suffix, s in (("left", ".L", 1.0), ("right", ".R", -1.0)):
        own = {
            n: body[rig.weights[body, rig.names.index(n + suffix)].toarray().ravel() > 0.5]
            for n in TIP_BONES.values()
        }
        eye = eyes[s * v[eyes, 0] > 0]
        found[f"{side}_eye"] = eye[np.argmax(v[eye, 2])]
        found[f"{side}_ear"] = head[np.argmax(s * v[head, 0])]
        for tip, bone in TIP_BONES.items():
            start = heads[rig.names.index(bone + suffix)]
            along = v[own[bone]].mean(0) - start
            found[f"{side}_{tip}"] = own[bone][np.argmax((v[own[bone]] - start) @ along)]
        foot = body[(v[body, 1] < v[body, 1].min() + 0.05) & (s * v[body, 0] > 0)]
        found[f"{side}_heel"] = foot[np.argmin(v[foot, 2])]
    return {name: int(vertex) for name, vertex in found.items()}
