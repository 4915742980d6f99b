"""From a texture to an avatar: every group as the network was trained to read it, colours for `rgb` mode."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dinar.runtime.avatar import open_avatar, save_avatar
from dinar.runtime.errors import DinarError
from dinar.trainer.create.few_shot_avatar import About, avatar_texture, few_shot_avatar
from dinar.trainer.create.person import Person
from dinar.trainer.texture.merging import BodyTexture

from .people import make_person, texture_of, untrained

ABOUT = About("Anna", "made by a test", "CC0-1.0")


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    return make_person(tmp_path_factory.mktemp("create") / "people")


@pytest.fixture(scope="module")
def texture(person: Person) -> BodyTexture:
    return texture_of(untrained(), person)


def test_the_file_holds_all_groups_of_the_texture(
    person: Person, texture: BodyTexture, tmp_path: Path
) -> None:
    save_avatar(tmp_path / "anna.dinar", few_shot_avatar(texture, untrained().renderer, person, ABOUT))
    avatar = open_avatar(tmp_path / "anna.dinar")
    found = avatar.texture
    np.testing.assert_array_equal(found.gen, texture.gen.astype(np.float16))
    np.testing.assert_array_equal(found.smp, texture.sampled)
    np.testing.assert_array_equal(found.fill, texture.filled)
    np.testing.assert_allclose(found.photo, 255 * texture.rgb, atol=0.51)
    np.testing.assert_array_equal(avatar.betas, person.betas)
    assert (avatar.name, avatar.provenance, avatar.licence) == ("Anna", "made by a test", "CC0-1.0")
    assert avatar.body.hash == person.body.hash


def test_the_preview_shows_the_person_as_the_network_draws_it(person: Person, texture: BodyTexture) -> None:
    avatar = few_shot_avatar(texture, untrained().renderer, person, ABOUT)
    with Image.open(io.BytesIO(avatar.preview)) as picture:
        pixels = np.array(picture)
    assert pixels.shape == (256, 256, 4)
    assert np.ptp(pixels[..., :3]) > 0


def small_texture(known: dict[tuple[int, int], float]) -> BodyTexture:
    """8 x 8 texels, grey where anything is known."""
    filled, rgb = np.zeros((8, 8), bool), np.zeros((8, 8, 3), np.float32)
    for at, value in known.items():
        filled[at], rgb[at] = True, value
    return BodyTexture(np.full((8, 8, 16), 2, np.float32), rgb, filled, filled, filled.astype(np.float32))


def test_unknown_texels_are_nothing_for_the_network_and_the_nearest_colour_for_rgb_mode() -> None:
    covered = np.zeros((8, 8), bool)
    covered[:, :6] = True
    made = avatar_texture(small_texture({(0, 0): 0.2, (7, 5): 0.8}), covered)
    assert np.count_nonzero(made.photo.any(2)) == 2
    assert (made.rgb[1, 1] == 51).all()
    assert (made.rgb[6, 4] == 204).all()
    assert (made.rgb[:, :6] > 0).all()
    assert not made.rgb[:, 6:].any()


def test_generated_channels_stay_within_what_the_file_allows() -> None:
    made = avatar_texture(small_texture({(0, 0): 1.0}), np.ones((8, 8), bool))
    assert made.gen.dtype == np.float16
    assert made.gen.max() == 1


def test_a_person_of_whom_nothing_is_seen_is_refused(person: Person, texture: BodyTexture) -> None:
    nothing = replace(texture, filled=np.zeros_like(texture.filled))
    with pytest.raises(DinarError, match="the views of person anna show nothing of the body"):
        few_shot_avatar(nothing, untrained().renderer, person, ABOUT)
