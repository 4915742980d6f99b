"""What parts are: how their surfaces reflect, and which label they get in a segmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dinar.trainer.data.people.part import Part
from dinar.trainer.data.synth.mesh import PersonMesh

Label = Literal["background", "skin", "hair", "beard", "upper", "lower", "dress", "shoes", "accessory"]

LABELS: tuple[Label, ...] = (
    "background",
    "skin",
    "hair",
    "beard",
    "upper",
    "lower",
    "dress",
    "shoes",
    "accessory",
)
"""Labels of a segmentation; a pixel holds the place of its label here."""

_WORDS: dict[str, Label] = {
    "skin": "skin",
    "hair": "hair",
    "beard": "beard",
    "moustache": "beard",
    **dict.fromkeys(
        (
            "shirt",
            "tshirt",
            "top",
            "sweatshirt",
            "sweater",
            "hoodie",
            "hood",
            "jacket",
            "coat",
            "vest",
            "polo",
        ),
        "upper",
    ),
    **dict.fromkeys(("collar", "cardigan", "blazer", "knit", "blouse", "tank", "placket", "lapel"), "upper"),
    **dict.fromkeys(
        ("trousers", "jeans", "shorts", "skirt", "leggings", "bottom", "waistband", "pants"), "lower"
    ),
    "dress": "dress",
    "bodice": "dress",
    **dict.fromkeys(("shoe", "sneaker", "boot", "sandal", "sock", "shoes", "socks", "boots"), "shoes"),
    **dict.fromkeys(("belt", "hat", "cap", "glasses", "scarf", "bag", "tie", "buttons"), "accessory"),
}

_EYE_JOINTS = (23, 24)


@dataclass(frozen=True)
class Material:
    """How a surface reflects.

    Attributes:
        mirror: share of light mirrored head-on.
        sharpness: exponent of the highlight; 10 dull, 1000 wet.
        red_wrap: how far red light reaches round the terminator; green and blue reach half and a third as
            far: light that has wandered under skin.
        scatter: share of the light around that comes through from behind, as through locks of hair.
    """

    mirror: float
    sharpness: float
    red_wrap: float
    scatter: float


MATERIALS: dict[str, Material] = {
    "skin": Material(0.026, 16.0, 0.22, 0.01),
    "eye": Material(0.035, 900.0, 0.10, 0.0),
    "hair": Material(0.022, 22.0, 0.10, 0.14),
    "cloth": Material(0.005, 6.0, 0.06, 0.01),
    "leather": Material(0.030, 40.0, 0.04, 0.0),
}
_ORDER = tuple(MATERIALS)


def label_of(name: str) -> Label:
    """Return the label of a part by the words of its name ("left_sneaker": shoes).

    Raises:
        ValueError: no word is known.
    """
    for word in reversed(name.replace("-", "_").replace(" ", "_").split("_")):
        label = _WORDS.get(word) or _WORDS.get(word.removesuffix("s"))
        if label is not None:
            return label
    raise ValueError(f"no word of the part name {name!r} is known; expected one of {', '.join(_WORDS)}")


def face_labels(parts: tuple[Part, ...], mesh: PersonMesh) -> np.ndarray:
    """Return uint8 [m]: the place in `LABELS` of each face's label."""
    labels = [label_of(part.name) for part in parts]
    if "dress" in labels:  # a dress's skirt
        labels = ["dress" if label == "lower" else label for label in labels]
    return np.array([LABELS.index(label) for label in labels], np.uint8)[mesh.part]


def face_materials(parts: tuple[Part, ...], mesh: PersonMesh) -> np.ndarray:
    """Return uint8 [m]: the row of `material_table` of each face."""
    by_label = {"skin": "skin", "hair": "hair", "beard": "hair", "shoes": "leather"}
    own = np.array([_ORDER.index(by_label.get(label_of(part.name), "cloth")) for part in parts], np.uint8)
    result = own[mesh.part]
    first = mesh.faces[:, 0]
    eyes = np.isin(mesh.joint_index[first, 0], _EYE_JOINTS) & (mesh.joint_weight[first, 0] > 0.99)
    result[eyes & (mesh.part == 0)] = _ORDER.index("eye")
    return result


def material_table() -> np.ndarray:
    """Return float32 [materials, 4]: mirror, sharpness, red_wrap, scatter of `MATERIALS`, in their order."""
    rows = [(m.mirror, m.sharpness, m.red_wrap, m.scatter) for m in MATERIALS.values()]
    return np.array(rows, np.float32)
