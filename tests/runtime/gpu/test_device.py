"""What is wrong with a GPU is told in one sentence, and --device auto goes on with the CPU."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dinar.runtime.body import Pose
from dinar.runtime.camera import orbit
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu import device
from dinar.runtime.gpu.device import find_gpu, open_gpu
from dinar.runtime.gpu.errors import GpuError
from dinar.runtime.gpu.rgb import GpuRgbRenderer
from dinar.runtime.renderer import open_renderer

from ..egg_avatar import AVATAR as EGG
from ..egg_avatar import REST
from .software_cuda.handle import SoftwareCuda
from .software_cuda.host_kernels import compile_host

CAMERA = orbit((0, 0, 0), 0.3, 0.1, 4.0, fov_y=0.6, width=64, height=64)
NO_DEVICE, OUT_OF_MEMORY, ILLEGAL_ADDRESS, UNAVAILABLE, UNKNOWN, NO_BINARY = 100, 2, 700, 46, 999, 209


@pytest.fixture(autouse=True)
def kernels_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cached_cubin", compile_host)


@pytest.mark.usefixtures("software_cuda")
def test_a_gpu_is_described() -> None:
    info = find_gpu(0)
    assert info.architecture == "sm_90"
    assert info.capability == (9, 0)
    assert info.name


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda cuda: cuda.configure(present=0), "no NVIDIA GPU|no NVIDIA driver"),
        (lambda cuda: cuda.fail("cuInit", UNKNOWN), "does not start.*CUDA_ERROR_UNKNOWN.*nvidia-smi"),
        (lambda cuda: cuda.fail("cuInit", NO_DEVICE), "no NVIDIA GPU"),
        (lambda cuda: cuda.configure(devices=0), "no NVIDIA GPU"),
        (lambda cuda: cuda.configure(driver_version=12040), r"for CUDA 12\.4.*13\.0 or newer.*update"),
        (lambda cuda: cuda.configure(capability=70), r"7\.0.*7\.5 or newer"),
    ],
)
def test_a_gpu_that_cannot_be_used_is_told_in_one_sentence(
    spoil: Callable[[SoftwareCuda], None], sentence: str, software_cuda: SoftwareCuda
) -> None:
    spoil(software_cuda)
    with pytest.raises(GpuError, match=sentence) as error:
        open_gpu(0)
    assert "--device cpu" in str(error.value)


def test_a_gpu_that_is_not_there_is_named_with_those_that_are(software_cuda: SoftwareCuda) -> None:
    with pytest.raises(GpuError, match="no GPU 3: this computer has only GPU 0; use --device cuda:0"):
        open_renderer(EGG, device="cuda:3")
    software_cuda.configure(devices=2)
    with pytest.raises(GpuError, match="GPUs 0 to 1"):
        open_renderer(EGG, device="cuda:3")


def test_the_second_of_two_gpus_draws_when_it_is_named(software_cuda: SoftwareCuda) -> None:
    software_cuda.configure(devices=2)
    with open_renderer(EGG, device="cuda:1") as second, open_renderer(EGG, device="cuda:0") as first:
        assert np.array_equal(
            second.render(REST, [CAMERA]).numpy().copy(), first.render(REST, [CAMERA]).numpy()
        )


def test_auto_falls_back_to_the_cpu_and_says_why(software_cuda: SoftwareCuda) -> None:
    said: list[str] = []
    software_cuda.configure(devices=0)
    with open_renderer(EGG, device="auto", tell=said.append) as renderer:
        assert renderer.render(REST, [CAMERA]).numpy()[..., 3].any()
    (sentence,) = said
    assert sentence.startswith("rendering on the CPU: there is no NVIDIA GPU")


@pytest.mark.usefixtures("software_cuda")
def test_auto_takes_the_gpu_where_there_is_one() -> None:
    with open_renderer(EGG, device="auto", tell=pytest.fail) as renderer:
        assert isinstance(renderer, GpuRgbRenderer)


def test_cuda_alone_never_falls_back(software_cuda: SoftwareCuda) -> None:
    software_cuda.configure(devices=0)
    with pytest.raises(GpuError):
        open_renderer(EGG, device="cuda")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cuda:1000", "CUDA", ""])
def test_a_name_that_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(DinarError, match="no device"):
        open_renderer(EGG, device=name)


def test_memory_that_runs_out_is_told_and_all_of_it_given_back(software_cuda: SoftwareCuda) -> None:
    for after in range(0, 60, 7):
        software_cuda.reset()
        software_cuda.fail("cuMemAlloc*", OUT_OF_MEMORY, after=after)
        with pytest.raises(GpuError, match=r"memory of the GPU .* is full.*--size.*--device cpu"):
            draw_in_many_sizes()


def draw_in_many_sizes() -> None:
    """Draw pictures that each need memory of their own."""
    with open_renderer(EGG, device="cuda") as renderer:
        for size in range(64, 320, 32):
            camera = orbit((0, 0, 0), 0.3, 0.1, 4.0, fov_y=0.6, width=size, height=size)
            renderer.render(REST, [camera]).wait()


def test_after_memory_ran_out_a_smaller_picture_can_be_drawn(software_cuda: SoftwareCuda) -> None:
    with open_renderer(EGG, device="cuda") as renderer:
        wanted = renderer.render(REST, [CAMERA]).numpy().copy()
        software_cuda.fail("cuMemAlloc*", OUT_OF_MEMORY, after=3)
        large = orbit((0, 0, 0), 0.3, 0.1, 4.0, fov_y=0.6, width=256, height=256)
        with pytest.raises(GpuError, match="full"):
            renderer.render(REST, [large])
        software_cuda.reset()
        assert np.array_equal(renderer.render(REST, [CAMERA]).numpy(), wanted)


@pytest.mark.parametrize(
    ("function", "error", "sentence"),
    [
        ("cuGraphLaunch*", ILLEGAL_ADDRESS, "stopped working.*CUDA_ERROR_ILLEGAL_ADDRESS.*start again"),
        ("cuEventSynchronize*", UNKNOWN, "stopped working.*start again"),
        ("cuEventRecord*", UNAVAILABLE, "held by another program"),
    ],
)
def test_a_gpu_that_is_lost_while_drawing_is_told_and_closes(
    function: str, error: int, sentence: str, software_cuda: SoftwareCuda
) -> None:
    with open_renderer(EGG, device="cuda") as renderer:
        renderer.render(REST, [CAMERA]).wait()
        software_cuda.fail(function, error)
        with pytest.raises(GpuError, match=sentence):
            renderer.render(REST, [CAMERA]).wait()
        software_cuda.reset()


def test_kernels_that_the_driver_does_not_run_are_told(software_cuda: SoftwareCuda) -> None:
    software_cuda.fail("cuLibraryLoadData", NO_BINARY)
    with pytest.raises(GpuError, match="update the NVIDIA driver"):
        open_renderer(EGG, device="cuda")


@pytest.mark.parametrize("function", ["cuStreamBeginCapture*", "cuStreamEndCapture*", "cuGraphInstantiate*"])
def test_frames_that_cannot_be_captured_are_drawn_all_the_same_and_that_is_said_once(
    function: str, software_cuda: SoftwareCuda
) -> None:
    with open_renderer(EGG, device="cuda") as renderer:
        wanted = renderer.render(REST, [CAMERA]).numpy().copy()
    said: list[str] = []
    software_cuda.fail(function, 901)
    with open_renderer(EGG, device="cuda", tell=said.append) as renderer:
        assert isinstance(renderer, GpuRgbRenderer)
        for _ in range(4):
            assert np.array_equal(renderer.render(REST, [CAMERA]).numpy(), wanted)
        assert not renderer.captured
    (sentence,) = said
    assert "cannot capture" in sentence


@pytest.mark.usefixtures("software_cuda")
def test_a_closed_renderer_says_so() -> None:
    renderer = open_renderer(EGG, device="cuda")
    renderer.render(REST, [CAMERA])
    renderer.close()
    renderer.close()
    with pytest.raises(ValueError, match="closed"):
        renderer.render(REST, [CAMERA])


@pytest.mark.usefixtures("software_cuda")
def test_cameras_of_different_sizes_and_none_are_refused() -> None:
    other = orbit((0, 0, 0), 0.3, 0.1, 4.0, fov_y=0.6, width=96, height=64)
    with open_renderer(EGG, device="cuda") as renderer:
        with pytest.raises(ValueError, match="at least one camera"):
            renderer.render(REST, [])
        with pytest.raises(ValueError, match="cameras of 64 x 64"):
            renderer.render(REST, [CAMERA, other])


@pytest.mark.usefixtures("software_cuda")
def test_a_pose_that_does_not_fit_is_refused_and_the_next_one_drawn() -> None:
    with open_renderer(EGG, device="cuda") as renderer:
        wanted = renderer.render(REST, [CAMERA]).numpy().copy()
        with pytest.raises(ValueError, match="expression"):
            renderer.render(Pose(np.zeros((55, 3)), np.zeros(3), np.zeros(99)), [CAMERA])
        assert np.array_equal(renderer.render(REST, [CAMERA]).numpy(), wanted)
