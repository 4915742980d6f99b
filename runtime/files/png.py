"""8-bit RGB pictures as PNG bytes, read without trust: the size is checked before a pixel is decoded."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

from dinar.runtime.files.archive import ArrayFileError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB = 2  # PNG colour type "truecolour"


def png_shape(data: bytes, what: str) -> tuple[int, int, int]:
    """Height, width and channels of an 8-bit RGB (3) or RGBA (4) PNG, from its header alone.

    Raises ArrayFileError, whose message starts with `what`, for anything else.
    """
    if len(data) < 33 or data[:16] != _SIGNATURE + b"\x00\x00\x00\x0dIHDR":
        raise ArrayFileError(f"{what} is not a PNG picture")
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    channels = {_RGB: 3, 6: 4}.get(colour)
    if depth != 8 or channels is None:
        raise ArrayFileError(f"{what} is not an 8-bit RGB picture")
    return height, width, channels


def read_png(data: bytes, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Decode an RGB PNG of exactly `shape` into uint8 [H, W, 3].

    Raises ArrayFileError, whose message starts with `what`, when it is damaged or has another shape.
    """
    found = png_shape(data, what)
    if found != shape:
        raise ArrayFileError(f"{what} has shape {found}, expected {shape}")
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            return np.array(picture)
    except Exception as error:  # Pillow answers damage with a dozen kinds, SyntaxError among them
        raise ArrayFileError(f"{what} is damaged ({error})") from error


def write_png(pixels: np.ndarray) -> bytes:
    """Encode uint8 [H, W, 3] as PNG, without loss and as small as deflate goes."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=9)
    return file.getvalue()
