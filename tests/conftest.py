"""How all tests run: on one thread of torch and BLAS, and with Ctrl-C as a terminal gives it.

Arrays are small in tests, and threads that wait for others cost more: several test processes run side by
side. What the runtime's kernels (numba) and engines use is left alone.
"""

import os
import signal

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in `nohup make test &`: programs would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
