"""The software CUDA driver itself: it does what CUDA does, and refuses what CUDA refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from .software_cuda.handle import SoftwareCuda
from .software_cuda.host_kernels import compile_host, kernel_bounds, open_host

COUNT = 1000
KERNELS = """
extern "C" __global__ void scale(int count, float factor, const float* in, float* out) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) out[i] = factor * in[i];
}
extern "C" __global__ void __launch_bounds__(128) tally(int count, int* total, unsigned long long* highest) {
  const int i = (blockIdx.y * gridDim.x + blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  atomicAdd(total, 1);
  atomicMax(highest, (unsigned long long)i << 32 | 7u);
}
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("kernels")
    (made / "tiny.cu").write_text(KERNELS)
    return made


class Desk:
    """A device, a stream, and arrays on both sides."""

    def __init__(self, folder: Path) -> None:
        from cuda.core import Device, LegacyPinnedMemoryResource, ObjectCode

        self.device = Device(0)
        self.device.set_current()
        self.stream = self.device.create_stream()
        self.source = self.device.allocate(4 * COUNT, stream=self.stream)
        self.result = self.device.allocate(4 * COUNT, stream=self.stream)
        self.pinned = [LegacyPinnedMemoryResource().allocate(4 * COUNT) for _ in range(2)]
        self.given, self.got = (np.from_dlpack(pinned).view(np.float32) for pinned in self.pinned)
        self.given[:] = np.arange(COUNT)
        self.code = ObjectCode.from_cubin(compile_host("tiny", "sm_90", folder=folder))
        self.scale_kernel = self.code.get_kernel("scale")

    def upload(self, stream: Any = None) -> None:
        self.source.copy_from(self.pinned[0], stream=stream or self.stream)

    def download(self, stream: Any = None) -> None:
        self.result.copy_to(self.pinned[1], stream=stream or self.stream)

    def scale(self, factor: float, stream: Any = None, *, block: int = 256) -> None:
        from cuda.core import LaunchConfig, launch

        config = LaunchConfig(grid=-(-COUNT // block), block=block)
        arguments = np.int32(COUNT), np.float32(factor), self.source, self.result
        launch(stream or self.stream, config, self.scale_kernel, *arguments)

    def work(self, factor: float, stream: Any = None) -> None:
        for step in (self.upload, lambda s: self.scale(factor, s), self.download):
            step(stream or self.stream)

    def captured(self, record: Callable[[Any], Any]) -> Any:
        builder = self.stream.create_graph_builder()
        builder.begin_building("thread_local")
        try:
            record(builder)
        finally:
            builder.end_building()
        graph = builder.complete()
        builder.close()
        return graph

    def close(self) -> None:
        del self.given, self.got
        for buffer in (self.source, self.result):
            buffer.close(self.stream)
        for pinned in self.pinned:
            pinned.close()
        self.stream.close()


@pytest.fixture
def desk(software_cuda: SoftwareCuda, clean_device: None, folder: Path) -> Iterator[Desk]:  # noqa: ARG001
    made = Desk(folder)
    yield made
    software_cuda.reset()
    made.close()


def raises(name: str) -> Any:
    return pytest.raises(Exception, match=rf"\bCUDA_ERROR_{name}\b")


def call(function: str, *arguments: Any) -> Any:
    """Call the driver without cuda.core between; an error raises its name."""
    from cuda.bindings import driver

    error, *values = getattr(driver, function)(*arguments)
    if error:
        raise RuntimeError(error.name)
    return values[0] if len(values) == 1 else values


# --- Kernels as host C++ ------------------------------------------------------------------------------------


def test_kernels_run_on_arrays_without_a_driver(folder: Path) -> None:
    kernels = open_host("tiny", folder)
    assert kernels.parameters("scale") == "ifpp"
    given, got = np.arange(COUNT, dtype=np.float32), np.zeros(COUNT, np.float32)
    kernels.launch("scale", (8,), (128,), COUNT, 0.5, given, got)
    np.testing.assert_array_equal(got, given * np.float32(0.5))


def test_atomics_count_every_thread_of_a_large_grid(folder: Path) -> None:
    total, highest = np.zeros(1, np.int32), np.zeros(1, np.uint64)
    open_host("tiny", folder).launch("tally", (300, 3), (128,), 100_000, total, highest)
    assert total[0] == 100_000
    assert highest[0] == 99_999 << 32 | 7


def test_arrays_with_gaps_and_missing_arguments_are_refused(folder: Path) -> None:
    kernels, whole = open_host("tiny", folder), np.zeros(2 * COUNT, np.float32)
    with pytest.raises(AssertionError, match="without gaps"):
        kernels.launch("scale", (8,), (128,), COUNT, 0.5, whole[::2], whole)
    with pytest.raises(AssertionError, match="4 arguments, not 2"):
        kernels.launch("scale", (8,), (128,), COUNT, 0.5)


def test_kernels_and_their_bounds_are_found_in_the_source() -> None:
    assert kernel_bounds(KERNELS) == {"scale": "1024", "tally": "128"}
    assert kernel_bounds('extern "C" __global__ __launch_bounds__(N, 2)\nvoid f(int a) {}') == {"f": "N"}


def test_a_file_that_does_not_compile_says_where(tmp_path: Path) -> None:
    (tmp_path / "bad.cu").write_text('extern "C" __global__ void f(int* a) { __syncthreads(); }')
    with pytest.raises(RuntimeError, match="__syncthreads"):
        compile_host("bad", "sm_90", folder=tmp_path)


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


def test_events_in_a_graph_tell_the_time_of_each_launch(desk: Desk) -> None:
    from cuda.bindings import driver
    from cuda.core import EventOptions

    first, second = (desk.device.create_event(EventOptions(timing_enabled=True)) for _ in range(2))
    external = driver.CUevent_record_flags.CU_EVENT_RECORD_EXTERNAL

    def record(builder: Any) -> None:
        call("cuEventRecordWithFlags", first.handle, builder.stream.handle, external)
        desk.work(2, builder)
        call("cuEventRecordWithFlags", second.handle, builder.stream.handle, external)

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


# --- What is refused ----------------------------------------------------------------------------------------


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


# --- Faults -------------------------------------------------------------------------------------------------


def test_a_function_fails_from_a_call_on(desk: Desk, software_cuda: SoftwareCuda) -> None:
    software_cuda.fail("cuMemAlloc*", 2, after=2)
    buffers = [desk.device.allocate(64, stream=desk.stream) for _ in range(2)]
    for _ in range(2):
        with raises("OUT_OF_MEMORY"):
            desk.device.allocate(64, stream=desk.stream)
    software_cuda.reset()
    buffers.append(desk.device.allocate(64, stream=desk.stream))
    for buffer in buffers:
        buffer.close(desk.stream)


@pytest.mark.parametrize(("error", "name"), [(700, "ILLEGAL_ADDRESS"), (719, "LAUNCH_FAILED")])
def test_a_lost_device_stays_lost(desk: Desk, software_cuda: SoftwareCuda, error: int, name: str) -> None:
    software_cuda.fail("cuLaunchKernel*", error, after=1)
    desk.work(1)
    with raises(name):
        desk.work(1)
    with raises(name):
        desk.stream.sync()
    with raises(name):
        desk.device.allocate(64, stream=desk.stream)


def test_capturing_and_instantiating_may_fail(desk: Desk, software_cuda: SoftwareCuda) -> None:
    software_cuda.fail("cuGraphInstantiate*", 2)
    with raises("OUT_OF_MEMORY"):
        desk.captured(lambda builder: desk.work(1, builder))
    software_cuda.reset()
    software_cuda.fail("cuStreamEndCapture", 901)
    with raises("STREAM_CAPTURE_INVALIDATED"):
        desk.captured(lambda builder: desk.work(1, builder))
    software_cuda.reset()


def test_the_driver_is_absent_when_told(software_cuda: SoftwareCuda) -> None:
    software_cuda.configure(present=0)
    with raises("NO_DEVICE"):
        call("cuInit", 0)
    with raises("NO_DEVICE"):
        call("cuDeviceGetCount")
    software_cuda.configure(present=1)
    assert call("cuDeviceGetCount") == 1


CHILD = """
from cuda.bindings import driver
for error, *values in (driver.cuInit(0), driver.cuDeviceGetCount(), driver.cuDriverGetVersion()):
    print(error.name, *values)
"""


@pytest.mark.parametrize(
    ("faults", "settings", "said"),
    [
        ((), {"devices": 2}, "CUDA_SUCCESS CUDA_SUCCESS 2 CUDA_SUCCESS 13000"),
        ((), {"devices": 0}, "CUDA_ERROR_NO_DEVICE CUDA_ERROR_NOT_INITIALIZED None CUDA_SUCCESS 13000"),
        (("cuInit:999",), {}, "CUDA_ERROR_UNKNOWN CUDA_ERROR_NOT_INITIALIZED None CUDA_SUCCESS 13000"),
        (("cuDeviceGet*:46:0",), {}, "CUDA_SUCCESS CUDA_ERROR_DEVICE_UNAVAILABLE None CUDA_SUCCESS 13000"),
        ((), {"driver_version": 12040}, "CUDA_SUCCESS CUDA_SUCCESS 1 CUDA_SUCCESS 12040"),
    ],
)
def test_a_child_process_has_faults_of_its_own(
    software_cuda: SoftwareCuda, faults: tuple[str, ...], settings: dict[str, int], said: str
) -> None:
    environment = software_cuda.environment(*faults, **settings)
    done = subprocess.run(
        [sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == said.split(), done.stderr


# --- OpenGL -------------------------------------------------------------------------------------------------


GL_CHILD = """
import ctypes, sys
import numpy as np
import pyglet

pyglet.options.headless = True
window = pyglet.window.Window(16, 16)
from pyglet import gl
from cuda.core import Device, GraphicsResource, LegacyPinnedMemoryResource

def content():
    values = (ctypes.c_ubyte * 64)()
    gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, buffer)
    gl.glGetBufferSubData(gl.GL_PIXEL_UNPACK_BUFFER, 0, 64, values)
    return set(values)

name = gl.GLuint()
gl.glGenBuffers(1, name)
buffer = name.value
gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, buffer)
gl.glBufferData(gl.GL_PIXEL_UNPACK_BUFFER, 64, bytes([5] * 64), gl.GL_STREAM_DRAW)
device = Device(0)
device.set_current()
stream = device.create_stream()
pinned = LegacyPinnedMemoryResource().allocate(64)
kept = GraphicsResource.from_gl_buffer(buffer)
with kept.map(stream=stream) as memory:
    memory.copy_to(pinned, stream=stream)
    memory.fill(b"\\x07", stream=stream)
print(set(np.from_dlpack(pinned).view(np.uint8).tolist()), content())
kept.close()
discarding = GraphicsResource.from_gl_buffer(buffer, flags="write_discard")
with discarding.map(stream=stream):
    pass
print(content())
discarding.close()
"""


def test_a_gl_buffer_is_device_memory_while_it_is_mapped(software_cuda: SoftwareCuda) -> None:
    environment = software_cuda.environment()
    command = [sys.executable, "-c", GL_CHILD]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    if "CUDA" not in done.stderr and done.returncode:
        cannot_run(f"OpenGL without a screen does not start: {done.stderr[-300:]}")
    assert done.stdout.splitlines() == ["{5} {7}", f"{{{0xCD}}}"], done.stderr


def cannot_run(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"{reason}: continuous integration must have it")
    pytest.skip(reason)


@pytest.mark.usefixtures("desk")
def test_without_a_gl_context_no_buffer_is_registered(software_cuda: SoftwareCuda) -> None:
    from cuda.core import GraphicsResource

    with raises("INVALID_GRAPHICS_CONTEXT"):
        GraphicsResource.from_gl_buffer(1)
    software_cuda.fail("cuGraphicsGLRegisterBuffer", 304)
    with raises("OPERATING_SYSTEM"):
        GraphicsResource.from_gl_buffer(1)
