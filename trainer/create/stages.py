"""The stages of making an avatar, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console


@dataclass
class Stages:
    """Names each stage when it begins and keeps how long it took.

    Attributes:
        console: where names go, if somebody looks at it.
        seconds: of each stage so far, in their order.
    """

    console: Console
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what runs within."""
        if self.console.is_terminal:
            self.console.print(f"{len(self.seconds) + 1}. {name}", highlight=False)
        begin = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begin

    def summary(self) -> str:
        """All stages in one line."""
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.seconds.items())
        return f"seconds: {parts}; together {sum(self.seconds.values()):.1f}"
