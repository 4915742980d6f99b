"""The window, on a display of its own (Xvfb, OpenGL in software): what it shows and what keys and mouse do.

Expected pictures are in tests/golden. A picture that differs is kept with the difference, and the failure
names both. `DINAR_UPDATE_GOLDEN=1` writes them anew: look at them before they are committed.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import av
import msgspec
import numpy as np
import pytest
import zmq
from PIL import Image

from dinar.runtime.stream import PoseSubscriber
from dinar.runtime.wire import Reason

from .xvfb import Display, run_child

GOLDEN = Path(__file__).parents[1] / "golden"
CHILD = Path(__file__).with_name("window_child.py")
TOLERANCE = 3  # of 255: drivers round blending and interpolation differently


def run_scene(display: Display, name: str, folder: Path) -> dict[str, Any]:
    """Run one scene of window_child.py and return what it tells."""
    return run_child([str(CHILD), name, str(folder)], display.environment())


def assert_golden(seen_path: Path, name: str) -> None:
    golden_path = GOLDEN / name
    if os.environ.get("DINAR_UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        shutil.copyfile(seen_path, golden_path)
    seen, golden = (np.asarray(Image.open(p).convert("RGB")).astype(int) for p in (seen_path, golden_path))
    if seen.shape != golden.shape:
        pytest.fail(f"{seen_path} is {seen.shape}, {golden_path} is {golden.shape}")
    difference = np.abs(seen - golden)
    if difference.max() > TOLERANCE:
        difference_path = seen_path.with_name("difference.png")
        Image.fromarray(np.minimum(8 * difference, 255).astype(np.uint8)).save(difference_path)
        pytest.fail(
            f"{seen_path} differs from {golden_path} by up to {difference.max()}: see {difference_path}"
        )


def test_shows_a_frame_on_its_background(display: Display, tmp_path: Path) -> None:
    told = run_scene(display, "shows_a_frame", tmp_path)
    assert told["bits"] == 8
    assert_golden(tmp_path / "seen.png", "window_frame.png")


def test_renders_in_the_size_of_the_window(display: Display, tmp_path: Path) -> None:
    told = run_scene(display, "follows_the_window", tmp_path)
    assert told["rendered"] == [200, 400]
    assert_golden(tmp_path / "seen.png", "window_resized.png")


def test_shows_a_fixed_size_with_borders(display: Display, tmp_path: Path) -> None:
    run_scene(display, "letterboxes_a_fixed_size", tmp_path)
    assert_golden(tmp_path / "seen.png", "window_letterbox.png")


def test_the_mouse_turns_moves_and_zooms_and_r_goes_back(display: Display, tmp_path: Path) -> None:
    told = run_scene(display, "turns_with_the_mouse", tmp_path)
    assert told["azimuth"] == pytest.approx(-math.pi * 48 / 240)
    assert told["elevation"] == pytest.approx(-math.pi * 24 / 240)
    assert np.linalg.norm(told["moved"]) > 0.1
    assert told["zoomed"] == pytest.approx(4 * 0.9**2)
    assert told["reset"]
    assert_golden(tmp_path / "seen.png", "window_turned.png")


def test_a_screenshot_is_what_the_window_shows(display: Display, tmp_path: Path) -> None:
    run_scene(display, "saves_a_screenshot", tmp_path)
    assert_golden(tmp_path / "seen.png", "window_frame.png")


def test_renders_only_when_pose_or_view_changed(display: Display, tmp_path: Path) -> None:
    first, unchanged, new_pose, new_view, new_text = run_scene(
        display, "renders_only_what_changed", tmp_path
    )["counts"]
    assert (unchanged - first, new_pose - unchanged, new_view - new_pose, new_text - new_view) == (0, 1, 1, 0)


def test_the_streams_cameras_are_drawn_side_by_side(display: Display, tmp_path: Path) -> None:
    told = run_scene(display, "shows_streamed_views_side_by_side", tmp_path)
    assert told["shape"] == [2, 240, 160, 4]
    assert told["drawn_again"] == 0
    assert told["differ"]
    assert told["swapped"]


def test_a_pause_stops_the_clock(display: Display, tmp_path: Path) -> None:
    told = run_scene(display, "takes_no_pose_while_paused", tmp_path)
    assert told["while_paused"] == 0
    assert told["after"] > 0
    assert told["gap"] < 0.25, "the 0.3 s of the pause must not count"


def test_text_comes_and_goes(display: Display, tmp_path: Path) -> None:
    changed = run_scene(display, "writes_text", tmp_path)
    assert changed["times"] > 0.01
    assert changed["again"] == 0
    assert changed["help"] > 2 * changed["times"]


def test_says_what_it_waits_for_while_there_is_no_pose(display: Display, tmp_path: Path) -> None:
    told = run_scene(display, "waits_for_the_first_pose", tmp_path)
    assert told["pictures"] == 0
    assert told["text"] > 0.01


def test_the_help_names_every_key(display: Display, tmp_path: Path) -> None:
    run_scene(display, "shows_help", tmp_path)
    assert_golden(tmp_path / "seen.png", "window_help.png")


def test_times_and_a_running_recording_are_shown(display: Display, tmp_path: Path) -> None:
    run_scene(display, "shows_times", tmp_path)
    assert_golden(tmp_path / "seen.png", "window_times.png")


def test_b_goes_through_the_backgrounds(display: Display, tmp_path: Path) -> None:
    told = run_scene(display, "goes_through_backgrounds", tmp_path)
    blue, light, dark, green, square, back = told["corners"]
    assert [blue, light, dark, green, back] == [
        [40, 90, 160],
        [238, 240, 243],
        [28, 30, 34],
        [0, 177, 64],
        [40, 90, 160],
    ]
    assert square in ([204] * 3, [255] * 3)
    assert told["drawn"] == 1, "the person is not drawn anew for it"
    assert_golden(tmp_path / "seen_4.png", "window_checker.png")


def test_m_goes_through_the_modes_and_past_one_that_cannot_be_opened(
    display: Display, tmp_path: Path
) -> None:
    told = run_scene(display, "goes_through_modes", tmp_path)
    broken, red, plain, broken_again = told["steps"]
    assert told["while_opening"] == [["opening broken"], ["opening red"], ["opening broken"]]
    for step in (broken, broken_again):
        assert step["said"] == ["the network is missing: export it first"]
    assert broken["pictures"] == {"plain": 1}, "what could be drawn goes on"
    assert (red["said"], red["pictures"]) == (["red"], {"plain": 1, "red": 1})
    assert (plain["said"], plain["pictures"]) == (["plain"], {"plain": 2, "red": 1})
    assert told["closed"] == {"plain": 0, "red": 1}, "the first one is the caller's"
    assert_golden(tmp_path / "seen_1.png", "window_other_mode.png")


def test_the_mode_changes_while_every_picture_is_new(display: Display, tmp_path: Path) -> None:
    assert run_scene(display, "changes_mode_while_poses_stream_in", tmp_path)["pictures"] > 0


def test_v_records_what_is_shown_in_true_time(display: Display, tmp_path: Path) -> None:
    told = run_scene(display, "records_a_video", tmp_path)
    assert told["status"] == ["\N{BLACK CIRCLE}recording, 1 s"] or told["status"][0].endswith(", 2 s")
    (name,) = told["files"]
    assert told["said"] == [f"saved {tmp_path / name}"]
    with av.open(str(tmp_path / name)) as video:
        pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in video.decode(video=0)]
    assert len(pictures) == pytest.approx(5 * 30, abs=2)
    assert {picture.shape for picture in pictures} == {(240, 320, 3)}, "a video keeps its size"

    def left_of_middle(picture: np.ndarray) -> float:
        """Share of the box, which is darker or brighter than its background, left of the middle."""
        box = np.abs(picture - picture[0, 0]).max(-1) > 60
        return float(box[:, :160].sum() / box.sum())

    assert left_of_middle(pictures[30]) == pytest.approx(0.5, abs=0.05)
    assert left_of_middle(pictures[75]) < 0.35, "the other pose"
    np.testing.assert_allclose(pictures[75][0, 0], [40, 90, 160], atol=4)
    np.testing.assert_allclose(pictures[140][0, 0], [238, 240, 243], atol=4)
    box_heights = [(np.abs(p - p[0, 0]).max(-1) > 60).any(1).sum() for p in (pictures[75], pictures[105])]
    assert box_heights[1] == pytest.approx(box_heights[0] * 160 / 240, abs=3), "scaled to fit"
    Image.fromarray(pictures[105].astype(np.uint8)).save(tmp_path / "scaled.png")


def test_closing_the_window_finishes_the_recording(display: Display, tmp_path: Path) -> None:
    (name,) = run_scene(display, "records_until_it_is_closed", tmp_path)["files"]
    with av.open(str(tmp_path / name)) as video:
        assert sum(1 for _ in video.decode(video=0)) >= 6


def test_what_cannot_be_written_is_told(display: Display, tmp_path: Path) -> None:
    told = run_scene(display, "cannot_record", tmp_path)
    for line in (told["recording"][-1], told["screenshot"][-1]):
        assert "does not exist, make it first" in line


def test_views_too_large_for_the_display_are_told_and_left_out(display: Display, tmp_path: Path) -> None:
    told = run_scene(display, "gets_views_that_are_too_large", tmp_path)
    assert told["drawn"] == 0
    assert "32768x16, are larger than this computer shows" in told["said"][-1]


def test_full_screen_and_back(display: Display, tmp_path: Path) -> None:
    told = run_scene(display, "goes_full_screen_and_back", tmp_path)
    assert told["sizes"] == [[320, 240], told["screen"], [320, 240]]


def test_escape_and_q_end_it(display: Display, tmp_path: Path) -> None:
    assert run_scene(display, "closes", tmp_path)["ended"] == [0, 0]


def test_the_demo_shows_a_dancing_person_on_the_screen(display: Display) -> None:
    """The whole way: motion, ZeroMQ, skinning, rasterizing, window, screen. Ctrl-C ends it well."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("dinar"), "demo", "--size", "400", "--background", "#000000"],
        env=display.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        first = wait_for_picture(display, process)
        wait_for_picture(display, process, other_than=first)
    finally:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 0, told
    assert "Traceback" not in told


