"""The builder with a real TensorRT: the one for RTX, which builds without a GPU; see `make test-tensorrt`."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from dinar.export.to_onnx import to_onnx
from dinar.export.to_openvino import quantize
from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.engines import EngineCache, list_engines
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.half_onnx import fix_size, to_half
from dinar.runtime.gpu.networks.tensorrt_build import Product, build_engine, define_network
from dinar.runtime.gpu.networks.tensorrt_engines import NetworkEngines
from dinar.runtime.gpu.networks.tensorrt_module import messages_of
from dinar.runtime.gpu.networks.tensorrt_rtx import (
    import_tensorrt_rtx,
    portable_product,
    rtx_products,
    supported_architectures,
)
from dinar.trainer.models.renderer import LIVE, PAPER, NeuralRenderer, RendererConfig

from .tensorrt_stubs import make_stubs, type_errors

pytestmark = pytest.mark.tensorrt

SMALL_PAPER = replace(PAPER, name="paper-small", widths=(8, 12, 16, 24))
CONFIGS = {config.name: config for config in (LIVE, SMALL_PAPER)}


@cache
def exported(config: RendererConfig) -> bytes:
    torch.manual_seed(0)
    return to_onnx(NeuralRenderer(config).eval())


@pytest.fixture(scope="module", params=list(CONFIGS))
def float32(request: pytest.FixtureRequest) -> bytes:
    return exported(CONFIGS[request.param])


@pytest.fixture(scope="module")
def live() -> bytes:
    return exported(LIVE)


@pytest.fixture(scope="module")
def product() -> Product:
    return rtx_products(import_tensorrt_rtx(), "sm_89", "NVIDIA GeForce RTX 4090")[0]


def build(product: Product, network: bytes) -> bytes:
    return build_engine(product, network, progress=lambda _: None).engine


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("size", [(256, 192), (512, 512)], ids=["crop", "whole"])
def test_it_builds_half_precision_for_crops(
    product: Product, float32: bytes, views: int, size: tuple[int, int]
) -> None:
    assert len(build(product, fix_size(to_half(float32), views, *size))) > 100_000


@pytest.mark.parametrize("views", [1, 2])
def test_it_builds_int8(product: Product, float32: bytes, views: int) -> None:
    rasters = [np.random.default_rng(i).integers(0, 256, (64, 64, 22)).astype(np.uint8) for i in range(2)]
    half = to_half(quantize(float32, rasters))
    assert half.precision == "int8"
    assert len(build(product, fix_size(half, views, 256, 192))) > 100_000


def test_it_builds_the_paper_renderer(product: Product) -> None:
    engine = build(product, fix_size(to_half(exported(PAPER)), 1, 512, 512))
    assert 30e6 < len(engine) < 80e6  # 19.8 M weights of 2 bytes


def test_it_builds_for_every_gpu_that_it_knows(live: bytes) -> None:
    module = import_tensorrt_rtx()
    network = fix_size(to_half(live), 1, 128, 128)
    architectures = supported_architectures(module)
    assert {"sm_75", "sm_86", "sm_89", "sm_120"} <= set(architectures)
    for architecture in architectures:
        build(rtx_products(module, architecture, "a GPU")[0], network)
    build(portable_product(module), network)


def test_a_gpu_that_it_does_not_know_is_one_sentence() -> None:
    with pytest.raises(
        DinarError, match=r"does not know the GPU NVIDIA H200 \(sm_90\), but sm_75, .*--engine"
    ):
        rtx_products(import_tensorrt_rtx(), "sm_90", "NVIDIA H200")


def test_pixels_go_in_and_out_as_the_kernels_lay_them(product: Product, float32: bytes) -> None:
    """Without a GPU, no engine can be asked; the network can, before it is built."""
    module: Any = product.module
    half = to_half(float32)
    builder = module.Builder(messages_of(module).logger)
    definition = define_network(product, builder, fix_size(half, 2, 256, 192))
    network: Any = definition.network
    raster, logits = network.get_input(0), network.get_output(0)
    assert (network.num_inputs, network.num_outputs) == (1, 1)
    assert (raster.name, logits.name) == ("raster", "logits")
    assert raster.shape == (2, 24, 256, 192)
    assert logits.shape == (2, half.channels, 256 // half.block, 192 // half.block)
    for tensor in (raster, logits):
        assert tensor.dtype == module.DataType.HALF
        assert tensor.allowed_formats == 1 << int(module.TensorFormat.HWC8)
    assert network.get_flag(module.NetworkDefinitionCreationFlag.STRONGLY_TYPED)


def test_int8_convolutions_read_int8(product: Product, live: bytes) -> None:
    """In a strongly typed network the parser's types decide: none is int8 unless it is quantized there."""
    module: Any = product.module
    rasters = [np.random.default_rng(0).integers(0, 256, (64, 64, 22)).astype(np.uint8)]
    half = to_half(quantize(live, rasters))
    builder = module.Builder(messages_of(module).logger)
    definition = define_network(product, builder, fix_size(half, 1, 128, 128))
    network: Any = definition.network
    layers = [network.get_layer(i) for i in range(network.num_layers)]
    quantized = [layer for layer in layers if layer.type == module.LayerType.QUANTIZE]
    convolutions = [layer for layer in layers if layer.type == module.LayerType.CONVOLUTION]
    assert len(convolutions) == 15  # 14 in a row, and the direct way
    assert len(quantized) >= len(convolutions)
    assert {layer.get_output(0).dtype for layer in quantized} == {module.DataType.INT8}


