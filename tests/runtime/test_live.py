"""The live loop: newest pose, last picture kept, true time, whatever the stream does."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

import av
import numpy as np

from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera, look_at
from dinar.runtime.live import LiveCounts, LiveLoop, record
from dinar.runtime.outputs import open_output
from dinar.runtime.renderer import Frame, HostFrame
from dinar.runtime.stream import PosePublisher, PoseSubscriber

CHILD = Path(__file__).with_name("publish_child.py")
PATIENCE = 20.0
CAMERA = look_at([0, 1, 3], [0, 1, 0], [0, 1, 0], 0.7, 64, 48)


def a_pose(x: float) -> Pose:
    return Pose(np.zeros((55, 3), np.float32), np.array([x, 0, 0], np.float32), np.zeros(0, np.float32))


class Painter:
    """Fills the picture with the x of the pose (0 to 255), and says how long that takes on a clock."""

    def __init__(self, work: Callable[[], None] = lambda: None) -> None:
        self.work = work
        self.memory: np.ndarray | None = None  # used again, as renderers may

    def render(self, pose: Pose, cameras: Sequence[Camera]) -> Frame:
        self.work()
        shape = (len(cameras), cameras[0].height, cameras[0].width, 4)
        if self.memory is None or self.memory.shape != shape:
            self.memory = np.empty(shape, np.uint8)
        self.memory[..., :3], self.memory[..., 3] = int(pose.translation[0]), 255
        return HostFrame(self.memory, ())

    def close(self) -> None:
        self.memory = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Shades:
    """An output that remembers each picture's shade."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def write(self, frame: Frame) -> None:
        self.seen.append(int(frame.numpy()[0, 0, 0, 0]))

    def close(self) -> None:
        """Nothing to finish."""


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def each_once(values: Sequence[Pose | None]) -> Callable[[], Pose | None]:
    """A source that gives these, then nothing."""
    rest = iter(values)
    return lambda: next(rest, None)


def cameras_once() -> Callable[[], Sequence[Camera] | None]:
    rest: Iterator[Sequence[Camera]] = iter([(CAMERA,)])
    return lambda: next(rest, None)


def shade(frame: Frame | None) -> int | None:
    return None if frame is None else int(frame.numpy()[0, 0, 0, 0])


# --- Steps --------------------------------------------------------------------------------------------------


def test_a_silent_stream_keeps_its_last_picture_and_nothing_is_drawn_again() -> None:
    loop = LiveLoop(each_once([None, a_pose(5), None, None, a_pose(9)]), cameras_once(), Painter())
    assert [shade(loop.step()) for _ in range(6)] == [None, 5, 5, 5, 9, 9]
    assert loop.counts == LiveCounts(poses=2, rendered=2, kept=3, empty=1)


def test_a_moved_camera_is_drawn_without_a_new_pose() -> None:
    two = (CAMERA, CAMERA)
    changes: Iterator[Sequence[Camera] | None] = iter([(CAMERA,), None, two, None])
    loop = LiveLoop(each_once([a_pose(7)]), lambda: next(changes), Painter())
    frames = [loop.step() for _ in range(4)]
    assert [len(frame.rgba) for frame in frames if frame is not None] == [1, 1, 2, 2]
    assert loop.counts == LiveCounts(poses=1, rendered=2, kept=2)


def test_a_pose_before_the_first_camera_waits_for_it() -> None:
    changes: Iterator[Sequence[Camera] | None] = iter([None, (CAMERA,)])
    loop = LiveLoop(each_once([a_pose(7)]), lambda: next(changes), Painter())
    assert [shade(loop.step()) for _ in range(2)] == [None, 7]


def test_the_loop_follows_a_stream_of_poses_and_cameras() -> None:
    with PoseSubscriber("tcp://127.0.0.1:0", bind=True) as subscriber:

        def poses() -> Pose | None:
            frame = subscriber.latest()
            return None if frame is None else frame.pose

        def cameras() -> Sequence[Camera] | None:
            frame = subscriber.latest_cameras()
            return None if frame is None else frame.cameras

        loop = LiveLoop(poses, cameras, Painter())
        with PosePublisher(subscriber.address, bind=False) as publisher:
            end = time.monotonic() + PATIENCE
            frame = None
            while (frame is None or len(frame.rgba) != 2) and time.monotonic() < end:
                publisher.send_cameras([CAMERA, CAMERA])
                publisher.send(a_pose(33))
                time.sleep(0.01)
                frame = loop.step()
        assert frame is not None
        assert frame.rgba.shape == (2, 48, 64, 4)
        assert shade(frame) == 33


# --- Recording ----------------------------------------------------------------------------------------------


def test_pictures_come_in_true_time() -> None:
    clock, output = Clock(), Shades()
    loop = LiveLoop(lambda: a_pose(round(10 * clock.now())), cameras_once(), Painter())
    for written in record(loop, output, fps=10, pictures=20, now=clock.now, sleep=clock.sleep):
        assert written == len(output.seen)
    assert output.seen == list(range(20))


def test_slow_drawing_repeats_pictures_so_that_a_second_stays_a_second() -> None:
    clock, output = Clock(), Shades()
    painter = Painter(lambda: clock.sleep(0.25))  # drawing takes two and a half pictures' time
    loop = LiveLoop(lambda: a_pose(int(10 * clock.now())), cameras_once(), painter)
    written = list(record(loop, output, fps=10, pictures=20, now=clock.now, sleep=clock.sleep))
    assert written == list(range(1, 21))
    assert clock.now() < 2.0 + 0.25
    late = [picture - shown for picture, shown in enumerate(output.seen)]
    assert min(late) >= 0
    assert max(late) <= 3  # never behind by more than one drawing


def test_recording_begins_with_the_first_pose() -> None:
    clock, output = Clock(), Shades()
    loop = LiveLoop(each_once([None, None, None, a_pose(5)]), cameras_once(), Painter())
    list(record(loop, output, fps=10, pictures=4, now=clock.now, sleep=clock.sleep))
    assert output.seen == [5, 5, 5, 5]


def test_recording_goes_on_until_the_caller_stops() -> None:
    clock, output = Clock(), Shades()
    loop = LiveLoop(each_once([a_pose(5)]), cameras_once(), Painter())
    endless = record(loop, output, fps=10, now=clock.now, sleep=clock.sleep)
    assert list(itertools.islice(endless, 1000)) == list(range(1, 1001))
    assert loop.counts.rendered == 1


def test_a_killed_publisher_leaves_the_last_picture_in_the_video(tmp_path: Path) -> None:
    path = tmp_path / "live.mp4"
    with PoseSubscriber("tcp://127.0.0.1:0", bind=True) as held:
        endpoint = held.address  # a port that is free once this closes
    with PoseSubscriber(endpoint) as subscriber:
        poses = 0

        def next_pose() -> Pose | None:
            nonlocal poses
            frame = subscriber.latest()
            poses += frame is not None
            return None if frame is None else a_pose(200)

        loop = LiveLoop(next_pose, cameras_once(), Painter())
        child = subprocess.Popen([sys.executable, CHILD, endpoint, "100"], stdout=subprocess.PIPE)
        try:
            with open_output(path, fps=30, size=(64, 48), background=(0, 0, 0)) as output:
                for written in record(loop, output, fps=30, pictures=30):
                    if written == 10:
                        child.kill()
        finally:
            child.kill()
            child.wait()
        assert 1 <= poses <= loop.counts.rendered
        assert loop.counts.kept >= 10
    with av.open(path) as video:
        pictures = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(pictures) == 30
    assert all(abs(int(picture.mean()) - 200) < 6 for picture in pictures)
