"""Cameras and what they do to colours."""

import numpy as np
import pytest

from dinar.runtime.body import Pose
from dinar.trainer.data.people.bake import encode_srgb
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth.pose_person import pose_person
from dinar.trainer.data.synth.scene import (
    NEUTRAL_LOOK,
    Look,
    develop,
    frame,
    sample_cameras,
    sample_look,
    sensor_noise,
)


@pytest.fixture(scope="module")
def posed(person, painted, studio):
    return pose_person(painted.mesh, studio.space, person.form.joints, Pose.rest())


def project(camera, points):
    seen = points @ camera.T_camera_world[:3, :3].T + camera.T_camera_world[:3, 3]
    pixel = seen @ camera.K.T
    return pixel[:, :2] / pixel[:, 2:]


def test_a_frame_holds_all_points_in_its_middle(posed):
    camera = frame(posed.vertices, 0.8, 0.3, fov_y=0.6, fill=0.9, size=200)
    pixel = project(camera, posed.vertices)
    assert pixel.min() > 9
    assert pixel.max() < 191
    assert np.ptp(pixel, axis=0).max() > 170
    np.testing.assert_allclose((pixel.min(0) + pixel.max(0)) / 2, 100, atol=2)


def test_cameras_stand_all_round_and_most_show_the_whole_person(posed):
    whole, azimuths = 0, []
    for k in range(6):
        for camera in sample_cameras(Draw(k), posed.vertices, posed.joints, views=8, size=128):
            eye = -camera.T_camera_world[:3, :3].T @ camera.T_camera_world[:3, 3]
            azimuths.append(np.arctan2(eye[0], eye[2]))
            pixel = project(camera, posed.vertices)
            whole += bool((pixel > -1).all() and (pixel < 129).all())
    assert 0.6 * 48 < whole < 48
    counts, _ = np.histogram(azimuths, bins=8, range=(-np.pi, np.pi))
    assert counts.min() >= 2


def test_a_neutral_look_is_srgb_below_the_shoulder():
    ramp = np.linspace(0, 0.7, 300, dtype=np.float32).reshape(10, 10, 3)
    np.testing.assert_allclose(develop(ramp, NEUTRAL_LOOK) * 255, encode_srgb(ramp), atol=0.7)


def test_highlights_are_pressed_together_not_cut():
    ramp = np.repeat(np.linspace(0, 6, 200, dtype=np.float32)[None, :, None], 3, axis=2)
    picture = develop(ramp, NEUTRAL_LOOK)[0, :, 0]
    assert (np.diff(picture) > 0).all()
    assert picture[-1] < 1


def test_looks_shift_colours_as_they_say():
    grey = np.full((4, 4, 3), 0.2, np.float32)
    plain = develop(grey, NEUTRAL_LOOK)[0, 0]
    warm = develop(grey, Look(1.0, (1.1, 1.0, 0.9), 1.0, 1.0, 1.0, 0.0, 0))[0, 0]
    assert warm[0] > plain[0] > warm[2]
    bright = develop(grey, Look(1.3, (1.0, 1.0, 1.0), 1.0, 1.0, 1.0, 0.0, 0))[0, 0]
    assert (bright > plain).all()
    red = np.broadcast_to(np.array([0.4, 0.1, 0.1], np.float32), (2, 2, 3)).copy()
    grey_red = develop(red, Look(1.0, (1.0, 1.0, 1.0), 1.0, 1.0, 0.0, 0.0, 0))[0, 0]
    np.testing.assert_allclose(grey_red, grey_red[0], atol=1e-6)


def test_noise_has_the_strength_it_says_and_repeats():
    look = Look(1.0, (1.0, 1.0, 1.0), 1.0, 1.0, 1.0, 0.01, 7)
    noise = sensor_noise(look, 64, 64)
    assert abs(noise.std() - 0.01) < 3e-4
    np.testing.assert_array_equal(noise, sensor_noise(look, 64, 64))
    assert not sensor_noise(NEUTRAL_LOOK, 64, 64).any()
    assert sample_look(Draw(1)) == sample_look(Draw(1))
    assert sample_look(Draw(1)) != sample_look(Draw(2))