def test_no_message_stops_the_window(display: Display) -> None:
    """Good poses and cameras, and between them everything that can be wrong with a message."""
    with PoseSubscriber("tcp://127.0.0.1:0", bind=True) as held:
        address = held.address  # a port that is free once this closes
    options = ["--follow-cameras", "--accept-betas", "--smooth", "medium", "--predict"]
    process = subprocess.Popen(
        [
            Path(sys.executable).with_name("dinar"),
            *("run", "--poses", address, "--bind", "--background", "#000000", *options),
        ],
        env=display.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with zmq.Context() as context, context.socket(zmq.PUB) as socket:
            socket.linger = 0
            socket.connect(address)
            send_good_and_garbage(socket, until=lambda: screen_is_lit(display), most_seconds=60)
            # One round, which is longer: time for each wrong message to be taken by a slow computer.
            send_good_and_garbage(socket, until=lambda: False, most_seconds=1, pause=0.4)
            send_good_and_garbage(socket, until=lambda: False, most_seconds=5)
            assert process.poll() is None
            before = display.screen().copy()
            send_good_and_garbage(socket, until=lambda: False, most_seconds=1)
            assert np.any(display.screen() != before), "the person still moves"
    finally:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 0, told
    assert "Traceback" not in told
    dropped = next(line for line in told.splitlines() if line.startswith("malformed messages dropped: "))
    assert {reason for reason in get_args(Reason) if reason in dropped} == set(get_args(Reason)), told


def screen_is_lit(display: Display) -> bool:
    return bool((display.screen().max(-1) > 40).mean() > 0.005)


def send_good_and_garbage(
    socket: Any, *, until: Callable[[], bool], most_seconds: float, pause: float = 0.025
) -> None:
    """Send for a while, in turn what is not good, `pause` seconds, and what is."""
    session, end, rounds = secrets.randbits(32), time.monotonic() + most_seconds, 0
    while time.monotonic() < end and not until():
        for k, wrong in enumerate(garbage(session)):
            seq = 1000 * rounds + k
            pose = np.zeros((55, 3), "<f4")
            pose[17, 2] = math.sin(0.4 * seq)
            good = message(session, seq, pose=pose)
            views = [
                {"T_camera_world": IN_FRONT.tobytes(), "width": 300, "height": 300, "fov": FOV.tobytes()}
            ]
            cameras = (b"camera", msgspec.msgpack.encode(header(session, seq) | {"views": views}))
            for parts, seconds in ((wrong, pause), (cameras, 0.025)):
                socket.send_multipart(parts)
                time.sleep(seconds)  # long enough to be taken before the next replaces it
            socket.send_multipart((b"pose", good))
            time.sleep(0.01)
        rounds += 1


IN_FRONT = np.array([[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 4], [0, 0, 0, 1]], "<f4")
FOV = np.array([-0.4, 0.4, 0.4, -0.4], "<f4")


def header(session: int, seq: int) -> dict[str, Any]:
    return {"v": 1, "session": session, "seq": seq, "t_us": time.time_ns() // 1000}


def message(session: int, seq: int, **fields: Any) -> bytes:
    arrays = {"pose": np.zeros(165, "<f4"), "transl": np.zeros(3, "<f4"), **fields}
    values = {k: v.tobytes() if isinstance(v, np.ndarray) else v for k, v in arrays.items() if v is not None}
    return msgspec.msgpack.encode(header(session, seq) | values)


def garbage(session: int) -> list[tuple[bytes, ...]]:
    """One message for each way to be wrong, and some that are right and strange."""
    rng = np.random.default_rng(secrets.randbits(32))
    seq = 2**40 + secrets.randbits(32)

    def pose(**fields: Any) -> tuple[bytes, ...]:
        return b"pose", message(session ^ 1, seq, **fields)

    nan, far = np.full(165, np.nan, "<f4"), np.array([9e3, -9e3, 9e3], "<f4")
    return [
        (b"pose",),
        (b"pose", b"", b"more"),
        (b"pose/\xff\xfe", b"topic"),
        (b"pose", bytes(100_000)),
        (b"pose", b""),
        (b"pose", rng.bytes(500)),
        (b"pose", message(session, seq)[:-7]),
        pose(v=9),
        pose(pose=None),
        pose(transl=[1, 2, 3]),
        pose(pose=np.zeros(164, "<f4")),
        pose(pose=nan),
        pose(pose=np.full(165, 90, "<f4")),
        pose(expr=np.full(11, 0.1, "<f4")),
        pose(transl=np.full(3, np.inf, "<f4")),
        (b"camera", rng.bytes(99)),
        (b"camera", msgspec.msgpack.encode(header(session, seq) | {"views": []})),
        pose(transl=far),
        pose(pose=rng.normal(0, 3, 165).astype("<f4")),
        pose(expr=np.full(10, 99, "<f4"), betas=rng.normal(0, 9, 10).astype("<f4")),
    ]


def wait_for_picture(
    display: Display, process: subprocess.Popen[str], *, other_than: np.ndarray | None = None
) -> np.ndarray:
    """Wait until a person's share of the screen is lit, and clearly differs from `other_than`."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        screen = display.screen().copy()
        lit = (screen.max(-1) > 40).mean()
        changed = other_than is None or np.mean(np.abs(screen.astype(int) - other_than) > 40) > 1e-3
        if lit > 0.005 and changed:
            return screen
        time.sleep(0.2)
    pytest.fail("no person came to the screen" if other_than is None else "the person does not move")


def test_without_a_display_one_sentence_says_how_to_record() -> None:
    opening = (
        "from dinar.runtime.window import Window;"
        "Window(None, None, None, title='', size=(64, 64), background=(0, 0, 0))"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(
        [sys.executable, "-c", opening],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    last_line = done.stderr.splitlines()[-1]
    assert last_line.startswith("dinar.runtime.display.native.WindowError: cannot open a window (")
    assert "--headless --out" in last_line


def test_fitting_keeps_the_shape_and_centres() -> None:
    from dinar.runtime.display.fit import capped, fit

    assert fit((100, 100), (300, 200)) == (50, 0, 200, 200)
    assert fit((200, 100), (100, 300)) == (0, 125, 100, 50)
    assert capped((800, 600), 1024) == (800, 600)
    assert capped((2048, 1024), 1024) == (1024, 512)
