"""A module that behaves like TensorRT 11 as far as it is used, and a GPU that is the host.

An "engine" is the ONNX file that it was built of; ONNX Runtime runs it where the addresses point.
"""

from __future__ import annotations

import ctypes
import enum
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import onnx
import onnxruntime
from numpy.typing import DTypeLike

MARK = b"engine "
PHASES = ("building", "trying kernels out")


class HostArray:
    """An array that knows its address."""

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.values = np.zeros(shape, dtype)
        self.address = self.values.ctypes.data


@dataclass
class HostGpu:
    """What a network asks of a `Gpu`."""

    name: str = "NVIDIA H200"
    capability: tuple[int, int] = (9, 0)
    arrays: list[HostArray] = field(default_factory=list)
    current: int = 0

    @property
    def info(self) -> Any:
        major, minor = self.capability
        return SimpleNamespace(
            name=self.name, capability=self.capability, architecture=f"sm_{major}{minor}", index=0, count=1
        )

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> HostArray:
        self.arrays.append(HostArray(shape, dtype))
        return self.arrays[-1]

    def release(self, *arrays: HostArray) -> None:
        for array in arrays:
            self.arrays.remove(array)

    def make_current(self) -> None:
        self.current += 1


class DataType(enum.IntEnum):
    FLOAT = 0
    HALF = 1


class TensorFormat(enum.IntEnum):
    LINEAR = 0
    HWC8 = 2


class ComputeCapability(enum.IntEnum):
    NONE = 0
    CURRENT = 1
    SM89 = 89
    SM120 = 120
    SM75 = 75


class HardwareCompatibilityLevel(enum.IntEnum):
    NONE = 0
    AMPERE_PLUS = 1


class ILogger:
    ERROR, INTERNAL_ERROR, WARNING = 1, 0, 2


class IProgressMonitor:
    pass


class ParserError:
    def desc(self) -> str:
        return "no such thing\nin line 7"

    def node(self) -> int:
        return 3

    def node_name(self) -> str:
        return ""

    def node_operator(self) -> str:
        return "Conv"


class Network:
    def __init__(self) -> None:
        self.onnx = b""
        self.num_inputs, self.num_outputs = 1, 1
        self.tensors = SimpleNamespace(allowed_formats=1), SimpleNamespace(allowed_formats=1)

    def get_input(self, _: int) -> Any:
        return self.tensors[0]

    def get_output(self, _: int) -> Any:
        return self.tensors[1]


class TimingCache:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def serialize(self) -> bytes:
        return self.content + b"+"


class Config(SimpleNamespace):
    hardware_compatibility_level = HardwareCompatibilityLevel.NONE

    def set_memory_pool_limit(self, pool: int, size: int) -> None:
        self.limit = pool, size

    def set_compute_capability(self, capability: ComputeCapability, index: int) -> bool:
        assert index < self.num_compute_capabilities
        self.capabilities = [*getattr(self, "capabilities", []), capability]
        return True

    def create_timing_cache(self, content: bytes) -> TimingCache | None:
        return None if content == b"damaged" else TimingCache(content)

    def set_timing_cache(self, cache: TimingCache, _: bool) -> bool:
        if cache.content == b"of another driver":
            return False
        self.timing_cache = cache
        return True

    def get_timing_cache(self) -> TimingCache:
        return self.timing_cache


class Engine:
    def __init__(self, content: bytes, tensor_format: TensorFormat) -> None:
        self.content, self.format = content, tensor_format
        graph = onnx.load_from_string(content).graph
        self.shapes = {
            value.name: tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
            for value in (*graph.input, *graph.output)
        }
        self.num_io_tensors = len(self.shapes)

    def get_tensor_name(self, index: int) -> str:
        return list(self.shapes)[index]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self.shapes[name]

    def get_tensor_dtype(self, _: str) -> DataType:
        return DataType.HALF

    def get_tensor_format(self, _: str) -> TensorFormat:
        return self.format

    def create_execution_context(self, config: SimpleNamespace | None = None) -> Context:
        return Context(self, config)

    def create_runtime_config(self) -> SimpleNamespace:
        """Of TensorRT for RTX, which compiles for the GPU at hand when a context is made."""
        config = SimpleNamespace(create_runtime_cache=RuntimeCache)
        config.set_runtime_cache = lambda cache: setattr(config, "cache", cache)
        return config


