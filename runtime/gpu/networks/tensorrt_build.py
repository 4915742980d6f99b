"""A half-precision network to an engine, by TensorRT or by TensorRT for RTX: the same builder makes both.

The network is strongly typed, so nothing here chooses numbers: `half_onnx` did. Input and output lie in
memory as HWC8, channels last and in eights, which is what the kernels before and after it write and read.
Sizes are fixed, and an engine keeps to one stream, so that it can be captured with the rest of a frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.networks.tensorrt_module import TensorRt, first_line, messages_of

if TYPE_CHECKING:
    import tensorrt as trt

WORKSPACE_BYTES = 2 * 1024**3
"""Most that one kernel may use beside its input and output. The builder's own default is all of the GPU's
memory, of which others need some: the desktop, and the pictures that are drawn meanwhile."""


@dataclass(frozen=True)
class Product:
    """TensorRT or TensorRT for RTX, and what it builds engines for.

    Attributes:
        name: of the engine, see `NetworkOpener`.
        title: what people call it.
        module: its Python module.
        device: what its engines run on; engines for something else are built anew.
        times_kernels: whether it tries kernels out on the GPU, and remembers how long they took.
        configure: tells the builder what it builds for.
    """

    name: str
    title: str
    module: TensorRt
    device: str
    times_kernels: bool
    configure: Callable[[trt.IBuilderConfig], None]


@dataclass(frozen=True)
class BuiltEngine:
    """What a builder gives.

    Attributes:
        engine: to deserialize on what it was built for.
        timings: how long kernels took, for the next build; empty where kernels are not tried out.
    """

    engine: bytes
    timings: bytes


def build_engine(
    product: Product, network: bytes, *, timings: bytes = b"", progress: Callable[[float], None]
) -> BuiltEngine:
    """Build an engine; takes from a second to minutes.

    Args:
        product: what builds it.
        network: ONNX of fixed size, see `fix_size`.
        timings: of an earlier build on the same device.
        progress: takes what part is done, 0 to 1, ascending; what it raises ends the build.

    Raises:
        DinarError: the network cannot be read, or no engine made of it.
    """
    messages = messages_of(product.module)
    messages.forget()
    builder = product.module.Builder(messages.logger)
    definition = define_network(product, builder, network)
    config = builder.create_builder_config()
    config.set_memory_pool_limit(product.module.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    config.max_aux_streams = 0
    product.configure(config)
    if product.times_kernels:
        _remember(config, timings)
    monitor = _monitor(product.module, progress)
    config.progress_monitor = monitor
    engine = builder.build_serialized_network(definition.network, config)
    if monitor.failure is not None:
        raise monitor.failure
    if engine is None:
        raise DinarError(
            f"{product.title} cannot build the renderer network for {product.device} ({messages.last}): "
            "use another --engine"
        )
    return BuiltEngine(
        _bytes(engine), _bytes(config.get_timing_cache().serialize()) if product.times_kernels else b""
    )


@dataclass(frozen=True)
class Definition:
    """A network as the builder takes it.

    Attributes:
        network: what to build; its weights lie in the parser's memory.
        parser: must be there until it is built.
    """

    network: trt.INetworkDefinition
    parser: trt.OnnxParser


def define_network(product: Product, builder: trt.Builder, network: bytes) -> Definition:
    """Parse a network and fix how its input and output lie in memory; raises DinarError."""
    module = product.module
    definition = builder.create_network(1 << int(module.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = module.OnnxParser(definition, messages_of(module).logger)
    read = parser.parse(network)
    if not read or (definition.num_inputs, definition.num_outputs) != (1, 1):
        reason = "it has not one input and one output" if read else _reason(parser.get_error(0))
        raise DinarError(f"{product.title} cannot read the renderer network ({reason}): export it again")
    for tensor in (definition.get_input(0), definition.get_output(0)):
        tensor.allowed_formats = 1 << int(module.TensorFormat.HWC8)
    return Definition(definition, parser)


def _reason(error: trt.ParserError) -> str:
    operator, said = error.node_operator(), first_line(error.desc())
    return f"node {error.node_name() or error.node()}, {operator}: {said}" if operator else said


def _remember(config: trt.IBuilderConfig, timings: bytes) -> None:
    """Let the builder use timings, or find all of them anew if it does not take these."""
    known: trt.ITimingCache | None = config.create_timing_cache(timings)
    if known is None or not config.set_timing_cache(known, False):
        config.set_timing_cache(config.create_timing_cache(b""), False)


def _monitor(module: TensorRt, progress: Callable[[float], None]) -> Any:
    """What TensorRT tells how far it is: phases within phases, each of so many steps."""
    base: Any = module.IProgressMonitor

    class Monitor(base):
        """`failure` is what `progress` raised: an exception must not go through TensorRT."""

        def __init__(self) -> None:
            base.__init__(self)
            self.failure: BaseException | None = None
            self._phases: dict[str, tuple[float, float]] = {}  # where its next step begins, length of a step
            self._done = 0.0

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            begin, length = self._phases.get(parent_phase or "", (0.0, 1.0))
            self._phases[phase_name] = begin, length / max(1, num_steps)

        def step_complete(self, phase_name: str, _step: int) -> bool:
            begin, length = self._phases.get(phase_name, (0.0, 0.0))
            self._phases[phase_name] = begin + length, length
            if self.failure is None and self._done < begin + length <= 1.0:
                self._done = begin + length
                try:
                    progress(self._done)
                except BaseException as error:
                    self.failure = error
            return self.failure is None

        def phase_finish(self, phase_name: str) -> None:
            self._phases.pop(phase_name, None)

    return Monitor()


def _bytes(memory: trt.IHostMemory) -> bytes:
    return bytes(cast(Any, memory))  # a buffer, which its type does not say
