"""What is behind a person: a place that stays where it is, with the person's shadow on its floor."""

import numpy as np
import pytest

from dinar.runtime.body import Pose
from dinar.runtime.camera import orbit
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth.background import draw_background
from dinar.trainer.data.synth.light import Light, cast_shadows, sphere_directions, unit
from dinar.trainer.data.synth.pose_person import pose_person
from dinar.trainer.data.synth.surroundings import sample_light, sample_surroundings, white_point

SIZE = 128


@pytest.fixture(scope="module")
def posed(person, painted, studio):
    return pose_person(painted.mesh, studio.space, person.form.joints, Pose.rest())


def first(place):
    """The first surroundings of a kind."""
    return next(s for s in (sample_surroundings(Draw(k))[0] for k in range(60)) if s.place == place)


def camera(azimuth=0.0, elevation=0.5):
    return orbit((0, 0.8, 0), azimuth, elevation, 4.0, fov_y=0.6, width=SIZE, height=SIZE)


def sun(direction=(1.0, 1.0, 0.0)):
    directions = sphere_directions(40)
    return Light(unit(np.array(direction)), np.full(3, 0.6), 0.01, directions, np.full((40, 3), 0.03))


def ground_of(posed):
    return np.array([0.0, float(posed.vertices[:, 1].min()), 0.0])


@pytest.mark.parametrize("place", ["plain", "studio", "room", "outdoors"])
def test_every_place_fills_the_picture_and_repeats(place, painted, posed):
    light = sun()
    shadows = cast_shadows(light, posed.vertices, painted.mesh.faces)
    pictures = [
        draw_background(first(place), light, shadows, ground_of(posed), camera(0.4, 0.1)) for _ in range(2)
    ]
    assert pictures[0].shape == (SIZE, SIZE, 3)
    assert np.isfinite(pictures[0]).all()
    assert pictures[0].min() >= 0
    assert 0.005 < pictures[0].mean() < 2
    np.testing.assert_array_equal(*pictures)


def test_the_person_throws_a_shadow_away_from_the_sun(painted, posed):
    light = sun((1.0, 1.0, 0.0))  # from the left of the person, the right of the picture
    shadows = cast_shadows(light, posed.vertices, painted.mesh.faces)
    view = camera(0.0, 1.2)
    shaded = draw_background(first("studio"), light, shadows, ground_of(posed), view)
    nobody = cast_shadows(light, posed.vertices[:3] + np.float32(50), np.array([[0, 1, 2]], np.int32))
    lit = draw_background(first("studio"), light, nobody, ground_of(posed), view)
    ratio = (shaded / lit).mean(-1)
    left, right = ratio[:, : SIZE // 2 - 12], ratio[:, SIZE // 2 + 12 :]
    assert left.min() < 0.75
    assert (left < 0.8).sum() > 4 * (right < 0.8).sum()


def test_the_place_stays_where_it_is_when_the_camera_goes_round(painted, posed):
    light = sun()
    shadows = cast_shadows(light, posed.vertices, painted.mesh.faces)
    place = first("room")
    a, b, c = (
        draw_background(place, light, shadows, ground_of(posed), camera(t, 0.2)) for t in (0.0, 0.02, 3.0)
    )
    assert np.abs(a - b).mean() < 0.5 * np.abs(a - c).mean()


@pytest.mark.parametrize("place", ["plain", "studio", "room", "outdoors"])
def test_light_is_as_bright_on_an_upright_card_wherever_it_is(place):
    for k in range(12):
        light = sample_light(Draw(k), place)
        cards = np.array([unit(np.array([np.sin(t), 0.35, np.cos(t)])) for t in np.linspace(0, 6, 12)])
        dim = np.clip(cards @ light.directions.T, 0, None) @ light.colours
        direct = np.clip(cards @ light.key_direction, 0, None)[:, None] * light.key_colour
        assert 0.5 < (dim + direct).mean() < 1.3
        assert (light.colours >= 0).all()
        np.testing.assert_allclose(np.linalg.norm(light.key_direction), 1)


def test_low_temperatures_are_red_and_high_ones_blue():
    lamp, day = white_point(3000), white_point(6500)
    assert lamp[0] / lamp[2] > 2
    assert abs(day[0] / day[2] - 1) < 0.25
    assert white_point(10000)[2] > 1
