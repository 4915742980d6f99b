"""The window, on a display of its own (Xvfb, OpenGL in software): what it shows and what keys and mouse do.

Expected pictures are in tests/golden. A picture that differs is kept with the difference, and the failure
names both. `DINAR_UPDATE_GOLDEN=1` writes them anew: look at them before they are committed.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from PIL import Image

GOLDEN = Path(__file__).parents[1] / "golden"
CHILD = Path(__file__).with_name("window_child.py")
TOLERANCE = 3  # of 255: drivers round blending and interpolation differently


def cannot_run(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"{reason}: continuous integration must have it")
    pytest.skip(reason)


@dataclass(frozen=True)
class Display:
    """A running X server: its name, and the file in which it keeps what its screen shows."""

    name: str
    screen_file: Path

    def environment(self) -> dict[str, str]:
        return {**os.environ, "DISPLAY": self.name, "LIBGL_ALWAYS_SOFTWARE": "1"}

    def screen(self) -> np.ndarray:
        """What is on the screen now: uint8 [H, W, 3]."""
        data = self.screen_file.read_bytes()  # X window dump: 25 numbers, a name, colours of 12 bytes, pixels
        header = np.frombuffer(data, ">u4", 25)
        header_size, height, bytes_per_line, colours = (int(header[k]) for k in (0, 5, 12, 19))
        pixels = np.frombuffer(data, np.uint8, height * bytes_per_line, header_size + 12 * colours)
        return pixels.reshape(height, -1, 4)[..., 2::-1]  # blue, green, red, unused


@pytest.fixture(scope="module")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Display]:
    if shutil.which("Xvfb") is None:
        cannot_run("Xvfb is not installed")
    folder = tmp_path_factory.mktemp("screen")
    files = ("-fbdir", str(folder))
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "800x600x24", "-nolisten", "tcp", *files],
        pass_fds=[write_end],
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        number = pipe.readline().strip()  # Xvfb chooses a free one, and tells it when it is ready
    try:
        if not number:
            cannot_run("Xvfb does not start")
        yield Display(f":{number}", folder / "Xvfb_screen0")
    finally:
        server.terminate()
        server.wait(10)


def run_scene(display: Display, name: str, folder: Path) -> dict[str, Any]:
    """Run one scene of window_child.py and return what it tells."""
    done = subprocess.run(
        [sys.executable, str(CHILD), name, str(folder)],
        env=display.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "WindowError: cannot open a window" in done.stderr:
        cannot_run(f"OpenGL 3.3 is missing under Xvfb ({done.stderr.splitlines()[-1]})")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


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
    assert last_line.startswith("dinar.runtime.window.WindowError: cannot open a window (")
    assert "--headless --out" in last_line


def test_fitting_keeps_the_shape_and_centres() -> None:
    from dinar.runtime.window import capped, fit

    assert fit((100, 100), (300, 200)) == (50, 0, 200, 200)
    assert fit((200, 100), (100, 300)) == (0, 125, 100, 50)
    assert capped((800, 600), 1024) == (800, 600)
    assert capped((2048, 1024), 1024) == (1024, 512)
