"""`dinar demo`: the default avatar with a built-in motion, in a window or into a file.

In a window the poses take the way of live ones, over ZeroMQ on this computer. Into a file every picture
is drawn in the motion's own time, so that the same command gives the same video on any computer.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from rich.console import Console
from rich.progress import track

from dinar.runtime.avatar import Avatar
from dinar.runtime.body import Pose
from dinar.runtime.display.orbit import Orbit
from dinar.runtime.motion import Motion, load_motion
from dinar.runtime.play import publish
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
from dinar.runtime.stream import PosePublisher, PoseSubscriber
from dinar.runtime.window import Window, WindowError

DEFAULT_OUT = Path("dinar-demo.mp4")
LONGEST_DEFAULT_SECONDS = 20.0
SEND_HZ = 60
_FRAMED_POSES = 16


@dataclass(frozen=True)
class DemoConfig(ShowConfig):
    """Show the avatar that comes with dinar, or yours, with a built-in or recorded motion."""

    motion: str = "dance"
    """idle, walk, wave, dance, a_pose_turn, or a SMPL-X / AMASS .npz file."""


def demo(config: DemoConfig) -> int:
    """Show or record until done; returns the exit status. Raises DinarError."""
    console = Console(stderr=True)
    out = config.out or DEFAULT_OUT
    if config.records:
        check_recording(config, out)
    avatar = open_shown_avatar(config)
    motion = load_motion(config.motion, avatar.body, betas=avatar.betas)
    with open_shown_renderer(config, avatar, console, live=not config.records) as renderer:
        if config.records:
            record(config, avatar, motion, renderer, out, console)
            return 0
        try:
            show(config, avatar, motion, renderer, console)
        except WindowError as error:
            console.print(f"{error}; recording {out} now", highlight=False, soft_wrap=True)
            record(config, avatar, motion, renderer, out, console)
    return 0


def record(
    config: ShowConfig, avatar: Avatar, motion: Motion, renderer: Renderer, out: Path, console: Console
) -> None:
    """Draw the motion at the file's rate, from its beginning; raises OutputError."""
    seconds = config.seconds or min(motion.duration, LONGEST_DEFAULT_SECONDS)
    times = np.arange(max(1, round(seconds * config.fps))) / config.fps
    if out.suffix.lower() == ".png":
        times = times[-1:]
    first_view = _view_of_motion(config, avatar, motion)
    with open_recording(config, out) as output:
        for at in track(
            times, f"recording {out}", console=console, transient=True, disable=not console.is_terminal
        ):
            view = first_view.turned(math.radians(config.orbit) * at)
            output.write(renderer.render(motion.sample(at), [view.camera(*config.picture_size)]))
    console.print(f"wrote {out} ({motion.name}, {len(times)} pictures)", highlight=False)


def show(config: ShowConfig, avatar: Avatar, motion: Motion, renderer: Renderer, console: Console) -> None:
    """Publish the motion on this computer, receive it and show it; raises WindowError."""
    view = _view_of_motion(config, avatar, motion)
    with publishing(motion) as address, PoseSubscriber(address) as subscriber:

        def newest(_: float) -> Pose | None:
            frame = subscriber.latest()
            return None if frame is None else frame.pose

        with Window(
            renderer,
            newest,
            lambda *_: view,
            title=avatar.name,
            size=config.picture_size,
            background=config.window_colour,
            turn_speed=math.radians(config.orbit),
            mode=config.mode,
            modes=modes_of(avatar),
            open_mode=lambda mode: open_shown_renderer(
                replace(config, mode=cast(Mode, mode)), avatar, console, live=True
            ),
            status=lambda: stream_status(subscriber.stats()),
        ) as window:
            console.print(f"{motion.name} streams on {address}; H in the window for help", highlight=False)
            with suppress(KeyboardInterrupt):  # as good an end as closing the window
                window.run()


@contextmanager
def publishing(motion: Motion) -> Iterator[str]:
    """Publish `motion` on a free port of this computer from a thread of its own; gives the address."""
    stop = threading.Event()
    with PosePublisher("tcp://127.0.0.1:0", bind=True) as publisher:
        thread = threading.Thread(target=_publish, args=(publisher, motion, stop), daemon=True)
        thread.start()
        try:
            yield publisher.address
        finally:
            stop.set()
            thread.join()


def _publish(publisher: PosePublisher, motion: Motion, stop: threading.Event) -> None:
    for _ in publish(motion, publisher, fps=SEND_HZ):
        if stop.is_set():
            return


def _view_of_motion(config: ShowConfig, avatar: Avatar, motion: Motion) -> Orbit:
    times = np.linspace(0, min(motion.duration, LONGEST_DEFAULT_SECONDS), _FRAMED_POSES)
    width, height = config.picture_size
    poses = [motion.sample(at) for at in times]
    return frame_poses(avatar, poses, width=width, height=height, azimuth_deg=config.azimuth)
