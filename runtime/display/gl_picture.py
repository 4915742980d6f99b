"""A picture drawn into a rectangle of an OpenGL 3.3 window."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

_STRINGS = ctypes.POINTER(ctypes.POINTER(ctypes.c_char))

_VERTEX = b"""#version 330 core
out vec2 place;  // 0..1, v down
void main() {  // one triangle that covers the viewport
    vec2 corner = vec2(gl_VertexID == 1 ? 2.0 : 0.0, gl_VertexID == 2 ? 2.0 : 0.0);
    place = vec2(corner.x, 1.0 - corner.y);
    gl_Position = vec4(2.0 * corner - 1.0, 0.0, 1.0);
}
"""

_FRAGMENT = b"""#version 330 core
uniform sampler2D picture;  // sRGB values as they are, straight alpha
in vec2 place;
out vec4 colour;
vec4 premultiplied(ivec2 texel) {
    vec4 value = texelFetch(picture, clamp(texel, ivec2(0), textureSize(picture, 0) - 1), 0);
    return vec4(value.rgb * value.a, value.a);
}
void main() {  // bilinear on premultiplied values: straight ones would bleed the colour of clear texels
    vec2 at = place * vec2(textureSize(picture, 0)) - 0.5;
    ivec2 base = ivec2(floor(at));
    vec2 part = at - vec2(base);
    colour = mix(mix(premultiplied(base), premultiplied(base + ivec2(1, 0)), part.x),
                 mix(premultiplied(base + ivec2(0, 1)), premultiplied(base + ivec2(1, 1)), part.x), part.y);
}
"""


class GlPicture:
    """One texture and the program that draws it over what is there; lives as long as its context.

    Args:
        gl: `pyglet.gl`. Passed in because importing it opens the display.
    """

    def __init__(self, gl: Any) -> None:
        self._gl = gl
        self._program = _program(gl)
        self._vertices = gl.GLuint()
        gl.glGenVertexArrays(1, self._vertices)  # core profile draws nothing without one, even an empty one
        self._texture = gl.GLuint()
        gl.glGenTextures(1, self._texture)
        self._size = (0, 0)

    def upload(self, rgba: np.ndarray) -> None:
        """Take uint8 [H, W, 4], sRGB, straight alpha."""
        rgba = np.ascontiguousarray(rgba)
        height, width = rgba.shape[:2]
        self._bind(width, height)
        self._write(0, width, height, rgba.ctypes.data)

    def unpack(self, buffer: int, views: int, height: int, width: int) -> None:
        """Take views, side by side, from a pixel buffer of this context: uint8 [views, height, width, 4]."""
        gl = self._gl
        self._bind(views * width, height)
        gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, buffer)
        try:
            for view in range(views):
                self._write(view * width, width, height, 4 * view * height * width)
        finally:
            gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, 0)  # else uploads would be taken from there

    def _bind(self, width: int, height: int) -> None:
        """Bind the texture, made anew where it is of another size."""
        gl = self._gl
        gl.glBindTexture(gl.GL_TEXTURE_2D, self._texture)
        if (width, height) == self._size:
            return
        gl.glTexParameteri(gl.GL_TEXTURE_2D, gl.GL_TEXTURE_MIN_FILTER, gl.GL_NEAREST)
        gl.glTexParameteri(gl.GL_TEXTURE_2D, gl.GL_TEXTURE_MAG_FILTER, gl.GL_NEAREST)
        gl.glTexImage2D(
            gl.GL_TEXTURE_2D, 0, gl.GL_RGBA8, width, height, 0, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, None
        )
        self._size = (width, height)

    def _write(self, left: int, width: int, height: int, start: int) -> None:
        """Fill columns from `left` on; `start`: an address, or a place in the pixel buffer that is bound."""
        gl = self._gl
        pixels = ctypes.c_void_p(start)
        gl.glTexSubImage2D(
            gl.GL_TEXTURE_2D, 0, left, 0, width, height, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, pixels
        )

    def draw(self, x: int, y: int, width: int, height: int) -> None:
        """Draw into a rectangle of the framebuffer: pixels, (x, y) its lower left corner as OpenGL counts."""
        gl = self._gl
        gl.glViewport(x, y, width, height)
        gl.glEnable(gl.GL_BLEND)
        gl.glBlendFunc(gl.GL_ONE, gl.GL_ONE_MINUS_SRC_ALPHA)
        gl.glUseProgram(self._program)
        gl.glBindVertexArray(self._vertices)
        gl.glActiveTexture(gl.GL_TEXTURE0)
        gl.glBindTexture(gl.GL_TEXTURE_2D, self._texture)
        gl.glDrawArrays(gl.GL_TRIANGLES, 0, 3)


def _program(gl: Any) -> int:
    program = gl.glCreateProgram()
    for kind, source in ((gl.GL_VERTEX_SHADER, _VERTEX), (gl.GL_FRAGMENT_SHADER, _FRAGMENT)):
        shader = gl.glCreateShader(kind)
        sources = ctypes.cast(ctypes.pointer(ctypes.c_char_p(source)), _STRINGS)
        gl.glShaderSource(shader, 1, sources, None)
        gl.glCompileShader(shader)
        _check(gl, shader, gl.GL_COMPILE_STATUS, gl.glGetShaderiv, gl.glGetShaderInfoLog)
        gl.glAttachShader(program, shader)
        gl.glDeleteShader(shader)
    gl.glLinkProgram(program)
    _check(gl, program, gl.GL_LINK_STATUS, gl.glGetProgramiv, gl.glGetProgramInfoLog)
    return int(program)


def _check(gl: Any, name: int, status: int, get: Any, get_log: Any) -> None:
    good = gl.GLint()
    get(name, status, ctypes.byref(good))
    if not good.value:
        log = ctypes.create_string_buffer(4096)
        get_log(name, len(log), None, log)
        raise RuntimeError(f"this OpenGL driver rejects a shader: {log.value.decode(errors='replace')}")
