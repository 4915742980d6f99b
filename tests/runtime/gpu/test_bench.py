"""`dinar bench --device cuda`: the pipeline from outside, and the stages by the GPU's own clock."""

from __future__ import annotations

import pytest

from dinar.runtime.avatar import default_avatar_path
from dinar.runtime.bench import BenchConfig
from dinar.runtime.errors import UsageError
from dinar.runtime.gpu import device
from dinar.runtime.measure import gpu_stages as on_gpu
from dinar.runtime.measure.machine import this_machine
from dinar.runtime.measure.page import page
from dinar.runtime.measure.records import Report, Settings, Spec
from dinar.runtime.measure.report import detail_lines, gpu_stages
from dinar.runtime.measure.worker import measure

from .software_cuda.host_kernels import compile_host

STAGES = ["upload", "skin", "raster", "shade"]


@pytest.mark.usefixtures("software_cuda")
def test_a_mode_is_measured_from_the_socket_to_the_gpus_memory_and_within(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device, "cached_cubin", compile_host)
    monkeypatch.setattr(on_gpu, "FRAMES", 12)
    monkeypatch.setattr(on_gpu, "WARM_UP", 2)
    monkeypatch.delenv("DISPLAY", raising=False)
    settings = Settings(
        str(default_avatar_path()),
        size=96,
        rate=30,
        warm_up=1,
        window=4,
        seconds=2,
        tolerance=1,
        device="cuda",
    )
    result = measure(Spec("rgb", settings), lambda _: None)
    assert list(result.stages) == ["wait", "decode", "submit", "gpu", "other", "total"]
    gpu = result.details.gpu
    assert gpu is not None
    assert gpu.captured
    assert list(gpu.stages) == STAGES
    assert gpu.frames_per_second > 1
    assert list(gpu_stages(gpu)) == [*STAGES, "total"]
    assert any("one CUDA graph a frame" in line for line in detail_lines(result.details))
    report = Report(
        machine=this_machine(),
        versions={},
        settings=settings,
        results={"rgb": result.stages},
        details={"rgb": result.details},
        startup=None,
        peers=(),
        steadiness={},
        steadiness_stream=None,
        warnings=(),
    )
    assert f"On {gpu.name}, GPU time:" in page(report)


@pytest.mark.parametrize(("name", "sentence"), [("auto", "says nothing"), ("gpu", "no device")])
def test_a_device_that_cannot_be_measured_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        BenchConfig(device=name)
