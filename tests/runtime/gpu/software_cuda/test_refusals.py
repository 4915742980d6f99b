"""The software driver refuses what CUDA refuses, and sees what CUDA would not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from .desk import COUNT, Desk, call, raises
from .handle import SoftwareCuda


def test_freed_and_foreign_memory_is_refused(desk: Desk) -> None:
    freed = int(call("cuMemAlloc", 64))
    call("cuMemFree", freed)
    with raises("INVALID_VALUE"):
        call("cuMemFree", freed)
    with raises("INVALID_VALUE"):
        call("cuMemsetD8Async", freed, 0, 64, desk.stream.handle)
    with raises("INVALID_VALUE"):
        call("cuMemcpyDtoDAsync", freed, desk.source.handle, 64, desk.stream.handle)
    with raises("INVALID_VALUE"):
        call("cuMemsetD8Async", desk.given.ctypes.data + (1 << 44), 0, 64, desk.stream.handle)


@pytest.mark.parametrize(("offset", "size"), [(0, 4 * COUNT + 1), (4 * COUNT - 4, 8), (4 * COUNT, 1)])
def test_copies_and_fills_past_the_end_are_refused(desk: Desk, offset: int, size: int) -> None:
    address = int(desk.source.handle) + offset
    with raises("INVALID_VALUE"):
        call("cuMemsetD8Async", address, 0, size, desk.stream.handle)
    with raises("INVALID_VALUE"):
        call("cuMemcpyDtoHAsync", np.zeros(size, np.uint8).ctypes.data, address, size, desk.stream.handle)


def test_a_host_address_is_no_device_address(desk: Desk) -> None:
    array = np.zeros(16, np.uint8)
    with raises("INVALID_VALUE"):
        call("cuMemcpyHtoD", array.ctypes.data, array.ctypes.data, 16)
    with raises("INVALID_VALUE"):
        call("cuMemcpyHtoDAsync", desk.source.handle, int(desk.result.handle), 16, desk.stream.handle)


def begin_capture(desk: Desk) -> None:
    from cuda.bindings import driver

    mode = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
    call("cuStreamBeginCapture", desk.stream.handle, mode)


def end_broken_capture(desk: Desk) -> None:
    with raises("STREAM_CAPTURE_INVALIDATED"):
        call("cuStreamEndCapture", desk.stream.handle)
    desk.work(1)  # the stream is as before
    desk.stream.sync()


def test_a_capture_takes_pinned_arrays_only(desk: Desk) -> None:
    array = np.zeros(COUNT, np.float32)
    copy = "cuMemcpyHtoDAsync", desk.source.handle, array.ctypes.data, array.nbytes, desk.stream.handle
    begin_capture(desk)
    with raises("STREAM_CAPTURE_UNSUPPORTED"):
        call(*copy)
    end_broken_capture(desk)
    call(*copy)  # outside it is allowed


@pytest.mark.parametrize(
    "forbidden",
    [
        lambda desk: desk.stream.sync(),
        lambda _: call("cuCtxSynchronize"),
        lambda desk: call("cuMemAllocAsync", 64, desk.stream.handle),
        lambda desk: call("cuMemFreeAsync", desk.result.handle, desk.stream.handle),
        lambda _: call("cuMemAlloc", 64),
        lambda _: call("cuMemAllocHost", 64),
        lambda desk: call("cuMemcpyDtoD", desk.source.handle, desk.result.handle, 64),
        lambda desk: call("cuStreamQuery", desk.stream.handle),
    ],
    ids=["sync", "sync all", "allocate", "free", "cuMemAlloc", "cuMemAllocHost", "copy", "query"],
)
def test_what_waits_or_allocates_breaks_a_capture(desk: Desk, forbidden: Callable[[Desk], Any]) -> None:
    begin_capture(desk)
    with raises("STREAM_CAPTURE_UNSUPPORTED"):
        forbidden(desk)
    end_broken_capture(desk)


def test_a_stream_that_ends_ends_its_capture(desk: Desk) -> None:
    stream = desk.device.create_stream()
    builder = stream.create_graph_builder().begin_building("thread_local")
    desk.upload(builder)
    call("cuStreamDestroy", builder.stream.handle)
    assert int(call("cuMemFree", call("cuMemAlloc", 64)) or 0) == 0  # no capture stands in the way


def test_the_host_must_not_call_the_driver_from_within(desk: Desk) -> None:
    said = []

    def callback() -> None:
        with raises("NOT_PERMITTED") as caught:
            call("cuMemAlloc", 64)
        said.append(caught.value)

    graph = desk.captured(lambda builder: builder.callback(callback))
    graph.launch(desk.stream)
    graph.close()
    assert len(said) == 1


def test_an_event_of_a_graph_must_live(desk: Desk) -> None:
    from cuda.bindings import driver

    event = desk.device.create_event()
    external = driver.CUevent_record_flags.CU_EVENT_RECORD_EXTERNAL
    graph = desk.captured(
        lambda builder: call("cuEventRecordWithFlags", event.handle, builder.stream.handle, external)
    )
    event.close()
    with raises("ILLEGAL_ADDRESS"):
        graph.launch(desk.stream)
    graph.close()


@pytest.mark.parametrize(
    ("grid", "block"), [((0, 1, 1), 32), ((1, 1, 1), 0), ((1, 1, 1), 1025), ((1, 65536, 1), 1)]
)
def test_grids_and_blocks_out_of_range_are_refused(
    desk: Desk, grid: tuple[int, int, int], block: int
) -> None:
    function = int(desk.scale_kernel.handle)
    with raises("INVALID_VALUE"):
        call("cuLaunchKernel", function, *grid, block, 1, 1, 0, desk.stream.handle, 0, 0)


def test_a_block_beyond_a_kernels_own_bound_is_refused(desk: Desk) -> None:
    from cuda.core import LaunchConfig, launch

    tally = desk.code.get_kernel("tally")
    assert tally.attributes.max_threads_per_block == 128
    with raises("LAUNCH_OUT_OF_RESOURCES"):
        launch(desk.stream, LaunchConfig(grid=1, block=129), tally, np.int32(1), desk.source, desk.result)


def test_kernels_and_code_that_are_not_there_are_refused(desk: Desk) -> None:
    from cuda.core import ObjectCode

    with raises("NOT_FOUND"):
        desk.code.get_kernel("nothing")
    with raises("INVALID_IMAGE"):
        ObjectCode.from_cubin(b"no code" * 100).get_kernel("scale")
    true_cubin = bytearray(desk.code.code)
    true_cubin[18:20] = (190).to_bytes(2, "little")  # the machine in the header: CUDA
    with raises("NO_BINARY_FOR_GPU"):
        ObjectCode.from_cubin(bytes(true_cubin)).get_kernel("scale")


def test_an_argument_in_freed_memory_breaks_the_context(desk: Desk, software_cuda: SoftwareCuda) -> None:
    graph = desk.captured(lambda builder: desk.scale(2, builder))
    desk.result.close(desk.stream)
    with raises("ILLEGAL_ADDRESS"):
        graph.launch(desk.stream)
    assert software_cuda.lost
    with raises("ILLEGAL_ADDRESS"):
        desk.stream.sync()
    graph.close()


def test_writes_past_the_end_are_seen(desk: Desk, software_cuda: SoftwareCuda) -> None:
    from cuda.core import LaunchConfig, launch

    small = desk.device.allocate(4 * COUNT - 4, stream=desk.stream)
    launch(
        desk.stream,
        LaunchConfig(grid=8, block=128),
        desk.scale_kernel,
        np.int32(COUNT),
        np.float32(1),
        desk.source,
        small,
    )
    assert software_cuda.violations == [f"write past the end of {4 * COUNT - 4} bytes"]
    small.close(desk.stream)


def test_without_a_context_nothing_is_allocated(desk: Desk) -> None:
    context = call("cuCtxGetCurrent")
    call("cuCtxSetCurrent", 0)
    try:
        with raises("INVALID_CONTEXT"):
            call("cuMemAlloc", 64)
        with raises("INVALID_CONTEXT"):
            desk.scale(2)
    finally:
        call("cuCtxSetCurrent", context)


def test_memory_of_one_device_is_not_reached_from_another(desk: Desk, software_cuda: SoftwareCuda) -> None:
    from cuda.core import Device, LaunchConfig, launch

    software_cuda.configure(devices=2)
    Device(1).set_current()
    stream = Device(1).create_stream()
    with raises("ILLEGAL_ADDRESS"):
        launch(
            stream,
            LaunchConfig(grid=1, block=1),
            desk.scale_kernel,
            np.int32(1),
            np.float32(1),
            desk.source,
            desk.result,
        )
    software_cuda.reset()
    stream.close()
    desk.device.set_current()


def test_more_memory_than_there_is_is_refused(desk: Desk, software_cuda: SoftwareCuda) -> None:
    software_cuda.configure(memory=1 << 20)
    with raises("OUT_OF_MEMORY"):
        desk.device.allocate(1 << 20, stream=desk.stream)


def test_what_the_driver_lacks_is_named(software_cuda: SoftwareCuda) -> None:  # noqa: ARG001
    with pytest.raises(Exception, match="cuMulticastCreate"):
        call("cuMulticastCreate", None)
