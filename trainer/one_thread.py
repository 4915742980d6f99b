"""Makes a new process compute on one thread; imports nothing, so that it comes before what counts threads."""

import os


def use_one_thread() -> None:
    """Tell the libraries that this process imports later to use one thread: processes work side by side."""
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
