"""Colours of clothes as people wear them: mostly dark, grey, blue, white and earthy; some bright."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.bake import decode_srgb
from dinar.trainer.data.people.draw import Draw

Colour = tuple[float, float, float]

# sRGB of dyed cloth in even light: no cloth is quite black or white.
_FAMILIES = {
    "black": ("#17171a", "#1d1c1f", "#232326", "#1a1d22", "#262322"),
    "grey": ("#3b3d40", "#54575b", "#75787b", "#929496", "#b3b4b3", "#6b6763", "#484c52"),
    "white": ("#e9e8e4", "#e3e1da", "#e7e4d8", "#dfe2e4", "#ece9e2"),
    "navy": ("#1d2438", "#222c46", "#1a2233", "#2a3450"),
    "blue": ("#2f4d80", "#3f6aa5", "#6f93bf", "#a3bdd8", "#2b5f93", "#4a78b8", "#c3d3e4"),
    "denim": ("#1f2940", "#2b3a5c", "#3f5578", "#5f7a9f", "#8ca2bd", "#35507c"),
    "earth": ("#8b7355", "#6d5741", "#a3835c", "#4a3a2e", "#7a5236", "#5c4a3c", "#94664a"),
    "beige": ("#cbbca0", "#b9a888", "#d8ccb5", "#c2ad8d", "#a99777"),
    "olive": ("#4b4f36", "#5f6042", "#3a4130", "#77744f", "#555a45"),
    "moss": ("#46553a", "#566446", "#3a4833", "#6f7a58"),
    "green": ("#2c4a38", "#24593f", "#3f7350", "#6c9a70", "#1d3b32", "#8fae8b", "#3b8a5a"),
    "wine": ("#4d1b26", "#5f2430", "#6e2a35", "#3f1a24", "#7c3440"),
    "red": ("#a52a2e", "#b83238", "#c9453f", "#8e1f27", "#d35b4a"),
    "orange": ("#c4572f", "#d27a35", "#b5522a", "#dd8c4f"),
    "yellow": ("#d6ad3c", "#c99a2e", "#e2c766", "#b98b2f", "#e8d68d"),
    "pink": ("#d59aa5", "#c7788a", "#e2b8bd", "#b6526e", "#eacbca", "#d06a86"),
    "purple": ("#52406b", "#6d5688", "#8e7ba8", "#3a2b4c", "#b3a3c7"),
    "teal": ("#24575e", "#3a7183", "#2f7a78", "#6ba3a3", "#1c4248", "#8fc0bd"),
}

# Colours that belong together by custom, the ground first: families to draw from.
_THEMES = {
    "woodland": ("olive moss earth black", "moss beige earth black", "olive moss beige earth"),
    "urban": ("grey black grey white", "navy grey black blue"),
    "desert": ("beige earth olive beige",),
    "fur": ("beige black earth", "earth black beige", "grey black grey"),
    "zebra": ("white black", "beige black", "white earth"),
    "nautical": ("white navy red", "white black red", "navy white red", "white red navy"),
    "lumber": ("red black white", "green black white", "yellow black white"),
    "clan": (
        "red navy green white", "navy green black yellow", "green navy red white", "beige black white red",
        "grey black white red", "wine navy beige yellow", "blue navy white red", "white blue navy pink",
    ),
    "winter": (
        "navy white red", "grey white black", "white navy red", "red white green", "beige earth white",
        "green white red", "black white grey",
    ),
    "business": ("white blue navy", "blue white navy", "white grey blue", "white wine navy"),
    "suit": ("grey white blue", "navy white blue", "black grey white", "grey black white"),
    "hide": ("black black", "earth black", "earth earth", "wine black", "black grey"),
}  # fmt: skip

# How often each family is worn.
_STYLES = {
    "top": {
        "black": 18, "grey": 15, "white": 15, "navy": 11, "blue": 9, "earth": 4, "beige": 6, "olive": 4,
        "green": 4, "wine": 4, "red": 5, "orange": 2, "yellow": 3, "pink": 5, "purple": 3, "teal": 4,
    },
    "jacket": {
        "black": 26, "grey": 14, "white": 3, "navy": 16, "blue": 4, "denim": 4, "earth": 9, "beige": 8,
        "olive": 9, "green": 3, "wine": 3, "red": 3, "yellow": 2, "pink": 1, "teal": 2,
    },
    "bottom": {
        "black": 26, "grey": 18, "white": 4, "navy": 15, "blue": 2, "earth": 8, "beige": 12, "olive": 8,
        "green": 2, "wine": 2, "red": 1, "pink": 1, "teal": 1,
    },
    "dress": {
        "black": 15, "grey": 5, "white": 9, "navy": 9, "blue": 8, "earth": 3, "beige": 6, "olive": 3,
        "green": 7, "wine": 6, "red": 8, "orange": 3, "yellow": 5, "pink": 9, "purple": 4, "teal": 6,
    },
    "denim": {
        "denim": 7, "black": 2, "grey": 1, "blue": 1,
    },
    "earthy": {
        "earth": 5, "beige": 4, "olive": 4, "wine": 2, "orange": 1, "grey": 2, "black": 1,
    },
    "bright": {
        "red": 3, "orange": 2, "yellow": 3, "pink": 3, "purple": 2, "teal": 2, "green": 2, "blue": 3,
        "white": 2,
    },
    "pastel": {
        "white": 4, "beige": 3, "pink": 3, "blue": 2, "teal": 1, "yellow": 1, "purple": 1, "green": 1,
    },
    "shoe": {
        "black": 30, "white": 22, "grey": 12, "navy": 8, "earth": 12, "beige": 5, "red": 3, "blue": 3,
        "green": 2, "pink": 2, "olive": 1,
    },
}  # fmt: skip


def sample_colour(draw: Draw, style: str) -> Colour:
    """One colour, linear RGB; styles as those of `sample_palette`."""
    shares = _STYLES[style]
    family = draw.pick(list(shares), list(shares.values()))
    srgb = _tuned(draw, draw.pick(_FAMILIES[family]))
    return _linear(srgb)


def sample_palette(draw: Draw, style: str, count: int = 3) -> tuple[Colour, ...]:
    """Colours that go together and can be told apart, linear RGB: the ground first, then by weight.

    Args:
        draw: chance.
        style: "top", "jacket", "bottom", "dress", "denim", "earthy", "bright", "pastel" or "shoe".
        count: how many colours.
    """
    colours = [sample_colour(draw, style)]
    partners = "bright" if style in ("bright", "pastel") else "top"
    while len(colours) < count:
        tries = [_partner(draw, colours[0], partners) for _ in range(4)]
        # The one that is easiest to tell from what is there.
        colours.append(max(tries, key=lambda colour: min(contrast(colour, other) for other in colours)))
    return tuple(colours)


def sample_theme(draw: Draw, theme: str) -> tuple[Colour, ...]:
    """Colours that belong together by custom ("clan": of a tartan ...), linear RGB, the ground first."""
    families = draw.pick(_THEMES[theme])
    return tuple(_linear(_tuned(draw, draw.pick(_FAMILIES[family]))) for family in families.split())


def contrast(one: Colour, other: Colour) -> float:
    """How well two colours (linear RGB) can be told apart: 0 to about 1.7."""
    return float(np.linalg.norm(np.cbrt(np.asarray(one)) - np.cbrt(np.asarray(other))))


def shade(colour: Colour, factor: float) -> Colour:
    """A lighter (factor > 1) or darker dye of a colour; linear RGB."""
    if factor <= 1:
        return tuple(factor * channel for channel in colour)  # type: ignore[return-value]
    share = 1 - 1 / factor
    return tuple(channel + share * (0.80 - channel) for channel in colour)  # type: ignore[return-value]


def _partner(draw: Draw, ground: Colour, style: str) -> Colour:
    """A colour to put on a ground: a plain light or dark one, a shade of it, or another hue."""
    kind = draw.pick(("plain", "shade", "hue"), (4, 2, 4))
    light = float(np.dot(ground, (0.21, 0.72, 0.07)))
    if kind == "plain":
        family = draw.pick(("white", "beige", "grey") if light < 0.18 else ("black", "navy", "white", "grey"))
        return _linear(_tuned(draw, draw.pick(_FAMILIES[family])))
    if kind == "shade":
        return shade(ground, draw.uniform(2.0, 5.0) if light < 0.2 else draw.uniform(0.2, 0.5))
    return sample_colour(draw, style)


def _tuned(draw: Draw, colour: str) -> np.ndarray:
    """A named colour, a little lighter or darker and off in hue: sRGB floats [3]."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    grey = srgb.mean()
    srgb = grey + (srgb - grey) * draw.uniform(0.75, 1.2)
    srgb = srgb * draw.uniform(0.90, 1.08) + draw.uniforms(-0.012, 0.012, 3)
    return np.clip(srgb, 0.05, 0.94)


def _linear(srgb: np.ndarray) -> Colour:
    red, green, blue = decode_srgb(srgb)
    return float(red), float(green), float(blue)
