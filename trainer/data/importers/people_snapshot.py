"""`dinar data import people-snapshot`: videos of people who turn around (Alldieck et al., CVPR 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from dinar.runtime.body import JOINT_COUNT, Pose
from dinar.runtime.errors import UsageError
from dinar.trainer.data.dataset.truth import Keypoints
from dinar.trainer.data.importers.fits import rest_pelvis, upright
from dinar.trainer.data.importers.importer import (
    ImportFailure,
    PersonSource,
    PicturesConfig,
    ShotSource,
    SourceBody,
    import_people,
    open_source_body,
    read_camera,
)
from dinar.trainer.data.importers.shape_fit import SHARED_JOINTS, Shape, fit_to_keypoints, fit_to_smpl
from dinar.trainer.data.importers.shot import Shot
from dinar.trainer.data.importers.snapshot_files import (
    Masks,
    SnapshotCamera,
    SnapshotTrack,
    Video,
    read_snapshot_camera,
    read_track,
)

# OpenPose's BODY_25 in COCO's order; its middle of the hips comes from both hips, feet are unknown.
_BODY_25 = {
    **{n: n for n in range(8)},
    9: 8,
    10: 9,
    11: 10,
    12: 11,
    13: 12,
    14: 13,
    15: 14,
    16: 15,
    17: 16,
    18: 17,
}
_MIDDLE_HIP, _HIPS = 8, (8, 11)


@dataclass(frozen=True)
class PeopleSnapshotConfig(PicturesConfig):
    """Import People-Snapshot: a sequence's folder, or a folder of them, with camera.pkl, masks.hdf5,
    reconstructed_poses.hdf5, keypoints.hdf5 and the video.

    SMPL's rotations are SMPL-X's, its shapes are not: say with --betas or --smpl where shapes come from.
    """

    every: int = 10
    """Take each n-th frame."""
    betas: Literal["keypoints", "neutral"] | None = None
    """Shapes: found again from the sequence's keypoints, or the mean person's."""
    smpl: Path | None = None
    """SMPL's model (.npz, or .pkl with plain arrays): shapes are found again from its joints."""
    smpl_female: Path | None = None
    """SMPL's model for sequences with "female" in their name, if it is another one."""


def import_people_snapshot(config: PeopleSnapshotConfig) -> int:
    """Import; returns the exit status. Raises DinarError naming what is wrong."""
    config.check()
    if config.every < 1:
        raise UsageError("--every must be at least 1")
    if config.betas is None and config.smpl is None:
        raise UsageError(
            "People-Snapshot's shapes are SMPL's, which mean nothing to SMPL-X: choose --betas keypoints "
            "(found again from the keypoints), --betas neutral, or --smpl FILE (found again from that model)"
        )
    body = open_source_body(config.body)
    people = [_person(folder, config, body) for folder in _sequences(config.source)]
    return import_people(
        config,
        body,
        people,
        about="People-Snapshot (Alldieck et al., CVPR 2018)",
        licence="non-commercial research only, see People-Snapshot's terms",
    )


def _sequences(source: Path) -> list[Path]:
    if (source / "camera.pkl").exists():
        return [source]
    try:
        found = sorted(folder for folder in source.iterdir() if (folder / "camera.pkl").exists())
    except OSError as error:
        raise ImportFailure(f"{source} cannot be listed ({error.strerror})") from error
    if not found:
        raise ImportFailure(f"{source} holds no camera.pkl, nor do its folders: name a sequence's folder")
    return found


def _person(folder: Path, config: PeopleSnapshotConfig, body: SourceBody) -> PersonSource:
    return PersonSource(folder.resolve().name, lambda: _open(folder, config, body))


def _open(folder: Path, config: PeopleSnapshotConfig, body: SourceBody) -> Sequence[ShotSource]:
    """Open a sequence: its frames, to be loaded in this order."""
    camera = read_snapshot_camera(folder / "camera.pkl")
    masks = Masks(folder / "masks.hdf5", camera)
    sequence = _Sequence(
        camera, masks, Video(folder), track := read_track(folder, len(masks)), _rotations(track), body
    )
    shape = _shape(folder, config, sequence)
    frames = range(0, len(masks), config.every)
    return [sequence.source(frame, shape) for frame in frames]


