"""Keeping what a window shows: screenshots and recordings, and what to tell about them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dinar.runtime.display.background import Backdrop
from dinar.runtime.display.overlay import DOT
from dinar.runtime.display.recorder import Recorder, opaque
from dinar.runtime.outputs import OutputError, open_output
from dinar.runtime.renderer import HostFrame


class Capture:
    """Writes dinar-DATE-TIME.png and .mp4 into a folder. Errors are told, and never stop the window.

    Pictures are uint8 [H, W, 4], sRGB, straight alpha.

    Args:
        folder: where files go.
        say: tells a person.
        now: a clock that never goes back, seconds.
    """

    def __init__(self, folder: Path, say: Callable[[str], None], now: Callable[[], float]) -> None:
        self._folder, self._say, self._now = folder, say, now
        self._recorder: Recorder | None = None

    @property
    def records(self) -> bool:
        """Whether a recording runs."""
        return self._recorder is not None

    def status(self) -> list[str]:
        """A line with a red dot while a recording runs, else nothing."""
        return [] if self._recorder is None else [f"{DOT}recording, {self._recorder.seconds(self._now())} s"]

    def screenshot(self, rgba: np.ndarray, backdrop: Backdrop) -> None:
        """Save a picture on its backdrop."""
        picture = opaque(rgba, backdrop)
        path = self._path("png")
        try:
            with open_output(path, fps=1, size=picture.shape[1::-1], background=(0, 0, 0)) as output:
                output.write(HostFrame(picture[None], ()))
        except OutputError as error:
            self._say(str(error))
        else:
            self._say(f"saved {path}")

    def toggle(self, rgba: np.ndarray, backdrop: Backdrop) -> None:
        """Begin to record with this picture, or end the recording that runs."""
        if self._recorder is not None:
            self._end()
            return
        try:
            self._recorder = Recorder(self._path("mp4"), rgba, backdrop, self._now())
        except OutputError as error:
            self._say(str(error))

    def show(self, rgba: np.ndarray, backdrop: Backdrop) -> None:
        """Tell a running recording that this picture is shown from now on."""
        if self._recorder is not None:
            self._recorder.show(rgba, backdrop, self._now())

    def keep(self) -> None:
        """Let a running recording go on; one that has failed ends."""
        if self._recorder is not None:
            self._recorder.keep(self._now())
            if self._recorder.failed:
                self._end()

    def close(self) -> None:
        """End a running recording; raises OutputError when it cannot be finished."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close(self._now())

    def _end(self) -> None:
        assert self._recorder is not None, "the caller has looked"
        path = self._recorder.path
        try:
            self.close()
        except OutputError as error:
            self._say(str(error))
        else:
            self._say(f"saved {path}")

    def _path(self, suffix: str) -> Path:
        return self._folder / time.strftime(f"dinar-%Y%m%d-%H%M%S.{suffix}")
