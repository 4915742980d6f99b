"""A steady beat on a clock that the test turns."""

from __future__ import annotations

import itertools

import pytest

from dinar.runtime.pacing import ticks


class Clock:
    """Time passes only by sleeping (a little too long, as computers do) and by `work`."""

    def __init__(self, oversleep: float = 0.0) -> None:
        self.time, self.oversleep = 1000.0, oversleep

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.time += seconds + self.oversleep

    def work(self, seconds: float) -> None:
        self.time += seconds


def test_small_delays_do_not_add_up() -> None:
    clock = Clock(oversleep=0.0015)
    beats = ticks(60, now=clock.now, sleep=clock.sleep)
    while next(beats) < 6000:
        clock.work(0.003)
    assert clock.now() - 1000 == pytest.approx(100, abs=0.005)  # 6000 beats with 4.5 ms of delay each


def test_beats_that_passed_are_left_out_and_the_rest_keep_their_place() -> None:
    clock = Clock()
    seen = []
    for beat in ticks(10, now=clock.now, sleep=clock.sleep):
        seen.append((beat, round(clock.now() - 1000, 6)))
        if beat == 2:
            clock.work(0.35)  # beats 3 and 4 pass; at 0.55 beat 5 is on
        if beat >= 7:
            break
    assert seen == [(0, 0.0), (1, 0.1), (2, 0.2), (5, 0.55), (6, 0.6), (7, 0.7)]


def test_a_caller_that_is_always_late_gets_every_beat_that_is_on() -> None:
    clock = Clock()
    seen = []
    for beat in itertools.islice(ticks(128, now=clock.now, sleep=clock.sleep), 5):
        seen.append(beat)
        clock.work(2.5 / 128)
    assert seen == [0, 2, 5, 7, 10]
