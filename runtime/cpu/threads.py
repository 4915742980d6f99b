"""How the threads of compiled kernels wait, and where they run."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from contextlib import suppress

import numba
import numpy as np
from numba import njit, prange, types

_BINDING_VARIABLES = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY")


def let_threads_sleep() -> None:
    """Let OpenMP's threads sleep between parallel kernels, unless the user has chosen otherwise.

    Takes effect before the first parallel kernel of the process. By default they spin, in GNU's OpenMP for
    milliseconds: where other programs keep the cores busy, a region of 0.4 ms then takes 12 to 40 ms.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class KernelThreads:
    """Keeps the threads of parallel kernels off the processor of the thread that calls them.

    A thread that slept between two frames may be woken on its caller's processor, although others are idle,
    and waits there until the caller has done its share. On two cores at 30 poses per second the second thread
    then saves nothing: `rgb` takes 10.8 ms a frame, as on one thread, and 7.2 with the threads kept apart.
    The caller is left where it is. It may be woken elsewhere whenever it had to wait for the others, so they
    are moved out of its way before each kernel. Holding it instead is as fast where processors are idle, and
    loses a fifth where others keep them busy.

    Does nothing where the user has bound the threads (OMP_PROC_BIND and its kin), where there is one
    processor, and on systems other than Linux. Not thread-safe.
    """

    def __init__(self) -> None:
        self._team = (0, 0)  # the thread whose kernels `_workers` run, and how many run them
        self._workers: tuple[int, ...] = ()
        self._allowed: set[int] = set()  # processors that the process may use; empty: nothing is moved
        self._left = -1  # the processor that the workers are kept off

    def keep_apart(self) -> None:
        """Keep the threads off the processor that the calling thread is on now; a microsecond if they are."""
        team = threading.get_native_id(), numba.get_num_threads()
        if team != self._team:
            self._team, self._left = team, -1
            self._allowed = os.sched_getaffinity(0) if _may_move() else set()
            self._workers = _worker_ids() if len(self._allowed) > 1 else ()
        if not self._workers:
            return
        processor = int(_processor())
        if processor != self._left:
            self._left = processor
            for worker in self._workers:
                with suppress(OSError):  # it has ended
                    os.sched_setaffinity(worker, self._allowed - {processor})


def _may_move() -> bool:
    """Return whether threads can be told where to run, and the user has not done so."""
    return _HAS_CALLS and not any(name in os.environ for name in _BINDING_VARIABLES)


def _worker_ids() -> tuple[int, ...]:
    """Return the system's ids of the threads that run the caller's kernels, but for its own."""
    ids = np.zeros(numba.get_num_threads(), np.int64)
    _note_ids(ids)
    return tuple(int(i) for i in np.unique(ids) if i != threading.get_native_id())


def _has_calls() -> bool:
    """Return whether the C library has what is called here: Linux since glibc 2.30."""
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "gettid")


_HAS_CALLS = _has_calls()

if _HAS_CALLS:
    _processor = ctypes.CDLL(None).sched_getcpu
    _gettid = types.ExternalFunction("gettid", types.int32())

    @njit(cache=True, nogil=True, parallel=True)
    def _note_ids(ids: np.ndarray) -> None:
        """Write the id of the thread that runs each share of a kernel to int64 [n]."""
        for share in prange(len(ids)):
            ids[share] = _gettid()
