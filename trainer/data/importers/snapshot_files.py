"""The files of People-Snapshot (Alldieck et al., CVPR 2018), read without trust.

camera.pkl                  camera_f, camera_c [2], pixels; camera_k [5], distortion; camera_rt, camera_t [3];
                            width, height
masks.hdf5                  masks [N, H, W], 1 = the person
reconstructed_poses.hdf5    pose [M, 72], trans [M, 3], betas [10], of SMPL; M is N or one more
keypoints.hdf5              keypoints [N, 54]: 18 COCO points of OpenPose, x, y, confidence
NAME.mp4                    the video, N frames; NAME is the folder's
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

from dinar.trainer.data.importers.importer import ImportFailure
from dinar.trainer.data.importers.pickled import read_pickle

if TYPE_CHECKING:
    import h5py

SMPL_JOINTS = 24
COCO_POINTS = 18
_MAX_FRAMES = 20_000
_MAX_SIDE = 8192
_MAX_CHUNK_BYTES = 1 << 30
_VIDEOS = (".mp4", ".avi", ".mov", ".mkv")
_TOO_MANY = 2  # poses or keypoints beyond the masks that are passed over


@dataclass(frozen=True)
class SnapshotCamera:
    """The camera of a sequence.

    Attributes:
        K: float64 [3, 3], pixels.
        distortion: float64 [5], OpenCV's k1, k2, p1, p2, k3.
        T_camera_world: float64 [4, 4].
        width: columns.
        height: rows.
    """

    K: np.ndarray
    distortion: np.ndarray
    T_camera_world: np.ndarray
    width: int
    height: int

    def undistorted(self, picture: np.ndarray) -> np.ndarray:
        """Return a picture [H, W] or [H, W, 3] as a camera without distortion had taken it."""
        if not self.distortion.any():
            return picture
        return np.asarray(cv2.undistort(picture, self.K, self.distortion))

    def undistorted_points(self, points: np.ndarray) -> np.ndarray:
        """Return points float64 [..., 2], pixels, likewise."""
        if not self.distortion.any():
            return points
        flat = np.ascontiguousarray(points.reshape(-1, 1, 2), np.float64)
        return np.asarray(cv2.undistortPoints(flat, self.K, self.distortion, P=self.K)).reshape(points.shape)


@dataclass(frozen=True)
class SnapshotTrack:
    """What is known of each of a sequence's N frames.

    Attributes:
        rotations: float32 [N, 24, 3], SMPL's, axis-angle radians.
        translation: float32 [N, 3], metres, SMPL's.
        betas: float32 [10], SMPL's.
        keypoints: float64 [N, 18, 3], COCO's order: column, row, confidence; None if there is no file.
    """

    rotations: np.ndarray
    translation: np.ndarray
    betas: np.ndarray
    keypoints: np.ndarray | None

    def __len__(self) -> int:
        return len(self.rotations)


def read_snapshot_camera(path: Path) -> SnapshotCamera:
    """Read `camera.pkl`. Raises DinarError naming what is wrong."""
    values = read_pickle(path)
    lengths = {
        "camera_f": 2,
        "camera_c": 2,
        "camera_k": 5,
        "camera_rt": 3,
        "camera_t": 3,
        "width": 1,
        "height": 1,
    }
    if not isinstance(values, dict):
        raise ImportFailure(f"{path} holds no map of camera parameters")
    numbers: dict[str, np.ndarray] = {}
    for name, length in lengths.items():
        try:
            array = np.asarray(values.get(name), np.float64).ravel()
        except (TypeError, ValueError) as error:
            raise ImportFailure(f"{path}: {name} holds something other than numbers") from error
        if array.size != length or not np.isfinite(array).all():
            raise ImportFailure(f"{path}: {name} must be {length} finite numbers")
        numbers[name] = array
    width, height = int(numbers["width"][0]), int(numbers["height"][0])
    if not (1 <= width <= _MAX_SIDE and 1 <= height <= _MAX_SIDE and (numbers["camera_f"] > 0).all()):
        raise ImportFailure(f"{path}: a picture of {width} x {height} pixels, or a focal length of 0")
    (fx, fy), (cx, cy) = numbers["camera_f"], numbers["camera_c"]
    T = np.eye(4)
    T[:3, :3] = cv2.Rodrigues(numbers["camera_rt"])[0]
    T[:3, 3] = numbers["camera_t"]
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    return SnapshotCamera(K, numbers["camera_k"], T, width, height)


def read_track(folder: Path, frames: int) -> SnapshotTrack:
    """Read the poses, and the keypoints if they are there, of `frames` frames. Raises ImportFailure."""
    with _opened(folder / "reconstructed_poses.hdf5") as file:
        pose = _numbers(file, "pose", frames, (3 * SMPL_JOINTS,))
        translation = _numbers(file, "trans", frames, (3,))
        betas = _numbers(file, "betas", None, (10,))
    keypoints = None
    if (folder / "keypoints.hdf5").exists():
        with _opened(folder / "keypoints.hdf5") as file:
            found = _numbers(file, "keypoints", frames, (3 * COCO_POINTS,))
        keypoints = found.reshape(frames, COCO_POINTS, 3).astype(np.float64)
    return SnapshotTrack(
        pose.reshape(frames, SMPL_JOINTS, 3).astype(np.float32),
        translation.astype(np.float32),
        betas.astype(np.float32),
        keypoints,
    )


class Masks:
    """The masks of a sequence; read one by one, for all of them take a gigabyte."""

    def __init__(self, path: Path, camera: SnapshotCamera) -> None:
        """Look at `masks.hdf5`. Raises ImportFailure: missing, damaged, or not of the camera's size."""
        self._path = path
        with _opened(path) as file:
            shape = _dataset(file, "masks").shape
        if len(shape) != 3 or shape[1:] != (camera.height, camera.width) or not 1 <= shape[0] <= _MAX_FRAMES:
            raise ImportFailure(
                f"{path}: masks has shape {shape}, expected (frames, {camera.height}, {camera.width})"
            )
        self._frames = int(shape[0])

    def __len__(self) -> int:
        return self._frames

    def read(self, frame: int) -> np.ndarray:
        """Return one mask, uint8 [H, W], 255 = the person. Raises ImportFailure: damaged."""
        with _opened(self._path) as file:
            try:
                mask = np.asarray(_dataset(file, "masks")[frame])
            except OSError as error:
                raise ImportFailure(f"{self._path}: frame {frame} is damaged ({_first(error)})") from error
        return np.where(mask != 0, np.uint8(255), np.uint8(0))


