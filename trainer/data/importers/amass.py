"""`dinar data import amass`: a folder of AMASS or SMPL-X motions (.npz) becomes a library of poses.

Motions are looked at a few times a second; of poses that are alike one is kept.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from rich.console import Console

from dinar.runtime.body import load_body, open_body_path
from dinar.runtime.errors import DinarError, UsageError
from dinar.runtime.motion import UpAxis, read_motion
from dinar.runtime.rotations import axis_angle_from_matrix, matrix_from_axis_angle, rotation_about
from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.data.importers.importer import ImportFailure
from dinar.trainer.data.importers.pose_library import PoseLibrary, write_poses

_MOTIONLESS = ("shape.npz", "_stagei.npz")  # AMASS's files of a subject beside its motions
_COMPARED = 22  # joints: heading-free root and body; fingers and faces do not make a pose another one
_BLOCK = 4096


@dataclass(frozen=True)
class AmassConfig:
    """Import poses of AMASS or SMPL-X motions (.npz) into a library for `dinar synth`."""

    source: tyro.conf.Positional[Path]
    """A folder; all .npz files in it and below. The folder a file is in names who moves."""
    out: Path
    """The library, a .npz file."""
    rate: float = 2.0
    """How many poses a second to look at."""
    distance: float = 6.0
    """Degrees, root mean square over the body's joints: poses nearer to a kept one are left out."""
    most: int = 50_000
    """Stop at so many poses, drawn evenly from all files."""
    up: UpAxis = "auto"
    """The files' upward axis; AMASS is z up. auto: each file's own, by how its body stands."""
    strict: bool = False
    """Stop at the first bad file, instead of leaving it out and counting it."""

    def check(self) -> None:
        """Raise UsageError for values that cannot be."""
        if not (0 < self.rate <= 1000 and 0 <= self.distance < 180 and self.most >= 1):
            raise UsageError("--rate must lie in (0, 1000], --distance in [0, 180), --most above 0")


@dataclass(frozen=True)
class _Recording:
    """Poses of one file: rotations float32 [T, 55, 3], frames per second."""

    rotations: np.ndarray
    framerate: float


def import_amass(config: AmassConfig) -> int:
    """Import; returns the exit status. Raises DinarError naming what is wrong."""
    config.check()
    files = _motion_files(config.source)
    body = load_body(open_body_path())  # turning z up needs a pelvis; its place is not kept
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    kept, seen, bad = _Kept(config.most, math.radians(config.distance)), 0, 0
    with progress_bar(console) as bar:
        for number, file in enumerate(bar.track(files, description="importing poses")):
            try:
                motion = read_motion(file, body, up=config.up, loops=False)
            except DinarError as error:
                if config.strict:
                    raise
                bad += 1
                bar.console.print(str(error))
                continue
            step = max(1, round(motion.fps / config.rate))
            rotations = without_heading(motion.rotations[::step])
            seen += len(rotations)
            share = math.ceil((config.most - len(kept)) / (len(files) - number))
            kept.add(_Recording(rotations, motion.fps / step), _subject(config.source, file), max(share, 0))
    library = kept.library()
    write_poses(config.out, library)
    left = f", {bad:,} files left out, each in a line above" if bad else ""
    console.print(
        f"{config.out}: {len(library):,} poses of {seen:,} looked at, {len(library.subjects):,} people{left}"
    )
    return 1 if bad else 0


def without_heading(rotations: np.ndarray) -> np.ndarray:
    """Turn bodies about y until their pelvis faces +z.

    Args:
        rotations: float [T, 55, 3], y up. A body that faces straight up or down is turned by its feet.
    """
    root = matrix_from_axis_angle(rotations[:, 0].astype(np.float64))  # [T, 3, 3]
    forward, below = root[:, :, 2], -root[:, :, 1]
    lies = np.abs(forward[:, 1]) > 0.9
    toward = np.where(lies[:, None], below, forward)
    heading = np.arctan2(toward[:, 0], toward[:, 2])
    turned = rotations.astype(np.float32)
    turned[:, 0] = axis_angle_from_matrix(rotation_about("y", -heading) @ root)
    return turned


