"""A desk for the tests of the software driver."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .desk import KERNELS, Desk
from .handle import SoftwareCuda


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("kernels")
    (made / "tiny.cu").write_text(KERNELS)
    return made


@pytest.fixture
def desk(software_cuda: SoftwareCuda, clean_device: None, folder: Path) -> Iterator[Desk]:  # noqa: ARG001
    made = Desk(folder)
    yield made
    software_cuda.reset()
    made.close()
