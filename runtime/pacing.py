"""A steady beat: absolute deadlines, so that small delays never add up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator


def ticks(
    rate: float, *, now: Callable[[], float] = time.perf_counter, sleep: Callable[[float], None] = time.sleep
) -> Iterator[int]:
    """Yield 0, 1, 2 ... at `rate` per second, each when it is due, counted from the first.

    When the caller takes longer than a beat, the beats that passed are left out, not made up for in a burst.

    Args:
        rate: beats per second, above 0.
        now: a clock that never goes back, seconds.
        sleep: waits that many seconds on the same clock.
    """
    start, beat = now(), 0
    while True:
        yield beat
        beat = max(beat + 1, int((now() - start) * rate))
        wait = start + beat / rate - now()
        if wait > 0:
            sleep(wait)
