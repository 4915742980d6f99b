"""Engines go into the user's cache, each built once; without TensorRT or a GPU one sentence says so."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from dinar.export import tensorrt_target
from dinar.export.job import Job, Options
from dinar.export.records import Built
from dinar.runtime.avatar import Avatar, RendererNetwork, default_avatar_path, open_avatar
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.errors import GpuError
from dinar.runtime.gpu.networks import tensorrt_engines
from dinar.runtime.gpu.networks.tensorrt_build import BuiltEngine, Product

CROPS = ((64, 32), (96, 64))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DINAR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "engines"


@pytest.fixture(scope="module")
def avatar(small: Any) -> Avatar:
    network = RendererNetwork("live", "fp32", small.onnx)
    return replace(open_avatar(default_avatar_path()), networks=(network,))


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def job(avatar: Avatar, tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(Job, "tell", lambda _job, sentence: said.append(sentence))
    options = Options(CROPS, 2, None, tmp_path, compatible=False, calibrate=False)
    return Job(avatar, options, Progress(console=Console(quiet=True)))


@pytest.fixture
def rtx(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """TensorRT for RTX that gives back what it is to build: no GPU, and not installed; what it has built."""
    built: list[bytes] = []

    def build_engine(
        _product: Product, network: bytes, *, timings: bytes, progress: Callable[[float], None]
    ) -> BuiltEngine:
        assert timings == b""
        progress(0.5)
        built.append(network)
        return BuiltEngine(b"engine of " + network, b"")

    module: Any = SimpleNamespace(__version__="1.7")
    product = Product("tensorrt-rtx", "TensorRT for RTX", module, "sm_89, sm_120", False, lambda _: None)
    monkeypatch.setattr(tensorrt_engines, "build_engine", build_engine)
    monkeypatch.setattr(tensorrt_target, "import_tensorrt_rtx", lambda: module)
    monkeypatch.setattr(tensorrt_target, "portable_product", lambda _: product)
    monkeypatch.setattr(tensorrt_target, "find_gpu", no_gpu)
    return built


def no_gpu(_index: int) -> None:
    raise GpuError("there is no GPU here")


def built_by(job: Job) -> list[Built]:
    return list(tensorrt_target.build_tensorrt_rtx(job, job.avatar.networks[0]))


def test_each_rectangle_gets_an_engine_in_the_cache(
    job: Job, rtx: list[bytes], said: list[str], cache: Path
) -> None:
    engines = built_by(job)
    assert [one.size for one in engines] == [(2, 64, 32), (2, 96, 64)]
    assert [one.file_bytes for one in engines] == [len(network) + len(b"engine of ") for network in rtx]
    assert {(one.target, one.precision, one.files) for one in engines} == {
        ("tensorrt-rtx", "fp16", (str(cache),))
    }
    assert len(list(cache.glob("*.native"))) == 2
    assert any("for sm_89, sm_120, 2 x 96 x 64" in sentence for sentence in said)


def test_what_is_in_the_cache_is_not_built_again(job: Job, rtx: list[bytes]) -> None:
    first = built_by(job)
    assert built_by(job) == first
    assert len(rtx) == 2


@pytest.mark.usefixtures("rtx")
def test_a_cache_that_cannot_be_written_is_one_sentence(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    for named in ("", str(tmp_path / "file")):
        monkeypatch.setenv("DINAR_CACHE", named)
        with pytest.raises(DinarError, match="set DINAR_CACHE to a"):
            built_by(job)


def test_tensorrt_is_asked_for_before_the_gpu(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise DinarError("TensorRT is not installed")

    monkeypatch.setattr(tensorrt_target, "find_gpu", no_gpu)
    monkeypatch.setattr(tensorrt_target, "import_tensorrt", missing)
    with pytest.raises(DinarError, match="not installed"):
        list(tensorrt_target.build_tensorrt(job, job.avatar.networks[0]))
    monkeypatch.setattr(tensorrt_target, "import_tensorrt", lambda: SimpleNamespace(__version__="11.0"))
    with pytest.raises(GpuError, match="no GPU"):
        list(tensorrt_target.build_tensorrt(job, job.avatar.networks[0]))
