"""What every renderer keeps to, shown with the CPU's `rgb` renderer and a small avatar made here."""

from dataclasses import replace

import numpy as np
import pytest

from dinar.runtime.avatar import RendererNetwork, Texture
from dinar.runtime.camera import framing, look_at, scaled, stereo_pair
from dinar.runtime.cpu.rasterize import rasterize
from dinar.runtime.cpu.rgb import CpuRgbRenderer
from dinar.runtime.cpu.sample import sample
from dinar.runtime.errors import DinarError
from dinar.runtime.renderer import modes_of, open_renderer

from .egg_avatar import AVATAR, BODY, RADII, REST, checker, make_shell, turned

ALL_FACES = np.ones(len(BODY.faces), bool)
CAMERA = framing(-RADII, RADII, width=96, height=128, azimuth=0.4, elevation=0.1)


def drawn(avatar=AVATAR, pose=REST, cameras=(CAMERA,), **options):
    """A copy of the pictures that a fresh renderer draws."""
    with CpuRgbRenderer(avatar, **options) as renderer:
        return renderer.render(pose, cameras).numpy().copy()


def supersampled(avatar, camera, side=8):
    """RGB [H, W, 3] (mean of the covered samples) and alpha [H, W] in 0 to 255, from side x side samples."""
    body = avatar.body
    fine = scaled(camera, side)
    raster = rasterize(body.v_template.astype(np.float32), body.faces, body.uv, body.uv_faces, [fine])
    colour = np.zeros((*raster.coverage.shape, 3), np.float32)
    sample(avatar.texture.rgb, raster.uv, raster.coverage, colour)
    cells = (camera.height, side, camera.width, side)
    count = raster.coverage[0].reshape(cells).sum(axis=(1, 3))
    total = colour[0].reshape(*cells, 3).sum(axis=(1, 3))
    return total / np.maximum(count, 1)[..., None], 255 * count / side**2


def test_open_renderer_draws_and_reports_its_stages():
    with open_renderer(AVATAR) as renderer:
        frame = renderer.render(REST, [CAMERA])
    assert frame.rgba.shape == (1, 128, 96, 4)
    assert frame.rgba.dtype == np.uint8
    assert [stage.name for stage in frame.stages] == ["skin", "raster", "shade"]
    assert all(stage.ms > 0 for stage in frame.stages)


@pytest.mark.parametrize("option", [{"device": "abacus"}, {"mode": "oil"}])
def test_a_device_or_mode_that_is_not_there_is_refused_with_a_sentence(option):
    with pytest.raises(DinarError, match=next(iter(option.values()))):
        open_renderer(AVATAR, **option)


@pytest.mark.parametrize(
    ("mode", "stages"), [("uv", ["skin", "raster", "shade"]), ("normals", ["skin", "raster", "shade"])]
)
def test_other_modes_are_opened_by_name(mode, stages):
    with open_renderer(AVATAR, mode=mode) as renderer:
        frame = renderer.render(REST, [CAMERA])
    assert frame.rgba.shape == (1, 128, 96, 4)
    assert [stage.name for stage in frame.stages] == stages
    assert (frame.rgba != drawn()).any()


def test_neural_mode_without_a_network_is_refused_with_a_sentence():
    with pytest.raises(DinarError, match=r"'egg' has no renderer network.*--mode rgb"):
        open_renderer(AVATAR, mode="neural")


def test_a_closed_renderer_says_so():
    renderer = open_renderer(AVATAR)
    renderer.close()
    renderer.close()
    with pytest.raises(ValueError, match="closed"):
        renderer.render(REST, [CAMERA])


@pytest.mark.parametrize(
    "cameras", [[], [CAMERA, scaled(CAMERA, 2)]], ids=["no camera", "cameras of two sizes"]
)
def test_cameras_that_do_not_fit_are_refused_with_a_sentence(cameras):
    with open_renderer(AVATAR) as renderer, pytest.raises(ValueError, match="expects"):
        renderer.render(REST, cameras)


def test_two_cameras_give_what_each_gives_alone():
    pair = stereo_pair(CAMERA, 0.3)
    both = drawn(cameras=pair)
    assert both.shape[0] == 2
    np.testing.assert_array_equal(both[0], drawn(cameras=pair[:1])[0])
    np.testing.assert_array_equal(both[1], drawn(cameras=pair[1:])[0])
    assert (both[0] != both[1]).any()


