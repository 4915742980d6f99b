"""A library of body poses in one compact .npz, to pose synthetic people with.

format      int32 [2], this file's kind and version
rotations   float16 [N, 55, 3], axis-angle radians as in `Pose`; heading removed: y up, facing about +z
subject     int32 [N], who: a row of `subjects`
framerate   float32 [N], frames per second at which the poses of that recording were looked at
subjects    uint8 [B], names, UTF-8, one a line
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from dinar.runtime.body import JOINT_COUNT
from dinar.runtime.errors import DinarError
from dinar.runtime.files.npz import ArrayFileError, open_arrays
from dinar.runtime.files.whole_file import make_folder, write_file

_KIND, _VERSION = 0x504F5345, 1
_MAX_BYTES = 1 << 30
_MAX_ANGLE = 100.0  # radians; far beyond any turn


@dataclass(frozen=True, eq=False)
class PoseLibrary:
    """Poses of people, without place and heading.

    Attributes:
        rotations: float32 [N, 55, 3], axis-angle radians as in `Pose.rotations`; the body is upright along y
            as it was recorded and faces about +z.
        subject: int32 [N], index into `subjects`.
        framerate: float32 [N], frames per second.
        subjects: names of the people recorded.
    """

    rotations: np.ndarray
    subject: np.ndarray
    framerate: np.ndarray
    subjects: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rotations)


def write_poses(path: Path, library: PoseLibrary) -> None:
    """Write a library; angles keep a thousandth of their value. Raises DinarError: cannot be written."""
    if path.suffix != ".npz":
        raise DinarError(f"a pose library ends in .npz, not {path.suffix or 'nothing'}")
    make_folder(path.parent)
    with BytesIO() as written:
        np.savez_compressed(
            written,
            format=np.array([_KIND, _VERSION], np.int32),
            rotations=library.rotations.astype(np.float16),
            subject=library.subject.astype(np.int32),
            framerate=library.framerate.astype(np.float32),
            subjects=np.frombuffer("\n".join(library.subjects).encode(), np.uint8),
        )
        write_file(path, written.getvalue())


def read_poses(path: Path) -> PoseLibrary:
    """Read a library. Raises DinarError: missing, damaged, of another kind, or a newer version."""
    try:
        with open_arrays(path, _MAX_BYTES) as arrays:
            if "format" not in arrays.names:
                raise DinarError(f"{path} is no pose library: make one with `dinar data import amass`")
            mark = arrays.read("format")
            if mark.shape != (2,) or mark[0] != _KIND or mark[1] > _VERSION:
                raise DinarError(
                    f"{path} is no pose library of version {_VERSION}: update dinar, or make it anew"
                )
            rotations = arrays.read("rotations")
            subject, framerate = arrays.read("subject"), arrays.read("framerate")
            names = arrays.read("subjects").tobytes().decode("utf-8", "replace").split("\n")
    except ArrayFileError as error:
        raise DinarError(str(error)) from error
    except OSError as error:
        raise DinarError(f"{path} cannot be opened ({error.strerror})") from error
    count = len(rotations) if rotations.ndim else 0
    if count < 1 or rotations.shape != (count, JOINT_COUNT, 3) or rotations.dtype.kind != "f":
        raise DinarError(f"{path}: rotations has shape {rotations.shape}, expected (poses, {JOINT_COUNT}, 3)")
    if subject.shape != (count,) or framerate.shape != (count,):
        raise DinarError(f"{path}: subject and framerate must have {count} entries")
    known = subject.dtype.kind in "iu" and subject.min() >= 0 and subject.max() < len(names)
    if not known or not (np.abs(rotations) < _MAX_ANGLE).all() or not (framerate > 0).all():
        raise DinarError(f"{path}: rotations that are not finite, or subjects without a name")
    return PoseLibrary(
        rotations.astype(np.float32), subject.astype(np.int32), framerate.astype(np.float32), tuple(names)
    )
