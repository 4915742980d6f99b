"""The view that the mouse turns."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinar.runtime.camera import Camera
from dinar.runtime.display.orbit import MAX_DISTANCE, MAX_ELEVATION, MIN_DISTANCE, Orbit

WIDTH, HEIGHT = 320, 240
FRONT = Orbit(target=(0.1, 0.9, 0.0), distance=3.0)
SMALL = st.floats(-0.2, 0.2)


def pixel(camera: Camera, point: tuple[float, float, float]) -> np.ndarray:
    """Where a world point is seen, pixels [2]."""
    in_camera = camera.T_camera_world @ (*point, 1)
    projected = camera.K @ in_camera[:3]
    return projected[:2] / projected[2]


def near_side(orbit: Orbit) -> tuple[float, float, float]:
    """The point of a unit sphere about the target that faces the camera."""
    T = orbit.camera(1, 1).T_camera_world
    x, y, z = (np.array(orbit.target) - T[2, :3]).tolist()
    return x, y, z


orbits = st.builds(
    Orbit,
    target=st.tuples(SMALL, SMALL, SMALL),
    distance=st.floats(2, 10),
    azimuth=st.floats(-3, 3),
    elevation=st.floats(-1, 1),
)


@given(orbits)
def test_the_target_is_in_the_middle(orbit: Orbit) -> None:
    np.testing.assert_allclose(
        pixel(orbit.camera(WIDTH, HEIGHT), orbit.target), (WIDTH / 2, HEIGHT / 2), atol=1e-6
    )


@given(orbits, st.floats(0.01, 0.1))
def test_what_the_mouse_holds_follows_a_drag(orbit: Orbit, way: float) -> None:
    held = near_side(orbit)
    dragged_right = pixel(orbit.dragged(way, 0).camera(WIDTH, HEIGHT), held)
    assert dragged_right[0] > WIDTH / 2
    dragged_up = pixel(orbit.dragged(0, way).camera(WIDTH, HEIGHT), held)
    assert dragged_up[1] < HEIGHT / 2


@given(orbits, SMALL, st.floats(-0.15, 0.15))  # further up, the poles would stop it
def test_a_drag_and_its_way_back_is_no_drag(orbit: Orbit, right: float, up: float) -> None:
    back = orbit.dragged(right, up).dragged(-right, -up)
    assert math.isclose(math.cos(back.azimuth - orbit.azimuth), 1, abs_tol=1e-9)
    assert back.elevation == pytest.approx(orbit.elevation, abs=1e-9)


def test_dragging_over_the_picture_sees_the_back() -> None:
    eye_z = np.linalg.inv(FRONT.dragged(1, 0).camera(WIDTH, HEIGHT).T_camera_world)[2, 3]
    assert eye_z == pytest.approx(-FRONT.distance)


@pytest.mark.parametrize("up", [-5.0, 5.0])
def test_the_view_never_tips_over(up: float) -> None:
    orbit = FRONT.dragged(0, up)
    assert abs(orbit.elevation) == MAX_ELEVATION
    orbit.camera(WIDTH, HEIGHT)


@given(orbits, SMALL, SMALL)
def test_panning_moves_the_point_under_the_mouse_with_it(orbit: Orbit, right: float, up: float) -> None:
    moved = pixel(orbit.panned(right, up).camera(WIDTH, HEIGHT), orbit.target)
    np.testing.assert_allclose(moved, (WIDTH / 2 + right * HEIGHT, HEIGHT / 2 - up * HEIGHT), atol=1e-6)


def test_zooming_comes_nearer_and_stops() -> None:
    assert FRONT.zoomed(1).distance == pytest.approx(2.7)
    assert FRONT.zoomed(-1).zoomed(1).distance == pytest.approx(3)
    assert FRONT.zoomed(1000).distance == MIN_DISTANCE
    assert FRONT.zoomed(-1000).distance == MAX_DISTANCE


@pytest.mark.parametrize("azimuth", [0.0, 1.0, -2.5])
@pytest.mark.parametrize("size", [(512, 512), (1280, 720), (360, 640)])
def test_a_box_is_framed_whole_and_large(size: tuple[int, int], azimuth: float) -> None:
    lower, upper = np.array([-0.5, 0.0, -0.2]), np.array([0.5, 1.8, 0.2])
    camera = Orbit.around(lower, upper, width=size[0], height=size[1], azimuth=azimuth).camera(*size)
    corners = [(x, y, z) for x in (-0.5, 0.5) for y in (0, 1.8) for z in (-0.2, 0.2)]
    seen = np.array([pixel(camera, corner) for corner in corners]) / size
    assert seen.min() >= 0
    assert seen.max() <= 1
    assert (seen.max(0) - seen.min(0)).max() > 0.7
