"""The software driver and OpenGL: buffers that are device memory while they are mapped."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import NoReturn

import pytest

from .desk import raises
from .handle import SoftwareCuda

GL_CHILD = """
import ctypes, sys
import numpy as np
import pyglet

pyglet.options.headless = True
window = pyglet.window.Window(16, 16)
from pyglet import gl
from cuda.core import Device, GraphicsResource, LegacyPinnedMemoryResource

def content():
    values = (ctypes.c_ubyte * 64)()
    gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, buffer)
    gl.glGetBufferSubData(gl.GL_PIXEL_UNPACK_BUFFER, 0, 64, values)
    return set(values)

name = gl.GLuint()
gl.glGenBuffers(1, name)
buffer = name.value
gl.glBindBuffer(gl.GL_PIXEL_UNPACK_BUFFER, buffer)
gl.glBufferData(gl.GL_PIXEL_UNPACK_BUFFER, 64, bytes([5] * 64), gl.GL_STREAM_DRAW)
device = Device(0)
device.set_current()
stream = device.create_stream()
pinned = LegacyPinnedMemoryResource().allocate(64)
kept = GraphicsResource.from_gl_buffer(buffer)
with kept.map(stream=stream) as memory:
    memory.copy_to(pinned, stream=stream)
    memory.fill(b"\\x07", stream=stream)
print(set(np.from_dlpack(pinned).view(np.uint8).tolist()), content())
kept.close()
discarding = GraphicsResource.from_gl_buffer(buffer, flags="write_discard")
with discarding.map(stream=stream):
    pass
print(content())
discarding.close()
"""


def test_a_gl_buffer_is_device_memory_while_it_is_mapped(software_cuda: SoftwareCuda) -> None:
    environment = software_cuda.environment()
    command = [sys.executable, "-c", GL_CHILD]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    if "CUDA" not in done.stderr and done.returncode:
        cannot_run(f"OpenGL without a screen does not start: {done.stderr[-300:]}")
    assert done.stdout.splitlines() == ["{5} {7}", f"{{{0xCD}}}"], done.stderr


def cannot_run(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"{reason}: continuous integration must have it")
    pytest.skip(reason)


@pytest.mark.usefixtures("desk")
def test_without_a_gl_context_no_buffer_is_registered(software_cuda: SoftwareCuda) -> None:
    from cuda.core import GraphicsResource

    with raises("INVALID_GRAPHICS_CONTEXT"):
        GraphicsResource.from_gl_buffer(1)
    software_cuda.fail("cuGraphicsGLRegisterBuffer", 304)
    with raises("OPERATING_SYSTEM"):
        GraphicsResource.from_gl_buffer(1)