class _Kept:
    """Poses that are kept, each `distance` radians from all others."""

    def __init__(self, most: int, distance: float) -> None:
        self._rotations: list[np.ndarray] = []
        self._subject: list[int] = []
        self._framerate: list[float] = []
        self._names: dict[str, int] = {}
        # Chords of rotation matrices: |A - B|^2 = 8 sin^2(angle / 2), the mean of which over the joints
        # is compared; for angles that matter here their root is the root mean square angle.
        self._limit = 8 * math.sin(distance / 2) ** 2 * _COMPARED
        self._features = np.zeros((0, 9 * _COMPARED), np.float32)
        self._most = most

    def __len__(self) -> int:
        return len(self._rotations)

    def add(self, recording: _Recording, subject: str, share: int) -> None:
        """Keep those poses of a recording that are new, up to `share`."""
        features = matrix_from_axis_angle(recording.rotations[:, :_COMPARED]).reshape(
            len(recording.rotations), -1
        )
        new = np.flatnonzero(self._nearest(features) > self._limit)
        chosen: list[int] = []
        for at in new[_evenly(len(new))]:
            if len(chosen) >= share:
                break
            apart = ((features[chosen] - features[at]) ** 2).sum(1)
            if not (apart <= self._limit).any():
                chosen.append(int(at))
        chosen.sort()
        self._grow(features[chosen])
        self._rotations += list(recording.rotations[chosen])
        self._framerate += [recording.framerate] * len(chosen)
        if chosen:
            self._subject += [self._names.setdefault(subject, len(self._names))] * len(chosen)

    def _nearest(self, features: np.ndarray) -> np.ndarray:
        """Squared distance of poses [T, 198] to the nearest kept one, [T]."""
        count, nearest = len(self), np.full(len(features), np.inf, np.float32)
        for first in range(0, count, _BLOCK):
            block = self._features[first : min(first + _BLOCK, count)]
            # All rotation matrices have the norm sqrt(3): |a - b|^2 = 6 joints - 2 a.b
            nearest = np.minimum(nearest, 6 * _COMPARED - 2 * (features @ block.T).max(1))
        return nearest

    def _grow(self, features: np.ndarray) -> None:
        needed = len(self) + len(features)
        if needed > len(self._features):
            room = np.zeros((max(needed, 2 * len(self._features)), self._features.shape[1]), np.float32)
            room[: len(self)] = self._features[: len(self)]
            self._features = room
        self._features[len(self) : needed] = features

    def library(self) -> PoseLibrary:
        """Return what is kept. Raises ImportFailure: nothing."""
        if not self._rotations:
            raise ImportFailure("no pose could be kept: no motion was whole")
        return PoseLibrary(
            np.stack(self._rotations),
            np.array(self._subject, np.int32),
            np.array(self._framerate, np.float32),
            tuple(self._names),
        )


def _evenly(count: int) -> np.ndarray:
    """An order of `count` things in which any first few are spread evenly: bits reversed (van der Corput)."""
    bits = max(1, (count - 1).bit_length())
    order = np.array([int(f"{n:0{bits}b}"[::-1], 2) for n in range(1 << bits)], int)
    return order[order < count]


def _motion_files(source: Path) -> list[Path]:
    """All motions in a folder and below, sorted. Raises ImportFailure: none."""
    found: Iterator[list[Path]] = (
        [Path(folder) / name for name in names if name.endswith(".npz") and not name.endswith(_MOTIONLESS)]
        for folder, _, names in os.walk(source)
    )
    files = sorted(itertools.chain.from_iterable(found))
    if not files:
        raise ImportFailure(f"{source} holds no motion (.npz), nor do the folders in it")
    return files


def _subject(source: Path, file: Path) -> str:
    """Who moves: the folder of a file, as AMASS's DATASET/SUBJECT."""
    inside = file.parent.relative_to(source).as_posix()
    return (inside if inside != "." else source.resolve().name).replace("\n", " ")