def _rotations(track: SnapshotTrack) -> np.ndarray:
    """SMPL-X's rotations, float32 [N, 55, 3]: SMPL's, the two joints of its hands left, fingers straight."""
    rotations = np.zeros((len(track), JOINT_COUNT, 3), np.float32)
    rotations[:, :SHARED_JOINTS] = track.rotations[:, :SHARED_JOINTS]
    return rotations


def _shape(folder: Path, config: PeopleSnapshotConfig, sequence: _Sequence) -> Shape:
    female = "female" in folder.resolve().name
    smpl = config.smpl_female if female and config.smpl_female else config.smpl
    joints, track = sequence.body.joints, sequence.track
    if smpl is not None and config.betas is None:
        return fit_to_smpl(joints, smpl, track.betas)
    if track.keypoints is None:
        raise ImportFailure(
            f"{folder / 'keypoints.hdf5'} is missing: without it shape and place need --smpl FILE"
        )
    points = np.where(np.isfinite(track.keypoints).all(-1, keepdims=True), track.keypoints, 0)
    whole = sequence.whole
    if not whole.any():
        raise ImportFailure(f"{folder / 'reconstructed_poses.hdf5'} holds no pose of finite numbers")
    points[..., :2] = sequence.camera.undistorted_points(points[..., :2])
    return fit_to_keypoints(
        joints,
        sequence.rotations[whole],
        track.translation[whole],
        points[whole],
        sequence.camera.T_camera_world,
        sequence.camera.K,
        betas=np.zeros(0) if config.betas == "neutral" else None,
    )


@dataclass(frozen=True)
class _Sequence:
    """An open sequence."""

    camera: SnapshotCamera
    masks: Masks
    video: Video
    track: SnapshotTrack
    rotations: np.ndarray
    body: SourceBody

    def source(self, frame: int, shape: Shape) -> ShotSource:
        return ShotSource(f"{self.video.path}, frame {frame}", lambda: self.load(frame, shape))

    @property
    def whole(self) -> np.ndarray:
        """Bool [N]: frames whose pose is a finite one."""
        parts = (self.rotations.reshape(len(self.track), -1), self.track.translation)
        return np.asarray(np.logical_and.reduce([np.isfinite(part).all(1) for part in parts]))

    def load(self, frame: int, shape: Shape) -> Shot:
        if not self.whole[frame]:
            raise ImportFailure("its pose holds numbers that are not finite")
        image, mask = self.video.read(frame), self.masks.read(frame)
        camera, nothing = self.camera, np.zeros(0, np.float32)
        if image.shape[:2] != mask.shape:
            raise ImportFailure(
                f"{self.video.path} has {image.shape[1]} x {image.shape[0]} pixels, "
                f"camera.pkl says {camera.width} x {camera.height}"
            )
        betas = shape.betas.astype(np.float32)
        pelvis = rest_pelvis(self.body.joints, betas, nothing)
        translation = (shape.pelvis + self.track.translation[frame] - pelvis).astype(np.float32)
        pose = Pose(self.rotations[frame], translation, nothing)
        T = camera.T_camera_world
        pose, T = upright(pose, betas, T[:3, :3], T[:3, 3], self.body.joints)
        return Shot(
            camera.undistorted(image),
            camera.undistorted(mask),
            pose,
            betas,
            read_camera(T, camera.K, camera.width, camera.height),
            self._keypoints(frame),
        )

    def _keypoints(self, frame: int) -> Keypoints | None:
        """The keypoints as OpenPose's BODY_25."""
        if self.track.keypoints is None or not np.isfinite(self.track.keypoints[frame]).all():
            return None
        coco = self.track.keypoints[frame].copy()
        coco[:, :2] = self.camera.undistorted_points(coco[:, :2])
        body = np.zeros((25, 3), np.float32)
        body[list(_BODY_25)] = coco[list(_BODY_25.values())]
        hips = coco[list(_HIPS)]
        body[_MIDDLE_HIP] = [*hips[:, :2].mean(0), hips[:, 2].min()]
        body[body[:, 2] <= 0] = 0
        hand, face = np.zeros((21, 3), np.float32), np.zeros((70, 3), np.float32)
        return Keypoints(body, hand, hand, face)
