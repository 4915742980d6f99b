"""Video, PNG and GIF files read back show what was written; a blank or broken one is never left behind."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from dinar.runtime.display.background import composite
from dinar.runtime.outputs import MAX_GIF_FRAMES, OutputError, VideoFile, open_output
from dinar.runtime.renderer import HostFrame

GREY = (120, 130, 140)


def disc(size: tuple[int, int], centre_x: float, colour: Sequence[int] = (200, 60, 40)) -> np.ndarray:
    """uint8 [H, W, 4]: an opaque disc of a third of the height, clear elsewhere, with a half-clear rim."""
    width, height = size
    y, x = np.mgrid[:height, :width] + 0.5
    radius = np.hypot(x - centre_x, y - height / 2)
    rgba = np.zeros((height, width, 4), np.uint8)
    rgba[..., :3] = colour
    rgba[..., 3] = np.where(radius < height / 6, 255, np.where(radius < height / 5, 128, 0))
    return rgba


def frame(*views: np.ndarray) -> HostFrame:
    return HostFrame(rgba=np.stack(views), stages=())


def decode(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)])


def test_a_video_read_back_has_its_frames_rate_size_and_colours(tmp_path: Path) -> None:
    size, path = (160, 96), tmp_path / "walk.mp4"
    written = [disc(size, 40 + k) for k in range(90)]  # longer than the encoder looks ahead
    with open_output(path, fps=25, size=size, background=GREY) as output:
        for rgba in written:
            output.write(frame(rgba))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 25
        assert container.duration == pytest.approx(90 / 25 * 1e6, rel=0.01)
        times = [picture.time for picture in container.decode(video=0)]
    assert times == pytest.approx(np.arange(90) / 25)
    pictures = decode(path)
    assert pictures.shape == (90, 96, 160, 3)
    for shown, rgba in zip(pictures, written, strict=True):
        difference = np.abs(shown.astype(int) - composite(rgba, GREY))
        assert difference.mean() < 3
        centre_and_corner = difference[[48, 3], [int(np.argmax(rgba[48, :, 3] == 255)) + 14, 3]]
        assert centre_and_corner.max() <= 6, "flat colours must survive the way through BT.709"


def test_a_video_can_be_played_while_it_loads(tmp_path: Path) -> None:
    path = tmp_path / "walk.mp4"
    with open_output(path, fps=25, size=(64, 64), background=GREY) as output:
        output.write(frame(disc((64, 64), 32)))
    data = path.read_bytes()
    assert 0 < data.find(b"moov") < data.find(b"mdat")


def test_an_odd_size_is_padded_with_the_background(tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    with open_output(path, fps=10, size=(65, 49), background=GREY) as output:
        output.write(frame(disc((65, 49), 32)))
    (picture,) = decode(path)
    assert picture.shape == (50, 66, 3)
    assert np.abs(picture[-1].astype(int) - GREY).max() <= 6
    assert np.abs(picture[:, -1].astype(int) - GREY).max() <= 6


def test_views_stand_side_by_side(tmp_path: Path) -> None:
    path, left, right = tmp_path / "stereo.png", disc((40, 40), 15), disc((40, 40), 25)
    with open_output(path, fps=10, size=(80, 40), background=None) as output:
        output.write(frame(left, right))
    np.testing.assert_array_equal(np.asarray(Image.open(path)), np.concatenate([left, right], axis=1))


def test_a_png_keeps_the_last_frame_and_its_transparency(tmp_path: Path) -> None:
    path, last = tmp_path / "me.png", disc((48, 48), 30)
    with open_output(path, fps=10, size=(48, 48), background=None) as output:
        output.write(frame(disc((48, 48), 10)))
        output.write(frame(last))
    np.testing.assert_array_equal(np.asarray(Image.open(path)), last)


def test_a_png_on_a_colour_is_the_composite(tmp_path: Path) -> None:
    path, rgba = tmp_path / "me.png", disc((48, 48), 30)
    with open_output(path, fps=10, size=(48, 48), background=GREY) as output:
        output.write(frame(rgba))
    np.testing.assert_array_equal(np.asarray(Image.open(path)), composite(rgba, GREY))


def test_a_frame_may_reuse_its_memory_after_it_was_written(tmp_path: Path) -> None:
    path, rgba = tmp_path / "me.png", disc((48, 48), 30)
    kept = rgba.copy()
    with open_output(path, fps=10, size=(48, 48), background=None) as output:
        output.write(HostFrame(rgba=rgba[None], stages=()))
        rgba[:] = 0
    np.testing.assert_array_equal(np.asarray(Image.open(path)), kept)


def test_a_gif_read_back_has_its_frames_length_and_colours(tmp_path: Path) -> None:
    size, path = (96, 64), tmp_path / "walk.gif"
    written = [disc(size, 20 + 3 * k, colour=(200, 8 * k, 40)) for k in range(15)]
    with open_output(path, fps=30, size=size, background=GREY) as output:
        for rgba in written:
            output.write(frame(rgba))
    with Image.open(path) as gif:
        assert sum(1 for _ in ImageSequence.Iterator(gif)) == 15
        assert gif.size == size
        assert gif.info["loop"] == 0
        length = 0
        for k, rgba in enumerate(written):
            gif.seek(k)
            length += gif.info["duration"]
            shown = np.asarray(gif.convert("RGB")).astype(int)
            assert np.abs(shown - composite(rgba, GREY)).max() <= 12
    assert length == pytest.approx(15 / 30 * 1000, abs=10)


def test_a_gif_is_bounded(tmp_path: Path) -> None:
    output = open_output(tmp_path / "long.gif", fps=10, size=(8, 8), background=GREY)
    one = frame(disc((8, 8), 4))
    for _ in range(MAX_GIF_FRAMES):
        output.write(one)
    with pytest.raises(OutputError, match=r"record less or write an \.mp4"):
        output.write(one)
    output.discard()


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.gif"])
def test_a_blank_recording_fails_and_leaves_the_old_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"old")
    output = open_output(path, fps=10, size=(64, 64), background=GREY)
    nobody = disc((64, 64), -100)
    output.write(frame(nobody))
    with pytest.raises(OutputError, match="blank"):
        output.close()
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.gif"])
def test_an_empty_recording_fails(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="no picture was rendered"):
        open_output(tmp_path / name, fps=10, size=(64, 64), background=GREY).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.gif"])
def test_one_frame_with_somebody_is_enough(tmp_path: Path, name: str) -> None:
    with open_output(tmp_path / name, fps=10, size=(64, 64), background=GREY) as output:
        output.write(frame(disc((64, 64), -100)))
        output.write(frame(disc((64, 64), 32)))
    assert (tmp_path / name).stat().st_size > 100


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.gif"])
def test_a_recording_that_breaks_off_leaves_nothing(tmp_path: Path, name: str) -> None:
    def record_and_fail() -> None:
        with open_output(tmp_path / name, fps=10, size=(64, 64), background=GREY) as output:
            output.write(frame(disc((64, 64), 32)))
            raise RuntimeError("renderer broke")

    with pytest.raises(RuntimeError, match="renderer broke"):
        record_and_fail()
    assert list(tmp_path.iterdir()) == []


def test_the_wrong_size_is_told(tmp_path: Path) -> None:
    output = open_output(tmp_path / "a.mp4", fps=10, size=(64, 64), background=GREY)
    with pytest.raises(OutputError, match="takes pictures of 64x64, but one of 48x32 came"):
        output.write(frame(disc((48, 32), 20)))
    output.discard()


def test_places_that_cannot_be_written_are_told_before_anything_is_rendered(tmp_path: Path) -> None:
    def opening(path: Path) -> None:
        open_output(path, fps=10, size=(64, 64), background=GREY)

    with pytest.raises(OutputError, match=r"\.mp4, \.png or \.gif"):
        opening(tmp_path / "a.avi")
    with pytest.raises(OutputError, match="does not exist, make it first"):
        opening(tmp_path / "missing" / "a.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        opening(tmp_path / "folder.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.gif"])
def test_a_folder_nobody_may_write_in_is_told(name: str) -> None:
    with pytest.raises(OutputError, match=rf"cannot write /proc/{name}: "):  # not even root makes files there
        open_output(Path("/proc") / name, fps=10, size=(64, 64), background=GREY)


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_transparency_is_for_png_alone(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"choose a background colour, or write a \.png"):
        open_output(tmp_path / name, fps=10, size=(64, 64), background=None)


def test_a_gif_faster_than_the_format_allows_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="at most 50 pictures per second, not 60"):
        open_output(tmp_path / "a.gif", fps=60, size=(64, 64), background=GREY)


WRITE_NOISE = """
import sys
from pathlib import Path
import numpy as np
from dinar.runtime.outputs import OutputError, open_output
from dinar.runtime.renderer import HostFrame

noise = np.random.default_rng(0).integers(0, 256, (1, 256, 256, 4), dtype=np.uint8)
try:
    with open_output(Path(sys.argv[1]), fps=10, size=(256, 256), background=(0, 0, 0)) as output:
        for _ in range(40):
            output.write(HostFrame(rgba=noise, stages=()))
except OutputError as error:
    print(error)
    sys.exit(1)
"""


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.gif"])
def test_a_full_disk_is_one_sentence(tmp_path: Path, name: str) -> None:
    def no_room() -> None:  # files may grow to 64 KiB only, the next byte fails as on a full disk
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    done = subprocess.run(
        [sys.executable, "-B", "-c", WRITE_NOISE, str(tmp_path / name)],
        preexec_fn=no_room,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(f"cannot write {tmp_path / name}: {os.strerror(27).lower()}")
    assert list(tmp_path.iterdir()) == []


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    output = open_output(tmp_path / "a.mp4", fps=10, size=(64, 64), background=GREY)
    assert isinstance(output, VideoFile)
    output.write(frame(disc((64, 64), 32)))
    output.close()
    output.close()
    assert len(decode(tmp_path / "a.mp4")) == 1
