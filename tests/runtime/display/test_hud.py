"""What the window tells about its pictures."""

from __future__ import annotations

from dinar.runtime.display.hud import PictureTimes
from dinar.runtime.trace import Stage


def stages(skin: float, raster: float) -> tuple[Stage, ...]:
    return Stage("skin", skin), Stage("raster", raster)


def add(times: PictureTimes, now: float, stages: tuple[Stage, ...]) -> None:
    times.add(now)
    times.time(stages)


def test_means_are_over_the_last_second() -> None:
    times = PictureTimes()
    add(times, 8.0, stages(100, 100))  # long ago
    add(times, 9.5, stages(1, 4))
    add(times, 9.9, stages(2, 6))
    assert times.lines("rgb", now=10.0) == [
        "mode\trgb",
        "pictures\t2 /s",
        "skin\t1.5 ms",
        "raster\t5.0 ms",
        "total\t6.5 ms",
    ]


def test_when_nothing_is_drawn_any_more_the_last_picture_stands() -> None:
    times = PictureTimes()
    add(times, 1.0, stages(1, 4))
    add(times, 2.0, stages(2, 6))
    assert times.lines("rgb", now=60.0)[1:3] == ["pictures\t0 /s", "skin\t2.0 ms"]


def test_stages_that_the_newest_picture_lacks_are_left_out() -> None:
    times = PictureTimes()
    add(times, 1.0, stages(1, 4))
    add(times, 1.1, (Stage("skin", 3), Stage("network", 20)))
    assert times.lines("neural", now=1.2)[2:] == ["skin\t2.0 ms", "network\t20.0 ms", "total\t22.0 ms"]


def test_a_change_of_mode_begins_anew() -> None:
    times = PictureTimes()
    add(times, 1.0, stages(1, 4))
    times.clear()
    assert times.lines("uv", now=1.1) == ["mode\tuv", "pictures\t0 /s", "total\t0.0 ms"]


def test_pictures_that_nobody_timed_are_counted_alone() -> None:
    times = PictureTimes()
    add(times, 9.2, stages(1, 4))
    times.add(9.5)
    add(times, 9.6, stages(3, 4))
    times.add(9.7)
    assert times.lines("rgb", now=10.0)[1:3] == ["pictures\t4 /s", "skin\t2.0 ms"]
