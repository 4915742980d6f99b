"""`dinar play`: publish a motion file or a built-in motion at a steady rate."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from dinar.runtime.avatar import default_avatar_path, open_avatar
from dinar.runtime.errors import UsageError
from dinar.runtime.motion import Motion, UpAxis, load_motion
from dinar.runtime.pacing import ticks
from dinar.runtime.stream import PosePublisher
from dinar.runtime.transport.keys import open_curve
from dinar.runtime.wire import MAX_EXPRESSIONS

MAX_FPS = 1000.0
MAX_SPEED = 100.0
_STATUS_HZ = 4


@dataclass(frozen=True)
class PlayConfig:
    """Publish a motion over ZeroMQ, for `dinar run` or any other subscriber."""

    motion: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MOTION")]
    """idle, walk, wave, dance, a_pose_turn, or a SMPL-X / AMASS .npz file."""
    to: str = "tcp://127.0.0.1:5555"
    """Where subscribers find it: tcp://*:5555 lets other computers in, :5555 this one alone."""
    topic: str = "pose"
    """pose, or pose/NAME for one of several people."""
    connect: bool = False
    """Go to a subscriber that waits at that address instead of waiting for subscribers."""
    loop: bool = False
    """Start a file again at its end. (Built-in motions have no end.)"""
    up: UpAxis = "auto"
    """The axis that points up in a file, should the person lie down or stand on the head."""
    fps: float | None = None
    """Poses per second; the motion's own rate when left out."""
    speed: float = 1.0
    """How many times faster than in life."""
    seconds: float | None = None
    """Stop after this time."""
    avatar: Path | None = None
    """The .dinar file of who will move, for its proportions; dinar's own avatar when left out."""
    curve_secret: Path | None = None
    """server.secret.json of `dinar keys`."""
    curve_server: Path | None = None
    """server.public.json of `dinar keys`, with --connect."""
    curve_client: Path | None = None
    """NAME.secret.json of `dinar keys`, with --connect."""

    def __post_init__(self) -> None:
        """Raise UsageError for a number out of range."""
        if self.fps is not None and not 0 < self.fps <= MAX_FPS:
            raise UsageError(f"--fps must be above 0 and at most {MAX_FPS:.0f}, not {self.fps}")
        if not 0 < self.speed <= MAX_SPEED:
            raise UsageError(f"--speed must be above 0 and at most {MAX_SPEED:.0f}, not {self.speed}")
        if self.seconds is not None and not self.seconds > 0:
            raise UsageError(f"--seconds must be above 0, not {self.seconds}")


def play(config: PlayConfig) -> int:
    """Publish until the motion's end, `config.seconds` or Ctrl-C; returns the status. Raises DinarError."""
    console = Console(stderr=True)
    curve = open_curve(
        bind=not config.connect,
        secret=config.curve_secret,
        server=config.curve_server,
        client=config.curve_client,
    )
    avatar = open_avatar(config.avatar or default_avatar_path())
    motion = load_motion(config.motion, avatar.body, betas=avatar.betas, up=config.up, loops=config.loop)
    fps = config.fps or motion.fps
    with PosePublisher(config.to, bind=not config.connect, topic=config.topic, curve=curve) as publisher:
        way = "to" if config.connect else "on"
        console.print(f"{motion.name} streams {way} {publisher.address}; Ctrl-C ends it", highlight=False)
        sent = 0
        try:
            with console.status(_status(publisher, fps, 0)) as status:
                for sent in publish(motion, publisher, fps=fps, speed=config.speed, seconds=config.seconds):
                    if sent % max(1, round(fps / _STATUS_HZ)) == 0:
                        status.update(_status(publisher, fps, sent))
        except KeyboardInterrupt:  # how a person ends what has no end of its own
            console.print()
    console.print(f"sent {sent} poses", highlight=False)
    return 0


def publish(
    motion: Motion,
    publisher: PosePublisher,
    *,
    fps: float,
    speed: float = 1.0,
    seconds: float | None = None,
    now: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """Publish `motion` in true time, and yield after each pose how many were sent.

    Args:
        motion: one that loops goes on until `seconds`; any other ends with its last pose, if not before.
        publisher: takes the poses.
        fps: poses per second.
        speed: how many times faster than in life.
        seconds: stop after this time.
        now: see `ticks`.
        sleep: see `ticks`.
    """
    last = math.inf if motion.loops else motion.duration / speed
    end = math.inf if seconds is None else seconds
    for sent, tick in enumerate(ticks(fps, now=now, sleep=sleep), start=1):
        at = tick / fps
        if at >= end or at > last:
            return
        pose = motion.sample(at * speed)
        publisher.send(replace(pose, expression=pose.expression[:MAX_EXPRESSIONS]))
        yield sent


def _status(publisher: PosePublisher, fps: float, sent: int) -> str:
    return f"{publisher.peers} connected   {fps:g} poses/s   {sent} sent"
