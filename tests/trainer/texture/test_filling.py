"""Textures completed without networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dinar.runtime.errors import DinarError
from dinar.trainer.texture.filling import Filler, MeanFiller, MirrorFiller, NearestFiller
from dinar.trainer.texture.merging import BodyTexture
from dinar.trainer.texture.texel_surface import TexelSurface, texel_surface

from ..data.dataset.small_people import open_body

SIDE = 64


@pytest.fixture(scope="module")
def surface() -> TexelSurface:
    return texel_surface(open_body(), SIDE)


def seen_from(surface: TexelSurface, direction: tuple[float, float, float]) -> np.ndarray:
    """Texels that face a direction: bool [N]."""
    return surface.normals @ np.array(direction) > 0.1


def partial(surface: TexelSurface, known: np.ndarray, colours: np.ndarray) -> BodyTexture:
    """Colours [N, 3] where they are known."""
    filled = np.zeros((SIDE, SIDE), bool)
    filled[surface.covered] = known
    rgb = np.zeros((SIDE, SIDE, 3), np.float32)
    rgb[surface.covered] = np.where(known[:, None], colours, 0)
    gen = np.random.default_rng(0).normal(size=(SIDE, SIDE, 2)).astype(np.float32)
    return BodyTexture(gen, rgb, filled, filled, filled.astype(np.float32))


def fillers(surface: TexelSurface) -> tuple[Filler, ...]:
    mean = np.full((SIDE, SIDE, 3), 0.25, np.float32)
    return NearestFiller(surface), MirrorFiller(surface), MeanFiller(surface, mean)


def height_colours(surface: TexelSurface) -> np.ndarray:
    """Red that grows from the feet to the crown, and green from the right hand to the left one."""
    place = (surface.points - surface.points.min(0)) / np.ptp(surface.points, axis=0)
    return np.stack([place[:, 1], place[:, 0], np.zeros(len(place))], 1).astype(np.float32)


def test_texels_lie_on_the_body_and_normals_point_outwards(surface: TexelSurface) -> None:
    body = open_body()
    assert (surface.points > body.v_template.min(0) - 1e-3).all()
    assert (surface.points < body.v_template.max(0) + 1e-3).all()
    belly = (np.abs(surface.points[:, 0]) < 0.05) & (
        np.abs(surface.points[:, 1] - surface.points[:, 1].mean()) < 0.1
    )
    ahead = surface.points[belly, 2] > np.median(surface.points[belly, 2])
    assert surface.normals[belly][ahead, 2].mean() > 0.5 > -0.5 > surface.normals[belly][~ahead, 2].mean()


def test_what_the_photo_shows_stays_and_the_whole_body_is_known_afterwards(surface: TexelSurface) -> None:
    known = seen_from(surface, (0, 0, 1))
    texture = partial(surface, known, height_colours(surface))
    for filler in fillers(surface):
        full = filler.fill(texture, seed=3)
        assert (full.rgb[texture.filled] == texture.rgb[texture.filled]).all(), filler.name
        assert (full.filled == surface.covered).all()
        assert (full.sampled == surface.covered).all()
        assert full.gen is texture.gen
        assert not full.rgb[~surface.covered].any()
        assert not filler.chance


def test_the_mirrored_front_has_the_fronts_colours_at_the_same_place_of_the_back(
    surface: TexelSurface,
) -> None:
    colours = height_colours(surface)
    known = seen_from(surface, (0, 0, 1))
    full = MirrorFiller(surface).fill(partial(surface, known, colours))
    back = seen_from(surface, (0, 0, -1))
    away = np.abs(full.rgb[surface.covered] - colours)[back]
    assert np.median(away, 0).max() < 0.01
    assert np.quantile(away, 0.95) < 0.05


def test_what_is_hidden_on_the_left_comes_from_the_right(surface: TexelSurface) -> None:
    """An arm that no side of itself is seen of: the other arm has what it lacks."""
    left_arm = surface.points[:, 0] > 0.35
    red_arms = np.where(np.abs(surface.points[:, :1]) > 0.35, [[1.0, 0, 0]], [[0, 0, 1.0]]).astype(np.float32)
    full = MirrorFiller(surface).fill(partial(surface, ~left_arm, red_arms))
    assert full.rgb[surface.covered][left_arm].mean(0) == pytest.approx([1, 0, 0], abs=0.05)


def test_the_nearest_texel_is_found_along_the_surface_not_through_the_air(surface: TexelSurface) -> None:
    """Through the body the chest is nearer to the spine than the flanks are."""
    front = seen_from(surface, (0, 0, 1))
    found = surface.nearest_over_surface(front)
    assert (found[front] == np.flatnonzero(front)).all()
    assert front[found].all()
    height = (surface.points[:, 1] - surface.points[:, 1].min()) / np.ptp(surface.points[:, 1])
    spine = (np.abs(surface.points[:, 0]) < 0.03) & (surface.normals[:, 2] < -0.8)
    sources = found[spine & (height > 0.62) & (height < 0.76)]
    assert len(sources) > 5
    assert (np.abs(surface.points[sources, 0]) > 0.08).all()


def test_the_mean_fills_what_is_unknown_alone(surface: TexelSurface) -> None:
    known = seen_from(surface, (0, 0, 1))
    texture = partial(surface, known, height_colours(surface))
    full = MeanFiller(surface, np.full((SIDE, SIDE, 3), 0.25, np.float32)).fill(texture)
    assert (full.rgb[surface.covered][~known] == 0.25).all()


def test_a_photo_that_shows_nothing_and_textures_of_another_size_are_refused(surface: TexelSurface) -> None:
    nothing = partial(surface, np.zeros(len(surface.points), bool), height_colours(surface))
    for filler in fillers(surface):
        with pytest.raises(DinarError, match="shows nothing of the body"):
            filler.fill(nothing, 0)
    small = replace(nothing, filled=np.ones((8, 8), bool))
    with pytest.raises(DinarError, match="8 texels a side"):
        NearestFiller(surface).fill(small)
    with pytest.raises(DinarError, match="make one of that size"):
        MeanFiller(surface, np.zeros((8, 8, 3), np.float32))
