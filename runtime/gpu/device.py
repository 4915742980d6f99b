"""One CUDA device: chosen, checked, and asked for memory and kernels."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import DTypeLike

from dinar.runtime.gpu.compile import KERNELS, compile_cubin, compiler_version, source_sha256
from dinar.runtime.gpu.errors import GpuError, error_name, explained
from dinar.runtime.gpu.memory import DeviceArray, PinnedArray

if TYPE_CHECKING:
    from cuda.core import Event, Kernel
    from cuda.core.graph import GraphBuilder

LEAST_CAPABILITY = (7, 5)
"""Oldest compute capability that kernels are compiled for: Turing, 2018."""

Compile = Callable[[str, str], bytes]
"""Compiles a kernel file for an architecture such as "sm_90"; see `compile_cubin`."""


@dataclass(frozen=True)
class GpuInfo:
    """What is known about a GPU.

    Attributes:
        index: in the order of the driver; CUDA_VISIBLE_DEVICES changes it.
        name: as people know it.
        capability: compute capability, (major, minor).
        count: GPUs that the driver shows.
    """

    index: int
    name: str
    capability: tuple[int, int]
    count: int

    @property
    def architecture(self) -> str:
        """What kernels are compiled for, for example sm_90."""
        return f"sm_{self.capability[0]}{self.capability[1]}"


class Gpu:
    """A CUDA device with a stream of its own. Not thread-safe; close it when done.

    Attributes:
        info: which GPU it is.
        stream: everything is done on it, in order.
    """

    def __init__(self, info: GpuInfo, compile_kernels: Compile) -> None:
        """Make a stream on a GPU; see `open_gpu`."""
        from cuda.core import Device, LegacyPinnedMemoryResource

        self.info = info
        self._device = Device(info.index)
        self._device.set_current()
        self.stream = self._device.create_stream()
        self._pinned = LegacyPinnedMemoryResource()
        self._compile, self._modules = compile_kernels, dict[str, Any]()
        self._arrays: list[DeviceArray | PinnedArray] = []

    def make_current(self) -> None:
        """Let the calling thread use this GPU."""
        self._device.set_current()

    def kernel(self, name: str) -> Kernel:
        """Return a kernel, its file compiled or taken from the cache."""
        file = next(file for file, kernels in KERNELS.items() if name in kernels)
        if file not in self._modules:
            from cuda.core import ObjectCode

            self._modules[file] = ObjectCode.from_cubin(self._compile(file, self.info.architecture))
        return self._modules[file].get_kernel(name)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> DeviceArray:
        """Return an array whose content is not set."""
        kind = np.dtype(dtype)
        size = max(1, int(np.prod(shape, dtype=np.int64)) * kind.itemsize)
        array = DeviceArray(self._device.allocate(size, stream=self.stream), shape, kind, self.stream)
        self._arrays.append(array)
        return array

    def upload(self, values: np.ndarray) -> DeviceArray:
        """Return a copy of an array of the host; waits for it."""
        from cuda.core import Buffer

        values = np.ascontiguousarray(values)
        array = self.empty(values.shape, values.dtype)
        if values.size:
            source = Buffer.from_handle(values.ctypes.data, values.nbytes, owner=values)
            array.buffer.copy_from(source, stream=self.stream)
            self.stream.sync()
        return array

    def pinned(self, shape: tuple[int, ...], dtype: DTypeLike) -> PinnedArray:
        """Return an array of the host, zeros, that is copied without waiting."""
        kind = np.dtype(dtype)
        size = max(1, int(np.prod(shape, dtype=np.int64)) * kind.itemsize)
        array = PinnedArray(self._pinned.allocate(size), shape, kind)
        array.values.view(np.uint8)[...] = 0
        self._arrays.append(array)
        return array

    def release(self, *arrays: DeviceArray | PinnedArray) -> None:
        """Give arrays back, the host's once the stream has come so far."""
        if any(isinstance(array, PinnedArray) for array in arrays):
            self.stream.sync()
        for array in arrays:
            array.close()
            self._arrays.remove(array)

    def graph_builder(self) -> GraphBuilder:
        """Return what captures work, on a stream of its own."""
        return self._device.create_graph_builder()

    def timer(self) -> Event:
        """Return an event that tells the time at which the GPU came to it."""
        from cuda.core import EventOptions

        return self._device.create_event(EventOptions(timing_enabled=True))

    def close(self) -> None:
        """Wait for what is under way and give everything back; a second call does nothing."""
        if self.stream.is_closed:
            return
        self._device.set_current()
        self.release(*self._arrays)
        self.stream.sync()
        self.stream.close()
        self._modules.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_gpu(index: int, *, compile_kernels: Compile | None = None) -> Gpu:
    """Open a GPU.

    Args:
        index: which one, in the driver's order.
        compile_kernels: in place of NVRTC and its cache.

    Raises:
        GpuError: cuda-python, the driver or the GPU is missing, too old, or does not start.
    """
    info = find_gpu(index)
    with explained(info.name):
        return Gpu(info, compile_kernels or cached_cubin)


