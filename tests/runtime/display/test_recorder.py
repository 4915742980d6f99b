"""Recordings: true time, one size, no wait, and errors that are told."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from dinar.runtime.display.recorder import FPS, Recorder, opaque
from dinar.runtime.outputs import OutputError


def grey(value: int, width: int = 64, height: int = 48) -> np.ndarray:
    return np.dstack([np.full((height, width, 3), value, np.uint8), np.full((height, width), 255, np.uint8)])


def read(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as video:
        assert video.streams.video[0].average_rate == FPS
        return [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]


def test_each_picture_stands_as_long_as_it_was_shown(tmp_path: Path) -> None:
    path = tmp_path / "seen.mp4"
    recorder = Recorder(path, grey(50), (0, 0, 0), now=5.0)
    recorder.show(grey(200), (0, 0, 0), now=6.0)
    recorder.show(grey(120), (0, 0, 0), now=6.5)
    recorder.close(now=8.0)
    shades = [round(float(picture.mean())) for picture in read(path)]
    assert np.abs(np.array(shades) - ([50] * 30 + [200] * 15 + [120] * 45)).max() <= 3


def test_a_window_that_draws_faster_than_the_video_changes_no_time(tmp_path: Path) -> None:
    path = tmp_path / "seen.mp4"
    recorder = Recorder(path, grey(50), (0, 0, 0), now=0.0)
    for k in range(1, 200):
        recorder.show(grey(k), (0, 0, 0), now=k / 100)
    recorder.close(now=2.0)
    assert len(read(path)) == 2 * FPS


def test_the_shortest_recording_is_one_picture(tmp_path: Path) -> None:
    path = tmp_path / "seen.mp4"
    Recorder(path, grey(50), (0, 0, 0), now=1.0).close(now=1.0)
    assert len(read(path)) == 1


def test_another_size_is_shown_with_borders_of_the_backdrop(tmp_path: Path) -> None:
    path = tmp_path / "seen.mp4"
    recorder = Recorder(path, grey(50), (0, 0, 0), now=0.0)
    recorder.show(grey(200, width=48, height=48), (90, 90, 90), now=0.5)
    recorder.close(now=1.0)
    picture = read(path)[-3]
    assert picture.shape == (48, 64, 3)
    assert abs(int(picture[24, 32, 0]) - 200) < 5
    assert abs(int(picture[24, 2, 0]) - 90) < 5


def test_pictures_that_are_used_again_are_copied(tmp_path: Path) -> None:
    path = tmp_path / "seen.mp4"
    memory = grey(50)
    recorder = Recorder(path, memory, (0, 0, 0), now=0.0)
    memory[..., :3] = 250
    recorder.close(now=0.5)
    assert abs(float(read(path)[5].mean()) - 50) < 3


def test_a_folder_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist, make it first"):
        Recorder(tmp_path / "missing" / "seen.mp4", grey(50), (0, 0, 0), now=0.0)


def test_a_place_that_vanishes_fails_the_recording_and_holds_up_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    recorder = Recorder(folder / "seen.mp4", grey(50), (0, 0, 0), now=0.0)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    for k in range(200):
        recorder.show(grey(k), (0, 0, 0), now=0.1 * k)
    with pytest.raises(OutputError, match="cannot write"):
        recorder.close(now=20.0)
    assert recorder.failed


def test_opaque_is_what_a_person_sees() -> None:
    half = np.dstack([np.full((4, 5, 3), 255, np.uint8), np.full((4, 5), 128, np.uint8)])
    seen = opaque(half, (0, 0, 0))
    assert (seen[..., 3] == 255).all()
    assert (seen[..., :3] == 128).all()
