"""What tests of training share."""

from collections.abc import Iterator

import numba
import pytest
import torch


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Pictures this small are drawn faster by one thread than by several that wait for each other."""
    before = torch.get_num_threads()
    numba.get_num_threads()  # starts its pool, which sets how many threads OpenMP has, and torch with it
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