@pytest.mark.parametrize("antialias", [True, False])
def test_frames_do_not_depend_on_the_frames_before(antialias):
    away = look_at((0, 0, -3), (0, 0, -9), (0, 1, 0), 0.8, 96, 128)
    small, large = scaled(CAMERA, 0.5), CAMERA
    steps = [
        (REST, [large]),
        (turned(2, (0.4, 0.3, 0)), [large]),
        (REST, [away]),
        (REST, [large, away]),
        (turned(1), [small]),
        (turned(3), [large]),
    ]
    with CpuRgbRenderer(AVATAR, antialias=antialias) as renderer:
        for pose, cameras in steps:
            again = renderer.render(pose, cameras).numpy()
            np.testing.assert_array_equal(again, drawn(AVATAR, pose, cameras, antialias=antialias))


def test_the_person_behind_the_camera_gives_an_empty_frame():
    assert not drawn(cameras=[look_at((0, 0, 3), (0, 0, 9), (0, 1, 0), 0.8, 64, 48)]).any()


def test_a_pose_that_is_not_finite_gives_an_empty_frame():
    assert not drawn(pose=turned(np.nan)).any()


def test_a_camera_inside_the_body_gives_an_empty_frame():
    assert not drawn(cameras=[look_at((0, 0, 0), (0, 0, 1), (0, 1, 0), 0.8, 64, 48)]).any()


def test_a_camera_that_cuts_through_the_skin_draws_what_is_before_it():
    frame = drawn(cameras=[look_at((0, 0, 0.305), (0.3, 0, 0.305), (0, 1, 0), 1.2, 64, 48)])[0]
    assert frame[..., 3].any()
    assert not frame[..., 3].all()


@pytest.mark.parametrize(
    ("shift", "border", "opposite"),
    [
        ((-0.85, 0, 0), np.s_[:, 0], np.s_[:, -1]),
        ((0.85, 0, 0), np.s_[:, -1], np.s_[:, 0]),
        ((0, 0.6, 0), np.s_[0], np.s_[-1]),
        ((0, -0.6, 0), np.s_[-1], np.s_[0]),
    ],
)
def test_a_person_partly_outside_reaches_the_border(shift, border, opposite):
    camera = framing(-RADII, RADII, width=97, height=131)
    alpha = drawn(pose=turned(0, shift), cameras=[camera])[0, ..., 3]
    assert (alpha[border] == 255).any()
    assert not alpha[opposite].any()


def test_alpha_is_coverage_and_the_picture_of_an_ellipsoid():
    camera = framing(-RADII, RADII, width=128, height=128)
    alpha = drawn(cameras=[camera])[0, ..., 3]
    assert set(np.unique(alpha)) == {0, 64, 128, 191, 255}
    assert set(np.unique(drawn(cameras=[camera], antialias=False)[..., 3])) == {0, 255}
    rows, columns = np.nonzero(alpha)
    assert rows.max() - rows.min() + 1 == pytest.approx(0.9 * 128 * 0.95, rel=0.06)
    assert abs(rows.min() + rows.max() - 127) <= 1
    assert abs(columns.min() + columns.max() - 127) <= 1


@pytest.mark.parametrize("size", [(96, 128), (33, 47), (1, 1), (1, 9), (512, 16)])
def test_pictures_of_any_size(size):
    camera = framing(-RADII, RADII, width=size[0], height=size[1])
    frame = drawn(cameras=[camera])
    assert frame.shape == (1, size[1], size[0], 4)
    assert frame[..., 3].any() == (size != (1, 1))  # its four samples lie around so slim a body


@pytest.mark.parametrize("size", [64, 128, 256])
def test_the_antialiased_picture_is_close_to_one_of_64_samples(size):
    camera = framing(-RADII, RADII, width=size, height=size, azimuth=0.4)
    frame = drawn(cameras=[camera])[0].astype(float)
    hard = drawn(cameras=[camera], antialias=False)[0].astype(float)
    rgb, alpha = supersampled(AVATAR, camera)

    def error(picture):
        both = (picture[..., 3] > 0) & (alpha > 0)
        colour_error = np.abs(picture[..., :3] - rgb).max(axis=-1)[both]
        return np.abs(picture[..., 3] - alpha), colour_error

    alpha_error, colour_error = error(frame)
    hard_alpha_error, _ = error(hard)
    assert alpha_error.max() <= 100  # one sample of four is 64
    edge = (alpha > 0) & (alpha < 255)
    assert alpha_error[edge].mean() < 25
    assert alpha_error[edge].mean() < 0.5 * hard_alpha_error[edge].mean()
    assert colour_error.mean() < 8
    assert np.quantile(colour_error, 0.99) < 90  # checker edges


