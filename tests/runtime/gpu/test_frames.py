"""Frames drawn on a GPU, the whole way: what the CPU draws, from one captured graph, a new pose each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from dinar.export.to_onnx import to_onnx
from dinar.runtime.avatar import Avatar, RendererNetwork, Texture, default_avatar_path, open_avatar
from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera, look_at, orbit, stereo_pair
from dinar.runtime.cpu.debug import CpuDebugRenderer
from dinar.runtime.cpu.neural import CpuNeuralRenderer
from dinar.runtime.cpu.rgb import CpuRgbRenderer
from dinar.runtime.gpu import device
from dinar.runtime.gpu.device import Gpu, open_gpu
from dinar.runtime.gpu.neural import GpuNeuralRenderer
from dinar.runtime.gpu.rgb import GpuRgbRenderer
from dinar.runtime.motion import load_motion
from dinar.runtime.prepare.crop import PATIENCE
from dinar.runtime.renderer import open_renderer
from dinar.trainer.models.renderer import LIVE, NeuralRenderer

from .onnx_on_host import OnnxOnHostOpener
from .software_cuda.handle import SoftwareCuda
from .software_cuda.host_kernels import compile_host

SIZE = 128
FRAME = ["skin_vertices", "project_vertices", "fill_triangles", "fill_large"]


def say_nothing(_: str) -> None:
    """Take a sentence."""


@pytest.fixture(autouse=True)
def kernels_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cached_cubin", compile_host)


@pytest.fixture(scope="session")
def avatar() -> Avatar:
    return open_avatar(default_avatar_path())


@pytest.fixture(scope="session")
def neural_avatar(avatar: Avatar) -> Avatar:
    """The default avatar with a texture of noise and an untrained network that mixes all of it."""
    torch.manual_seed(4)
    config = replace(LIVE, name="live", widths=(16, 16), middle_blocks=1)
    network = NeuralRenderer(config).eval()
    with torch.no_grad():
        network.head.bias.zero_()
        network.head.weight.mul_(3)
    rng = np.random.default_rng(1)
    texture = Texture(
        rgb=avatar.texture.rgb,
        gen=rng.uniform(-1, 1, (64, 64, 16)).astype(np.float16),
        smp=rng.integers(0, 2, (64, 64), dtype=np.uint8),
        fill=rng.integers(0, 2, (64, 64), dtype=np.uint8),
    )
    return replace(avatar, texture=texture, networks=(RendererNetwork("live", "fp32", to_onnx(network)),))


@pytest.fixture
def poses(avatar: Avatar) -> list[Pose]:
    motion = load_motion("dance", avatar.body, betas=avatar.betas)
    return [motion.sample(at) for at in (0.0, 0.7, 1.9, 3.1)]


@pytest.fixture
def camera() -> Camera:
    return look_from(0.4)


def look_from(azimuth: float, size: int = SIZE, distance: float = 3.2) -> Camera:
    return orbit((0, 0.9, 0), azimuth, 0.1, distance, fov_y=0.7, width=size, height=size)


@pytest.fixture
def gpu(software_cuda: SoftwareCuda) -> Gpu:
    del software_cuda  # it is there
    return open_gpu(0)


@pytest.fixture
def rgb(gpu: Gpu, avatar: Avatar) -> Iterator[GpuRgbRenderer]:
    with GpuRgbRenderer(gpu, avatar, tell=pytest.fail) as renderer:
        yield renderer


@pytest.fixture
def neural(gpu: Gpu, neural_avatar: Avatar) -> Iterator[GpuNeuralRenderer]:
    opener = OnnxOnHostOpener(gpu, neural_avatar.networks[0])
    with GpuNeuralRenderer(gpu, neural_avatar, opener, tell=pytest.fail) as renderer:
        yield renderer


def assert_alike(drawn: np.ndarray, wanted: np.ndarray, *, most: int, share: float = 0.0) -> None:
    """Assert that two pictures differ by at most `most`, but for a share of their pixels."""
    assert drawn.shape == wanted.shape
    assert drawn[..., 3].any(), "nobody is seen"
    different = (np.abs(drawn.astype(int) - wanted) > most).any(axis=-1)
    assert different.mean() <= share, f"{different.sum()} pixels differ by more than {most}"


def psnr(drawn: np.ndarray, wanted: np.ndarray) -> float:
    mean = np.mean((drawn.astype(np.float64) - wanted) ** 2)
    return float("inf") if mean == 0 else 10 * float(np.log10(255**2 / mean))


def test_rgb_is_what_the_cpu_draws_in_every_pose(
    rgb: GpuRgbRenderer, avatar: Avatar, poses: list[Pose], camera: Camera
) -> None:
    with CpuRgbRenderer(avatar) as cpu:
        for pose in poses:
            wanted = cpu.render(pose, [camera]).numpy()
            assert_alike(rgb.render(pose, [camera]).numpy(), wanted, most=1, share=5e-4)


def test_a_frame_is_one_graph_that_is_captured_once_and_replayed(
    rgb: GpuRgbRenderer, poses: list[Pose], camera: Camera, software_cuda: SoftwareCuda
) -> None:
    for pose in poses[:2]:  # one for each of the two slots
        rgb.render(pose, [camera]).wait()
    assert rgb.captured
    graphs = software_cuda.live("graphs"), software_cuda.live("executables")
    software_cuda.reset()
    software_cuda.fail("cuLaunchKernel*", 999)  # from now on no kernel may be launched by itself
    software_cuda.fail("cuStreamBeginCapture*", 999)
    for pose in poses:
        rgb.render(pose, [camera]).wait()
    assert software_cuda.kernels == [*FRAME, "shade"] * len(poses)
    assert (software_cuda.live("graphs"), software_cuda.live("executables")) == graphs


def test_two_frames_are_under_way_at_once_and_each_keeps_its_own_pose(
    rgb: GpuRgbRenderer, poses: list[Pose], camera: Camera, software_cuda: SoftwareCuda
) -> None:
    alone = [rgb.render(pose, [camera]).numpy().copy() for pose in poses]
    software_cuda.configure(deferred=1)
    first, second = rgb.render(poses[0], [camera]), rgb.render(poses[1], [camera])
    software_cuda.finish()
    assert np.array_equal(second.numpy(), alone[1])
    assert np.array_equal(first.numpy(), alone[0])
    assert first.rgba.address != second.rgba.address


def test_a_third_frame_waits_for_the_first_before_its_pose_is_written(
    rgb: GpuRgbRenderer, poses: list[Pose], camera: Camera, software_cuda: SoftwareCuda
) -> None:
    alone = [rgb.render(pose, [camera]).numpy().copy() for pose in poses]
    software_cuda.configure(deferred=1)
    frames = [rgb.render(pose, [camera]) for pose in poses]
    assert np.array_equal(frames[3].numpy(), alone[3])
    assert np.array_equal(frames[2].numpy(), alone[2])


def test_several_cameras_are_drawn_in_one_frame(
    rgb: GpuRgbRenderer, avatar: Avatar, poses: list[Pose], camera: Camera
) -> None:
    eyes = stereo_pair(camera, 0.064)
    with CpuRgbRenderer(avatar) as cpu:
        wanted = cpu.render(poses[1], eyes).numpy().copy()
    drawn = rgb.render(poses[1], eyes)
    assert drawn.rgba.shape == (2, SIZE, SIZE, 4)
    assert_alike(drawn.numpy(), wanted, most=1, share=5e-4)


def test_pictures_of_another_size_or_number_need_no_new_renderer(
    rgb: GpuRgbRenderer, avatar: Avatar, poses: list[Pose]
) -> None:
    with CpuRgbRenderer(avatar) as cpu:
        for cameras in ([look_from(0)], [look_from(0.5, 96)], [look_from(0.5, 96), look_from(2, 96)]):
            wanted = cpu.render(poses[2], cameras).numpy()
            assert_alike(rgb.render(poses[2], cameras).numpy(), wanted, most=1, share=5e-4)


def test_what_is_near_or_around_the_camera_is_clipped_as_on_the_cpu(
    rgb: GpuRgbRenderer, avatar: Avatar, poses: list[Pose]
) -> None:
    with CpuRgbRenderer(avatar) as cpu:
        for eye in ((0.1, 0.2, 0.3), (0.0, 1.3, 0.16), (0.25, 0.9, 0.1)):
            near = [look_at(eye, (0, 1.2, 0), (0, 0, 1), 1.9, 96, 96)]
            wanted = cpu.render(poses[0], near).numpy()
            assert_alike(rgb.render(poses[0], near).numpy(), wanted, most=1, share=2e-3)


@pytest.mark.usefixtures("software_cuda")
@pytest.mark.parametrize("mode", ["uv", "normals"])
def test_uv_and_normals_are_what_the_cpu_draws(
    mode: str, avatar: Avatar, poses: list[Pose], camera: Camera
) -> None:
    with CpuDebugRenderer(avatar, mode) as cpu, open_renderer(avatar, device="cuda", mode=mode) as renderer:
        for pose in poses[:2]:
            wanted = cpu.render(pose, [camera]).numpy()
            assert_alike(renderer.render(pose, [camera]).numpy(), wanted, most=1, share=5e-4)


def test_neural_is_what_the_cpu_draws_network_and_all(
    neural: GpuNeuralRenderer, neural_avatar: Avatar, poses: list[Pose], camera: Camera
) -> None:
    with CpuNeuralRenderer(neural_avatar) as cpu:
        for pose in poses:
            wanted = cpu.render(pose, [camera]).numpy()
            drawn = neural.render(pose, [camera]).numpy()
            crop = neural.crops[0]
            # outside of what is drawn nothing is, and an untrained network draws something everywhere
            inside = np.zeros_like(wanted[0, ..., 0], bool)
            inside[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width] = True
            other = cpu.crops[0]
            assert other is not None
            both = np.zeros_like(inside)
            both[other.top : other.top + other.height, other.left : other.left + other.width] = True
            assert not drawn[0][~inside].any()
            margin = both & inside
            assert psnr(drawn[0][margin], wanted[0][margin]) > 45
    assert neural.captured


def test_the_network_runs_within_the_captured_graph(
    neural: GpuNeuralRenderer, poses: list[Pose], camera: Camera, software_cuda: SoftwareCuda
) -> None:
    for pose in poses[:2]:
        neural.render(pose, [camera]).wait()
    software_cuda.reset()
    software_cuda.fail("cuLaunchKernel*", 999)
    software_cuda.fail("cuLaunchHostFunc*", 999)
    neural.render(poses[0], [camera]).wait()
    done = [line for line in software_cuda.log if line.split()[0] in ("kernel", "host")]
    assert done == [*(f"kernel {name}" for name in (*FRAME, "sample_channels")), "host", "kernel compose"]


def test_a_moving_crop_is_drawn_by_the_same_graph(
    neural: GpuNeuralRenderer, poses: list[Pose], software_cuda: SoftwareCuda
) -> None:
    far = [orbit((x, 0.9, 0), 0, 0.1, 9.0, fov_y=0.7, width=SIZE, height=SIZE) for x in (-2, -2, 0, 2)]
    corners = set()
    for k, camera in enumerate(far):
        frame = neural.render(poses[0], [camera])
        corners.add((neural.crops[0].left, neural.crops[0].top))
        if k == 1:
            software_cuda.fail("cuStreamBeginCapture*", 999)
        drawn = frame.numpy()[0]
        crop = neural.crops[0]
        assert drawn[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width, 3].any()
    assert len(corners) > 1


def test_several_cameras_go_through_the_network_together(
    neural: GpuNeuralRenderer, poses: list[Pose], camera: Camera
) -> None:
    eyes = stereo_pair(camera, 0.064)
    both = neural.render(poses[0], eyes).numpy().copy()
    crops = neural.crops
    assert len({(crop.height, crop.width) for crop in crops}) == 1
    for eye, drawn, crop in zip(eyes, both, crops, strict=True):
        alone = neural.render(poses[0], [eye]).numpy()[0]
        own = neural.crops[0]
        top, left = max(crop.top, own.top), max(crop.left, own.left)
        bottom = min(crop.top + crop.height, own.top + own.height)
        right = min(crop.left + crop.width, own.left + own.width)
        assert psnr(drawn[top:bottom, left:right], alone[top:bottom, left:right]) > 45


def test_nobody_in_the_picture_draws_nobody(rgb: GpuRgbRenderer, poses: list[Pose], camera: Camera) -> None:
    behind = replace(poses[0], translation=np.array([0, 0, 100], np.float32))
    assert not rgb.render(behind, [camera]).numpy().any()


@pytest.mark.usefixtures("software_cuda")
@pytest.mark.parametrize(
    ("mode", "stages"),
    [
        ("rgb", ["submit", "upload", "skin", "raster", "shade"]),
        ("uv", ["submit", "upload", "skin", "raster", "shade"]),
    ],
)
def test_stages_are_timed_within_the_graph_when_asked(
    mode: str,
    stages: list[str],
    avatar: Avatar,
    poses: list[Pose],
    camera: Camera,
) -> None:
    with open_renderer(avatar, device="cuda", mode=mode, trace=True) as renderer:
        for pose in poses:
            frame = renderer.render(pose, [camera])
            assert [stage.name for stage in frame.stages] == stages
            assert all(stage.ms >= 0 for stage in frame.stages)
    with open_renderer(avatar, device="cuda", mode=mode) as renderer:
        frame = renderer.render(poses[0], [camera])
        assert [stage.name for stage in frame.stages] == ["submit", "gpu"]


def test_a_neural_frame_tells_its_stages(
    gpu: Gpu, neural_avatar: Avatar, poses: list[Pose], camera: Camera
) -> None:
    opener = OnnxOnHostOpener(gpu, neural_avatar.networks[0])
    with GpuNeuralRenderer(gpu, neural_avatar, opener, trace=True, tell=say_nothing) as renderer:
        stages = renderer.render(poses[0], [camera]).stages
    names = ["submit", "upload", "skin", "raster", "sample", "network", "compose"]
    assert [stage.name for stage in stages] == names


def test_other_libraries_find_the_pictures_by_the_array_interface(
    rgb: GpuRgbRenderer, poses: list[Pose], camera: Camera
) -> None:
    frame = rgb.render(poses[0], [camera])
    interface = frame.rgba.__cuda_array_interface__
    assert interface["shape"] == (1, SIZE, SIZE, 4)
    assert interface["typestr"] == "|u1"
    assert interface["data"] == (frame.rgba.address, False)
    assert interface["stream"] not in (0, None)


def test_a_network_of_another_size_is_opened_behind_the_pictures(
    gpu: Gpu, neural_avatar: Avatar, poses: list[Pose]
) -> None:
    opener = OnnxOnHostOpener(gpu, neural_avatar.networks[0], background=True)
    with GpuNeuralRenderer(gpu, neural_avatar, opener, live=True, tell=pytest.fail) as renderer:
        near, far = [look_from(0, SIZE, 2.0)], [look_from(0, SIZE, 9.0)]
        renderer.render(poses[0], near).wait()
        larger = renderer.crops[0]
        assert opener.opened[0] == (1, larger.height, larger.width)
        for _ in range(PATIENCE + 300):  # first a smaller rectangle must have been enough for a while
            renderer.render(poses[0], far).wait()
            if renderer.crops[0].width < larger.width:
                break
        assert renderer.crops[0].width < larger.width
        assert (1, SIZE, SIZE) in opener.opened, "that of the whole picture can stand in for every other"
