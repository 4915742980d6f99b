"""Recording what a window shows into a video: in true time, and without a wait for the encoder."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from dinar.runtime.display.background import Backdrop, composite, paint_backdrop
from dinar.runtime.display.fit import fit
from dinar.runtime.outputs import FileOutput, OutputError, open_output
from dinar.runtime.renderer import HostFrame

FPS = 30
_WAITING = 4  # pictures the encoder may be behind; beyond it, pictures stand longer

_Shown = tuple[np.ndarray, Backdrop]
"""uint8 [H, W, 4], sRGB, straight alpha; and what is behind it."""


class Recorder:
    """Writes pictures into a video of constant rate, each as often as it was to be seen. Close it when done.

    A picture of another size than the first is shown with borders: a video keeps its size.

    Args:
        path: the .mp4 to write.
        rgba: the first picture, uint8 [H, W, 4], sRGB, straight alpha; gives the size. Copied.
        backdrop: what is behind it.
        now: seconds on any clock that never goes back; the same for all methods.

    Raises OutputError when the file cannot be written there.
    """

    def __init__(self, path: Path, rgba: np.ndarray, backdrop: Backdrop, now: float) -> None:
        self.path = path
        self._size = (rgba.shape[1], rgba.shape[0])
        self._output = open_output(path, fps=FPS, size=self._size, background=(0, 0, 0))
        self._start, self._beats = now, 0  # beats that were handed on
        self._shown: _Shown = (rgba.copy(), backdrop)
        self._waiting: queue.Queue[tuple[_Shown, int] | None] = queue.Queue(_WAITING)
        self._error: OutputError | None = None
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def seconds(self, now: float) -> int:
        """Whole seconds since the beginning."""
        return int(now - self._start)

    @property
    def failed(self) -> bool:
        """Whether something could not be written; `close` tells what."""
        return self._error is not None

    def keep(self, now: float) -> None:
        """Hand on what was seen until `now`."""
        due = self._due(now)
        if due > 0 and not self._waiting.full():
            self._hand_on(due)

    def show(self, rgba: np.ndarray, backdrop: Backdrop, now: float) -> None:
        """From `now` on, this picture (uint8 [H, W, 4]; copied) is to be seen."""
        self.keep(now)
        self._shown = (rgba.copy(), backdrop)

    def close(self, now: float) -> None:
        """Write the rest and put the file in its place. Raises OutputError when that fails."""
        self._hand_on(max(self._due(now), 1 if self._beats == 0 else 0))
        self._waiting.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _due(self, now: float) -> int:
        return math.ceil((now - self._start) * FPS) - self._beats

    def _hand_on(self, count: int) -> None:
        self._waiting.put((self._shown, count))
        self._beats += count

    def _write(self) -> None:
        """Thread: encode what is handed on; after an error take and forget, so that nobody waits for it."""
        for (rgba, backdrop), count in iter(self._waiting.get, None):
            self._try(partial(_write_picture, self._output, rgba, backdrop, count, self._size))
        self._try(self._output.close)

    def _try(self, step: Callable[[], None]) -> None:
        if self._error is None:
            try:
                step()
            except OutputError as error:
                self._error = error
                self._output.discard()


def opaque(rgba: np.ndarray, backdrop: Backdrop) -> np.ndarray:
    """Put a picture, uint8 [H, W, 4], on its backdrop; it stays RGBA, and nothing shines through."""
    height, width = rgba.shape[:2]
    rgb = composite(rgba, paint_backdrop(backdrop, width, height))
    return np.concatenate([rgb, np.full((height, width, 1), 255, np.uint8)], axis=2)


def _write_picture(
    output: FileOutput, rgba: np.ndarray, backdrop: Backdrop, count: int, size: tuple[int, int]
) -> None:
    picture = opaque(rgba, backdrop)
    height, width = picture.shape[:2]
    if (width, height) != size:
        x, y, width, height = fit((width, height), size)
        whole = opaque(np.zeros((size[1], size[0], 4), np.uint8), backdrop)
        scaled = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
        whole[y : y + height, x : x + width] = np.asarray(scaled)
        picture = whole
    for _ in range(count):
        output.write(HostFrame(picture[None], ()))
