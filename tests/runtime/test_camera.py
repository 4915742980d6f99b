"""The camera: what it accepts, where things land in the picture, and round trips to OpenGL and OpenXR."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinar.runtime.camera import (
    Camera,
    OpenXRView,
    framing,
    from_opengl,
    from_openxr,
    look_at,
    orbit,
    scaled,
    stereo_pair,
    to_opengl,
    to_openxr,
)

K = np.array([[500.0, 0, 320], [0, 510, 240], [0, 0, 1]])
finite = st.floats(-5, 5)


@st.composite
def cameras(draw, skew=None):
    q = np.array([draw(finite) for _ in range(4)])
    q = q / np.linalg.norm(q) if np.linalg.norm(q) > 1e-3 else np.array([0, 0, 0, 1.0])
    focal = st.floats(20, 3000)
    width, height = draw(st.integers(1, 2000)), draw(st.integers(1, 2000))
    centre = st.floats(-0.5, 1.5)  # headsets put the principal point off the middle
    view = OpenXRView(q, np.array([draw(finite) for _ in range(3)]), -0.5, 0.4, 0.3, -0.6)
    intrinsics = [
        [draw(focal), 0.0 if skew is None else draw(skew), draw(centre) * width],
        [0, draw(focal), draw(centre) * height],
        [0, 0, 1],
    ]
    return Camera(from_openxr(view, width, height).T_camera_world, np.array(intrinsics), width, height)


def pixels(camera, points):
    """Project world points [P, 3] to pixels [P, 2] and depths [P]."""
    p = np.atleast_2d(points) @ camera.T_camera_world[:3, :3].T + camera.T_camera_world[:3, 3]
    h = p @ camera.K.T
    return h[:, :2] / h[:, 2:], h[:, 2]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"T_camera_world": np.eye(3)}, "4x4"),
        ({"T_camera_world": np.diag([1, 1, -1, 1.0])}, "rigid"),
        ({"T_camera_world": 2 * np.eye(4)}, "rigid"),
        ({"T_camera_world": np.full((4, 4), np.nan)}, "finite"),
        ({"K": np.eye(4)}, "3x3"),
        ({"K": np.diag([0, 1, 1.0])}, "fx"),
        ({"K": np.diag([1, -1, 1.0])}, "fy"),
        ({"K": np.diag([1, 1, 2.0])}, "fx"),
        ({"width": 0}, "width"),
        ({"height": -4}, "height"),
        ({"width": 8193}, "8192"),
        ({"height": 2.5}, "whole"),
        ({"width": math.inf}, "width"),
        ({"width": math.nan}, "width"),
    ],
)
def test_a_wrong_camera_is_refused_with_a_sentence(change, words):
    good = {"T_camera_world": np.eye(4), "K": K, "width": 640, "height": 480}
    with pytest.raises(ValueError, match=words):
        Camera(**{**good, **change})


def test_a_camera_keeps_its_own_read_only_float64_matrices():
    T = np.eye(4, dtype=np.float32)
    camera = Camera(T, K, 640, 480)
    T[0, 3] = 7
    assert camera.T_camera_world.dtype == np.float64
    assert camera.T_camera_world[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        camera.K[0, 0] = 1


def test_look_at_puts_the_target_in_the_middle_and_up_is_up():
    camera = look_at((1, 2, 5), (0, 1, 0), (0, 1, 0), math.radians(40), 640, 480)
    (uv,), (z,) = pixels(camera, (0, 1, 0))
    assert uv == pytest.approx((320, 240))
    assert z == pytest.approx(math.sqrt(27))
    (above,), _ = pixels(camera, (0, 1.1, 0))
    assert above[1] < 240


def test_look_at_field_of_view_reaches_the_upper_and_lower_border():
    camera = look_at((0, 0, 2), (0, 0, 0), (0, 1, 0), math.radians(90), 100, 50)
    uv, _ = pixels(camera, [(0, 2, 0), (0, -2, 0)])
    assert uv[:, 1] == pytest.approx([0, 50], abs=1e-9)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: look_at((0, 0, 0), (0, 0, 0), (0, 1, 0), 1, 10, 10),
        lambda: look_at((0, 0, 1), (0, 0, 0), (0, 0, 1), 1, 10, 10),
        lambda: look_at((0, 0, 1), (0, 0, 0), (0, 1, 0), math.pi, 10, 10),
        lambda: orbit((0, 0, 0), 0, math.pi / 2, 1, fov_y=1, width=10, height=10),
        lambda: orbit((0, 0, 0), 0, 0, -1, fov_y=1, width=10, height=10),
        lambda: framing((0, 1, 0), (0, 0, 0), width=10, height=10),
        lambda: framing((0, 0, 0), (1, 1, 1), width=10, height=10, fill=1.5),
        lambda: scaled(Camera(np.eye(4), K, 5, 5), 0.5),
        lambda: stereo_pair(Camera(np.eye(4), K, 5, 5), -0.06),
        lambda: to_opengl(Camera(np.eye(4), K, 5, 5), 1, 1),
        lambda: from_opengl(np.eye(4), np.eye(4), 5, 5),
        lambda: to_openxr(Camera(np.eye(4), [[1, 0.5, 0], [0, 1, 0], [0, 0, 1]], 5, 5)),
        lambda: from_openxr(OpenXRView(np.zeros(4), np.zeros(3), -1, 1, 1, -1), 5, 5),
        lambda: from_openxr(OpenXRView(np.ones(4), np.zeros(3), 1, -1, 1, -1), 5, 5),
    ],
)
def test_helpers_refuse_what_has_no_camera(wrong):
    with pytest.raises(ValueError, match="expects"):
        wrong()


def test_orbit_starts_in_front_and_turns_towards_the_left_hand():
    def eye(azimuth, elevation):
        T = orbit((1, 1, 1), azimuth, elevation, 2, fov_y=0.5, width=64, height=64).T_camera_world
        return -T[:3, :3].T @ T[:3, 3]

    assert eye(0, 0) == pytest.approx((1, 1, 3))
    assert eye(math.pi / 2, 0) == pytest.approx((3, 1, 1))
    assert eye(0, math.pi / 6) == pytest.approx((1, 2, 1 + math.sqrt(3)))


@pytest.mark.parametrize("size", [(512, 512), (300, 700), (1280, 256)])
@pytest.mark.parametrize("azimuth", [0.0, 0.7, 3.0])
@pytest.mark.parametrize("elevation", [0.0, 0.6, -1.2])
def test_framing_shows_the_whole_box_and_fills_the_picture(size, azimuth, elevation):
    lower, upper = np.array([-0.9, 0.0, -0.2]), np.array([0.9, 1.8, 0.3])
    camera = framing(lower, upper, width=size[0], height=size[1], azimuth=azimuth, elevation=elevation)
    corners = np.array([[x, y, z] for x in (-0.9, 0.9) for y in (0.0, 1.8) for z in (-0.2, 0.3)])
    uv, z = pixels(camera, corners)
    reach = np.abs(uv / size - 0.5).max() * 2
    assert (z > 0).all()
    assert reach == pytest.approx(0.9, abs=1e-9)


def test_stereo_eyes_are_the_baseline_apart_and_see_disparity():
    camera = look_at((0, 1, 3), (0, 1, 0), (0, 1, 0), 0.8, 400, 400)
    left, right = stereo_pair(camera, 0.064)
    (u_left,), (z,) = pixels(left, (0, 1, 0))
    (u_right,), _ = pixels(right, (0, 1, 0))
    assert u_left[0] - u_right[0] == pytest.approx(camera.K[0, 0] * 0.064 / z)
    assert u_left[1] == u_right[1]
    between = (left.T_camera_world + right.T_camera_world) / 2
    assert between == pytest.approx(camera.T_camera_world)


@given(cameras(), st.integers(1, 4))
def test_scaled_shows_the_same_view_with_more_pixels(camera, factor):
    fine = scaled(camera, factor)
    point = np.linalg.inv(camera.T_camera_world) @ (0.3, -0.2, 2, 1)
    assert pixels(fine, point[:3])[0] == pytest.approx(pixels(camera, point[:3])[0] * factor)
    assert (fine.width, fine.height) == (camera.width * factor, camera.height * factor)


@given(cameras(skew=st.floats(-5, 5)))
def test_opengl_round_trip(camera):
    again = from_opengl(*to_opengl(camera, 0.1, 50), camera.width, camera.height)
    assert again.T_camera_world == pytest.approx(camera.T_camera_world)
    np.testing.assert_allclose(again.K, camera.K, rtol=1e-9, atol=1e-9)


@given(cameras(skew=st.floats(-5, 5)), finite, finite, st.floats(0.2, 40))
def test_opengl_clip_space_lands_on_the_same_pixel(camera, x, y, z):
    world = np.linalg.inv(camera.T_camera_world) @ (x, y, z, 1)
    view, projection = to_opengl(camera, 0.2, 40)
    clip = projection @ view @ world
    ndc = clip[:3] / clip[3]
    (uv,), _ = pixels(camera, world[:3])
    window = (ndc[0] + 1) / 2 * camera.width, (1 - ndc[1]) / 2 * camera.height
    assert window == pytest.approx(uv, rel=1e-6, abs=1e-6)
    assert -1 - 1e-6 <= ndc[2] <= 1 + 1e-6


@given(cameras())
def test_openxr_round_trip(camera):
    view = to_openxr(camera)
    again = from_openxr(view, camera.width, camera.height)
    assert np.linalg.norm(view.orientation) == pytest.approx(1)
    assert again.T_camera_world == pytest.approx(camera.T_camera_world, abs=1e-9)
    np.testing.assert_allclose(again.K, camera.K, rtol=1e-6, atol=1e-6)


def test_openxr_view_of_an_unturned_camera():
    camera = look_at((0, 1.6, 2), (0, 1.6, 0), (0, 1, 0), math.radians(90), 100, 100)
    view = to_openxr(camera)  # OpenXR's rest pose looks along -z
    assert view.orientation == pytest.approx((0, 0, 0, 1), abs=1e-12)
    assert view.position == pytest.approx((0, 1.6, 2))
    quarter = math.pi / 4
    angles = (view.angle_left, view.angle_right, view.angle_up, view.angle_down)
    assert angles == pytest.approx((-quarter, quarter, quarter, -quarter))
