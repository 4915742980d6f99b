"""`dinar run`: receive poses over ZeroMQ and show the avatar live, in a window or into a file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar, cast

from rich.console import Console
from rich.progress import Progress

from dinar.runtime import live as live_loop
from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.display.orbit import Orbit
from dinar.runtime.errors import DinarError, UsageError
from dinar.runtime.live import LiveLoop
from dinar.runtime.live_avatar import FollowingRenderer, LivePoses, Steadiness
from dinar.runtime.renderer import Mode, Renderer, modes_of
from dinar.runtime.show import (
    ShowConfig,
    check_recording,
    frame_poses,
    open_recording,
    open_shown_avatar,
    open_shown_renderer,
    stream_status,
)
from dinar.runtime.smoothing import STRENGTHS
from dinar.runtime.stream import PoseSubscriber
from dinar.runtime.transport.keys import open_curve
from dinar.runtime.window import Window
from dinar.runtime.wire import CAMERA_TOPIC

Taken = TypeVar("Taken")
MAX_CUTOFF = 1000.0  # Hz: no stream is faster
_WAIT_SLICE_SECONDS = 0.1  # Ctrl-C is heard between two


class NoPoseError(DinarError):
    """Nobody sent a pose that can be shown."""


@dataclass(frozen=True)
class RunConfig(ShowConfig):
    """Show an avatar that moves as the poses that arrive over ZeroMQ say."""

    poses: str = "tcp://127.0.0.1:5555"
    """Where poses come from."""
    topic: str = "pose"
    """pose, or pose/NAME for one of several people."""
    bind: bool = False
    """Wait for a publisher at that address instead of going to one."""
    follow_cameras: bool = False
    """Draw from the cameras that the stream sends, several side by side."""
    accept_betas: bool = False
    """Let the stream change the avatar's shape."""
    smooth: Literal["off", "light", "medium", "strong"] = "off"
    """Calm poses that tremble (One Euro filter): stronger delays more. Tab in the window: how much."""
    smooth_min_cutoff: float | None = None
    """Hz below which a resting person may move, in place of the strength's own: lower is calmer."""
    smooth_beta: float | None = None
    """Hz that speed (rad/s) adds to that, in place of the strength's own: higher is faster."""
    predict: bool = False
    """Draw the person where they will be by now: poses are moved on by their age, up to 0.1 seconds.
    Doubles the trembling of a stream that trembles: add --smooth."""
    patience: float = 10.0
    """Seconds to wait for the first pose when recording."""
    curve_server: Path | None = None
    """server.public.json of `dinar keys`, to connect to a publisher that has keys."""
    curve_client: Path | None = None
    """NAME.secret.json of `dinar keys`, to connect to a publisher that has keys."""
    curve_secret: Path | None = None
    """server.secret.json of `dinar keys`, with --bind."""

    @property
    def topics(self) -> tuple[str, ...]:
        """What to subscribe to."""
        return (self.topic, CAMERA_TOPIC) if self.follow_cameras else (self.topic,)

    @property
    def steadiness(self) -> Steadiness:
        """What is done to poses before they are drawn."""
        if self.smooth == "off":
            return Steadiness(predict=self.predict)
        changes = {
            name: value
            for name, value in (("min_cutoff", self.smooth_min_cutoff), ("beta", self.smooth_beta))
            if value is not None
        }
        return Steadiness(replace(STRENGTHS[self.smooth], **changes), self.smooth, self.predict)

    def __post_init__(self) -> None:
        """Raise UsageError for a number out of range or flags that do not go together."""
        super().__post_init__()
        if self.follow_cameras and self.orbit:
            raise UsageError("--orbit turns a view of its own: leave it out, or --follow-cameras")
        if self.headless and self.out is None:
            raise UsageError("--headless needs a file to record: add --out FILE.mp4")
        if self.smooth == "off" and (self.smooth_min_cutoff, self.smooth_beta) != (None, None):
            raise UsageError("--smooth-min-cutoff and --smooth-beta change a strength: add --smooth medium")
        if self.smooth_min_cutoff is not None and not 0 < self.smooth_min_cutoff <= MAX_CUTOFF:
            raise UsageError(
                f"--smooth-min-cutoff must be above 0 and at most {MAX_CUTOFF:g} Hz, "
                f"not {self.smooth_min_cutoff:g}"
            )
        if self.smooth_beta is not None and not 0 <= self.smooth_beta <= MAX_CUTOFF:
            raise UsageError(f"--smooth-beta must be from 0 to {MAX_CUTOFF:g}, not {self.smooth_beta:g}")
        if not 0 < self.patience <= 3600:
            raise UsageError(f"--patience must be above 0 and at most 3600 seconds, not {self.patience}")


def run(config: RunConfig) -> int:
    """Show or record until done; returns the exit status. Raises DinarError."""
    console = Console(stderr=True)
    if config.out is not None:
        check_recording(config, config.out)
    curve = open_curve(
        bind=config.bind, secret=config.curve_secret, server=config.curve_server, client=config.curve_client
    )
    avatar = open_shown_avatar(config)
    with PoseSubscriber(config.poses, bind=config.bind, topics=config.topics, curve=curve) as subscriber:
        live = LivePoses(
            avatar,
            subscriber,
            config.topic,
            accept_betas=config.accept_betas,
            steadiness=config.steadiness,
        )
        try:
            with _open(config, config.mode, live, console) as renderer:
                if config.out is None:
                    show(config, live, renderer, subscriber, console)
                else:
                    record(config, config.out, live, renderer, subscriber, console)
        except KeyboardInterrupt:  # how a person ends what has no end of its own
            console.print()
        for line in stream_status(subscriber.stats()):
            console.print(line, highlight=False, soft_wrap=True)
    return 0