def test_a_coarse_picture_shows_the_mean_of_a_fine_texture_not_some_of_its_texels():
    noise = 255 * np.random.default_rng(0).integers(0, 2, (1024, 1024, 1)).astype(np.uint8)
    noise = noise.repeat(3, axis=2)
    avatar = replace(AVATAR, texture=Texture(noise))
    camera = framing(-RADII, RADII, width=64, height=64)
    for antialias in (True, False):
        frame = drawn(avatar, cameras=[camera], antialias=antialias)[0]
        inside = frame[frame[..., 3] == 255][:, :3].astype(float)
        assert inside.mean() == pytest.approx(127.5, abs=4)
        assert inside.std() < 40  # single texels would give 127


def test_a_magnified_texture_shows_its_colours():
    seven = replace(AVATAR, texture=Texture(checker(126, squares=7)))  # a square in the middle of the front
    camera = look_at((0, 0, 1.0), (0, 0, 0), (0, 1, 0), 0.1, 48, 48)
    frame = drawn(seven, cameras=[camera])[0].astype(int)
    assert (frame[..., 3] == 255).all()
    assert np.abs(frame[..., :3] - (230, 60, 30)).max() <= 1


def test_edge_colours_are_not_mixed_with_the_background():
    red = replace(AVATAR, texture=Texture(np.full((32, 32, 3), (200, 30, 40), np.uint8)))
    frame = drawn(red)[0]
    covered = frame[..., 3] > 0
    assert np.abs(frame[covered][:, :3].astype(int) - (200, 30, 40)).max() <= 1
    assert not frame[~covered].any()


def test_gutter_colours_do_not_show():
    texture = np.full((64, 64, 3), (255, 0, 255), np.uint8)
    texture[1:63, 1:63] = (90, 160, 90)
    frame = drawn(replace(AVATAR, texture=Texture(texture)), cameras=[scaled(CAMERA, 0.5)])[0]
    covered = frame[..., 3] > 0
    assert np.abs(frame[covered][:, :3].astype(int) - (90, 160, 90)).max() <= 1


def test_the_shell_is_drawn_over_the_body_from_its_own_texture():
    green = np.full((16, 48, 3), (20, 200, 60), np.uint8)
    shell = make_shell(RADII * (1.2, 0.4, 1.2), green, ALL_FACES)
    frame = drawn(replace(AVATAR, shell=shell), cameras=[framing(-RADII, RADII, width=96, height=96)])[0]
    colour = frame[..., :3].astype(int)
    assert np.abs(colour[48, 48] - (20, 200, 60)).max() <= 1
    for row in (15, 80):
        assert min(np.abs(colour[row, 48] - c).max() for c in ((230, 60, 30), (30, 90, 220))) < 120
        assert np.abs(colour[row, 48] - (20, 200, 60)).max() > 60


def test_body_faces_hidden_under_clothes_are_not_drawn():
    upper = BODY.v_template[BODY.faces].mean(axis=1)[:, 1] > 0
    shell = make_shell(RADII * 0.01, checker(8), upper)
    frame = drawn(replace(AVATAR, shell=shell), cameras=[framing(-RADII, RADII, width=96, height=96)])[0]
    alpha = frame[..., 3]
    assert alpha[20:46, 48].all()
    assert not alpha[52:].any()


def test_the_shell_shows_its_inside_and_the_body_does_not():
    blue = np.full((8, 8, 3), (10, 120, 240), np.uint8)
    shell = make_shell(RADII * 2, blue, ALL_FACES)
    inside = look_at((0, 0, 0.45), (0, 0, 2), (0, 1, 0), 0.8, 48, 48)  # between body and shell, looking out
    frame = drawn(replace(AVATAR, shell=shell), cameras=[inside])[0]
    assert (frame[..., 3] == 255).all()
    assert np.abs(frame[..., :3].astype(int) - (10, 120, 240)).max() <= 1


def test_neural_is_a_mode_of_avatars_that_have_a_network():
    assert modes_of(AVATAR) == ("rgb", "uv", "normals")
    with_network = replace(AVATAR, networks=(RendererNetwork("live", "fp32", b"x"),))
    assert modes_of(with_network) == ("rgb", "neural", "uv", "normals")