def find_gpu(index: int) -> GpuInfo:
    """Look for a GPU and see that it can be used; raises GpuError."""
    driver = _import_driver()
    _ask(driver, "cuInit", 0)
    version, built_for = _ask(driver, "cuDriverGetVersion"), int(driver.CUDA_VERSION)
    if version // 1000 < built_for // 1000:
        raise GpuError(
            f"the NVIDIA driver is for CUDA {_version(version)}, this needs {built_for // 1000}.0 or newer: "
            "update the driver, or use --device cpu"
        )
    count = _ask(driver, "cuDeviceGetCount")
    if count == 0:
        raise _no_gpu()
    if index >= count:
        raise GpuError(f"there is no GPU {index}: this computer has {_listed(count)}; use --device cuda:0")
    device = _ask(driver, "cuDeviceGet", index)
    name = _ask(driver, "cuDeviceGetName", 128, device).rstrip(b"\0").decode(errors="replace")
    attribute = driver.CUdevice_attribute
    major = _ask(
        driver, "cuDeviceGetAttribute", attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device
    )
    minor = _ask(
        driver, "cuDeviceGetAttribute", attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device
    )
    info = GpuInfo(index, name, (major, minor), count)
    if info.capability < LEAST_CAPABILITY:
        raise GpuError(
            f"the GPU {name} is of compute capability {major}.{minor}, "
            f"{LEAST_CAPABILITY[0]}.{LEAST_CAPABILITY[1]} or newer is needed: use --device cpu"
        )
    return info


def cached_cubin(file: str, architecture: str) -> bytes:
    """Return a kernel file's machine code from the per-user cache, compiled where it is not there."""
    from dinar.runtime.engines import EngineCache, EngineKey
    from dinar.runtime.files.user_cache import user_cache

    cache = EngineCache(user_cache("kernels"))
    key = EngineKey("kernels", source_sha256(file), architecture, compiler_version(), (("file", file),))
    found = cache.load(key)
    if found is None:
        found = compile_cubin(file, architecture)
        cache.save(key, found)
    return found


def _import_driver() -> ModuleType:
    try:
        return importlib.import_module("cuda.bindings.driver")
    except ImportError as error:
        raise GpuError(
            "drawing on the GPU needs cuda-python, which is not installed: pip install 'dinar[gpu]'"
        ) from error


def _ask(driver: ModuleType, function: str, *arguments: Any) -> Any:
    """Call the driver and return its answer; raises GpuError where there is none, or it does not work."""
    try:
        code, *values = getattr(driver, function)(*arguments)
    except Exception as error:  # what a missing library raises has no common class
        if error_name(error) is not None:
            raise
        raise GpuError(
            "there is no NVIDIA driver on this computer (libcuda is missing): install it, or use --device cpu"
        ) from error
    if code == driver.CUresult.CUDA_ERROR_NO_DEVICE:
        raise _no_gpu()
    if code != driver.CUresult.CUDA_SUCCESS:
        raise GpuError(f"the NVIDIA driver does not start ({code.name}): run nvidia-smi, or use --device cpu")
    return values[0] if values else None


def _no_gpu() -> GpuError:
    return GpuError("there is no NVIDIA GPU in this computer that CUDA can use: use --device cpu")


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def _listed(count: int) -> str:
    return "only GPU 0" if count == 1 else f"GPUs 0 to {count - 1}"
