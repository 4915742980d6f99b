"""What a top is like, in plain numbers and names."""

from __future__ import annotations

from dataclasses import dataclass

from dinar.trainer.data.people.fabric.fabrics import FabricRecipe
from dinar.trainer.data.people.fabric.palette import Colour
from dinar.trainer.data.people.fabric.prints import PrintRecipe


@dataclass(frozen=True)
class TopRecipe:
    """One top; lengths in metres.

    Attributes:
        kind: the part's name: "tshirt", "tank", "shirt", "polo", "sweater", "hoodie", "jacket", "blazer" ...
        collar: "crew", "v", "scoop", "shirt", "polo", "stand", "turtle", "hood" or "lapel".
        neck_depth: how far the neck line falls in front.
        neck_back: how far it falls behind.
        neck_spread: how much wider than the neck it is, on each side.
        collar_size: length of the collar's points relative to the usual.
        sleeve: share of the arm that is covered, 0 (sleeveless) to 1 (to the wrist).
        inset: of a sleeveless top, from the shoulder's end.
        length: 0 (to the navel) to 1 (to the crotch).
        tails: how much lower the hem is in front and behind than at the sides.
        ease: room between skin and cloth.
        hang: 0 (follows the waist) to 1 (hangs straight).
        thickness: of the cloth.
        folds: height of the folds, 1 for a shirt.
        tucked: whether it is tucked in.
        layered: whether it is worn under a jacket: its collar is close.
        front: "plain", "placket" (half way down), "buttons", "zip" or "open".
        gap: half the width of an open front; 0: closed.
        lapel_end: height of the lapels' end above the middle of the spine.
        rib: width of ribbed cuffs and hem; 0: plain hems.
        neck_rib: width of the binding of the neck.
        pockets: "none", "chest", "kangaroo", "hips" or "flaps".
        fabric: of the body and sleeves.
        sleeves: linear RGB of sleeves of another colour (raglan), or None.
        trim: linear RGB of ribs, binding and collar, or None: of the fabric.
        buttons: linear RGB of buttons, zip and cords.
        prints: on chest, back and sleeves.
        seed: of the noise.
    """

    kind: str
    collar: str
    fabric: FabricRecipe
    buttons: Colour
    neck_depth: float = 0.065
    neck_back: float = 0.018
    neck_spread: float = 0.012
    collar_size: float = 1.0
    sleeve: float = 1.0
    inset: float = 0.01
    length: float = 0.7
    tails: float = 0.0
    ease: float = 0.014
    hang: float = 0.5
    thickness: float = 0.0025
    folds: float = 1.0
    tucked: bool = False
    layered: bool = False
    front: str = "plain"
    gap: float = 0.0
    lapel_end: float = 0.0
    rib: float = 0.0
    neck_rib: float = 0.0
    pockets: str = "none"
    sleeves: Colour | None = None
    trim: Colour | None = None
    prints: tuple[PrintRecipe, ...] = ()
    seed: int = 0
