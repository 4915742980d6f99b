"""One thread for torch and BLAS: arrays are small in tests, and threads that wait for others cost more.

Several test processes run side by side. What the runtime's kernels (numba) and engines use is left alone.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
