"""Texture coordinates and normals as colours, against what is known of an ellipsoid."""

import numpy as np
import pytest

from dinar.runtime.camera import framing, look_at, stereo_pair
from dinar.runtime.cpu.debug import CpuDebugRenderer
from dinar.runtime.cpu.rasterize import rasterize

from ..egg_avatar import AVATAR, BODY, RADII, REST, turned

CAMERA = framing(-RADII, RADII, width=96, height=128, azimuth=0.4, elevation=0.1)
VERTICES = BODY.v_template.astype(np.float32)


def drawn(mode, pose=REST, cameras=(CAMERA,)):
    with CpuDebugRenderer(AVATAR, mode) as renderer:
        return renderer.render(pose, cameras).numpy().copy()


def test_uv_shows_u_as_red_and_v_as_green():
    raster = rasterize(VERTICES, BODY.faces, BODY.uv, BODY.uv_faces, [CAMERA])
    frame = drawn("uv")
    covered = raster.coverage > 0
    np.testing.assert_array_equal(frame[..., 3], 255 * raster.coverage)
    assert np.abs(frame[covered][:, :2] - 255 * raster.uv[covered]).max() <= 0.51
    assert not frame[..., 2].any()


def test_normals_are_those_of_the_surface_in_the_world():
    raster = rasterize(VERTICES, BODY.faces, BODY.uv, BODY.uv_faces, [CAMERA])
    covered = raster.coverage[0] > 0
    corners = VERTICES[BODY.faces[raster.triangle[0][covered]]]  # [P, 3, 3]
    points = (raster.barycentric[0][covered][..., None] * corners).sum(axis=1)
    normals = points / RADII**2  # gradient of x^2 / a^2 + y^2 / b^2 + z^2 / c^2
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    found = drawn("normals")[0][covered][:, :3] / 255 * 2 - 1
    assert np.abs(found - normals).max() < 0.1
    assert np.abs(found - normals).mean() < 0.01


def test_normals_turn_with_the_body():
    front, back = (drawn("normals", turned(angle))[0, 64, 48, :3].astype(int) for angle in (0, np.pi))
    assert front[2] > 200  # towards the camera, whichever side is shown
    assert back[2] > 200
    assert (
        drawn("normals", cameras=[look_at((0, 0, -3), (0, 0, 0), (0, 1, 0), 0.5, 96, 128)])[0, 64, 48, 2] < 5
    )


@pytest.mark.parametrize("mode", ["uv", "normals"])
def test_two_cameras_give_what_each_gives_alone(mode):
    pair = stereo_pair(CAMERA, 0.3)
    both = drawn(mode, cameras=pair)
    for n, camera in enumerate(pair):
        np.testing.assert_array_equal(both[n], drawn(mode, cameras=[camera])[0])


@pytest.mark.parametrize("mode", ["uv", "normals"])
def test_frames_do_not_depend_on_the_frames_before(mode):
    away = look_at((0, 0, -3), (0, 0, -9), (0, 1, 0), 0.8, 96, 128)
    steps = [(REST, CAMERA), (turned(2, (0.4, 0.3, 0)), CAMERA), (REST, away), (turned(1), CAMERA)]
    with CpuDebugRenderer(AVATAR, mode) as renderer:
        for pose, camera in steps:
            again = renderer.render(pose, [camera]).numpy()
            np.testing.assert_array_equal(again, drawn(mode, pose, [camera]))
    assert not drawn(mode, REST, [away]).any()


def test_a_closed_renderer_says_so():
    renderer = CpuDebugRenderer(AVATAR, "uv")
    renderer.close()
    renderer.close()
    with pytest.raises(ValueError, match="closed"):
        renderer.render(REST, [CAMERA])
