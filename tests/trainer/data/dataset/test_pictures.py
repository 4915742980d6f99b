"""Pictures are measured without decoding; what is cut off or damaged is found."""

import cv2
import numpy as np
import pytest

from dinar.trainer.data.dataset.pictures import picture_size


def encoded(ending: str, *options: int) -> bytes:
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    return cv2.imencode(ending, image, list(options))[1].tobytes()


FILES = {
    "png": encoded(".png"),
    "jpeg": encoded(".jpg"),
    "progressive jpeg": encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "jpeg with restarts": encoded(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
}


@pytest.mark.parametrize("name", FILES)
def test_size_is_height_and_width(name):
    assert picture_size(FILES[name]) == (37, 53)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_off_anywhere_is_found(name):
    data = FILES[name]
    for length in (*range(700), *range(700, len(data) - 1, 97), len(data) - 1):
        with pytest.raises(ValueError, match=r"cut off|empty|neither PNG nor JPEG"):
            picture_size(data[:length])


def test_a_wrong_byte_anywhere_in_a_png_is_found():
    data = FILES["png"]
    for place in (*range(8, 60), len(data) // 2, len(data) - 30, len(data) - 3):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        with pytest.raises(ValueError, match="file is"):
            picture_size(bytes(damaged))


def test_other_files_are_refused():
    for data in (
        b"GIF89a" + bytes(100),
        b"<html>",
        cv2.imencode(".bmp", np.zeros((4, 4), np.uint8))[1].tobytes(),
    ):
        with pytest.raises(ValueError, match="neither PNG nor JPEG"):
            picture_size(data)
