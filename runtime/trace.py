"""Per-stage times."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One timed stage of a frame: its name ("skin", "raster" ...) and its duration in milliseconds."""

    name: str
    ms: float
