"""Textures of several photos become one (Eq. 5)."""

import itertools

import numpy as np
import pytest
import torch

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth.generate import open_workshop
from dinar.trainer.data.synth.pictures import paint_person, sample_shot, take_pictures
from dinar.trainer.data.synth.recipe import make_person, sample_person
from dinar.trainer.rasterize.rasterizer import BodyRaster, sample_texture
from dinar.trainer.texture.body_view import view_body
from dinar.trainer.texture.merging import BodyTexture, merge_textures, merging_weights
from dinar.trainer.texture.photo_texture import covered_texels, photo_texture


def one_row(gen, rgb, facing, *, filled=None, sampled=None) -> BodyTexture:
    """A texture of one row of texels; one value a texel, the same in all channels."""
    facing = np.array([facing], np.float32)
    filled = facing > 0 if filled is None else np.array([filled], bool)
    return BodyTexture(
        np.repeat(np.array([gen], np.float32)[..., None], 16, 2),
        np.repeat(np.array([rgb], np.float32)[..., None], 3, 2),
        filled if sampled is None else np.array([sampled], bool),
        filled,
        facing,
    )


def assert_same(a: BodyTexture, b: BodyTexture) -> None:
    for name, value in vars(a).items():
        np.testing.assert_allclose(value, vars(b)[name], atol=1e-6, err_msg=name)


def test_the_more_frontal_photo_counts_more_by_the_softmax_of_cosines_over_tau():
    a = one_row([1.0], [1.0], [0.9])
    b = one_row([-1.0], [0.0], [0.5])
    for tau in (0.1, 0.5):
        share = np.exp(0.9 / tau) / (np.exp(0.9 / tau) + np.exp(0.5 / tau))
        merged = merge_textures([a, b], tau)
        np.testing.assert_allclose(merged.rgb, share, rtol=1e-6)
        np.testing.assert_allclose(merged.gen, share - (1 - share), rtol=1e-6)  # all channels alike
    np.testing.assert_allclose(merge_textures([a, b], 1e-4).rgb, 1)  # sharp: the most frontal alone
    np.testing.assert_allclose(merge_textures([a, b], 1e4).rgb, 0.5, atol=1e-3)  # soft: the mean


def test_what_a_photo_does_not_see_weighs_nothing():
    """Not even exp(0): a texel that one photo sees at a grazing angle is that photo's."""
    a = one_row([0.3, 0.3], [0.4, 0.0], [0.01, 0.0])
    b = one_row([0.9, 0.9], [0.0, 0.8], [0.0, 0.7])
    merged = merge_textures([a, b])
    np.testing.assert_allclose(merged.rgb[0, :, 0], [0.4, 0.8])
    np.testing.assert_allclose(merged.gen[0, :, 0], [0.3, 0.9])
    np.testing.assert_array_equal(merged.filled, [[True, True]])
    np.testing.assert_allclose(merged.facing, [[0.01, 0.7]])


def test_a_texel_seen_edge_on_is_seen():
    a = one_row([0.3], [0.4], [0.0], filled=[True])
    b = one_row([0.9], [0.0], [0.0], filled=[False])
    assert merge_textures([a, b]).rgb[0, 0, 0] == pytest.approx(0.4)


def test_maps_of_seen_texels_are_united():
    a = one_row([0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0], sampled=[True, False, False, False])
    b = one_row([0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0], sampled=[False, True, False, False])
    merged = merge_textures([a, b])
    np.testing.assert_array_equal(merged.filled, [[True, True, True, False]])
    np.testing.assert_array_equal(merged.sampled, [[True, True, False, False]])


def test_a_texel_that_nobody_sees_stays_unseen():
    a, b = one_row([0.2], [0.0], [0.0]), one_row([0.6], [0.0], [0.0])
    merged = merge_textures([a, b])
    assert not merged.filled.any()
    assert not merged.sampled.any()
    assert (merged.rgb == 0).all()
    assert (merged.facing == 0).all()
    np.testing.assert_allclose(merged.gen, 0.4)  # the generator's guesses, in the mean


