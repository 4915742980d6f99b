"""A CUDA device for tests without one: the software driver, present while a test that asks for it runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest

from .software_cuda.handle import MAX_DEVICES, SoftwareCuda

LOADED: list[SoftwareCuda] = []


@pytest.fixture(scope="session")
def software_cuda() -> SoftwareCuda:
    """The software CUDA driver, loaded as this process's libcuda.so.1."""
    if not LOADED:
        driver = SoftwareCuda()
        driver.configure(devices=MAX_DEVICES)
        from cuda.core import Device

        Device(0)  # cuda.core counts the devices but once: a test may want several, by `configure(devices=2)`
        driver.reset()
        LOADED.append(driver)
    return LOADED[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Between tests that use it the driver is absent: other tests here see a computer without a GPU."""
    for driver in LOADED:
        driver.configure(present="software_cuda" in getattr(item, "fixturenames", ()))
    try:
        return (yield)
    finally:
        for driver in LOADED:
            driver.configure(present=0)


@pytest.fixture(autouse=True)
def clean_device(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins without faults and gives back all memory that it took, and nothing wrote past any."""
    if "software_cuda" not in request.fixturenames:
        yield
        return
    driver = request.getfixturevalue("software_cuda")
    driver.reset()
    before = in_use(driver)
    yield
    driver.finish()
    if any(in_use(driver) > before):
        gc.collect()
    violations, leaked = driver.violations, in_use(driver) - before
    driver.reset()
    assert violations == []
    assert all(leaked <= 0), f"bytes of device and pinned memory that the test did not give back: {leaked}"


def in_use(driver: SoftwareCuda) -> np.ndarray:
    """Bytes of device memory, bytes of pinned memory."""
    return np.array([driver.live_bytes, driver.live("pinned")])
