"""torch runs the renderer network, where TensorRT is not installed: half precision, channels last, compiled.

Compiled by torch, whatever lies between two convolutions is one kernel. The convolutions are cuDNN's, which
tries its own kernels out on the first picture of a size. All of a frame becomes one graph: torch captures it,
since torch must know which memory a graph holds.

torch is imported when a network is opened, never before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.errors import error_name
from dinar.runtime.gpu.graph import Capture, Recording
from dinar.runtime.gpu.half_onnx import INPUT_CHANNELS, HalfNetwork, to_half
from dinar.runtime.gpu.networks.onnx_module import to_module
from dinar.runtime.gpu.queue import Queue

if TYPE_CHECKING:
    import torch

    from dinar.runtime.gpu.device import Gpu

WARM_UP = 3
"""Runs before the first picture: cuDNN tries kernels out in the first, memory is found in the second."""

Module = Callable[["torch.Tensor", "torch.Tensor"], None]
"""Draws from a raster into logits, see `to_module`."""


class TorchOpener:
    """See `NetworkOpener`. Compiling takes seconds and holds Python up: only whole pictures are drawn."""

    name = "torch"
    eighths: tuple[int, ...] = (8,)
    background = False

    def __init__(self, gpu: Gpu, network: RendererNetwork, tell: Callable[[str], None]) -> None:
        """Prepare a network for a GPU.

        Args:
            gpu: runs it.
            network: float32.
            tell: takes one sentence when torch cannot compile here.

        Raises:
            DinarError: torch is not installed or has no CUDA, or the network is no float32 renderer.
        """
        device = torch_device(gpu.info.index)
        self._gpu, self._tell, self._compiles = gpu, tell, True
        self._half = to_half(network.onnx)
        self._module = on_device(to_module(self._half), device)

    def open(self, views: int, height: int, width: int) -> TorchNetwork:
        """See `NetworkOpener`."""
        with cuda_errors_named():
            if self._compiles:
                try:
                    return self._open(compiled(self._module), views, height, width)
                except Exception as error:
                    if cuda_error(error) is not None:
                        raise
                    self._compiles = False
                    self._tell(
                        f"torch cannot compile the renderer network here ({_first_line(error)}): it runs "
                        "uncompiled, more slowly"
                    )
            return self._open(self._module, views, height, width)

    def _open(self, module: Module, views: int, height: int, width: int) -> TorchNetwork:
        network = TorchNetwork(self._gpu, module, self._half, (views, height, width))
        network.warm_up()
        return network


class TorchNetwork:
    """A module with its memory; see `CudaNetwork`."""

    def __init__(self, gpu: Gpu, module: Module, half: HalfNetwork, size: tuple[int, int, int]) -> None:
        """Take the memory that the module reads and writes.

        Args:
            gpu: on its stream all of it runs.
            module: on that GPU.
            half: what the module was made of.
            size: views, height and width of the pictures.
        """
        import torch

        views, height, width = size
        self.block, self.stride = half.block, half.channels
        self._gpu, self._device = gpu, torch_device(gpu.info.index)
        self._module: Module | None = module
        pixels = torch.zeros((views, height, width, INPUT_CHANNELS), dtype=torch.float16, device=self._device)
        cells = (views, height // half.block, width // half.block, half.channels)
        logits = torch.zeros(cells, dtype=torch.float16, device=self._device)
        torch.cuda.synchronize(self._device)  # they were cleared on a stream of torch's
        self.input_address, self.logits_address = pixels.data_ptr(), logits.data_ptr()
        # [N, H, W, C] in memory; torch calls it [N, C, H, W], channels last
        self._raster, self._logits = pixels.permute(0, 3, 1, 2), logits.permute(0, 3, 1, 2)
        self._pool = torch.cuda.graph_pool_handle()
        self.capture: Capture | None = self._capture

    def warm_up(self) -> None:
        """Compile and try kernels out; waits."""
        for _ in range(WARM_UP):
            self.enqueue(int(self._gpu.stream.handle))
        self._gpu.stream.sync()

    def enqueue(self, stream: int) -> None:
        """See `CudaNetwork`."""
        import torch

        assert self._module is not None, "open"
        external = torch.cuda.ExternalStream(stream, device=self._device)
        with cuda_errors_named(), torch.cuda.stream(external), torch.no_grad(), _cudnn_tries():
            self._module(self._raster, self._logits)

    def close(self) -> None:
        """See `CudaNetwork`."""
        import torch

        if self._module is not None:
            self._module = self.capture = None
            del self._raster, self._logits
            torch.cuda.empty_cache()  # what torch keeps for itself nobody else could take

    def _capture(self, record: Recording) -> Callable[[], None]:
        """Capture a frame; returns what launches it on the GPU's stream (see `Capture`)."""
        import torch
        from cuda.core import Stream

        graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.ExternalStream(int(self._gpu.stream.handle), device=self._device)
        side = torch.cuda.Stream(self._device)  # should the capture not end, nothing else waits there
        with (
            cuda_errors_named(),
            torch.cuda.device(self._device),
            # Graphs of one network run one after the other: they share the memory between its layers.
            torch.cuda.graph(graph, pool=self._pool, stream=side, capture_error_mode="thread_local"),
        ):
            record(Queue(Stream.from_handle(int(side.cuda_stream)), captures=True))

        def launch() -> None:
            with cuda_errors_named(), torch.cuda.stream(stream):
                graph.replay()

        return launch


def torch_device(index: int) -> torch.device:
    """Return a GPU as torch calls it; raises DinarError where torch is missing or has no CUDA."""
    try:
        import torch
    except (ImportError, OSError) as error:
        raise DinarError("torch is not installed: pip install torch") from error
    if not torch.cuda.is_available() or torch.cuda.device_count() <= index:
        raise DinarError(
            f"torch {torch.__version__} has no CUDA for this GPU: install one that was built for CUDA "
            "(https://pytorch.org)"
        )
    return torch.device("cuda", index)


def on_device(module: torch.fx.GraphModule, device: torch.device) -> torch.fx.GraphModule:
    """Move a module to a device, its weights with their channels last."""
    import torch

    with cuda_errors_named():
        return module.to(device=device, memory_format=torch.channels_last)


def compiled(module: torch.fx.GraphModule) -> Module:
    """Return a module with the same weights that torch compiles for the size of its first picture.

    Compiled code is counted per module, and too much of it is refused: this one has code of its own.
    """
    import torch
    from torch import fx

    own = fx.GraphModule(module, module.graph)
    return torch.compile(own, fullgraph=True, dynamic=False)


@contextmanager
def cuda_errors_named() -> Iterator[None]:
    """Give torch's errors the names of CUDA's, which tell a person what to do (`gpu.errors`)."""
    try:
        yield
    except Exception as error:
        name = cuda_error(error)
        if name is None or error_name(error) is not None:
            raise
        raise RuntimeError(f"{name}: {_first_line(error)}") from error


def cuda_error(error: BaseException) -> str | None:
    """Return the name of the CUDA error that an exception of torch's tells of, or None."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return "CUDA_ERROR_OUT_OF_MEMORY"
    named = error_name(error)
    if named is not None or not isinstance(error, torch.AcceleratorError):
        return named
    from cuda.bindings import driver

    code = getattr(error, "error_code", None)  # cudaError_t, which has CUresult's numbers
    try:
        return str(driver.CUresult(code).name)
    except ValueError:
        return "CUDA_ERROR_UNKNOWN"


@contextmanager
def _cudnn_tries() -> Iterator[None]:
    """Let cuDNN try its kernels out where it meets a convolution for the first time."""
    import torch

    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