class Video:
    """The frames of a video, asked for in rising order."""

    def __init__(self, folder: Path) -> None:
        """Find and open the video of a sequence's folder. Raises ImportFailure."""
        self.path = _video_file(folder)
        self._frames = self._decode()
        self._next = 0

    def read(self, frame: int) -> np.ndarray:
        """Return a frame, uint8 [H, W, 3] sRGB. Raises ImportFailure: damaged, or it ends before."""
        if frame < self._next:
            raise ValueError(f"frame {frame} has been passed already")
        for picture in self._frames:
            self._next += 1
            if self._next > frame:
                return np.asarray(picture.to_ndarray(format="rgb24"))
        raise ImportFailure(f"{self.path} ends at frame {self._next}, before frame {frame}")

    def _decode(self) -> Iterator[av.VideoFrame]:
        try:
            with av.open(str(self.path)) as container:
                if not container.streams.video:
                    raise ImportFailure(f"{self.path} holds no video")
                yield from container.decode(video=0)
        except (av.FFmpegError, OSError) as error:
            raise ImportFailure(
                f"{self.path} cannot be read from frame {self._next} on ({_first(error)})"
            ) from error


def _video_file(folder: Path) -> Path:
    videos = sorted(file for file in folder.iterdir() if file.suffix.lower() in _VIDEOS)
    named = [file for file in videos if file.stem == folder.resolve().name]
    if len(named or videos) != 1:
        raise ImportFailure(f"{folder} holds {len(videos)} videos: expected one, {folder.resolve().name}.mp4")
    return (named or videos)[0]


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    import h5py  # when it is needed: importing it starts a process

    if not path.exists():
        raise ImportFailure(f"{path} is missing")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ImportFailure(f"{path} is no HDF5 file, or damaged ({_first(error)})") from error
    with file:
        yield file


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    import h5py

    found = file.get(name, getlink=True)
    if not isinstance(found, h5py.HardLink) or not isinstance(file[name], h5py.Dataset):
        raise ImportFailure(
            f"{file.filename}: dataset {name} is missing (it holds: {', '.join(list(file)[:9])})"
        )
    dataset = file[name]
    if dataset.dtype.kind not in "biuf" or dataset.external:
        raise ImportFailure(f"{file.filename}: {name} does not hold numbers of its own")
    if dataset.chunks and math.prod(dataset.chunks) * dataset.dtype.itemsize > _MAX_CHUNK_BYTES:
        raise ImportFailure(f"{file.filename}: {name} is stored in pieces of more than 1 GB")
    return dataset


def _numbers(file: h5py.File, name: str, frames: int | None, shape: tuple[int, ...]) -> np.ndarray:
    """Read a small dataset: `shape`, or `frames` of that; up to two frames too many are left."""
    dataset = _dataset(file, name)
    wanted = shape if frames is None else (frames, *shape)
    got, extra = dataset.shape, 0 if frames is None else _TOO_MANY
    if len(got) != len(wanted) or got[1:] != wanted[1:] or not wanted[0] <= got[0] <= wanted[0] + extra:
        raise ImportFailure(f"{file.filename}: {name} has shape {got}, expected {wanted}")
    try:
        array = np.asarray(dataset[: wanted[0]])
    except OSError as error:
        raise ImportFailure(f"{file.filename}: {name} is damaged ({_first(error)})") from error
    return array


def _first(error: Exception) -> str:
    return str(error).splitlines()[0][:80] if str(error) else type(error).__name__
