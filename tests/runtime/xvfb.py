"""A display for tests: Xvfb, with OpenGL in software, and programs that run on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest


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


@contextmanager
def running_display(folder: Path) -> Iterator[Display]:
    """An X server that keeps what its screen shows in `folder`."""
    if shutil.which("Xvfb") is None:
        cannot_run("Xvfb is not installed")
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


def run_child(
    command: Sequence[str], environment: dict[str, str], *, cwd: Path | None = None
) -> dict[str, Any]:
    """Run Python with a window on a display and return the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, *command],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "WindowError: cannot open a window" in done.stderr:
        cannot_run(f"OpenGL 3.3 is missing under Xvfb ({done.stderr.splitlines()[-1]})")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told