def test_the_builder_says_how_far_it_is(product: Product, live: bytes) -> None:
    parts: list[float] = []
    build_engine(product, fix_size(to_half(live), 1, 128, 128), progress=parts.append)
    assert parts == sorted(set(parts))
    assert 0 < parts[0] < 0.1
    assert 0.5 < parts[-1] <= 1


def test_what_the_listener_raises_ends_the_build(product: Product, live: bytes) -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_engine(product, fix_size(to_half(live), 1, 128, 128), progress=stop)


def test_a_network_of_something_else_is_one_sentence(product: Product, live: bytes) -> None:
    model = onnx.load_from_string(fix_size(to_half(live), 1, 128, 128))
    model.graph.node[1].op_type = "Frobnicate"
    for network in (b"", b"no network", model.SerializeToString()):
        with pytest.raises(DinarError, match=r"^TensorRT for RTX cannot read .*: export it again$") as raised:
            build(product, network)
        assert "\n" not in str(raised.value)


def test_timings_are_given_to_the_next_build(product: Product, live: bytes) -> None:
    timed = replace(product, times_kernels=True)
    network = fix_size(to_half(live), 1, 128, 128)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # TensorRT for RTX keeps the calls, and times nothing
        first = build_engine(timed, network, progress=lambda _: None)
        again = build_engine(timed, network, timings=first.timings, progress=lambda _: None)
        assert first.timings
        assert again.timings == first.timings
        assert build_engine(timed, network, timings=b"damaged", progress=lambda _: None).engine


def test_an_engine_is_kept_and_says_what_it_is_for(product: Product, live: bytes, tmp_path: Path) -> None:
    told: list[str] = []
    folder = tmp_path / "engines"

    def engines(*products: Product) -> NetworkEngines:
        return NetworkEngines(
            products, RendererNetwork("live", "fp32", live), EngineCache(folder), told.append
        )

    size = (1, 128, 96)
    built = engines(product).take(size)
    assert engines(product).take(size) == built
    assert told == [
        "building a TensorRT for RTX engine of live in fp16 for sm_89, 1 x 128 x 96 (first run only)"
    ]
    ((words, _),) = list_engines(folder)
    version = product.module.__version__
    assert words.startswith(
        f"tensorrt-rtx {version} for sm_89: views 1, height 128, width 96, precision fp16, onnx "
    )
    portable = portable_product(import_tensorrt_rtx())
    assert engines(portable, product).take(size) == built  # what is there for this GPU serves as well
    assert engines(portable).take(size) != built


NETWORKS = "dinar.runtime.gpu.networks"
SHARED = [f"{NETWORKS}.tensorrt{name}" for name in ("", "_build", "_engines", "_module", "_run")]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy found out about all that is the same for both products."""
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize(
    ("bindings", "native", "modules"),
    [
        ("tensorrt_bindings", "tensorrt", SHARED),
        ("tensorrt_rtx_bindings", "tensorrt_rtx", [*SHARED, f"{NETWORKS}.tensorrt_rtx"]),
    ],
)
def test_only_what_the_bindings_have_is_used(
    bindings: str, native: str, modules: list[str], tmp_path: Path, checked: Path
) -> None:
    """One more module shows that the check sees something: it uses what TensorRT 11 took away."""
    stubs = make_stubs(tmp_path, bindings, native)
    (stubs / "old_tensorrt.py").write_text(
        "import tensorrt as trt\n"
        "def build(config: trt.IBuilderConfig) -> None:\n"
        "    config.set_flag(trt.BuilderFlag.FP16)\n"
        "    config.int8_calibrator = None\n"
    )
    errors = type_errors(stubs, checked, *modules, "old_tensorrt")
    assert [line.rpartition("error: ")[2].partition("  ")[0] for line in errors] == [
        '"type[BuilderFlag]" has no attribute "FP16"',
        '"IBuilderConfig" has no attribute "int8_calibrator"',
    ]
