"""The colour behind the person."""

from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.display.background import BackgroundError, composite, parse_background


@pytest.mark.parametrize(
    ("text", "colour"), [("#20c0ff", (32, 192, 255)), ("#000000", (0, 0, 0)), ("transparent", None)]
)
def test_reads_colours(text: str, colour: tuple[int, int, int] | None) -> None:
    assert parse_background(text) == colour


def test_light_is_lighter_than_dark() -> None:
    light, dark = parse_background("light"), parse_background("dark")
    assert light is not None
    assert dark is not None
    assert min(light) > max(dark)


@pytest.mark.parametrize("text", ["pink", "#12345", "#12345g", "", "12,3,4"])
def test_an_unreadable_colour_names_what_can_be_read(text: str) -> None:
    with pytest.raises(BackgroundError, match="light, dark, transparent or a colour such as #"):
        parse_background(text)


def test_composite_is_the_rounded_blend_for_every_alpha() -> None:
    value, alpha = np.meshgrid(np.arange(256), np.arange(256))
    rgba = np.stack([value, 255 - value, value // 2, alpha], axis=-1).astype(np.uint8)
    colour = (10, 200, 255)
    exact = (rgba[..., :3] * (alpha / 255)[..., None]) + np.array(colour) * (1 - alpha / 255)[..., None]
    assert np.abs(composite(rgba, colour) - exact).max() <= 0.5 + 1e-9
