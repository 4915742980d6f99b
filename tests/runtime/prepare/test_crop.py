"""The rectangle that goes through the network: it holds the person, has few sizes, and does not flicker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinar.runtime.prepare.crop import PATIENCE, Crop, CropChooser, side_lengths


def test_a_side_has_a_few_lengths_that_are_multiples_of_32_up_to_the_whole_picture():
    assert side_lengths(512) == (128, 192, 256, 320, 384, 512)
    assert side_lengths(1000) == (256, 384, 512, 640, 768, 1024)
    assert side_lengths(33) == (32, 64)
    assert side_lengths(1) == (32,)


def test_a_standing_person_gets_a_narrow_rectangle_around_them():
    assert CropChooser(512, 512).choose((200, 20, 310, 490)) == Crop(192, 0, 128, 512)


@st.composite
def pictures_with_boxes(draw):
    """A picture's size, and boxes that overlap it."""
    width, height = draw(st.integers(1, 1500)), draw(st.integers(1, 1500))

    def span(size):
        first = draw(st.integers(-300, size - 1))
        return first, draw(st.integers(max(first, 0) + 1, size + 300))

    columns_rows = [(span(width), span(height)) for _ in range(draw(st.integers(1, 8)))]
    return width, height, [(x[0], y[0], x[1], y[1]) for x, y in columns_rows]


@given(pictures_with_boxes())
def test_whatever_came_before_it_holds_what_is_in_the_picture_and_begins_in_it(case):
    width, height, boxes = case
    chooser = CropChooser(width, height)
    for box in boxes:
        crop = chooser.choose(box)
        assert 0 <= crop.left <= max(box[0], 0)
        assert 0 <= crop.top <= max(box[1], 0)
        assert crop.left + crop.width >= min(box[2], width)
        assert crop.top + crop.height >= min(box[3], height)
        assert crop.width in side_lengths(width)
        assert crop.height in side_lengths(height)
        assert crop.left + crop.width <= side_lengths(width)[-1]
        assert crop.left % 32 == crop.top % 32 == 0


@given(pictures_with_boxes())
def test_the_first_one_is_the_smallest_that_can_hold_the_box(case):
    width, height, (box, *_) = case
    crop = CropChooser(width, height).choose(box)
    first, end = max(box[0], 0), min(box[2], width)
    for shorter in (n for n in side_lengths(width) if n < crop.width):
        starts = range(0, side_lengths(width)[-1] - shorter + 1, 32)
        assert not any(start <= first and start + shorter >= end for start in starts)


def test_it_grows_at_once_and_shrinks_when_less_has_been_enough_for_a_while():
    narrow, wide = (200, 0, 300, 512), (50, 0, 450, 512)
    chooser = CropChooser(512, 512)
    assert chooser.choose(narrow).width == 128
    assert chooser.choose(wide).width == 512
    assert [chooser.choose(narrow).width for _ in range(PATIENCE)] == [512] * (PATIENCE - 1) + [128]


def test_arms_that_swing_to_and_fro_leave_it_as_it_is():
    chooser = CropChooser(512, 512)
    chooser.choose((50, 0, 450, 512))
    widths = {
        chooser.choose((50, 0, 450, 512) if i % 20 == 0 else (200, 0, 300, 512)).width for i in range(99)
    }
    assert widths == {512}


def test_it_stays_where_it_is_while_the_person_stays_inside():
    chooser = CropChooser(512, 512)
    first = chooser.choose((200, 40, 300, 500))
    assert [chooser.choose((200 + shift, 40, 300 + shift, 500)) for shift in (8, 20, -8, 0)] == [first] * 4
    moved = chooser.choose((260, 40, 360, 500))
    assert moved.width == first.width
    assert moved.left > first.left


@pytest.mark.parametrize("box", [(-50, 10, 20, 60), (90, 10, 500, 60)])
def test_at_the_border_it_keeps_its_size_and_does_not_leave_the_picture(box):
    crop = CropChooser(512, 512).choose(box)
    assert crop.left >= 0
    assert crop.left + crop.width <= 512
