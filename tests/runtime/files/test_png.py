"""PNG without trust: RGB pictures come back as they were; the size is known before a pixel is decoded."""

import io

import numpy as np
import pytest
from PIL import Image

from dinar.runtime.files.archive import ArrayFileError
from dinar.runtime.files.png import png_shape, read_png, write_png


def encoded(mode: str, **options: int) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (7, 5)).save(file, "PNG", **options)
    return file.getvalue()


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 7, 3), (64, 33, 3)])
def test_pictures_come_back_as_they_were(shape: tuple[int, int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    data = write_png(pixels)
    assert png_shape(data, "it") == shape
    np.testing.assert_array_equal(read_png(data, shape, "it"), pixels)


def test_a_picture_with_alpha_has_four_channels() -> None:
    assert png_shape(encoded("RGBA"), "it") == (5, 7, 4)


@pytest.mark.parametrize("mode", ["L", "P", "1", "I;16", "LA"])
def test_anything_but_8_bit_rgb_is_refused(mode: str) -> None:
    with pytest.raises(ArrayFileError, match=r"^it is not an 8-bit RGB picture$"):
        png_shape(encoded(mode), "it")


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"GIF89a" + bytes(50), b"\xff\xd8\xff" + bytes(50)])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(ArrayFileError, match=r"^it is not a PNG picture$"):
        png_shape(data, "it")


def test_another_shape_is_refused_before_decoding() -> None:
    claims = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xff\xff\0\0\xff\xff\x08\x02" + bytes(40)
    with pytest.raises(ArrayFileError, match=r"^it has shape \(65535, 65535, 3\), expected \(5, 7, 3\)$"):
        read_png(claims, (5, 7, 3), "it")


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_a_picture_that_is_cut_off_is_refused(share: float) -> None:
    data = write_png(np.random.default_rng(1).integers(0, 256, (60, 60, 3), dtype=np.uint8))
    with pytest.raises(ArrayFileError, match=r"^it is damaged"):
        read_png(data[: 33 + int(share * len(data))], (60, 60, 3), "it")
