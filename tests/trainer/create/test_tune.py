"""Tuning to one person: nearer to the photos, within the texture's ranges, the same each time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from dinar.runtime.errors import DinarError
from dinar.trainer.create.drawing import quality, redraw
from dinar.trainer.create.person import Person
from dinar.trainer.create.tune import Tuned, TuneOptions, tune
from dinar.trainer.losses.lpips import perceptual_loss
from dinar.trainer.models.avatar_networks import AvatarNetworks
from dinar.trainer.texture.merging import BodyTexture

from .people import SIDE, make_person, silent, texture_of, untrained

STEPS = 20


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    return make_person(tmp_path_factory.mktemp("tune") / "people")


@pytest.fixture(scope="module")
def networks() -> AvatarNetworks:
    return untrained()


@pytest.fixture(scope="module")
def texture(networks: AvatarNetworks, person: Person) -> BodyTexture:
    return texture_of(networks, person)


def tuned_with(
    networks: AvatarNetworks, texture: BodyTexture, person: Person, steps: int, seed: int = 0
) -> Tuned:
    options = TuneOptions(steps, seed)
    return tune(networks.renderer, texture, person.given, options, perceptual_loss(), silent())


@pytest.fixture(scope="module")
def tuned(networks: AvatarNetworks, texture: BodyTexture, person: Person) -> Tuned:
    return tuned_with(networks, texture, person, STEPS)


def test_the_given_views_are_drawn_nearer_to_the_photos(
    networks: AvatarNetworks, texture: BodyTexture, person: Person, tuned: Tuned
) -> None:
    before = quality(networks.renderer, texture, person.given)
    after = quality(tuned.renderer, tuned.texture, person.given)
    assert after.person_psnr > before.person_psnr + 0.1  # decibels
    assert after.ms_ssim > before.ms_ssim
    assert after.mask_iou > before.mask_iou


def test_nothing_is_invented_where_no_photo_shows_anything(texture: BodyTexture, tuned: Tuned) -> None:
    assert not tuned.texture.rgb[~texture.filled].any()
    assert np.abs(tuned.texture.rgb - texture.rgb)[texture.filled].max() > 0.01
    for same in ("sampled", "filled", "facing"):
        np.testing.assert_array_equal(getattr(tuned.texture, same), getattr(texture, same))


def test_channels_stay_within_their_ranges(
    networks: AvatarNetworks, texture: BodyTexture, person: Person
) -> None:
    edge = replace(
        texture, gen=np.sign(texture.gen), rgb=np.repeat(texture.filled[..., None], 3, 2).astype(np.float32)
    )
    made = tuned_with(networks, edge, person, 2).texture
    assert np.abs(made.gen).max() <= 1
    assert made.rgb.min() >= 0
    assert made.rgb.max() <= 1
    assert not np.array_equal(made.gen, edge.gen)


def test_the_trained_renderer_and_the_statistics_of_batch_norm_stay_as_they_are(
    networks: AvatarNetworks, tuned: Tuned
) -> None:
    fresh = untrained().renderer.state_dict()
    own, mine = networks.renderer.state_dict(), tuned.renderer.state_dict()
    changed = {name for name in fresh if not torch.equal(fresh[name], mine[name])}
    assert all(torch.equal(fresh[name], own[name]) for name in fresh)
    assert changed
    assert not [name for name in changed if "running" in name or "num_batches" in name]
    assert not tuned.renderer.training


def test_the_same_seed_gives_the_same_numbers(
    networks: AvatarNetworks, texture: BodyTexture, person: Person
) -> None:
    first, again, other = (tuned_with(networks, texture, person, 3, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.texture.gen, again.texture.gen)
    np.testing.assert_array_equal(first.texture.rgb, again.texture.rgb)
    assert not np.array_equal(first.texture.gen, other.texture.gen)


def test_a_loss_that_is_no_number_ends_it_with_a_sentence(
    networks: AvatarNetworks, texture: BodyTexture, person: Person
) -> None:
    broken = replace(texture, gen=np.full_like(texture.gen, math.nan))
    with pytest.raises(DinarError, match="step 0: the loss became nan; make the avatar without tuning"):
        tuned_with(networks, broken, person, 1)


def test_a_view_is_redrawn_whole_beside_its_photo(
    networks: AvatarNetworks, texture: BodyTexture, person: Person
) -> None:
    seen = person.held_out[0]
    drawn, photo = redraw(networks.renderer, texture, seen)
    assert drawn.rgb.shape == photo.rgb.shape == (1, 3, SIDE, SIDE)
    assert drawn.mask.shape == photo.mask.shape == (1, 1, SIDE, SIDE)
    np.testing.assert_array_equal(
        np.round(255 * photo.rgb[0].permute(1, 2, 0).numpy()), seen.view.image.astype(np.float32)
    )


def test_the_papers_tuning_changes_colours_alone(
    networks: AvatarNetworks, texture: BodyTexture, person: Person
) -> None:
    options = TuneOptions.colours_alone(STEPS, seed=0)
    tuned = tune(networks.renderer, texture, person.given, options, perceptual_loss(), silent())
    np.testing.assert_array_equal(tuned.texture.gen, texture.gen)
    for name, weights in networks.renderer.state_dict().items():
        assert torch.equal(tuned.renderer.state_dict()[name], weights), name
    assert np.abs(tuned.texture.rgb - texture.rgb).max() > 0.01
    before = quality(networks.renderer, texture, person.given)
    after = quality(tuned.renderer, tuned.texture, person.given)
    assert after.person_psnr > before.person_psnr
