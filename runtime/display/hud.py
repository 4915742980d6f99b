"""What the window tells about its pictures: mode, rate, where the time goes."""

from __future__ import annotations

from collections import deque

from dinar.runtime.trace import Stage

_SECONDS = 1.0  # what is averaged
_MOST_PICTURES = 500


class PictureTimes:
    """Remembers the pictures of the last second. Clock: seconds, passed in."""

    def __init__(self) -> None:
        self._pictures: deque[tuple[float, tuple[Stage, ...]]] = deque(maxlen=_MOST_PICTURES)

    def add(self, now: float) -> None:
        """Count a picture that was drawn at `now`."""
        self._pictures.append((now, ()))

    def time(self, stages: tuple[Stage, ...]) -> None:
        """Say what the picture that was counted last took; not all pictures need be timed."""
        self._pictures[-1] = (self._pictures[-1][0], stages)

    def clear(self) -> None:
        """Forget: what comes is drawn in another way."""
        self._pictures.clear()

    def lines(self, mode: str, now: float) -> list[str]:
        """Tell mode, pictures per second and the mean time of each stage; a tab between name and value."""
        timed = [(at, stages) for at, stages in self._pictures if stages]
        recent = sum(now - at < _SECONDS for at, _ in self._pictures)
        stages = _means([stages for at, stages in timed if now - at < _SECONDS] or [s for _, s in timed[-1:]])
        total = sum(stage.ms for stage in stages)
        return [
            f"mode\t{mode}",
            f"pictures\t{recent} /s",
            *(f"{stage.name}\t{stage.ms:.1f} ms" for stage in stages),
            f"total\t{total:.1f} ms",
        ]


def _means(pictures: list[tuple[Stage, ...]]) -> list[Stage]:
    """The mean of each stage of the newest picture, over the pictures that have it."""
    if not pictures:
        return []
    times: dict[str, list[float]] = {stage.name: [] for stage in pictures[-1]}
    for stages in pictures:
        for stage in stages:
            if stage.name in times:
                times[stage.name].append(stage.ms)
    return [Stage(name, sum(ms) / len(ms)) for name, ms in times.items()]
