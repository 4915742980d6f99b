"""The neural renderer on the CPU: an ONNX network in OpenVINO, for pictures of one fixed size.

The contract with whoever draws. Pixels travel as bytes, channels last, as the texture sampler writes them and
as OpenVINO's convolutions read them: int8 networks at 512 x 512 take 0.74 (3.2 GFLOP) to 0.84 (6.1 GFLOP) of
the time that they take with float32, channels first, and the pixels a quarter of the memory.

    with CpuNetwork(onnx, height, width) as network:
        network.inputs[...] = ...    # uint8 [1, H, W, 22], see `network_input`
        rgba = network.run()         # uint8 [1, H, W, 4], straight alpha, valid until the next run

The network itself, in ONNX, gives float32 `rgba` [1, 4, H, W] in [0, 1].
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, Self, cast

import numpy as np

from dinar.runtime.errors import DinarError
from dinar.runtime.files.user_cache import user_cache
from dinar.runtime.memory import give_back_freed_memory
from dinar.runtime.network_input import CHANNELS, MULTIPLE

MAX_CACHE_BYTES = 512 * 1024**2
"""Compiled networks kept; a `paper` network takes 80 MB for each size, a `live` one 1 to 3 MB."""


class NetworkError(DinarError):
    """A network that cannot be opened; the message is one sentence for a person."""


class CpuNetwork:
    """A renderer network compiled for pictures of one size. Not thread-safe; see this module's text.

    Attributes:
        inputs: uint8 [1, H, W, 22], the network's own input memory: write into it, then `run`.
        spans: int32 [H, 2], what of it may not be 0, see `sample_channels`.
    """

    def __init__(self, onnx: bytes, height: int, width: int, *, threads: int | None = None) -> None:
        """Compile, or take from the cache what was compiled before.

        Args:
            onnx: the network, as `dinar.export` writes it.
            height: rows, a multiple of 32.
            width: columns, a multiple of 32.
            threads: processor threads to use; None: as many as OpenVINO finds best.

        Raises:
            NetworkError: openvino is not installed, or `onnx` is no renderer network.
            ValueError: a size or a number of threads that cannot be.
        """
        if height < 1 or width < 1 or height % MULTIPLE or width % MULTIPLE:
            raise ValueError(
                f"a network expects sides that are multiples of {MULTIPLE}, not {width} x {height}"
            )
        if threads is not None and threads < 1:
            raise ValueError(f"a network expects one thread or more, not {threads}")
        openvino = import_openvino()
        core = openvino.Core()
        model = _with_byte_pixels(openvino, _read(core, onnx, height, width))
        self.inputs = np.zeros((1, height, width, CHANNELS), np.uint8)
        self.spans = np.zeros((height, 2), np.int32)
        self._rgba = np.zeros((1, height, width, 4), np.uint8)
        self._request: Any = core.compile_model(model, "CPU", _properties(threads)).create_infer_request()
        self._request.set_input_tensor(openvino.Tensor(self.inputs, shared_memory=True))
        self._request.set_output_tensor(openvino.Tensor(self._rgba, shared_memory=True))
        give_back_freed_memory()

    def run(self) -> np.ndarray:
        """Run the network on `inputs`; returns uint8 [1, H, W, 4], memory that the next run writes again."""
        if self._request is None:
            raise ValueError("run expects an open network, and this one is closed: open another")
        self._request.infer()
        return self._rgba

    def close(self) -> None:
        """Give the network's memory back; a second call does nothing."""
        self._request = None
        self.inputs = np.zeros((1, 0, 0, CHANNELS), np.uint8)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def import_openvino() -> ModuleType:
    """Import openvino when the first network is opened: it takes a moment, and not everybody has it.

    Raises:
        NetworkError: it is not installed.
    """
    try:
        with without_telemetry():
            import openvino
    except ImportError as error:
        raise NetworkError(
            "the neural renderer needs openvino, which is not installed: pip install 'dinar[live]'"
        ) from error
    return openvino


@contextmanager
def without_telemetry() -> Iterator[None]:
    """Import openvino, or what builds on it, as if its telemetry were not installed.

    Else the import itself would tell a server on the Internet that this computer uses openvino.
    """
    missing = object()
    telemetry = sys.modules.get("openvino_telemetry", missing)
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # Python's word for "cannot be imported"
    try:
        yield
    finally:
        if telemetry is missing:
            del sys.modules["openvino_telemetry"]
        else:
            sys.modules["openvino_telemetry"] = cast(ModuleType, telemetry)


def _read(core: Any, onnx: bytes, height: int, width: int) -> Any:
    """Read the network, see that it is a renderer, and fix its size."""
    try:
        model = core.read_model(onnx)
        (raster,), (rgba,) = model.inputs, model.outputs
        model.reshape({raster: [1, CHANNELS, height, width]})
        found = list(rgba.get_partial_shape().to_shape())
    except (RuntimeError, ValueError) as error:
        raise NetworkError(
            "the avatar's network cannot be read; expected an ONNX renderer with one input of "
            f"{CHANNELS} channels and one output: export it again"
        ) from error
    if found != [1, 4, height, width]:
        raise NetworkError(
            f"the avatar's network makes {found} of a picture of {width} x {height}; expected "
            f"{[1, 4, height, width]} (red, green, blue, mask): export it again"
        )
    return model


def _with_byte_pixels(openvino: ModuleType, model: Any) -> Any:
    """Let the model take and give bytes, channels last: byte / 255 => [0, 1], and back with rounding."""
    operations = openvino.opset13
    Layout, Type = openvino.Layout, openvino.Type

    def to_bytes(output: Any) -> Any:
        return operations.round(operations.multiply(output, np.float32(255)), "half_to_even").output(0)

    steps = openvino.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    steps.input().model().set_layout(Layout("NCHW"))
    steps.input().preprocess().convert_element_type(Type.f32).scale(255.0)
    steps.output().model().set_layout(Layout("NCHW"))
    steps.output().postprocess().custom(to_bytes).convert_element_type(Type.u8)
    steps.output().tensor().set_layout(Layout("NHWC"))
    return steps.build()


def _properties(threads: int | None) -> dict[str, Any]:
    """What OpenVINO is told: one picture as soon as possible, and float32 where the network is not int8."""
    properties: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    if threads is not None:
        properties["INFERENCE_NUM_THREADS"] = threads
    cache = user_cache("networks")
    if cache is not None:
        _make_room(cache)
        properties["CACHE_DIR"] = str(cache)
    return properties


def _make_room(cache: Path) -> None:
    """Delete the oldest compiled networks, so that the folder does not grow for ever."""
    with suppress(OSError):  # no folder yet, or a file that another process deletes or holds at this moment
        newest_first = sorted(cache.glob("*.blob"), key=lambda file: file.stat().st_mtime, reverse=True)
        kept = 0
        for file in newest_first:
            kept += file.stat().st_size
            if kept > MAX_CACHE_BYTES:
                file.unlink()
