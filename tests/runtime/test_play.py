"""Playing a motion: the right pose at the right time, from the command line to a subscriber."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dinar.runtime.avatar import Avatar, Texture, save_avatar
from dinar.runtime.body import load_body
from dinar.runtime.cli import main
from dinar.runtime.errors import UsageError
from dinar.runtime.motion import Motion
from dinar.runtime.play import PlayConfig, publish
from dinar.runtime.stream import PosePublisher, PoseSubscriber
from dinar.runtime.transport.keys import KeysConfig, load_server, make_keys
from dinar.runtime.wire import PoseFrame

PATIENCE = 60.0
PROGRAM = [sys.executable, "-c", "import sys; from dinar.runtime.cli import main; sys.exit(main())"]


def a_motion(frames: int = 30, fps: float = 30.0, *, loops: bool = False, expressions: int = 0) -> Motion:
    """The person walks along x, 1 m per second."""
    translation = np.zeros((frames, 3))
    translation[:, 0] = np.arange(frames) / fps
    return Motion(np.zeros((frames, 55, 3)), translation, np.zeros((frames, expressions)), fps, "walk", loops)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def take(subscriber: PoseSubscriber, topic: str = "pose") -> PoseFrame:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        subscriber.wait(0.1, topic)
        frame = subscriber.latest(topic)
        if frame is not None:
            return frame
    raise AssertionError(f"no pose in {PATIENCE} s: {subscriber.stats()}")


# --- Publishing ---------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def played(motion: Motion, **options: float) -> list[tuple[float, float]]:
    """(seconds, x of the person) of each pose that reaches a subscriber, on a clock of its own."""
    clock = Clock()
    seen: list[tuple[float, float]] = []
    with PosePublisher("tcp://127.0.0.1:0") as publisher, PoseSubscriber(publisher.address) as subscriber:
        while not subscriber.wait(0.01):
            publisher.send(motion.sample(0))
        time.sleep(0.1)
        subscriber.latest()
        for sent in publish(motion, publisher, now=clock.now, sleep=clock.sleep, **options):
            assert sent == len(seen) + 1
            seen.append((clock.now(), float(take(subscriber).pose.translation[0])))
    return seen


def test_each_pose_is_the_motions_at_its_time() -> None:
    seen = played(a_motion(), fps=30)
    np.testing.assert_allclose(seen, [(n / 30, n / 30) for n in range(30)], atol=1e-5)


def test_another_rate_samples_between_the_frames() -> None:
    seen = played(a_motion(), fps=45)
    np.testing.assert_allclose(seen, [(n / 45, n / 45) for n in range(44)], atol=1e-5)


def test_twice_the_speed_takes_half_the_time() -> None:
    seen = played(a_motion(), fps=30, speed=2)
    np.testing.assert_allclose(seen, [(n / 30, 2 * n / 30) for n in range(15)], atol=1e-5)


def test_a_looping_motion_goes_on_until_the_time_is_up() -> None:
    seen = played(a_motion(loops=True), fps=30, seconds=2.5)
    np.testing.assert_allclose(seen, [(n / 30, n % 30 / 30) for n in range(75)], atol=1e-5)


def test_expressions_beyond_what_a_message_holds_are_left_out() -> None:
    with PosePublisher("tcp://127.0.0.1:0") as publisher, PoseSubscriber(publisher.address) as subscriber:
        motion = a_motion(loops=True, expressions=100)
        for _ in publish(motion, publisher, fps=100):
            frame = subscriber.latest()
            if frame is not None:
                break
    assert frame is not None
    assert frame.pose.expression.shape == (10,)


@pytest.mark.parametrize(
    "option", [{"fps": 0.0}, {"fps": 1e6}, {"speed": 0.0}, {"speed": float("nan")}, {"seconds": -1.0}]
)
def test_numbers_out_of_range_are_bad_usage(option: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        PlayConfig("walk", **option)


# --- The command --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """walk.npz, one second of a_motion as a file, and small.dinar, an avatar with a random body."""
    folder = tmp_path_factory.mktemp("play")
    motion = a_motion()
    np.savez(
        folder / "walk.npz",
        poses=motion.rotations.reshape(30, 165),
        trans=motion.translation,
        mocap_frame_rate=motion.fps,
    )
    rng = np.random.default_rng(0)
    V, regressor, weights = 60, rng.random((55, 60)), rng.random((60, 55))
    np.savez(
        folder / "body.npz",
        v_template=rng.standard_normal((V, 3)),
        f=rng.integers(0, V, (80, 3)),
        shapedirs=rng.standard_normal((V, 3, 20)),
        posedirs=np.zeros((V, 3, 486)),
        J_regressor=regressor / regressor.sum(axis=1, keepdims=True),
        kintree_table=np.array([[-1, *range(54)], range(55)]),
        weights=weights / weights.sum(axis=1, keepdims=True),
        vt=rng.random((90, 2)),
        ft=rng.integers(0, 90, (80, 3)),
    )
    body = load_body(folder / "body.npz")
    texture = Texture(np.zeros((8, 8, 3), np.uint8))
    avatar = Avatar("small", body, np.zeros(0, np.float32), texture, None, "", "CC0-1.0")
    save_avatar(folder / "small.dinar", avatar, body_file=folder / "body.npz")
    return folder


def command(folder: Path, *arguments: str) -> list[str]:
    files = [str(folder / "walk.npz"), "--avatar", str(folder / "small.dinar"), "--up", "y"]
    return ["play", *files, *arguments]


@contextlib.contextmanager
def playing(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([*PROGRAM, *command(folder, *arguments)], stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_file_plays_to_its_end_and_says_how_many_poses_it_sent(folder: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, *command(folder, "--to", f":{free_port()}", "--fps", "10")],
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert "walk streams on tcp://127.0.0.1:" in done.stderr
    sent = re.search(r"sent (\d+) poses", done.stderr)
    assert sent is not None
    assert 1 <= int(sent[1]) <= 10  # fewer where the computer was too busy


def test_a_subscriber_sees_the_person_walk_until_ctrl_c(folder: Path) -> None:
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    with playing(folder, "--to", endpoint, "--topic", "pose/anna", "--loop") as process:
        with PoseSubscriber(endpoint) as subscriber:
            xs = [float(take(subscriber, "pose/anna").pose.translation[0]) for _ in range(20)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert np.ptp(xs) > 0
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert "sent" in errors


def test_it_goes_to_a_subscriber_that_waits_also_with_keys(folder: Path) -> None:
    keys = folder / "keys"
    make_keys(KeysConfig(keys, clients=("sender",)))
    with PoseSubscriber(
        "tcp://127.0.0.1:0", bind=True, curve=load_server(keys / "server.secret.json")
    ) as subscriber:
        public, mine = str(keys / "server.public.json"), str(keys / "sender.secret.json")
        flags = ("--connect", "--curve-server", public, "--curve-client", mine)
        with playing(folder, "--to", subscriber.address, "--loop", *flags):
            take(subscriber)


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("--to", "nonsense"), 1, "needs a port"),
        (("--topic", "dance"), 1, "is none of pose"),
        (("--fps", "-3"), 2, "--fps must be above 0"),
        (("--curve-secret", "nowhere.json"), 1, "cannot read the key file"),
        (("--connect", "--curve-secret", "nowhere.json"), 1, "the side that connects takes"),
    ],
)
def test_a_mistake_gives_one_sentence(
    folder: Path,
    arguments: tuple[str, ...],
    status: int,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        ended = main(command(folder, *arguments))
    except SystemExit as leaving:  # what is wrong by itself is told while the flags are read
        ended = leaving.code
    assert ended == status
    told = capsys.readouterr().err
    assert sentence in told
    assert "Traceback" not in told


def test_a_port_in_use_gives_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with PosePublisher("tcp://127.0.0.1:0") as other:
        assert main(command(folder, "--to", other.address)) == 1
    assert "in use" in capsys.readouterr().err


def test_a_built_in_motion_has_no_end_and_needs_no_avatar_named() -> None:
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [*PROGRAM, "play", "wave", "--to", endpoint], stderr=subprocess.PIPE, text=True
    )
    frames: list[PoseFrame] = []
    try:
        with PoseSubscriber(endpoint) as subscriber:
            end = time.monotonic() + PATIENCE
            while len(frames) < 20 and process.poll() is None and time.monotonic() < end:
                subscriber.wait(0.1)
                frame = subscriber.latest()
                if frame is not None:
                    frames.append(frame)
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    assert len(frames) == 20, errors
    assert any((frame.pose.rotations != frames[0].pose.rotations).any() for frame in frames)
