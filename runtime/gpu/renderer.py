"""What the GPU renderers share: skin, rasterize, then whatever each does with the triangles seen.

A frame is one CUDA graph, captured for each way in which pictures are drawn and launched with new poses. Two
frames can be under way: while the GPU draws one, the next pose is taken in and written beside it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera, projection_matrix
from dinar.runtime.gpu.device import Gpu
from dinar.runtime.gpu.errors import explained, lost_anyway
from dinar.runtime.gpu.frame import DeviceFrame, Mark
from dinar.runtime.gpu.graph import Capture, Replay, make_replay
from dinar.runtime.gpu.mesh import GpuMesh
from dinar.runtime.gpu.queue import Queue
from dinar.runtime.gpu.raster import Filler, GpuRaster
from dinar.runtime.gpu.upload import FrameUpload
from dinar.runtime.prepare.joints import JointPoser
from dinar.runtime.prepare.mesh import SkinnedMesh

if TYPE_CHECKING:
    from cuda.core import Event

SLOTS = 2
"""Frames that can be under way."""

MAX_REPLAYS = 8
"""Ways of drawing that are kept captured for each slot; beyond, the one captured first is given up."""


@dataclass(frozen=True)
class Way:
    """How the pictures of a frame are drawn.

    Attributes:
        key: frames with equal keys are drawn by one captured graph.
        corners: first column and row of each camera's crop, pixels.
        capture: the network's own way to capture, where it has one.
    """

    key: Hashable
    corners: tuple[tuple[int, int], ...]
    capture: Capture | None = None


class Slot:
    """The memory of one frame under way.

    Attributes:
        upload: what the host sends.
        rgba: uint8 [N, H, W, 4], the pictures.
        host: of the same size, on the host.
        start: before the frame.
        end: behind it.
        marks: at the end of each stage, where stages are timed.
        replays: the ways of drawing that were captured for this memory.
    """

    def __init__(self, gpu: Gpu, shape: tuple[int, int, int], expressions: int) -> None:
        """Allocate for `shape`: views, height and width."""
        self._gpu = gpu
        self.upload = FrameUpload(gpu, shape[0], expressions)
        self.rgba, self.host = gpu.empty((*shape, 4), np.uint8), gpu.pinned((*shape, 4), np.uint8)
        self.start, self.end = gpu.timer(), gpu.timer()
        self.marks: dict[str, Event] = {}
        self.replays: dict[Hashable, Replay] = {}
        self._used = False

    def wait(self) -> None:
        """Return when the frame that was drawn here last is complete."""
        if self._used:
            self.end.sync()
        self._used = True

    def close(self) -> None:
        """Give the memory back."""
        for replay in self.replays.values():
            replay.close()
        self.upload.close()
        self._gpu.release(self.rgba, self.host)


class GpuRenderer(ABC):
    """A renderer of one mesh; see `dinar.runtime.renderer.Renderer`."""

    def __init__(
        self,
        gpu: Gpu,
        mesh: SkinnedMesh,
        faces: np.ndarray,
        cull: np.ndarray,
        *,
        samples: Literal[1, 4] = 1,
        trace: bool = False,
        tell: Callable[[str], None],
    ) -> None:
        """Upload the mesh.

        Args:
            gpu: draws; the renderer closes it.
            mesh: in tiles of `mesh.LANES` vertices.
            faces: int32 [F, 3], those of its faces that are drawn.
            cull: bool [F], which are not drawn when they show their back.
            samples: for each pixel.
            trace: time each stage on the GPU.
            tell: takes a sentence that a person should know, once.
        """
        self._gpu, self._tell, self._trace = gpu, tell, trace
        self._faces, self._cull = faces, cull
        self._samples: Literal[1, 4] = samples
        self._joints, self._expressions = JointPoser(mesh), mesh.rest_joint_exprdirs.shape[2]
        self._to_samples = np.diag([1.0, 1.0, 1.0] if samples == 1 else [2.0, 2.0, 1.0])
        with explained(gpu.info.name):
            self._mesh = GpuMesh(gpu, mesh)
        self._shape = (0, 0, 0)  # views, height, width
        self._slots: list[Slot] = []
        self._raster: GpuRaster | None = None
        self._filler: Filler | None = None
        self._frames = 0

    def fill_by(self, open_filler: Callable[[np.ndarray, np.ndarray], Filler]) -> None:
        """Let another rasterizer find the triangles; frames are then no graphs. Before any is drawn.

        Args:
            open_filler: takes the faces and which of them are culled, as this class does.
        """
        self._filler = open_filler(self._faces, self._cull)

    def render(self, pose: Pose, cameras: Sequence[Camera]) -> DeviceFrame:
        """Start drawing `pose` seen by each camera; see `Renderer.render`. Does not wait for the GPU.

        Raises:
            GpuError: the GPU has no memory left, or stopped working.
        """
        begin = perf_counter()
        with explained(self._gpu.info.name):
            self._gpu.make_current()
            slot = self._next_slot(cameras)
            self._joints(pose)
            slot.wait()
            way = self._choose_way(cameras)
            matrices = [self._to_samples @ projection_matrix(camera) for camera in cameras]
            slot.upload.write(self._joints, matrices, way.corners)
            replay = self._replay(slot, way)
            self._gpu.stream.record(slot.start)
            replay.launch()
            self._gpu.stream.record(slot.end)
        return DeviceFrame(
            slot.rgba,
            slot.host,
            self._gpu.stream,
            gpu=self._gpu.info.name,
            start=slot.start,
            end=slot.end,
            marks=tuple(Mark(stage, event) for stage, event in slot.marks.items()),
            submit_ms=1e3 * (perf_counter() - begin),
        )

    @property
    def gpu_name(self) -> str:
        """Name of the GPU."""
        return self._gpu.info.name

    @property
    def engine(self) -> str:
        """What runs the network; empty where there is none."""
        return ""

    @property
    def captured(self) -> bool:
        """Whether every way of drawing so far is one graph."""
        return all(replay.captured for slot in self._slots for replay in slot.replays.values())

    def close(self) -> None:
        """Wait for what is under way and give everything back; a second call does nothing."""
        with explained(self._gpu.info.name), lost_anyway():
            self._forget_pictures()
            self._gpu.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @abstractmethod
    def _start_pictures(self, views: int, height: int, width: int) -> None:
        """Prepare for pictures of another number or size."""

    @abstractmethod
    def _choose_way(self, cameras: Sequence[Camera]) -> Way:
        """Say how the pictures of a frame are drawn, whose joints are posed."""

    @abstractmethod
    def _record_pictures(self, queue: Queue, slot: Slot, raster: GpuRaster, key: Any) -> None:
        """Draw `slot.rgba`, every pixel of it, from the triangles seen."""

    def _mark(self, queue: Queue, slot: Slot, stage: str) -> None:
        """End a stage."""
        if self._trace:
            if stage not in slot.marks:
                slot.marks[stage] = self._gpu.timer()
            queue.mark(slot.marks[stage])

    def _replay(self, slot: Slot, way: Way) -> Replay:
        if way.key not in slot.replays:
            if len(slot.replays) >= MAX_REPLAYS:
                oldest = next(iter(slot.replays))
                self._gpu.stream.sync()
                slot.replays.pop(oldest).close()
            slot.replays[way.key] = make_replay(
                self._gpu,
                lambda queue: self._record(queue, slot, way.key),
                capture=way.capture,
                waits=self._filler is not None,
                tell=self._tell_once,
            )
        return slot.replays[way.key]

    def _record(self, queue: Queue, slot: Slot, key: Any) -> None:
        """Give a whole frame to a queue."""
        assert self._raster is not None, "made with the slots"
        slot.upload.record(queue)
        self._mark(queue, slot, "upload")
        self._mesh.record(queue, slot.upload)
        self._mark(queue, slot, "skin")
        self._raster.record(queue, slot.upload)
        self._mark(queue, slot, "raster")
        self._record_pictures(queue, slot, self._raster, key)

    def _tell_once(self, sentence: str) -> None:
        self._tell(sentence)
        self._tell = _say_nothing

    def _next_slot(self, cameras: Sequence[Camera]) -> Slot:
        """Return memory for a frame of so many cameras of this size: that of the last frame but one."""
        if not cameras:
            raise ValueError("render expects at least one camera")
        if self._gpu.stream.is_closed:
            raise ValueError("render expects an open renderer, and this one is closed: open another")
        shape = (len(cameras), cameras[0].height, cameras[0].width)
        for camera in cameras:
            if (camera.height, camera.width) != shape[1:]:
                raise ValueError(
                    f"render expects cameras of {shape[2]} x {shape[1]}, not {camera.width} x {camera.height}"
                )
        if shape != self._shape:
            self._allocate(shape)
        self._frames += 1
        return self._slots[self._frames % SLOTS]

    def _allocate(self, shape: tuple[int, int, int]) -> None:
        self._forget_pictures()
        views, height, width = shape
        self._raster = GpuRaster(
            self._gpu,
            self._mesh,
            self._faces,
            self._cull,
            views=views,
            height=height,
            width=width,
            samples=self._samples,
            filler=self._filler,
        )
        self._slots = [Slot(self._gpu, shape, self._expressions) for _ in range(SLOTS)]
        self._start_pictures(views, height, width)
        self._shape = shape

    def _forget_pictures(self) -> None:
        """Give back what belongs to pictures of the present size."""
        self._shape = (0, 0, 0)
        for slot in self._slots:
            slot.close()
        if self._raster is not None:
            self._raster.close()
        self._slots, self._raster = [], None


def _say_nothing(_: str) -> None:
    """Take a sentence that was told before."""
