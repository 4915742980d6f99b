"""Places a picture goes other than the window: an MP4 video, a PNG, a GIF.

A file appears under its own name only when it is complete and shows somebody: it is written beside its place
first, and closing it checks that at least one picture was not blank. Nothing here ends in a silent success.
"""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from PIL import Image

from dinar.runtime.display.background import Background, composite
from dinar.runtime.errors import DinarError
from dinar.runtime.renderer import Frame

MIN_COVERAGE = 0.001
"""Share of a picture's pixels that must be mostly opaque for it to count as showing somebody."""

MAX_GIF_FRAMES = 1000
MAX_GIF_FPS = 50  # browsers slow down anything faster
_GIF_PALETTE_SAMPLES = 24
_CRF = "18"  # x264's quality scale: 18 is where most people stop seeing a difference


class OutputError(DinarError):
    """A picture or video that cannot be written, or would be blank."""


class Output(Protocol):
    """A place frames go, in order."""

    def write(self, frame: Frame) -> None:
        """Take one frame; several views are put side by side. Raises OutputError."""
        ...

    def close(self) -> None:
        """Finish. Raises OutputError when nothing worth keeping was written; a second call does nothing."""
        ...


def side_by_side(rgba: np.ndarray) -> np.ndarray:
    """Join views from left to right: uint8 [N, H, W, 4] => [H, N * W, 4]."""
    return rgba[0] if len(rgba) == 1 else np.concatenate(list(rgba), axis=1)


def open_output(path: Path, *, fps: int, size: tuple[int, int], background: Background) -> FileOutput:
    """Open the file output that `path`'s suffix names.

    Args:
        path: see `check_output`; an existing file is replaced on success.
        fps: pictures per second of a moving file; a PNG has none.
        size: (width, height) of a picture, all views together, in pixels.
        background: colour behind the person; None (transparent) is for PNG alone.

    Raises OutputError for what `check_output` does, and for a place that cannot be written.
    """
    check_output(path, fps=fps, background=background)
    suffix = path.suffix.lower()
    if background is None or suffix == ".png":
        return PngFile(path, size=size, background=background)
    if suffix == ".gif":
        return GifFile(path, fps=fps, size=size, background=background)
    return VideoFile(path, fps=fps, size=size, background=background)


def check_output(path: Path, *, fps: int, background: Background) -> None:
    """Check, without writing, that a file can be asked for.

    Raises OutputError unless `path` ends in .mp4, .png or .gif and lies in a folder that exists; also for a
    transparent video, and for a GIF with more than `MAX_GIF_FPS` pictures per second.
    """
    suffix = path.suffix.lower()
    if suffix not in (".mp4", ".png", ".gif"):
        raise OutputError(f"cannot tell what to write to {path}: its name must end in .mp4, .png or .gif")
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder, a file name is needed")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: the folder {path.parent} does not exist, make it first")
    if background is None and suffix != ".png":
        raise OutputError(f"{suffix} has no transparency: choose a background colour, or write a .png")
    if suffix == ".gif" and fps > MAX_GIF_FPS:
        raise OutputError(f"a GIF shows at most {MAX_GIF_FPS} pictures per second, not {fps}: lower --fps")