def _open(config: RunConfig, mode: Mode, live: LivePoses, console: Console) -> Renderer:
    """A renderer that follows the stream's shape."""
    shown = replace(config, mode=mode)
    return FollowingRenderer(
        lambda: live.avatar, lambda avatar: open_shown_renderer(shown, avatar, console, live=True)
    )


def show(
    config: RunConfig, live: LivePoses, renderer: Renderer, subscriber: PoseSubscriber, console: Console
) -> None:
    """Show what arrives until the window is closed; raises WindowError."""

    def framing(pose: Pose, width: int, height: int) -> Orbit:
        return frame_poses(live.avatar, [pose], width=width, height=height, azimuth_deg=config.azimuth)

    with Window(
        renderer,
        lambda _: live.latest(),
        framing,
        cameras=live.latest_cameras if config.follow_cameras else lambda: None,
        title=f"{live.avatar.name}, {subscriber.address}",
        size=config.picture_size,
        background=config.window_colour,
        turn_speed=math.radians(config.orbit),
        mode=config.mode,
        modes=modes_of(live.avatar),
        open_mode=lambda mode: _open(config, cast(Mode, mode), live, console),
        status=lambda: [*stream_status(subscriber.stats()), live.status()],
    ) as window:
        console.print(f"showing poses from {subscriber.address}; H in the window for help", highlight=False)
        window.run()


def record(
    config: RunConfig,
    out: Path,
    live: LivePoses,
    renderer: Renderer,
    subscriber: PoseSubscriber,
    console: Console,
) -> None:
    """Record what arrives, in true time, for `config.seconds` or until Ctrl-C; raises DinarError."""
    first_poses = [_first_pose(config, live, subscriber, console)]
    if config.follow_cameras:
        views: _StreamedViews | _TurningView = _StreamedViews(
            _first_cameras(config, live, subscriber, console), live.latest_cameras
        )
    else:
        width, height = config.picture_size
        first_view = frame_poses(
            live.avatar, first_poses, width=width, height=height, azimuth_deg=config.azimuth
        )
        views = _TurningView(first_view, math.radians(config.orbit), width, height)
    total = None if config.seconds is None else max(1, round(config.seconds * config.fps))
    loop = LiveLoop(
        lambda: first_poses.pop() if first_poses else live.latest(),
        views.latest,
        renderer,
    )
    written = 0
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    with open_recording(config, out, views.size) as output, bar as progress:
        task = progress.add_task(f"recording {out}" + ("" if total else ", Ctrl-C ends it"), total=total)
        try:
            for written in live_loop.record(loop, output, fps=config.fps, pictures=total):
                progress.update(task, completed=written)
        except KeyboardInterrupt:  # the recording is whole up to here
            console.print("ended")
    console.print(f"wrote {out} ({written} pictures)", highlight=False)


class _TurningView:
    """A view of one's own that goes round by `speed` radians per second."""

    def __init__(self, first: Orbit, speed: float, width: int, height: int) -> None:
        self._first, self._speed, self.size = first, speed, (width, height)
        self._start = time.perf_counter()
        self._given = False

    def latest(self) -> Sequence[Camera] | None:
        """Return where the view is now; None when it stands still and was given."""
        if self._given and self._speed == 0:
            return None
        self._given = True
        turned = self._first.turned(self._speed * (time.perf_counter() - self._start))
        return [turned.camera(*self.size)]


class _StreamedViews:
    """The cameras of the stream, while they keep the size they began with: a file's size is fixed."""

    def __init__(self, first: Sequence[Camera], latest: Callable[[], Sequence[Camera] | None]) -> None:
        self._next: Sequence[Camera] | None = first
        self._latest = latest
        self.size = _side_by_side_size(first)

    def latest(self) -> Sequence[Camera] | None:
        """Return the newest cameras that fit, or None when there are no newer ones."""
        cameras = self._next or self._latest()
        self._next = None
        return cameras if cameras is not None and _side_by_side_size(cameras) == self.size else None


def _side_by_side_size(cameras: Sequence[Camera]) -> tuple[int, int]:
    return sum(camera.width for camera in cameras), cameras[0].height


def _first_pose(config: RunConfig, live: LivePoses, subscriber: PoseSubscriber, console: Console) -> Pose:
    return _first(config.topic, live.latest, config, subscriber, console)


def _first_cameras(
    config: RunConfig, live: LivePoses, subscriber: PoseSubscriber, console: Console
) -> Sequence[Camera]:
    return _first(CAMERA_TOPIC, live.latest_cameras, config, subscriber, console)


def _first(
    topic: str,
    take: Callable[[], Taken | None],
    config: RunConfig,
    subscriber: PoseSubscriber,
    console: Console,
) -> Taken:
    """Wait for what `take` returns when something comes on `topic`; raises NoPoseError."""
    end = time.perf_counter() + config.patience
    with console.status(f"waiting for {topic} messages from {subscriber.address}"):
        while time.perf_counter() < end:
            subscriber.wait(_WAIT_SLICE_SECONDS, topic)
            taken = take()
            if taken is not None:
                return taken
    hint = "is a publisher running there? `dinar play dance` starts one"
    if (received := subscriber.stats().received) > 0:
        hint = f"{received} messages came, none was a {topic.partition('/')[0]} on the topic {topic}"
    kind = "pose" if topic == config.topic else "camera"
    raise NoPoseError(f"no {kind} came from {subscriber.address} in {config.patience:g} seconds: {hint}")
