"""Measures one mode in a process of its own: `python -m dinar.runtime.measure.worker SPEC`.

SPEC is a `Spec` as JSON. Each line that is printed is an `Event` as JSON; the last one holds the result.
"""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from dinar.runtime.avatar import Avatar, RendererNetwork, open_avatar
from dinar.runtime.body import Pose
from dinar.runtime.errors import DinarError
from dinar.runtime.measure.machine import (
    busy_seconds,
    peak_resident_mb,
    process_seconds,
    resident_mb,
    usable_cores,
)
from dinar.runtime.measure.networks import RGB, find_network, network_cost, with_networks
from dinar.runtime.measure.pipeline import Pipeline, Sample
from dinar.runtime.measure.publisher import LOOPBACK, BenchError, arrived_since, running, wait_for_first_pose
from dinar.runtime.measure.records import (
    Details,
    Event,
    Figure,
    GpuDetails,
    NetworkCost,
    Result,
    Settings,
    Spec,
    Stream,
)
from dinar.runtime.measure.screen import open_screen
from dinar.runtime.measure.statistics import STABLE_WINDOWS, is_stable, percentiles
from dinar.runtime.measure.view import FollowingView
from dinar.runtime.motion import load_motion
from dinar.runtime.prepare.crop import Crop
from dinar.runtime.renderer import Renderer, open_renderer
from dinar.runtime.show import frame_poses
from dinar.runtime.stream import PoseSubscriber

PUBLISHER_SECONDS = 3600
"""The publisher's end, should nobody be left to end it."""
FIGURE_POSES = 24
FIGURE_SECONDS = 8.0
_DINAR = (sys.executable, "-c", "import sys; from dinar.runtime.cli import main; sys.exit(main())")


Tell = Callable[[str], None]


def main(text: str) -> int:
    """Measure what `text` says; returns the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the publisher is ended as by Ctrl-C
    spec = msgspec.json.decode(text, type=Spec)
    try:
        try:
            if spec.first_frame_only:
                draw_first_frame(spec)
                _emit(Event(first_frame=True))
            else:
                _emit(Event(result=measure(spec, lambda doing: _emit(Event(doing=doing)))))
        except DinarError as error:
            _emit(Event(error=str(error)))
            return 1
    except (KeyboardInterrupt, BrokenPipeError):  # nobody wants to know any more
        return 128 + signal.SIGINT
    return 0


def _emit(event: Event) -> None:
    sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class _Drawn:
    """What is measured: the avatar in one mode, and the mode's network if it has one."""

    spec: Spec
    avatar: Avatar
    network: RendererNetwork | None

    def open(self, *, trace: bool = False) -> Renderer:
        """Open its renderer; raises DinarError."""
        settings = self.spec.settings
        return open_renderer(
            self.avatar,
            device=settings.device,
            mode="rgb" if self.network is None else "neural",
            live=True,
            network=self.network,
            engine=settings.engine,
            trace=trace,
            tell=lambda sentence: _emit(Event(notice=sentence)),
        )


def _drawn(spec: Spec) -> _Drawn:
    """Open the avatar; raises DinarError."""
    avatar = with_networks(open_avatar(spec.settings.avatar), spec.settings.networks)
    return _Drawn(spec, avatar, None if spec.mode == RGB else find_network(avatar, spec.mode))


def draw_first_frame(spec: Spec) -> None:
    """Do what stands between a program's start and its first frame; raises DinarError."""
    drawn = _drawn(spec)
    pose, size = Pose.rest(), spec.settings.size
    view = frame_poses(drawn.avatar, [pose], width=size, height=size).camera(size, size)
    with drawn.open() as renderer:
        renderer.render(pose, [view]).wait()


