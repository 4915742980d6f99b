"""A pixel buffer of OpenGL's that CUDA writes: frames reach the window without the computer's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dinar.runtime.gpu.errors import error_name

if TYPE_CHECKING:
    from cuda.core import Stream

    from dinar.runtime.gpu.frame import DeviceFrame


class PixelBuffer:
    """Memory of the current OpenGL context, for the pictures of frames of one size.

    Only trying tells whether CUDA can write it: not where OpenGL runs on another GPU
    (CUDA_ERROR_OPERATING_SYSTEM) or in software (CUDA_ERROR_UNKNOWN). Close it while its context
    is there, and current.

    Attributes:
        name: OpenGL's, of the buffer.
        nbytes: size of the buffer.
    """

    def __init__(self, gl: Any, frame: DeviceFrame) -> None:
        """Make a buffer of the size of `frame` and let the frame's GPU write it.

        Args:
            gl: `pyglet.gl`.
            frame: gives size and GPU; nothing is copied yet.

        Raises what cuda-python or pyglet raises when that cannot be.
        """
        from cuda.core import GraphicsResource

        self._gl, self.nbytes = gl, frame.rgba.nbytes
        self._stream: Stream = frame.stream
        name = gl.GLuint()
        gl.glGenBuffers(1, name)
        self.name = int(name.value)
        try:
            gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, self.name)
            gl.glBufferData(gl.GL_PIXEL_UNPACK_BUFFER, self.nbytes, None, gl.GL_STREAM_DRAW)
            gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, 0)
            frame.stream.device.set_current()
            self._resource = GraphicsResource.from_gl_buffer(self.name, flags="write_discard")
        except BaseException:
            self._delete()
            raise

    def write(self, frame: DeviceFrame) -> None:
        """Have a frame copied here once it is drawn; does not wait, and what OpenGL is told next does.

        Raises what cuda-python raises when that cannot be.
        """
        self._stream = frame.stream
        with self._resource.map(stream=frame.stream) as mapped:
            mapped.copy_from(frame.rgba.buffer, stream=frame.stream)

    def close(self) -> None:
        """Give the buffer back once it is written. Raises what cuda-python raises on a GPU that was lost."""
        try:
            if not self._stream.is_closed:
                self._stream.sync()
            self._resource.close()
        finally:
            self._delete()

    def _delete(self) -> None:
        gl = self._gl
        gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, 0)
        gl.glDeleteBuffers(1, gl.GLuint(self.name))


def why_copied(gl: Any, frame: DeviceFrame, error: Exception, *, wrote: bool) -> str:
    """Say in one sentence that frames do not go straight into the window.

    Args:
        gl: `pyglet.gl`; the window's context is current.
        frame: one of them.
        error: what was raised.
        wrote: whether CUDA has written into the window before.
    """
    reason = error_name(error) or type(error).__name__
    if wrote:
        what = f"the GPU {frame.gpu} no longer writes into the window ({reason})"
    else:
        opengl = gl.current_context.get_info().get_renderer()
        what = f"the window's OpenGL runs on {opengl}, the person on {frame.gpu} ({reason})"
    return f"{what}: pictures are copied through the computer's memory"
