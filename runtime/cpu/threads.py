"""How the threads of compiled kernels wait."""

from __future__ import annotations

import os


def let_threads_sleep() -> None:
    """Let OpenMP's threads sleep between parallel kernels, unless the user has chosen otherwise.

    Takes effect before the first parallel kernel of the process. By default they spin, in GNU's OpenMP for
    milliseconds: where other programs keep the cores busy, a region of 0.4 ms then takes 12 to 40 ms.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
