"""A display for all tests of the runtime that open windows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .xvfb import Display, running_display


@pytest.fixture(scope="session")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Display]:
    with running_display(tmp_path_factory.mktemp("screen")) as running:
        yield running
