"""The `dinar` command in processes of its own: exit statuses, sentences, and files that show somebody."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from dinar.runtime.cli import COMMANDS, main
from dinar.runtime.display.background import parse_background

DINAR = Path(sys.executable).with_name("dinar")
WITHOUT_DISPLAY = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
SMALL = ("--size", "64")


def dinar(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DINAR, *map(str, arguments)],
        env=WITHOUT_DISPLAY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_one_sentence(told: str, pattern: str) -> None:
    assert "Traceback" not in told
    (line,) = told.splitlines()
    assert re.match(f"dinar: .*{pattern}", line)


@contextmanager
def started(*arguments: str | Path, folder: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """A command in the background; ended by Ctrl-C if it still runs."""
    process = subprocess.Popen(
        [DINAR, *map(str, arguments)], env=WITHOUT_DISPLAY, cwd=folder, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def decode(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)])


def coverage(picture: np.ndarray) -> float:
    """Share of the pixels that clearly differ from the light background."""
    return float((np.abs(picture[..., :3].astype(int) - parse_background("light")).max(-1) > 40).mean())


# --- Asking for help, and mistakes in asking --------------------------------------------------------


def test_help_lists_every_command() -> None:
    done = dinar("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command.name}\b", done.stdout, re.MULTILINE)


def test_help_needs_none_of_the_heavy_modules() -> None:
    asking = (
        "import sys; from dinar.runtime.cli import main; main(['--help']); "
        "sys.exit(','.join({'numpy', 'numba', 'tyro', 'av', 'zmq', 'pyglet'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: dinar {name}" in capsys.readouterr().out


def test_version() -> None:
    assert re.fullmatch(r"dinar \d+\.\d+\.\d+\n", dinar("--version").stdout)


def test_no_command_is_bad_usage() -> None:
    done = dinar()
    assert done.returncode == 2
    assert "usage: dinar COMMAND" in done.stderr


def test_a_mistyped_command_is_guessed() -> None:
    done = dinar("dmeo")
    assert done.returncode == 2
    assert_one_sentence(done.stderr, "there is no command 'dmeo': did you mean `dinar demo`")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["demo", "--nonsense"], "nonsense"),
        (["demo", "--fps", "0"], "--fps must be from 1 to 240"),
        (["demo", "--fps", "many"], "many"),
        (["demo", "--size", "100000"], "--size must be from 16 to 4096"),
        (["demo", "--out", "x.mp4", "--seconds", "-1"], "--seconds must be above 0"),
        (["demo", "--seconds", "3"], "--seconds is the length of a recording"),
        (["demo", "--background", "pink"], "light, dark, transparent"),
        (["demo", "--background", "transparent"], "a window needs a background colour"),
        (["demo", "--azimuth", "nan"], "finite"),
        (["run", "--headless"], "--headless needs a file to record"),
        (["run", "--out", "x.mp4", "--patience", "0"], "--patience must be above 0"),
    ],
)
def test_bad_usage_says_what_is_wrong(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    unwrapped = re.sub(r"\s*│\n│\s*", " ", capsys.readouterr().err)
    assert reason in unwrapped


def test_bad_usage_ends_the_process_with_status_2() -> None:
    done = dinar("demo", "--fps", "0")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


# --- Mistakes in files and addresses ------------------------------------------------------------------


def test_a_missing_avatar_is_one_sentence(tmp_path: Path) -> None:
    done = dinar("demo", tmp_path / "nobody.dinar", "--out", tmp_path / "x.png")
    assert done.returncode == 1
    assert_one_sentence(done.stderr, r"nobody\.dinar")


def test_a_file_that_is_no_avatar_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "photo.dinar"
    wrong.write_bytes(b"\x89PNG not an avatar")
    assert main(["demo", str(wrong), "--out", f"{tmp_path}/x.png"]) == 1
    assert_one_sentence(capsys.readouterr().err, r"photo\.dinar")
    assert list(tmp_path.iterdir()) == [wrong]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["demo", "--motion", "moonwalk", "--out", "x.png"], "moonwalk"),
        (["demo", "--out", "x.avi"], r"must end in \.mp4, \.png or \.gif"),
        (["demo", "--out", "missing/x.mp4"], "does not exist, make it first"),
        (["demo", "--out", "x.gif", "--fps", "60"], "at most 50 pictures per second"),
        (["demo", "--out", "x.mp4", "--background", "transparent"], "has no transparency"),
        (["run", "--poses", "tcp://nowhere", "--out", "x.mp4"], "tcp://nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert_one_sentence(capsys.readouterr().err, reason)
    assert list(tmp_path.iterdir()) == []


def test_a_recording_without_a_publisher_gives_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = ["run", "--poses", f":{free_port()}", "--patience", "0.5", "--out", f"{tmp_path}/x.mp4", *SMALL]
    assert main(alone) == 1
    told = capsys.readouterr().err
    assert "no pose came from tcp://127.0.0.1" in told
    assert "`dinar play dance`" in told
    assert list(tmp_path.iterdir()) == []


# --- Recording --------------------------------------------------------------------------------------


def test_a_picture_shows_somebody(tmp_path: Path) -> None:
    assert main(["demo", "--out", f"{tmp_path}/me.png", "--width", "160", "--height", "240"]) == 0
    picture = np.asarray(Image.open(tmp_path / "me.png"))
    assert picture.shape == (240, 160, 3)
    assert 0.05 < coverage(picture) < 0.6
    np.testing.assert_array_equal(picture[0, 0], parse_background("light"))


def test_a_transparent_picture_shows_somebody_cut_out(tmp_path: Path) -> None:
    assert main(["demo", "--out", f"{tmp_path}/me.png", "--background", "transparent", "--size", "160"]) == 0
    alpha = np.asarray(Image.open(tmp_path / "me.png"))[..., 3]
    assert 0.02 < (alpha == 255).mean() < 0.6
    assert (alpha == 0).mean() > 0.3


def test_a_video_shows_a_moving_person_and_is_the_same_again(tmp_path: Path) -> None:
    arguments = ["demo", "--motion", "walk", "--seconds", "1", "--fps", "10", "--size", "128", "--out"]
    done = dinar(*arguments, tmp_path / "a.mp4")
    assert done.returncode == 0, done.stderr
    assert main([*arguments, str(tmp_path / "b.mp4")]) == 0
    videos = [decode(tmp_path / name) for name in ("a.mp4", "b.mp4")]
    assert videos[0].shape == (10, 128, 128, 3)
    assert min(coverage(picture) for picture in videos[0]) > 0.02
    assert np.abs(videos[0][0].astype(int) - videos[0][5]).max() > 60
    np.testing.assert_array_equal(videos[0], videos[1])


def test_a_gif_shows_somebody_from_all_sides(tmp_path: Path) -> None:
    turning = ["demo", "--motion", "idle", "--orbit", "90", "--seconds", "2", "--fps", "2", *SMALL]
    assert main([*turning, "--out", str(tmp_path / "me.gif")]) == 0
    with Image.open(tmp_path / "me.gif") as gif:
        front = np.asarray(gif.convert("RGB")).astype(int)
        assert sum(1 for _ in ImageSequence.Iterator(gif)) == 4
        gif.seek(2)
        side = np.asarray(gif.convert("RGB")).astype(int)
    assert coverage(front) > 0.02
    assert coverage(side) > 0.02
    assert np.abs(front - side).max() > 60


def test_without_a_display_the_demo_records_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert main(["demo", "--motion", "walk", "--fps", "4", *SMALL]) == 0
    told = capsys.readouterr().err
    assert "cannot open a window (there is no display)" in told
    assert "recording dinar-demo.mp4" in told
    assert coverage(decode(tmp_path / "dinar-demo.mp4")[0]) > 0.02


def test_ctrl_c_in_a_demo_recording_leaves_nothing(tmp_path: Path) -> None:
    with started("demo", "--seconds", "600", "--out", tmp_path / "long.mp4", *SMALL) as process:
        wait_until(lambda: any(tmp_path.iterdir()))
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == []


# --- Live, over real sockets ------------------------------------------------------------------------


def test_poses_that_one_process_plays_move_the_avatar_of_another(tmp_path: Path) -> None:
    address, out = f"tcp://127.0.0.1:{free_port()}", tmp_path / "live.mp4"
    with started("play", "walk", "--to", address) as player:
        done = dinar(
            "run", "--poses", address, "--out", out, "--seconds", "1.5", "--fps", "10", "--size", "128"
        )
    assert player.returncode == 0, "Ctrl-C is how playing ends"
    assert done.returncode == 0, done.stderr
    assert re.search(r"received \d+", done.stderr)
    assert "malformed" not in done.stderr
    video = decode(out)
    assert video.shape == (15, 128, 128, 3)
    assert min(coverage(picture) for picture in video) > 0.02
    assert np.abs(video[0].astype(int) - video[7]).max() > 60, "the person must move"


def test_a_live_recording_ended_from_outside_is_kept(tmp_path: Path) -> None:
    address, out = f"tcp://127.0.0.1:{free_port()}", tmp_path / "live.mp4"
    with (
        started("play", "dance", "--to", address),
        started("run", "--poses", address, "--out", out, "--fps", "10", *SMALL) as process,
    ):
        wait_until(lambda: any(tmp_path.iterdir()))  # the recording has begun
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 0, told
    assert "Traceback" not in told
    assert coverage(decode(out)[0]) > 0.02
    assert list(tmp_path.iterdir()) == [out]


def wait_until(condition: object, seconds: float = 60.0) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