def measure(spec: Spec, tell: Tell) -> Result:
    """Run a publisher, receive from it, draw, and time it; raises DinarError."""
    settings = spec.settings
    tell("opening the avatar")
    drawn = _drawn(spec)
    avatar, network = drawn.avatar, drawn.network
    with (
        drawn.open() as renderer,
        PoseSubscriber(LOOPBACK, bind=True, topics=("pose",)) as subscriber,
        running(_play(settings, subscriber.address)) as publisher,
        open_screen(settings.size) as screen,
    ):
        motion = load_motion(settings.motion, avatar.body, betas=avatar.betas)
        view = FollowingView(avatar, motion, settings.size)
        tell("drawing the first frames (kernels compile on the first run only)")
        start = time.perf_counter()
        renderer.render(view.poses[0], [view.camera(view.poses[0])]).wait()
        first_frame_ms = 1e3 * (time.perf_counter() - start)
        if network is None:
            figure = _measure_figure(renderer, renderer, view)
        else:
            with open_renderer(avatar, mode="normals") as outline:
                figure = _measure_figure(renderer, outline, view)
        tell("waiting for the publisher")
        wait_for_first_pose(subscriber, publisher)
        loop = Pipeline(subscriber, view, renderer, screen)
        tell(f"warming up, {settings.warm_up} frames")
        loop.run(settings.warm_up, settings.seconds / 4)
        before = subscriber.stats()
        windows, usage = _run_windows(settings, loop, renderer, publisher.pid, tell)
        crops = Counter(window.crop for window in windows if window.crop is not None)
        arrived = arrived_since(before, subscriber, publisher)
        gpu = None if settings.device == "cpu" else _measure_gpu(drawn, renderer, view, tell)
        return _result(
            settings,
            windows,
            usage,
            _Around(
                first_frame_ms=first_frame_ms,
                figure=figure,
                presented=screen.name,
                stream=arrived,
                network=None
                if network is None or not crops
                else network_cost(network, settings.size, *crops.most_common(1)[0][0]),
                gpu=gpu,
            ),
        )


@dataclass(frozen=True)
class _Window:
    """Frames measured in a row, the seconds they took with all waiting, the last one's rectangle if any."""

    samples: list[Sample]
    seconds: float
    crop: tuple[int, int] | None

    @property
    def median_ms(self) -> float:
        """p50 of the frames' total."""
        return percentiles([sample.total for sample in self.samples]).p50_ms


@dataclass(frozen=True)
class _Usage:
    """What the windows took: seconds of the clock, of this process, and of all others but the publisher."""

    wall: float
    own: float
    others: float | None


def _run_windows(
    settings: Settings, loop: Pipeline, renderer: Renderer, publisher_pid: int, tell: Tell
) -> tuple[list[_Window], _Usage]:
    """Measure windows until the last ones agree or time is up; at least one frame in each of three."""
    windows: list[_Window] = []
    clock, own = time.perf_counter(), time.process_time()
    outside = _outside_seconds(publisher_pid)
    longest = settings.seconds / STABLE_WINDOWS
    while not is_stable([window.median_ms for window in windows], settings.tolerance):
        elapsed = time.perf_counter() - clock
        if len(windows) >= STABLE_WINDOWS and elapsed >= settings.seconds:
            break
        start = time.perf_counter()
        samples = loop.run(settings.window, longest)
        windows.append(_Window(samples, time.perf_counter() - start, _networked(renderer)))
        tell(f"window {len(windows)}: {windows[-1].median_ms:.2f} ms")
    wall, own = time.perf_counter() - clock, time.process_time() - own
    after = _outside_seconds(publisher_pid)
    others = None if outside is None or after is None else max(0.0, after - outside - own)
    return windows, _Usage(wall, own, others)


@dataclass(frozen=True)
class _Around:
    """What is known beside the samples; see `Details`."""

    first_frame_ms: float
    figure: Figure
    presented: str
    stream: Stream
    network: NetworkCost | None
    gpu: GpuDetails | None


def _measure_gpu(drawn: _Drawn, renderer: Renderer, view: FollowingView, tell: Tell) -> GpuDetails | None:
    """Measure the stages on the GPU, with a second renderer that times them; raises DinarError."""
    from dinar.runtime.measure.gpu_stages import measure_gpu

    tell("timing the stages on the GPU")
    with drawn.open(trace=True) as traced:
        return measure_gpu(renderer, traced, view)


