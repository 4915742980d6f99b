"""A frame in a window: straight from the GPU that drew it, or else through the computer's memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dinar.runtime.display.gl_picture import GlPicture
from dinar.runtime.outputs import side_by_side
from dinar.runtime.renderer import Frame

if TYPE_CHECKING:
    from dinar.runtime.gpu.frame import DeviceFrame
    from dinar.runtime.gpu.interop import PixelBuffer


class FramePicture:
    """Shows the views of a frame side by side. Close it while its OpenGL context is there, and current.

    Args:
        gl: `pyglet.gl`.
        tell: takes a sentence, once, when frames of a GPU have to be copied.
    """

    def __init__(self, gl: Any, tell: Callable[[str], None]) -> None:
        self._gl, self._tell, self._picture = gl, tell, GlPicture(gl)
        self._buffer: PixelBuffer | None = None
        self._copies = self._wrote = False

    def take(self, frame: Frame) -> None:
        """Take the pictures of a frame; does not wait for a GPU, unless they have to be copied.

        Raises DinarError when they cannot be copied either: the GPU was lost.
        """
        if self._copies or not hasattr(frame.rgba, "__cuda_array_interface__"):
            self._copy(frame)
            return
        from dinar.runtime.gpu.frame import DeviceFrame

        if isinstance(frame, DeviceFrame):
            self._take_directly(frame)
        else:
            self._copy(frame)

    def draw(self, x: int, y: int, width: int, height: int) -> None:
        """Draw into a rectangle of the framebuffer; see `GlPicture.draw`."""
        self._picture.draw(x, y, width, height)

    def close(self) -> None:
        """Give the GPU's buffer back; a second call does nothing. The next frame would take another."""
        buffer, self._buffer = self._buffer, None
        if buffer is not None:
            with suppress(Exception):  # on a GPU that was lost there is nothing to give back
                buffer.close()

    def _copy(self, frame: Frame) -> None:
        self._picture.upload(side_by_side(frame.numpy()))

    def _take_directly(self, frame: DeviceFrame) -> None:
        from dinar.runtime.gpu.interop import PixelBuffer, why_copied

        try:
            if self._buffer is None or self._buffer.nbytes != frame.rgba.nbytes:
                self.close()
                self._buffer = PixelBuffer(self._gl, frame)
            self._buffer.write(frame)
            views, height, width, _ = frame.rgba.shape
            self._picture.unpack(self._buffer.name, views, height, width)
            self._wrote = True
        except Exception as error:  # of CUDA, of OpenGL, of drivers: a copy needs none of what failed here
            self._copies = True
            self.close()
            self._copy(frame)
            self._tell(why_copied(self._gl, frame, error, wrote=self._wrote))