class FileOutput(ABC):
    """What all files share: checked pictures, and a file that appears under its name only when it is good.

    As a context manager it closes on success and throws the file away when the block raises.
    """

    def __init__(self, path: Path, *, size: tuple[int, int], background: Background) -> None:
        self.path = path
        self._size = size
        self._background = background
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._written = 0
        self._best_coverage = 0.0
        self._closed = False
        try:
            with _file_errors(path):
                self._part.touch()  # a place that cannot be written shows now, not after minutes of rendering
                self._open()
        except BaseException:  # Ctrl-C too: opening an encoder takes a while
            self._clean_up()
            raise

    def write(self, frame: Frame) -> None:
        """Take one frame whose views, side by side, have the size given at opening. Raises OutputError."""
        rgba = side_by_side(frame.numpy())
        width, height = self._size
        if rgba.shape != (height, width, 4):
            came = f"{rgba.shape[1]}x{rgba.shape[0]}"
            raise OutputError(f"{self.path} takes pictures of {width}x{height}, but one of {came} came")
        self._best_coverage = max(self._best_coverage, float(np.mean(rgba[..., 3] >= 128)))
        picture = rgba if self._background is None else composite(rgba, self._background)
        with _file_errors(self.path):
            self._add(picture)
        self._written += 1

    def close(self) -> None:
        """Check that somebody is to be seen and put the file in its place. Raises OutputError."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._written == 0:
                raise OutputError(f"{self.path} was not written: no picture was rendered")
            if self._best_coverage < MIN_COVERAGE:
                raise OutputError(
                    f"{self.path} was not written: all {self._written} pictures are blank, "
                    "nobody is in view (check the camera and the pose's translation)"
                )
            with _file_errors(self.path):
                self._finish()
                os.replace(self._part, self.path)
        finally:
            self._clean_up()

    def discard(self) -> None:
        """Throw away what was written so far and leave the place as it was."""
        if not self._closed:
            self._closed = True
            self._clean_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _clean_up(self) -> None:
        self._release()
        with suppress(OSError):  # it never came to be
            self._part.unlink()

    @abstractmethod
    def _open(self) -> None:
        """Open what must be open before the first picture."""

    @abstractmethod
    def _add(self, picture: np.ndarray) -> None:
        """Take uint8 [H, W, 3], or [H, W, 4] when the background is transparent; copy what is kept."""

    @abstractmethod
    def _finish(self) -> None:
        """Leave the complete file at `_part`."""

    @abstractmethod
    def _release(self) -> None:
        """Close what is open, whether finished or not; never raises."""


class PngFile(FileOutput):
    """The last frame as a PNG: on a colour, or with its transparency."""

    def _open(self) -> None:
        self._picture: np.ndarray | None = None

    def _add(self, picture: np.ndarray) -> None:
        self._picture = picture.copy()

    def _finish(self) -> None:
        assert self._picture is not None, "close() checks that a picture was written"
        Image.fromarray(self._picture).save(self._part, format="PNG")

    def _release(self) -> None:
        self._picture = None


class VideoFile(FileOutput):
    """H.264 in MP4: constant rate, 4:2:0 BT.709, index in front; odd sizes gain one row or column."""

    _container: av.container.OutputContainer | None = None

    def __init__(
        self, path: Path, *, fps: int, size: tuple[int, int], background: tuple[int, int, int]
    ) -> None:
        self._fps = fps
        self._padding = ((0, size[1] % 2), (0, size[0] % 2), (0, 0))  # 4:2:0 halves both axes
        self._colour = np.array(background, np.uint8)
        super().__init__(path, size=size, background=background)

    def _open(self) -> None:
        self._container = av.open(
            str(self._part), "w", format="mp4", container_options={"movflags": "+faststart"}
        )
        stream = self._container.add_stream(
            "libx264", rate=self._fps, options={"crf": _CRF, "preset": "fast"}
        )
        width, height = self._size
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        self._stream = stream

    def _add(self, picture: np.ndarray) -> None:
        assert self._container is not None, "not closed"
        if any(after for _, after in self._padding):
            padded = np.pad(picture, self._padding)
            padded[picture.shape[0] :], padded[:, picture.shape[1] :] = self._colour, self._colour
            picture = padded
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        # sRGB => limited-range BT.709 YCbCr; without the flags thin coloured edges smear sideways
        video_frame = rgb.reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND,
        )
        video_frame.pts = self._written
        video_frame.time_base = Fraction(1, self._fps)  # the stream's own changes once the header is written
        self._container.mux(self._stream.encode(video_frame))

    def _finish(self) -> None:
        assert self._container is not None, "not closed"
        self._container.mux(self._stream.encode(None))
        container, self._container = self._container, None
        container.close()

    def _release(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            try:
                container.close()
            except (
                av.FFmpegError,
                OSError,
            ):  # the file is about to be deleted, and the first error is on its way
                return


class GifFile(FileOutput):
    """A looping GIF with one palette chosen over the whole recording, so that colours do not flicker."""

    _spool: BinaryIO | None = None

    def __init__(
        self, path: Path, *, fps: int, size: tuple[int, int], background: tuple[int, int, int]
    ) -> None:
        self._fps = fps
        super().__init__(path, size=size, background=background)

    def _open(self) -> None:
        self._spool = tempfile.TemporaryFile(dir=self.path.parent)  # noqa: SIM115 - closed by _release

    def _add(self, picture: np.ndarray) -> None:
        assert self._spool is not None, "not closed"
        if self._written == MAX_GIF_FRAMES:
            raise OutputError(
                f"a GIF holds at most {MAX_GIF_FRAMES} pictures here: record less or write an .mp4"
            )
        self._spool.write(picture.tobytes())

    def _finish(self) -> None:
        palette = self._palette()
        pictures = (
            picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in self._pictures()
        )
        # GIF counts in hundredths of a second: spread the rounding so that the whole keeps its length
        ends = [round(100 * (k + 1) / self._fps) for k in range(self._written)]
        durations = [10 * int(step) for step in np.diff([0, *ends])]  # ms
        next(pictures).save(
            self._part, format="GIF", save_all=True, append_images=pictures, duration=durations, loop=0
        )

    def _palette(self) -> Image.Image:
        chosen = np.unique(np.linspace(0, self._written - 1, _GIF_PALETTE_SAMPLES).round().astype(int))
        samples = [picture for k, picture in enumerate(self._pictures()) if k in chosen]
        width, height = self._size
        sheet = Image.new("RGB", (width, height * len(samples)))
        for row, sample in enumerate(samples):
            sheet.paste(sample, (0, row * height))
        return sheet.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=1)

    def _pictures(self) -> Iterator[Image.Image]:
        assert self._spool is not None, "not closed"
        width, height = self._size
        self._spool.seek(0)
        for _ in range(self._written):
            yield Image.frombytes("RGB", (width, height), self._spool.read(3 * width * height))

    def _release(self) -> None:
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.close()


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    """Turn what the disk or the encoder says into one sentence."""
    try:
        yield
    except av.codec.codec.UnknownCodecError as error:
        raise OutputError(
            f"cannot write {path}: this build of PyAV has no H.264 encoder (libx264), install av from PyPI"
        ) from error
    except (av.FFmpegError, OSError) as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"cannot write {path}: {reason}") from error