def _outside_seconds(publisher_pid: int) -> float | None:
    """Processor seconds of the whole computer without the publisher's."""
    busy, publisher = busy_seconds(), process_seconds(publisher_pid)
    return None if busy is None or publisher is None else busy - publisher


def _result(
    settings: Settings,
    windows: list[_Window],
    usage: _Usage,
    around: _Around,
) -> Result:
    medians = [window.median_ms for window in windows]
    last = windows[-STABLE_WINDOWS:]
    samples = [sample for window in last for sample in window.samples]
    names = [name for name in samples[0].stages if name != "present"]
    stages = {name: percentiles([sample.stages[name] for sample in samples]) for name in names}
    stages["total"] = percentiles([sample.total for sample in samples])
    if "present" in samples[0].stages:
        stages["present"] = percentiles([sample.stages["present"] for sample in samples])
    cores, resident, peak = usable_cores(), resident_mb(), peak_resident_mb()
    if resident is not None and peak is not None:
        peak = max(peak, resident)  # Linux keeps the peak a little late
    details = Details(
        totals_ms=[round(sample.total, 4) for sample in samples],
        window_medians_ms=medians,
        stable=is_stable(medians, settings.tolerance),
        fps=len(samples) / sum(window.seconds for window in last),
        capacity_fps=1e3 / float(np.mean([sample.busy for sample in samples])),
        cpu_share=usage.own / usage.wall / cores,
        others_cpu_share=None if usage.others is None else usage.others / usage.wall / cores,
        resident_mb=resident,
        peak_resident_mb=peak,
        pose_age=percentiles([sample.age for sample in samples]),
        presented=around.presented,
        first_frame_ms=around.first_frame_ms,
        figure=around.figure,
        stream=around.stream,
        network=around.network,
        gpu=around.gpu,
    )
    return Result(stages, details)


def _measure_figure(renderer: Renderer, outline: Renderer, view: FollowingView) -> Figure:
    """Draw poses spread over the motion, which also warms up.

    Args:
        renderer: the one that is measured.
        outline: draws the person's outline without a network, which may be untrained.
        view: the poses and their cameras.

    Returns:
        How much of the picture the person takes.
    """
    boxes: list[tuple[int, int]] = []
    end = time.perf_counter() + FIGURE_SECONDS
    # The golden ratio's steps: however soon time is up, the poses so far are spread over the motion.
    for k in range(FIGURE_POSES):
        pose = view.poses[int(len(view.poses) * (0.618034 * k % 1))]
        picture = renderer.render(pose, [view.camera(pose)])
        if outline is not renderer:
            picture = outline.render(pose, [view.camera(pose)])
        alpha = picture.numpy()[0, ..., 3]
        rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
        if not len(rows):
            raise BenchError("the renderer drew nobody: is the avatar's file complete?")
        boxes.append((rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]))
        if time.perf_counter() > end:
            break
    heights, widths = np.array(boxes, np.float64).T
    return Figure(
        height_share=float(heights.min() / alpha.shape[0]),
        crop_width=float(np.median(widths)),
        crop_height=float(np.median(heights)),
        crop_share=float(np.median(heights * widths) / alpha.size),
    )


def _networked(renderer: Renderer) -> tuple[int, int] | None:
    """Width and height of the last picture's rectangle that went through a network, if one did."""
    crops: Sequence[Crop | None] = getattr(renderer, "crops", ())  # those of rgb have none
    return None if not crops or crops[0] is None else (crops[0].width, crops[0].height)


def _play(settings: Settings, address: str) -> list[str]:
    """The command that plays the motion to `address`."""
    command = [*_DINAR, "play", settings.motion, "--connect", "--to", address, "--loop"]
    command += ["--fps", str(settings.rate), "--seconds", str(PUBLISHER_SECONDS)]
    return [*command, "--avatar", settings.avatar]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
