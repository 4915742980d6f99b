"""Arrays in a GPU's memory, and arrays of the host that a GPU copies from and to without waiting."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from cuda.core import Buffer, Stream


class DeviceArray:
    """A contiguous array on the GPU.

    Attributes:
        buffer: the memory.
        shape: of the array.
        dtype: of its elements.
    """

    def __init__(self, buffer: Buffer, shape: tuple[int, ...], dtype: np.dtype, stream: Stream) -> None:
        """Take `buffer`, whose content is complete when `stream` has come so far."""
        self.buffer, self.shape, self.dtype = buffer, shape, dtype
        self._stream = stream

    @property
    def address(self) -> int:
        """The device pointer."""
        return int(self.buffer.handle)

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return _bytes(self.shape, self.dtype)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """CUDA Array Interface, version 3: other libraries wait for our stream by themselves."""
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.address, False),
            "strides": None,
            "stream": int(self._stream.handle),
            "version": 3,
        }

    def close(self) -> None:
        """Give the memory back once the stream has come so far; a second call does nothing."""
        if not self.buffer.is_closed:
            self.buffer.close(self._stream)


class PinnedArray:
    """A contiguous array of the host whose pages stay where they are, so that a GPU copies it by itself.

    Attributes:
        buffer: the memory.
        values: NumPy's view of it.
    """

    def __init__(self, buffer: Buffer, shape: tuple[int, ...], dtype: np.dtype) -> None:
        """Take `buffer`."""
        self.buffer = buffer
        size = _bytes(shape, dtype)
        memory = (ctypes.c_char * size).from_address(int(buffer.handle))
        self.values = np.frombuffer(memoryview(memory), dtype).reshape(shape)

    def close(self) -> None:
        """Give the memory back; `values` must not be used afterwards. A second call does nothing."""
        if not self.buffer.is_closed:
            self.values = np.zeros(0, self.values.dtype)
            self.buffer.close()


def _bytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
