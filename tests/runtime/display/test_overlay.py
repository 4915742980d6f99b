"""Text as a picture."""

from __future__ import annotations

import numpy as np

from dinar.runtime.display.overlay import DOT, text_panel


def ink(panel: np.ndarray) -> np.ndarray:
    """bool [H, W]: where text is."""
    return panel[..., :3].min(-1) > 128


def test_lines_stand_below_each_other_on_a_see_through_panel() -> None:
    one, two = (
        text_panel(lines, font_size=14, max_width=400) for lines in (["pose age"], ["pose age", "fps"])
    )
    assert two.shape[0] - one.shape[0] == 19
    assert two.shape[1] == one.shape[1]
    assert ink(two)[19:].any()
    assert 0 < one[0, 0, 3] < 255


def test_a_tab_starts_a_column() -> None:
    panel = text_panel(["a\tx", "long word\tx"], font_size=14, max_width=400)
    middle = panel.shape[0] // 2
    right_ends = [int(np.flatnonzero(ink(half).any(0))[-1]) for half in (panel[:middle], panel[middle:])]
    assert right_ends[0] == right_ends[1], "both x stand below each other"


def test_a_long_line_goes_on_below() -> None:
    one, many = (text_panel([line], font_size=14, max_width=120) for line in ("word", "word " * 20))
    assert many.shape[1] <= 120
    assert many.shape[0] > one.shape[0] + 4 * 19
    assert all(ink(many)[row : row + 19].any() for row in range(7, many.shape[0] - 26, 19))


def test_a_panel_is_never_wider_than_asked() -> None:
    assert text_panel(["x" * 100], font_size=14, max_width=120).shape[1] == 120


def test_a_dot_is_a_red_disc_before_its_text() -> None:
    panel = text_panel([f"{DOT}recording"], font_size=14, max_width=400).astype(int)
    red = (panel[..., 0] > 150) & (panel[..., 1] < 100)
    assert red.sum() > 40
    assert np.flatnonzero(red.any(0)).max() < np.flatnonzero(ink(panel).any(0)).min()


def test_text_grows_with_its_font() -> None:
    small, large = (text_panel(["pose"], font_size=size, max_width=400) for size in (12, 24))
    assert ink(large).sum() > 2 * ink(small).sum()
