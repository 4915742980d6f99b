"""The neural renderer against the plain way, the whole picture through the network; networks made here."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dinar.runtime.avatar import Avatar, RendererNetwork, Texture
from dinar.runtime.body import forward
from dinar.runtime.camera import framing, look_at, stereo_pair
from dinar.runtime.cpu import neural
from dinar.runtime.cpu.channels import sample_channels
from dinar.runtime.cpu.network import CpuNetwork, NetworkError
from dinar.runtime.cpu.neural import CpuNeuralRenderer
from dinar.runtime.cpu.rasterize import Rasterizer, rasterize
from dinar.runtime.cpu.sample import sample
from dinar.runtime.errors import DinarError
from dinar.runtime.network_input import CHANNELS, RASTER_CHANNELS
from dinar.runtime.prepare.crop_networks import MAX_OPEN_NETWORKS
from dinar.runtime.prepare.faces import gather_corner_uv
from dinar.runtime.prepare.fastest import fastest_network
from dinar.runtime.prepare.neural_texture import make_neural_texture, pack_corners
from dinar.runtime.renderer import open_renderer

from ..egg_avatar import AVATAR as BARE
from ..egg_avatar import BODY, RADII, REST, make_shell, turned


def conv_onnx(weights):
    """A network of one convolution, float32 [4, 22, k, k], limited to [0, 1]."""
    padding = weights.shape[-1] // 2
    nodes = [
        helper.make_node("Conv", ["raster", "weights"], ["sum"], pads=[padding] * 4),
        helper.make_node("Clip", ["sum", "zero", "one"], ["rgba"]),
    ]
    values = {"weights": weights.astype(np.float32), "zero": np.float32(0), "one": np.float32(1)}
    graph = helper.make_graph(
        nodes,
        "renderer",
        [helper.make_tensor_value_info("raster", TensorProto.FLOAT, (1, CHANNELS, "h", "w"))],
        [helper.make_tensor_value_info("rgba", TensorProto.FLOAT, (1, 4, "h", "w"))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def copying_weights():
    """Shows red, green and blue, and coverage as the mask."""
    weights = np.zeros((4, CHANNELS, 1, 1))
    for output, name in enumerate(("red", "green", "blue", "coverage")):
        weights[output, RASTER_CHANNELS.index(name)] = 1
    return weights


def dressing_weights(reach=4):
    """Mixes all channels with those of the pixels around; the mask goes beyond the body, as clothes do."""
    weights = np.random.default_rng(5).uniform(-0.003, 0.01, (4, CHANNELS, 2 * reach + 1, 2 * reach + 1))
    weights[3] = 0
    weights[3, RASTER_CHANNELS.index("coverage")] = 0.3
    return weights


def make_avatar(weights, texture_size=(64, 48)):
    rng = np.random.default_rng(3)
    texture = Texture(
        rgb=rng.integers(0, 256, (*texture_size, 3), dtype=np.uint8),
        gen=rng.uniform(-1, 1, (*texture_size, 16)).astype(np.float16),
        smp=rng.integers(0, 2, texture_size, dtype=np.uint8),
        fill=np.ones(texture_size, np.uint8),
    )
    return replace(BARE, texture=texture, networks=(RendererNetwork("live", "fp32", conv_onnx(weights)),))


COPYING, DRESSING = make_avatar(copying_weights()), make_avatar(dressing_weights())
CAMERA = framing(-RADII, RADII, width=200, height=150, azimuth=0.4, elevation=0.1)


@pytest.fixture(autouse=True)
def no_network_is_kept_on_the_disk(monkeypatch):
    monkeypatch.setenv("DINAR_CACHE", "")


def drawn(avatar=DRESSING, pose=REST, cameras=(CAMERA,)):
    """A copy of the pictures that a fresh renderer draws."""
    with CpuNeuralRenderer(avatar) as renderer:
        return renderer.render(pose, cameras).numpy().copy()


def whole_picture(avatar, pose, camera):
    """The plain way, uint8 [H, W, 4]: no crop, the whole picture (padded to 32) through the network."""
    vertices = forward(BODY, avatar.betas, pose).vertices.astype(np.float32)
    rasterizer = Rasterizer(BODY.faces, len(vertices), camera.width, camera.height)
    seen = rasterizer.draw(vertices, [camera])
    height, width = -(-camera.height // 32) * 32, -(-camera.width // 32) * 32
    with CpuNetwork(avatar.networks[0].onnx, height, width) as network:
        sample_channels(
            make_neural_texture(avatar.texture),
            pack_corners(BODY.faces, gather_corner_uv(BODY.uv, BODY.uv_faces, len(BODY.faces))),
            seen.homogeneous[0],
            seen.triangle[0],
            0,
            0,
            1,
            np.zeros((height, 2), np.int32),
            network.inputs.reshape(height, -1),
        )
        picture = network.run()[0, : camera.height, : camera.width].copy()
    picture[picture[..., 3] == 0] = 0
    return picture


def assert_close(found, expected, share=0.003):
    """Equal but for rounding: vertices that differ by 1e-7 move the odd pixel of an outline or a seam."""
    different = np.abs(found.astype(int) - expected).max(axis=-1) > 2
    assert different.mean() <= share


# --- What is drawn ------------------------------------------------------------------------------------------


def test_a_network_that_copies_shows_the_bare_bodys_texture_and_its_silhouette():
    raster = rasterize(BODY.v_template.astype(np.float32), BODY.faces, BODY.uv, BODY.uv_faces, [CAMERA])
    expected = np.zeros((1, 150, 200, 3), np.float32)
    sample(COPYING.texture.rgb, raster.uv, raster.coverage, expected)
    frame = drawn(COPYING)
    covered = raster.coverage > 0
    assert covered.mean() > 0.15
    np.testing.assert_array_equal(frame[..., 3], 255 * raster.coverage)
    assert np.abs(frame[covered][:, :3] - expected[covered]).max() <= 1.01
    assert not frame[~covered].any()


def test_the_shell_takes_no_part():
    shell = make_shell(RADII * 1.3, np.zeros((8, 8, 3), np.uint8), np.zeros(len(BODY.faces), bool))
    np.testing.assert_array_equal(drawn(replace(COPYING, shell=shell)), drawn(COPYING))


def test_open_renderer_draws_and_reports_its_stages():
    with open_renderer(COPYING, mode="neural") as renderer:
        frame = renderer.render(REST, [CAMERA])
    assert frame.rgba.shape == (1, 150, 200, 4)
    assert frame.rgba.dtype == np.uint8
    assert [stage.name for stage in frame.stages] == ["skin", "raster", "sample", "network", "paste"]
    assert all(stage.ms > 0 for stage in frame.stages)


def test_drawing_twice_gives_the_same_bytes():
    np.testing.assert_array_equal(drawn(), drawn())


# --- The rectangle ------------------------------------------------------------------------------------------


def test_the_rectangle_makes_no_difference():
    small = look_at((0, 0, 9), (-1, 0.6, 0), (0, 1, 0), 0.6, 333, 277)  # a person off the middle
    found = drawn(cameras=[small])[0]
    assert_close(found, whole_picture(DRESSING, REST, small))
    with CpuNeuralRenderer(DRESSING) as renderer:
        renderer.render(REST, [small])
        (crop,) = renderer.crops
    assert crop.width * crop.height < 0.5 * small.width * small.height
    beyond = (found[..., 3] > 0).sum() / (drawn(COPYING, cameras=[small])[0, ..., 3] > 0).sum()
    assert beyond > 1.3


@pytest.mark.parametrize("shift", [(-0.85, 0, 0), (0.85, 0, 0), (0, 0.6, 0), (0, -0.6, 0), (0.8, 0.7, 0)])
def test_a_person_partly_outside_is_cut_off_at_the_border_not_squeezed(shift):
    camera = framing(-RADII, RADII, width=97, height=131)
    pose = turned(0.3, shift)
    found = drawn(pose=pose, cameras=[camera])[0]
    assert found[..., 3].any()
    assert_close(found, whole_picture(DRESSING, pose, camera))


@pytest.mark.parametrize("size", [(96, 128), (33, 47), (1, 1), (5, 300)])
def test_pictures_of_any_size(size):
    camera = framing(-RADII, RADII, width=size[0], height=size[1])
    found = drawn(cameras=[camera])
    assert found.shape == (1, size[1], size[0], 4)
    assert_close(found[0], whole_picture(DRESSING, REST, camera), share=0.02)


def test_a_person_outside_gives_a_transparent_frame_and_opens_no_network():
    away = look_at((0, 0, 3), (0, 0, 9), (0, 1, 0), 0.8, 64, 48)
    broken = replace(COPYING, networks=(RendererNetwork("live", "fp32", b"not a network"),))
    with CpuNeuralRenderer(broken) as renderer:
        frame = renderer.render(REST, [away])
        assert renderer.crops == (None,)
    assert not frame.rgba.any()
    assert [stage.ms for stage in frame.stages[2:]] == [0, 0, 0]


@pytest.mark.parametrize("pose", [turned(np.nan), turned(0, (0, 0, np.inf))])
def test_a_pose_that_is_not_finite_gives_a_transparent_frame(pose):
    assert not drawn(pose=pose).any()


def test_a_joint_that_is_not_finite_takes_its_part_of_the_body_away_and_no_more():
    weights = np.zeros_like(BODY.weights)
    upper = BODY.v_template[:, 1] > 0
    weights[upper, 54], weights[~upper, 0] = 1, 1
    rotations = np.zeros_like(REST.rotations)
    rotations[54] = np.nan
    avatar = replace(COPYING, body=replace(BODY, weights=weights))
    alpha = drawn(avatar, replace(REST, rotations=rotations))[0, ..., 3]
    assert alpha[80:].any()
    assert not alpha[:60].any()


def test_frames_do_not_depend_on_the_frames_before():
    near, far = CAMERA, look_at((0, 0, 12), (0, 0, 0), (0, 1, 0), 0.6, 200, 150)
    away = look_at((0, 0, -3), (0, 0, -9), (0, 1, 0), 0.8, 200, 150)
    small = framing(-RADII, RADII, width=64, height=64)
    steps = [
        (REST, [near]),
        (turned(2, (0.4, 0.3, 0)), [far]),
        (REST, [away]),
        (REST, [near, far]),
        (turned(1), [small]),
        (REST, [far, away]),
    ]
    with CpuNeuralRenderer(DRESSING) as renderer:
        for pose, cameras in steps:
            again = renderer.render(pose, cameras).numpy()
            fresh = drawn(pose=pose, cameras=cameras)
            assert np.abs(again.astype(int) - fresh).max() <= 1  # rounding: the rectangle may differ


def test_two_cameras_give_what_each_gives_alone():
    pair = stereo_pair(CAMERA, 0.3)
    both = drawn(cameras=pair)
    assert both.shape[0] == 2
    for n, camera in enumerate(pair):
        np.testing.assert_array_equal(both[n], drawn(cameras=[camera])[0])
    assert (both[0] != both[1]).any()


def test_networks_are_closed_when_many_sizes_were_used(monkeypatch):
    opened = []

    class Counted(CpuNetwork):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            opened.append(self)

        def close(self):
            super().close()
            if self in opened:
                opened.remove(self)

    monkeypatch.setattr(neural, "CpuNetwork", Counted)
    sides = [32, 64, 96, 128, 160, 192, 224, 256, 288]
    cameras = [look_at((0, 0, 4), (0, 0, 0), (0, 1, 0), 0.6, 32, side) for side in sides]
    sizes = set()
    with CpuNeuralRenderer(COPYING) as renderer:
        for camera in cameras:
            renderer.render(REST, [camera])
            sizes |= {network.inputs.shape for network in opened}
            assert len(opened) <= MAX_OPEN_NETWORKS
    assert len(sizes) > MAX_OPEN_NETWORKS
    assert opened == []


# --- What is refused ----------------------------------------------------------------------------------------


def test_an_avatar_without_a_network_is_refused_with_a_sentence():
    with pytest.raises(DinarError, match=r"'egg' has no renderer network.*--mode rgb"):
        CpuNeuralRenderer(BARE)


def test_a_texture_without_what_the_network_reads_is_refused_with_a_sentence():
    with pytest.raises(DinarError, match="no gen and no smp and no fill"):
        CpuNeuralRenderer(replace(BARE, networks=COPYING.networks))


def test_a_network_that_cannot_be_read_is_refused_with_a_sentence():
    broken = replace(COPYING, networks=(RendererNetwork("live", "fp32", b"not a network"),))
    with CpuNeuralRenderer(broken) as renderer, pytest.raises(NetworkError, match="cannot be read"):
        renderer.render(REST, [CAMERA])


def test_a_closed_renderer_says_so():
    renderer = CpuNeuralRenderer(COPYING)
    renderer.close()
    renderer.close()
    with pytest.raises(ValueError, match="closed"):
        renderer.render(REST, [CAMERA])


def test_no_cameras_are_refused_with_a_sentence():
    with CpuNeuralRenderer(COPYING) as renderer, pytest.raises(ValueError, match="at least one camera"):
        renderer.render(REST, [])


def test_of_several_networks_the_fastest_is_taken():
    kinds = [("paper", "fp32"), ("live", "fp32"), ("paper", "int8"), ("live", "int8")]
    networks = tuple(RendererNetwork(preset, precision, b"x") for preset, precision in kinds)
    avatar: Avatar = replace(BARE, networks=networks)
    assert fastest_network(avatar, "int8") is networks[3]
    assert fastest_network(replace(avatar, networks=networks[:3]), "int8") is networks[1]
    assert fastest_network(replace(avatar, networks=networks[:1]), "int8") is networks[0]
