"""The software driver does what CUDA does: copies, kernels, graphs, events, at once or deferred."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .desk import COUNT, Desk, call, raises
from .handle import SoftwareCuda

# --- What works ---------------------------------------------------------------------------------------------


def test_the_driver_takes_the_place_of_nvidias(software_cuda: SoftwareCuda) -> None:
    from cuda.core import Device

    assert str(software_cuda.path) in Path("/proc/self/maps").read_text()
    assert Device(0).name == "Software CUDA 0"
    assert tuple(Device(0).compute_capability) == (9, 0)


def test_bytes_come_back(desk: Desk) -> None:
    desk.upload()
    desk.result.copy_from(desk.source, stream=desk.stream)
    desk.download()
    desk.stream.sync()
    np.testing.assert_array_equal(desk.got, desk.given)


def test_fresh_memory_is_no_zero(desk: Desk) -> None:
    desk.download()
    desk.stream.sync()
    assert (desk.got.view(np.uint8) == 0xCD).all()


def test_fills_have_their_width(desk: Desk) -> None:
    for value in (b"\x01", b"\x01\x02", b"\x01\x02\x03\x04"):
        desk.result.fill(value, stream=desk.stream)
        desk.download()
        desk.stream.sync()
        assert desk.got.tobytes() == value * (4 * COUNT // len(value))


def test_memory_comes_from_pools_of_the_device_and_of_the_host(
    desk: Desk, software_cuda: SoftwareCuda
) -> None:
    from cuda.core import DeviceMemoryResource, DeviceMemoryResourceOptions, PinnedMemoryResource

    own = DeviceMemoryResource(desk.device, DeviceMemoryResourceOptions(max_size=1 << 20))
    before = software_cuda.live_bytes, software_cuda.live("pinned")
    of_device, of_host = (pool.allocate(64, stream=desk.stream) for pool in (own, PinnedMemoryResource()))
    assert (software_cuda.live_bytes, software_cuda.live("pinned")) == (before[0] + 64, before[1] + 64)
    assert (of_device.is_host_accessible, of_host.is_host_accessible) == (False, True)
    np.from_dlpack(of_host).view(np.uint8)[:] = 3
    of_host.copy_to(of_device, stream=desk.stream)
    of_device.copy_to(desk.result.from_handle(desk.result.handle, 64, owner=desk.result), stream=desk.stream)
    desk.download()
    desk.stream.sync()
    assert (desk.got.view(np.uint8)[:65] == [3] * 64 + [0xCD]).all()
    for buffer in (of_device, of_host):
        buffer.close(desk.stream)
    own.close()


def test_a_kernel_runs(desk: Desk, software_cuda: SoftwareCuda) -> None:
    desk.work(3)
    desk.stream.sync()
    np.testing.assert_array_equal(desk.got, 3 * desk.given)
    assert software_cuda.log == [f"copy {4 * COUNT}", "kernel scale", f"copy {4 * COUNT}"]
    assert (software_cuda.kernels, software_cuda.launches) == (["scale"], 1)


def test_a_graph_takes_what_lies_in_memory_when_it_is_launched(
    desk: Desk, software_cuda: SoftwareCuda
) -> None:
    graph = desk.captured(lambda builder: desk.work(2, builder))
    assert software_cuda.launches == 0
    graph.upload(desk.stream)
    for value in (1, 5):
        desk.given[:] = value
        graph.launch(desk.stream)
        desk.stream.sync()
        assert (desk.got == 2 * value).all()
    graph.close()
    assert software_cuda.launches == 2


def test_a_graph_is_updated_to_one_of_the_same_shape_only(desk: Desk) -> None:
    graph = desk.captured(lambda builder: desk.work(2, builder))
    for factor in (4, 5):
        builder = desk.stream.create_graph_builder().begin_building("thread_local")
        desk.work(factor, builder)
        graph.update(builder.end_building())
        builder.close()
        graph.launch(desk.stream)
        desk.stream.sync()
        np.testing.assert_array_equal(desk.got, factor * desk.given)
    builder = desk.stream.create_graph_builder().begin_building("thread_local")
    desk.upload(builder)
    with pytest.raises(Exception, match=r"GRAPH_EXEC_UPDATE|[Tt]opology"):
        graph.update(builder.end_building())
    builder.close()
    graph.close()


def record_external(event: Any, builder: Any) -> None:
    """Let a graph record an event: it then tells the time of each launch."""
    from cuda.bindings import driver

    external = driver.CUevent_record_flags.CU_EVENT_RECORD_EXTERNAL
    call("cuEventRecordWithFlags", event.handle, builder.stream.handle, external)


def test_events_in_a_graph_tell_the_time_of_each_launch(desk: Desk) -> None:
    from cuda.core import EventOptions

    first, second = (desk.device.create_event(EventOptions(timing_enabled=True)) for _ in range(2))

    def record(builder: Any) -> None:
        record_external(first, builder)
        desk.work(2, builder)
        record_external(second, builder)

    graph = desk.captured(record)
    with raises("INVALID_HANDLE"):
        call("cuEventElapsedTime", first.handle, second.handle)
    graph.launch(desk.stream)
    desk.stream.sync()
    assert second - first > 0
    graph.close()


def test_a_graph_holds_another_and_calls_the_host(desk: Desk, software_cuda: SoftwareCuda) -> None:
    called: list[float] = []
    child = desk.stream.create_graph_builder().begin_building("thread_local")
    desk.upload(child)
    child.callback(lambda: called.append(float(desk.given[0])))
    child.end_building()

    def record(builder: Any) -> None:
        builder.embed(child)
        desk.scale(2, builder)

    graph = desk.captured(record)
    child.close()
    for value in (1, 2):
        desk.given[:] = value
        graph.launch(desk.stream)
    desk.stream.sync()
    graph.close()
    assert called == [1, 2]
    assert software_cuda.log[:3] == [f"copy {4 * COUNT}", "host", "kernel scale"]


def test_another_stream_may_take_part_in_a_capture(desk: Desk, software_cuda: SoftwareCuda) -> None:
    other = desk.device.create_stream()

    def record(builder: Any, *, join: bool = True) -> None:
        desk.upload(builder)
        branch = builder.stream.record()
        other.wait(branch)
        desk.scale(3, other)
        if join:
            builder.stream.wait(other.record())
            desk.download(builder)

    graph = desk.captured(record)
    graph.launch(desk.stream)
    desk.stream.sync()
    np.testing.assert_array_equal(desk.got, 3 * desk.given)
    graph.close()
    with raises("STREAM_CAPTURE_UNJOINED"):
        desk.captured(lambda builder: record(builder, join=False))
    other.close()
    assert software_cuda.live("graphs") == 0


def test_a_stream_is_known_by_its_handle(desk: Desk) -> None:
    from cuda.core import Stream

    same = Stream.from_handle(int(desk.stream.handle))
    desk.work(2, same)
    same.sync()
    np.testing.assert_array_equal(desk.got, 2 * desk.given)
    assert same.device == desk.device


def test_the_device_of_a_stream_may_be_the_second(software_cuda: SoftwareCuda) -> None:
    from cuda.core import Device

    software_cuda.configure(devices=2)
    second = Device(1)
    second.set_current()
    stream = second.create_stream()
    buffer = second.allocate(64, stream=stream)
    assert (second.name, buffer.device_id) == ("Software CUDA 1", 1)
    buffer.close(stream)
    stream.close()
    Device(0).set_current()


def test_everything_is_given_back(software_cuda: SoftwareCuda, desk: Desk) -> None:
    kinds = ("streams", "events", "graphs", "executables")
    before = [software_cuda.live(kind) for kind in kinds]
    memory = software_cuda.live_bytes
    buffer = desk.device.allocate(1 << 20, stream=desk.stream)
    assert software_cuda.live_bytes == memory + (1 << 20)
    buffer.close(desk.stream)
    graph = desk.captured(lambda builder: desk.work(1, builder))
    assert software_cuda.live("executables") == before[3] + 1
    graph.close()
    assert [software_cuda.live(kind) for kind in kinds] == before
    assert software_cuda.live_bytes == memory


# --- Work that waits ----------------------------------------------------------------------------------------


def test_deferred_work_is_done_when_somebody_waits(desk: Desk, software_cuda: SoftwareCuda) -> None:
    software_cuda.configure(deferred=1)
    desk.got[:] = -1
    desk.work(2)
    event = desk.stream.record()
    assert not event.is_done  # each question lets the device do one thing
    assert (desk.got == -1).all()
    desk.given[:] = 7  # too late: the device had copied it when it was asked
    event.sync()
    np.testing.assert_array_equal(desk.got, 2 * np.arange(COUNT, dtype=np.float32))


def test_deferred_work_shows_what_is_overwritten_too_early(desk: Desk, software_cuda: SoftwareCuda) -> None:
    software_cuda.configure(deferred=1)
    desk.work(2)
    desk.given[:] = 7
    desk.stream.sync()
    assert (desk.got == 14).all()


def test_events_of_a_deferred_graph_wait_for_it(desk: Desk, software_cuda: SoftwareCuda) -> None:
    event = desk.device.create_event()

    def record(builder: Any) -> None:
        desk.work(2, builder)
        record_external(event, builder)

    graph = desk.captured(record)
    software_cuda.configure(deferred=1)
    for value in (1, 2):
        desk.given[:] = value
        graph.launch(desk.stream)
        assert (desk.got != 2 * value).all()
        event.sync()
        assert (desk.got == 2 * value).all()
    graph.close()


def test_a_stream_waits_for_what_another_has_deferred(desk: Desk, software_cuda: SoftwareCuda) -> None:
    software_cuda.configure(deferred=1)
    other = desk.device.create_stream()
    desk.work(2)
    other.wait(desk.stream.record())
    desk.result.fill(b"\0", stream=other)
    other.sync()
    np.testing.assert_array_equal(desk.got, 2 * desk.given)
    assert software_cuda.log[-1] == f"fill {4 * COUNT}"
    other.close()