class RuntimeCache:
    """What TensorRT for RTX compiled; `known`: what each was told of earlier contexts."""

    known: ClassVar[list[bytes]] = []

    def __init__(self) -> None:
        self.compiled = b""

    def deserialize(self, content: bytes) -> bool:
        self.known.append(content)
        self.compiled = content
        return True

    def serialize(self) -> bytes:
        return self.compiled


class Context:
    def __init__(self, engine: Engine, config: SimpleNamespace | None) -> None:
        if config is not None:
            config.cache.compiled = config.cache.compiled or b"compiled"
        self.engine, self.addresses = engine, dict[str, int]()
        self.session = onnxruntime.InferenceSession(engine.content, providers=["CPUExecutionProvider"])

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        if stream < 0:
            return False
        raster = np.ascontiguousarray(self._memory("raster").transpose(0, 3, 1, 2))
        (logits,) = self.session.run(["logits"], {"raster": raster})
        self._memory("logits")[...] = logits.transpose(0, 2, 3, 1)
        return True

    def _memory(self, name: str) -> np.ndarray:
        views, channels, height, width = self.engine.shapes[name]
        size = views * height * width * channels * 2
        memory = (ctypes.c_char * size).from_address(self.addresses[name])
        return np.frombuffer(memory, np.float16).reshape(views, height, width, channels)


class FakeTensorRt(ModuleType):
    """The module.

    Attributes:
        built: ONNX of what was built.
        deserialized: what was loaded as native code.
        timings: what each build knew from earlier ones.
        levels: hardware compatibility of what was built.
        configs: of what was built.
        loads: how engines load: "well", "not", "once not" or "otherwise" (channels first).
        builds: whether the builder gives an engine.
        parses: whether the parser takes the network.
    """

    def __init__(self, name: str = "tensorrt", version: str = "11.4.0.106") -> None:
        super().__init__(name)
        self.__version__ = version
        self.built: list[bytes] = []
        self.deserialized: list[bytes] = []
        self.timings: list[bytes] = []
        self.configs: list[Config] = []
        self.loads, self.builds, self.parses = "well", True, True
        self.DataType, self.TensorFormat, self.ILogger = DataType, TensorFormat, ILogger
        self.HardwareCompatibilityLevel, self.IProgressMonitor = HardwareCompatibilityLevel, IProgressMonitor
        self.ComputeCapability = ComputeCapability  # of TensorRT for RTX alone
        self.MemoryPoolType = SimpleNamespace(WORKSPACE=0)
        self.NetworkDefinitionCreationFlag = SimpleNamespace(STRONGLY_TYPED=1)
        self.OnnxParser, self.Builder, self.Runtime = self._parser, self._builder, self._runtime

    def _parser(self, network: Network, _: ILogger) -> Any:
        def parse(content: bytes) -> bool:
            network.onnx = content
            return self.parses

        return SimpleNamespace(parse=parse, get_error=lambda _: ParserError())

    def _builder(self, logger: Any) -> Any:
        def build(network: Network, config: Config) -> bytes | None:
            assert [tensor.allowed_formats for tensor in network.tensors] == [1 << TensorFormat.HWC8] * 2
            self.configs.append(config)
            if hasattr(config, "timing_cache"):
                self.timings.append(config.timing_cache.content)
            monitor = config.progress_monitor
            monitor.phase_start(PHASES[0], None, 2)
            monitor.phase_start(PHASES[1], PHASES[0], 10)
            for step in range(10):
                if not monitor.step_complete(PHASES[1], step):
                    return None
            monitor.phase_finish(PHASES[1])
            for step in range(2):
                monitor.step_complete(PHASES[0], step)
            monitor.phase_finish(PHASES[0])
            if not self.builds:
                logger.log(ILogger.WARNING, "never mind")
                logger.log(ILogger.ERROR, "no kernel fits.\nAt all.")
                return None
            self.built.append(network.onnx)
            return MARK + network.onnx

        return SimpleNamespace(
            create_network=lambda flags: Network() if flags == 2 else None,
            create_builder_config=Config,
            build_serialized_network=build,
        )

    def _runtime(self, logger: Any) -> Any:
        def deserialize(content: bytes) -> Engine | None:
            assert content.startswith(MARK), "native code that nobody built"
            self.deserialized.append(content)
            loads = self.loads
            if loads == "once not":
                self.loads = "well"
            if loads.endswith("not"):
                logger.log(ILogger.ERROR, "made by another driver")
                return None
            tensor_format = TensorFormat.LINEAR if loads == "otherwise" else TensorFormat.HWC8
            return Engine(content.removeprefix(MARK), tensor_format)

        return SimpleNamespace(deserialize_cuda_engine=deserialize)
