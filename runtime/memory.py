"""Memory that the C library keeps although nobody uses it any more."""

from __future__ import annotations

import ctypes
import sys


def give_back_freed_memory() -> None:
    """Give freed memory back to the system, where the C library can (glibc): a millisecond or two.

    Opening an avatar or a network frees much memory in small pieces, which the C library would keep: 20 to
    40 MB.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
