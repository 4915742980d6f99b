"""The examples of the README run as they are (but for the port), and what they send is taken."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dinar.runtime.stream import PoseSubscriber
from dinar.runtime.wire import PoseFrame

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples"
ENDPOINT = "tcp://127.0.0.1:5555"
RIGHT_SHOULDER = 17
PATIENCE = 20.0


def copy_with_free_port(name: str, folder: Path) -> tuple[Path, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    text = (EXAMPLES / name).read_text()
    assert text.count(ENDPOINT) == 1
    copy = folder / name
    copy.write_text(text.replace(ENDPOINT, endpoint))
    return copy, endpoint


def assert_sends_a_waving_person(command: list[str | Path], endpoint: str, folder: Path) -> None:
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    frames: list[PoseFrame] = []
    try:
        with PoseSubscriber(endpoint) as subscriber:
            end = time.monotonic() + PATIENCE
            while len(frames) < 40 and time.monotonic() < end and process.poll() is None:
                subscriber.wait(0.1)
                frame = subscriber.latest()
                if frame is not None:
                    frames.append(frame)
            stats = subscriber.stats()
    finally:
        process.kill()
        _, errors = process.communicate()
    assert len(frames) == 40, errors
    assert (stats.sessions, stats.stale, dict(stats.malformed)) == (1, 0, {})
    shoulder = np.array([frame.pose.rotations[RIGHT_SHOULDER, 2] for frame in frames])
    assert np.ptp(shoulder) > 0.2  # it waves,
    assert (shoulder < -0.2).all()  # with the arm up,
    rest = np.delete(np.array([frame.pose.rotations for frame in frames]), RIGHT_SHOULDER, axis=1)
    assert not rest.any()  # and nothing else moves
    assert stats.age_ms is not None
    assert -1 <= stats.age_ms < 1000 * PATIENCE  # JavaScript's clock shows whole milliseconds


@pytest.mark.parametrize("name", ["publish.py", "publish.mjs"])
def test_examples_have_at_most_ten_lines(name: str) -> None:
    assert sum(bool(line.strip()) for line in (EXAMPLES / name).read_text().splitlines()) <= 10


def test_the_python_example_sends_a_waving_person(tmp_path: Path) -> None:
    script, endpoint = copy_with_free_port("publish.py", tmp_path)
    assert_sends_a_waving_person([sys.executable, script], endpoint, tmp_path)


def test_the_javascript_example_sends_a_waving_person(tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    script, endpoint = copy_with_free_port("publish.mjs", tmp_path)
    (tmp_path / "package.json").write_text('{"private": true}')
    install = [npm, "install", "--no-audit", "--no-fund", "zeromq@6", "@msgpack/msgpack@3"]
    try:
        installed = subprocess.run(install, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not answer within a minute")
    if installed.returncode != 0:
        pytest.skip(f"npm cannot install the example's packages: {installed.stderr.strip()[-200:]}")
    assert_sends_a_waving_person([node, script], endpoint, tmp_path)


def test_own_people_become_a_dataset_that_is_well(tmp_path: Path) -> None:
    """The example and the commands of docs/data.md."""
    text = (EXAMPLES.parent / "data.md").read_text(encoding="utf-8")
    sections = dict(section.split("\n", 1) for section in text.split("\n## ")[1:])
    commands = [
        line for line in sections["Your own data"].splitlines() if line.startswith(("python", "dinar"))
    ]
    assert len(commands) == 2
    for command in commands:
        program, *words = command.split()
        start = [sys.executable] if program == "python" else [Path(sys.executable).with_name(program)]
        told = output(
            tmp_path, *start, *(ROOT / word if word.startswith("docs/") else word for word in words)
        )
    assert "1 people, 4 views" in told
    (listing,) = re.findall(r"```python\n(.*?)```", sections["Samples for training"], re.DOTALL)
    told = output(tmp_path, sys.executable, "-c", listing)
    assert "torch.Size([4, 512, 512, 3]) torch.Size([4, 55, 3])" in told


def output(folder: Path, *command: str | Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
