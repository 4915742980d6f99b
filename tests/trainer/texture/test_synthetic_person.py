"""A synthetic person carried to the texture, against the texture that the person was painted with."""

import numpy as np
import pytest
from scipy import ndimage

from dinar.trainer.data.people.bake import encode_srgb
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth.draw_view import filter_samples, open_rasterizer, see
from dinar.trainer.data.synth.generate import open_workshop
from dinar.trainer.data.synth.pictures import paint_person
from dinar.trainer.data.synth.pose_person import pose_person
from dinar.trainer.data.synth.poses import hands_in_front
from dinar.trainer.data.synth.recipe import make_person, sample_person
from dinar.trainer.data.synth.scene import frame
from dinar.trainer.data.synth.true_texture import true_texture
from dinar.trainer.texture.body_view import view_body
from dinar.trainer.texture.occlusion import limb_colours, occlusion_outline
from dinar.trainer.texture.photo_texture import covered_texels, photo_texture

NUMBER, SIDE = 100, 256  # a hoodie with a print, trousers


@pytest.fixture(scope="module")
def case():
    """The person without light, hands before the belly; the body there; the true texture, 256 x 256."""
    workshop = open_workshop()
    body = workshop.studio.body
    recipe = sample_person(NUMBER, workshop.population)
    painted = paint_person(make_person(recipe, body))
    mesh, form = painted.mesh, painted.person.form
    pose = hands_in_front(Draw(5), painted.build)
    posed = pose_person(mesh, workshop.studio.space, form.joints, pose)
    camera = frame(posed.vertices, 0.1, 0.05, fov_y=0.5, fill=0.92, size=512)
    seen = open_rasterizer(mesh, 512, 512, 1).draw(posed.vertices, [camera], cull_back_faces=False)
    samples = see(mesh, posed, painted.textures, painted.materials, seen, 0, camera)
    drawn = filter_samples(samples, samples.albedo, 512, 512)
    image = encode_srgb(drawn.colour / np.maximum(drawn.coverage, 1e-6)[..., None])
    view = view_body(body, recipe.individual.betas, pose, camera)
    truth = true_texture(form, painted.person.parts, mesh, painted.textures)
    halved = truth.rgb.reshape(SIDE, 2, SIDE, 2, 3).astype(float).mean((1, 3)) / 255
    plain = (truth.cover.reshape(SIDE, 2, SIDE, 2).max((1, 3)) == 0) & truth.used[::2, ::2]
    inner = ndimage.binary_erosion(plain, iterations=2)  # gutters mean nothing
    keep = drawn.coverage > 0.99
    return (
        image,
        keep,
        view,
        covered_texels(body, SIDE),
        halved,
        inner,
        limb_colours(body, recipe.individual.betas),
    )


def test_sampled_colours_are_those_the_person_was_painted_with(case):
    image, keep, view, covered, truth, inner, _ = case
    texture = photo_texture(image, keep, view, covered)
    error = np.abs(texture.rgb - truth).max(2)
    straight = texture.sampled & inner & (texture.facing > 0.5)
    assert straight.sum() > 4000
    assert np.median(error[straight]) < 0.03
    assert np.percentile(error[straight], 75) < 0.10
    back = np.roll(truth, SIDE // 2, axis=1)  # any other texture does not fit
    assert np.median(np.abs(texture.rgb - back).max(2)[straight]) > 0.10


def test_gaps_are_filled_with_colours_as_good(case):
    image, keep, view, covered, truth, inner, _ = case
    texture = photo_texture(image, keep, view, covered)
    gaps = texture.filled & ~texture.sampled & inner & (texture.facing > 0.5)
    assert gaps.sum() > 200
    assert np.median(np.abs(texture.rgb - truth).max(2)[gaps]) < 0.06


def test_leaving_outlines_out_makes_the_rest_more_right(case):
    image, keep, view, covered, truth, inner, colours = case
    outline = occlusion_outline(view, colours)

    def share_wrong(keep):
        texture = photo_texture(image, keep, view, covered)
        known = texture.sampled & inner
        return (np.abs(texture.rgb - truth).max(2)[known] > 0.25).mean()

    assert share_wrong(keep & ~outline) < share_wrong(keep)
