"""Whole pictures: mask, labels and colours agree with one another and with the true texture; all repeats."""

from dataclasses import replace

import numpy as np
import pytest

from dinar.runtime.body import Pose
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth.draw_view import filter_samples, open_rasterizer, see
from dinar.trainer.data.synth.material import LABELS, face_materials, label_of
from dinar.trainer.data.synth.pictures import sample_shot, take_pictures
from dinar.trainer.data.synth.pose_person import pose_person
from dinar.trainer.data.synth.scene import frame
from dinar.trainer.data.synth.true_texture import TEXELS, true_texture

SIZE = 160


@pytest.fixture(scope="module")
def shot(painted, studio):
    return sample_shot(Draw(11), painted, studio, views=3, size=SIZE)


@pytest.fixture(scope="module")
def pictures(painted, studio, shot):
    return take_pictures(painted, studio, shot)


def test_the_same_number_gives_the_same_bytes(painted, studio, pictures):
    again = take_pictures(painted, studio, sample_shot(Draw(11), painted, studio, views=3, size=SIZE))
    for a, b in zip(pictures, again, strict=True):
        for name in ("rgb", "rgba", "labels"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        np.testing.assert_array_equal(a.keypoints.body, b.keypoints.body)
        np.testing.assert_array_equal(a.camera.T_camera_world, b.camera.T_camera_world)


def test_other_numbers_give_other_pictures(painted, studio, pictures):
    (other,) = take_pictures(painted, studio, sample_shot(Draw(12), painted, studio, views=1, size=SIZE))
    assert np.abs(other.rgb.astype(int) - pictures[0].rgb).mean() > 5
    assert np.abs(pictures[0].rgb.astype(int) - pictures[1].rgb).mean() > 5


def test_labels_are_where_the_mask_is(pictures):
    for picture in pictures:
        alpha, person = picture.rgba[..., 3], picture.labels > 0
        assert person[alpha > 200].all()
        assert not person[alpha < 40].any()
        shown = {LABELS[k] for k in np.unique(picture.labels)}
        assert {"background", "skin", "upper", "lower"} == shown


def test_the_person_alone_looks_as_in_its_place(pictures):
    for picture in pictures:
        inside = picture.rgba[..., 3] == 255
        np.testing.assert_array_equal(picture.rgba[inside][:, :3], picture.rgb[inside])
        assert not picture.rgba[picture.rgba[..., 3] == 0].any()


def test_keypoints_and_camera_tell_of_the_same_picture(person, studio, painted, pictures):
    for picture in pictures:
        posed = pose_person(painted.mesh, studio.space, person.form.joints, picture.pose)
        pixel = (posed.joints[0] @ picture.camera.T_camera_world[:3, :3].T) + picture.camera.T_camera_world[
            :3, 3
        ]
        pixel = picture.camera.K @ pixel
        found = picture.keypoints.body[8]
        if found[2]:
            np.testing.assert_allclose(found[:2], pixel[:2] / pixel[2], atol=1e-6)


def see_all(painted, studio, azimuth):
    posed = pose_person(painted.mesh, studio.space, painted.person.form.joints, Pose.rest())
    camera = frame(posed.vertices, azimuth, 0.1, fov_y=0.5, fill=0.9, size=SIZE)
    seen = open_rasterizer(painted.mesh, SIZE, SIZE, 1).draw(posed.vertices, [camera], cull_back_faces=False)
    samples = see(painted.mesh, posed, painted.textures, painted.materials, seen, 0, camera)
    return samples, seen.triangle[0].copy()


def test_the_mask_is_the_share_of_samples_that_see_the_person(painted, studio):
    samples, triangle = see_all(painted, studio, 0.3)
    coverage = filter_samples(samples, samples.albedo, SIZE, SIZE).coverage
    padded = np.pad((triangle >= 0).astype(float), 1, mode="edge")
    weights = np.array([1, 3, 3, 1]) / 8
    rows = sum(w * padded[k : k + 2 * SIZE : 2] for k, w in enumerate(weights))
    wanted = sum(w * rows[:, k : k + 2 * SIZE : 2] for k, w in enumerate(weights))
    np.testing.assert_allclose(coverage, wanted, atol=1e-5)
    assert 0.05 < coverage.mean() < 0.5


@pytest.mark.parametrize("azimuth", [0.0, 2.2, np.pi])
def test_what_a_view_shows_is_what_the_true_texture_says(painted, studio, azimuth):
    person = painted.person
    texture = true_texture(person.form, person.parts, painted.mesh, painted.textures)
    samples, _ = see_all(painted, studio, azimuth)
    of_body = np.array([part.uv.of_body for part in person.parts])[painted.mesh.part[samples.face]]
    uv = painted.mesh.corner_uv[samples.face].mean(1)
    spot = (uv * TEXELS).astype(int)
    albedo = (texture.rgb[spot[:, 1], spot[:, 0]] / 255.0 + 0.055) / 1.055
    albedo = albedo**2.4  # sRGB => linear
    free = of_body & (texture.cover[spot[:, 1], spot[:, 0]] == 0)
    assert free.mean() > 0.5
    wrong = np.abs(albedo - samples.albedo).max(1) > 0.06
    assert wrong[free].mean() < 0.03


def test_samples_lie_on_the_surface_and_face_the_camera(painted, studio):
    samples, _ = see_all(painted, studio, 0.9)
    towards = samples.eye - samples.position
    assert (np.einsum("sk,sk->s", samples.surface, towards) > 0).mean() > 0.97
    np.testing.assert_allclose(np.linalg.norm(samples.normal, axis=1), 1, atol=1e-5)
    corners = painted.mesh.vertices[painted.mesh.faces[samples.face]]
    assert (samples.position >= corners.min(1) - 1e-4).all()
    assert (samples.position <= corners.max(1) + 1e-4).all()


def test_parts_are_known_by_the_words_of_their_names():
    assert label_of("left sneaker") == "shoes"
    assert label_of("shirt_collar") == "upper"
    assert label_of("trousers") == "lower"
    with pytest.raises(ValueError, match="spaceship"):
        label_of("spaceship")


def test_eyes_shine(person, painted):
    materials = face_materials(person.parts, painted.mesh)
    eyes = materials == 1
    assert 100 < eyes.sum() < 600
    assert painted.mesh.vertices[painted.mesh.faces[eyes]][..., 1].min() > person.form.joints[15, 1] - 0.05
    renamed = (replace(person.parts[0]), replace(person.parts[1], name="hair"), person.parts[2])
    assert (face_materials(renamed, painted.mesh)[painted.mesh.part == 1] == 2).all()
