"""The colour behind the person."""

from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.display.background import (
    GREEN,
    BackgroundError,
    backdrops,
    composite,
    paint_backdrop,
    parse_background,
)


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


def test_backdrops_begin_with_the_own_colour_and_name_none_twice() -> None:
    light, dark = parse_background("light"), parse_background("dark")
    assert backdrops((1, 2, 3)) == ((1, 2, 3), light, dark, GREEN, "checker")
    assert dark is not None
    assert backdrops(dark) == (dark, light, GREEN, "checker")


def test_a_checker_has_squares_of_two_greys() -> None:
    squares = paint_backdrop("checker", 50, 40)
    assert squares.shape == (40, 50, 3)
    assert squares[0, 0, 0] != squares[0, 16, 0] == squares[16, 0, 0] != squares[16, 16, 0]
    assert (paint_backdrop((1, 2, 3), 5, 4) == (1, 2, 3)).all()


def test_a_picture_goes_on_a_picture() -> None:
    squares = paint_backdrop("checker", 50, 40)
    clear, solid = np.zeros((40, 50, 4), np.uint8), np.full((40, 50, 4), 255, np.uint8)
    assert (composite(clear, squares) == squares).all()
    assert (composite(solid, squares) == 255).all()