def some_textures(count: int) -> list[BodyTexture]:
    random = np.random.default_rng(0)
    textures = []
    for _ in range(count):
        facing = random.uniform(0, 1, 50) * (random.uniform(0, 1, 50) < 0.5)
        textures.append(
            one_row(random.uniform(-1, 1, 50), np.where(facing > 0, random.random(50), 0), facing)
        )
    return textures


def test_one_texture_is_itself():
    (texture,) = some_textures(1)
    assert_same(merge_textures([texture]), texture)
    assert_same(merge_textures([texture, texture, texture]), texture)


def test_the_order_does_not_matter():
    textures = some_textures(3)
    merged = merge_textures(textures)
    for order in itertools.permutations(textures):
        assert_same(merge_textures(order), merged)


def test_weights_add_up_to_one_and_nothing_overflows():
    seen = np.array([[True, False], [True, False]])
    weight = merging_weights(np.array([[1.0, 0.0], [0.0, 0.0]]), seen, 1e-6)
    np.testing.assert_allclose(weight, [[1, 0.5], [0, 0.5]])


def test_what_cannot_be_merged_is_refused():
    with pytest.raises(ValueError, match="a tau above 0"):
        merge_textures(some_textures(1), 0)
    with pytest.raises(ValueError, match="expected textures"):
        merge_textures([])
    with pytest.raises(ValueError, match="must have one size"):
        merge_textures([one_row([0], [0], [0]), one_row([0, 0], [0, 0], [0, 0])])


# --- People of the benchmark ---

SIDE, SIZE, VIEWS = 128, 128, 8  # texels, pixels, cameras all around


@pytest.mark.parametrize(
    "number", [900_003, *(pytest.param(n, marks=pytest.mark.slow) for n in (900_000, 900_001, 900_002))]
)
def test_more_views_never_lower_the_psnr_of_views_held_out(number):
    workshop = open_workshop()
    body, recipe = workshop.studio.body, sample_person(number, workshop.population)
    painted, betas = paint_person(make_person(recipe, body)), recipe.individual.betas
    shot = sample_shot(Draw("merging", number), painted, workshop.studio, views=VIEWS, size=SIZE)
    pictures = take_pictures(painted, workshop.studio, shot)
    bodies = [view_body(body, betas, picture.pose, picture.camera) for picture in pictures]
    covered, textures = covered_texels(body, SIDE), []
    for k in (0, 4, 2, 6):
        photo = photo_texture(pictures[k].rgb, pictures[k].rgba[..., 3] >= 230, bodies[k], covered)
        gen = np.zeros((SIDE, SIDE, 16), np.float32)
        textures.append(BodyTexture(gen, photo.rgb, photo.sampled, photo.filled, photo.facing))

    def held_out(count: int) -> float:
        """PSNR of the merged RGB texture on the bare body, grey where unseen, of four other views."""
        merged = merge_textures(textures[:count])
        channels = np.concatenate([merged.rgb, merged.filled[..., None]], 2, dtype=np.float32)
        error = []
        for k in (1, 3, 5, 7):
            raster = BodyRaster(
                torch.from_numpy(bodies[k].uv)[None], torch.from_numpy(bodies[k].coverage)[None]
            )
            seen = sample_texture(torch.from_numpy(channels).permute(2, 0, 1)[None], raster)[0].numpy()
            drawn = (seen[:3] + 0.5 * (1 - seen[3:])).transpose(1, 2, 0)
            person = bodies[k].coverage & (pictures[k].rgba[..., 3] >= 230)
            error.append(np.mean((drawn - pictures[k].rgb / 255)[person] ** 2))
        return float(np.mean(-10 * np.log10(error)))

    one, two, four = held_out(1), held_out(2), held_out(4)
    assert one + 1 < two  # the back as well
    assert two < four
