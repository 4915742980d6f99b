"""What CUDA says when something is wrong, in one sentence for a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from dinar.runtime.errors import DinarError

_NAME = re.compile(r"CUDA_ERROR_\w+")
_OUT_OF_MEMORY = "CUDA_ERROR_OUT_OF_MEMORY"
_LOST = {
    "CUDA_ERROR_ILLEGAL_ADDRESS",
    "CUDA_ERROR_LAUNCH_FAILED",
    "CUDA_ERROR_LAUNCH_TIMEOUT",
    "CUDA_ERROR_HARDWARE_STACK_ERROR",
    "CUDA_ERROR_ECC_UNCORRECTABLE",
    "CUDA_ERROR_CONTEXT_IS_DESTROYED",
    "CUDA_ERROR_DEINITIALIZED",
    "CUDA_ERROR_DEVICE_NOT_LICENSED",
    "CUDA_ERROR_SYSTEM_NOT_READY",
    "CUDA_ERROR_UNKNOWN",
}
_TAKEN = {"CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA_ERROR_DEVICES_UNAVAILABLE"}
_NO_KERNEL = {
    "CUDA_ERROR_NO_BINARY_FOR_GPU",
    "CUDA_ERROR_INVALID_IMAGE",
    "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
    "CUDA_ERROR_INVALID_SOURCE",
}


class GpuError(DinarError):
    """A GPU that cannot be used, or no longer; the message is one sentence for a person."""


def error_name(error: BaseException) -> str | None:
    """Return the CUDA error that an exception of cuda-python or torch tells of, or None."""
    found = _NAME.search(str(error))
    return found[0] if found else None


@contextmanager
def lost_anyway() -> Iterator[None]:
    """Let what is given back within fail on a GPU that stopped working: it has forgotten everything."""
    try:
        yield
    except Exception as error:
        if error_name(error) not in _LOST:
            raise


@contextmanager
def explained(gpu: str) -> Iterator[None]:
    """Turn CUDA's errors within into a GpuError that says what to do; others pass.

    Args:
        gpu: its name, as people know it.
    """
    try:
        yield
    except GpuError:
        raise
    except Exception as error:
        name = error_name(error)
        if name is None:
            raise
        raise GpuError(_sentence(name, gpu)) from error


def _sentence(name: str, gpu: str) -> str:
    if name == _OUT_OF_MEMORY:
        return (
            f"the memory of the GPU {gpu} is full: close other programs that use it (nvidia-smi lists them), "
            "draw a smaller picture with --size, or use --device cpu"
        )
    if name in _LOST:
        return (
            f"the GPU {gpu} stopped working ({name}): start again; if it stays so, restart the computer or "
            "use --device cpu"
        )
    if name in _TAKEN:
        return (
            f"the GPU {gpu} is held by another program ({name}): end that program (nvidia-smi lists them), "
            "or use --device cpu"
        )
    if name in _NO_KERNEL:
        return (
            f"the driver does not run kernels compiled for the GPU {gpu} ({name}): update the NVIDIA driver, "
            "or use --device cpu"
        )
    return f"the GPU {gpu} failed with {name}: run dinar doctor, or use --device cpu"
