"""The whole texture: layers over one another, and what hangs over the skin."""

import numpy as np

from dinar.trainer.data.people.bake import encode_srgb, find_texels
from dinar.trainer.data.synth.true_texture import TEXELS, true_texture

from .conftest import SKIN, SKIRT, STRIPES


def texels_where(person, chosen):
    """Rows and columns of the texels on skin whose vertices are all `chosen`."""
    body = person.form.body
    own = chosen[body.faces].all(1)
    found = find_texels(body.uv, body.uv_faces[own], height=TEXELS, width=TEXELS, reach=1e-3)
    return found.row, found.column


def test_layers_lie_over_one_another(person, painted):
    texture = true_texture(person.form, person.parts, painted.mesh, painted.textures)
    rest, joints = person.form.rest, person.form.joints
    row, column = texels_where(person, rest[:, 1] > joints[15, 1])
    assert np.abs(texture.rgb[row, column].astype(int) - encode_srgb(SKIN)).max() <= 1
    chest = (np.abs(rest[:, 0]) < 0.08) & (np.abs(rest[:, 1] - joints[9, 1]) < 0.06)
    for side, colour in (
        (person.form.normals[:, 2] > 0.6, STRIPES[0]),
        (person.form.normals[:, 2] < -0.6, STRIPES[1]),
    ):
        row, column = texels_where(person, chest & side)
        assert len(row) > 50
        wrong = np.abs(texture.rgb[row, column].astype(int) - encode_srgb(colour)).max(1) > 2
        assert wrong.mean() < 0.05


def test_what_hangs_over_the_skin_is_found_and_named(person, painted):
    texture = true_texture(person.form, person.parts, painted.mesh, painted.textures)
    rest, joints = person.form.rest, person.form.joints
    thigh = (person.form.normals[:, 2] > 0.7) & (
        np.abs(rest[:, 1] - (joints[1, 1] + joints[4, 1]) / 2) < 0.05
    )
    row, column = texels_where(person, thigh)
    assert (texture.cover[row, column] == 3).mean() > 0.98  # 1 + the skirt's number
    covered = texture.cover == 3
    assert np.abs(texture.rgb[covered].astype(int) - encode_srgb(SKIRT)).max() <= 2
    row, column = texels_where(person, rest[:, 1] > joints[15, 1])
    assert (texture.cover[row, column] == 0).all()


def test_used_texels_are_those_of_the_body(person, painted):
    texture = true_texture(person.form, person.parts, painted.mesh, painted.textures)
    body = person.form.body
    corner = body.uv[body.uv_faces].astype(float)
    edge = corner[:, 1:] - corner[:, :1]
    area = np.abs(edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]).sum() / 2
    assert abs(texture.used.mean() - area) < 0.01
    assert not texture.cover[~texture.used].any()
