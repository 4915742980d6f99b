"""Where poses come from when nobody streams them: SMPL-X / AMASS files and built-in motions, on one clock."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from dinar.runtime.body import JOINT_COUNT, Body, Pose, rest_vertices
from dinar.runtime.errors import DinarError
from dinar.runtime.files.npz import ArrayFileError, Arrays, open_arrays
from dinar.runtime.rotations import (
    axis_angle_from_quaternion,
    quaternion_from_axis_angle,
    quaternion_multiply,
    rotate_vector,
    slerp,
)

BUILTIN_MOTIONS: tuple[str, ...] = ("idle", "walk", "wave", "dance", "a_pose_turn")
UpAxis = Literal["auto", "y", "z"]

MAX_FRAMES = 200_000  # 28 minutes at 120 frames per second; loading that takes 1 GB
MAX_FILE_BYTES = 1024**3
CROSS_FADE_SECONDS = 0.3
MAX_CROSS_FADE_TURN = math.pi  # radians per second that the root may turn within a cross-fade

# z up => y up: a quarter turn about -x takes z to y and y to -z.
_QUATERNION_YUP_ZUP = np.array([math.sqrt(0.5), -math.sqrt(0.5), 0, 0])


class MotionError(DinarError):
    """A motion that does not exist or a file that holds none; the message is one sentence for a person."""


@dataclass(frozen=True, eq=False)
class Motion:
    """A pose for every moment of a clock. World: metres, y up, ground at y = 0 in all built-in motions.

    Attributes:
        rotations: float32 [T, 55, 3], axis-angle radians as in `Pose.rotations`; T >= 1 frames.
        translation: float32 [T, 3], metres, as in `Pose.translation`.
        expression: float32 [T, E], as in `Pose.expression`; E may be 0.
        fps: frames per second.
        name: shown in titles and lists.
        loops: the frame after the last one is the first; otherwise the last pose is held.
        quaternions: float32 [T, 55, 4], the rotations again; derived.

    Raises:
        MotionError: shapes do not fit, a number is not finite, or fps is not within (0, 1000].
    """

    rotations: np.ndarray
    translation: np.ndarray
    expression: np.ndarray
    fps: float
    name: str
    loops: bool
    quaternions: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        frames = len(self.rotations)
        for what, shape in (("rotations", (JOINT_COUNT, 3)), ("translation", (3,)), ("expression", (None,))):
            array = np.asarray(getattr(self, what), dtype=np.float32)
            wanted = shape if shape[0] is not None else array.shape[-1:]
            if frames < 1 or array.shape != (frames, *wanted):
                raise MotionError(
                    f"{self.name}: {what} has shape {array.shape}; expected (frames, "
                    f"{', '.join(str(n or 'E') for n in shape)}) and as many frames, one or more, in all"
                )
            if not np.isfinite(array).all():
                frame = int(np.argwhere(~np.isfinite(array))[0, 0])
                raise MotionError(
                    f"{self.name}: {what} of frame {frame} is not a finite number; mend the file"
                )
            object.__setattr__(self, what, array)
        if not 0 < self.fps <= 1000:
            raise MotionError(
                f"{self.name}: {self.fps} frames per second; expected more than 0, at most 1000"
            )
        object.__setattr__(self, "quaternions", quaternion_from_axis_angle(self.rotations))

    @property
    def duration(self) -> float:
        """Seconds until a looping motion starts again, or until the last pose of one that does not loop."""
        return (len(self.rotations) - (0 if self.loops else 1)) / self.fps

    def sample(self, seconds: float) -> Pose:
        """Return the pose at `seconds` on a clock where frame 0 is at 0; any finite time is allowed.

        Between frames rotations follow the shorter arc (slerp), the rest is linear. Outside [0, duration] a
        looping motion wraps around and any other holds its first or last pose. Playing `k` times as fast is
        `sample(k * seconds)`.
        """
        frames = len(self.rotations)
        position = seconds * self.fps
        position = position % frames if self.loops else min(max(position, 0.0), frames - 1.0)
        here = min(int(position), frames - 1)  # a tiny negative time wraps to `frames` itself
        after = (here + 1) % frames
        fraction = position - here
        rotations = axis_angle_from_quaternion(
            slerp(self.quaternions[here], self.quaternions[after], fraction)
        )
        translation = self.translation[here] + fraction * (self.translation[after] - self.translation[here])
        expression = self.expression[here] + fraction * (self.expression[after] - self.expression[here])
        return Pose(rotations, translation, expression)


def load_motion(
    name_or_path: str | os.PathLike[str],
    body: Body,
    *,
    betas: np.ndarray | None = None,
    up: UpAxis = "auto",
    loops: bool = True,
) -> Motion:
    """Load a built-in motion by name, or a SMPL-X / AMASS .npz file by path.

    Args:
        name_or_path: one of `BUILTIN_MOTIONS`, or a file (write `./walk` for a file of that name).
        body: the body that will move: built-in motions are made for its proportions, and turning a z-up
            file needs its pelvis.
        betas: float [S'], the avatar's shape; zeros when left out.
        up: see `read_motion`; files only.
        loops: see `read_motion`; built-in motions always loop.

    Raises:
        MotionError: no such motion or file, or a file that is no motion.
    """
    if name_or_path in BUILTIN_MOTIONS:
        from dinar.runtime.motions.builtin_motions import builtin_motion

        return builtin_motion(str(name_or_path), body, betas)
    return read_motion(name_or_path, body, betas=betas, up=up, loops=loops)


def read_motion(
    path: str | os.PathLike[str],
    body: Body,
    *,
    betas: np.ndarray | None = None,
    up: UpAxis = "auto",
    loops: bool = True,
) -> Motion:
    """Read a SMPL-X or AMASS .npz file.

    Read are `poses` [T, 165] (SMPL-X order) or [T, 156] (SMPL+H: 22 body and 30 hand joints; jaw and eyes
    rest), or the parts `root_orient` [T, 3], `pose_body` [T, 63] and, if there, `pose_hand` [T, 90],
    `pose_jaw` [T, 3] and `pose_eye` [T, 6]; `trans` [T, 3]; `mocap_framerate` or `mocap_frame_rate`; if
    there, `expression` [T, E]. Nothing else is touched: shape belongs to the avatar, and entries such as
    `gender` may be pickled. Hand rotations are taken as absolute (`flat_hand_mean=True`), which is how
    AMASS stores them.

    The world is turned to y up, vertices included: vertices(returned) == R @ vertices(file). AMASS files
    are z up, and so are most others, but nothing in a file says so. With `up="auto"` the person decides:
    whichever of y and z the pelvis's own upward axis leans to, averaged over all frames, is up; a person
    who lies all the time (neither by more than 0.3) is taken as z up. Say "y" or "z" if that goes wrong.

    Args:
        path: the file.
        body: the body that will move. The root turns about its pelvis; expression beyond what it has is
            left out.
        betas: float [S'], the avatar's shape; zeros when left out.
        up: the file's upward axis.
        loops: make the motion loop (see `looped`); otherwise it holds its last pose.

    Raises:
        MotionError: the file is missing, damaged, too long, or not of this kind.
    """
    path = os.fspath(path)
    if up not in get_args(UpAxis):
        raise MotionError(f"up axis {up!r} is not known; expected one of {', '.join(get_args(UpAxis))}")
    if not os.path.isfile(path):
        raise MotionError(
            f"{path} is neither a file nor a built-in motion; give an .npz file or one of "
            f"{', '.join(BUILTIN_MOTIONS)}"
        )
    try:
        with open_arrays(path, MAX_FILE_BYTES) as arrays:
            rotations = _read_rotations(arrays, path)
            translation = _read(arrays, "trans", 3, path, len(rotations))
            expression = _read_expression(arrays, path, len(rotations))[:, : body.exprdirs.shape[2]]
            fps = _read_frame_rate(arrays, path)
    except (ArrayFileError, OSError) as error:
        raise MotionError(f"{path} is not a SMPL-X or AMASS motion: {error}") from error
    # Checks the numbers before anything is computed with them.
    motion = Motion(
        rotations, translation, expression, fps, os.path.basename(path).removesuffix(".npz"), False
    )
    if up == "z" or (up == "auto" and _is_z_up(motion)):
        vertices = rest_vertices(body, np.zeros(0) if betas is None else betas)
        motion = _turned_to_y_up(motion, body.J_regressor[0] @ vertices)
    return looped(motion) if loops else motion


def looped(motion: Motion) -> Motion:
    """Return `motion` as a loop without a jump, shorter by a cross-fade.

    The person returns home: the horizontal way from the first to the last frame is taken back evenly over
    the loop, so that a straight walk becomes a walk on a treadmill and a walk in a circle stays what it is.
    Then the last `CROSS_FADE_SECONDS` fade into the first ones: position and velocity go over continuously.
    If the root ends turned away from its start, the fade is longer, up to half of the motion, so that it
    turns by at most `MAX_CROSS_FADE_TURN`.
    """
    frames = len(motion.rotations)
    first, last = motion.quaternions[0, 0], motion.quaternions[-1, 0]
    turn = 2 * math.acos(min(abs(float(first @ last)), 1.0))
    seconds = max(
        CROSS_FADE_SECONDS, 1.5 * turn / MAX_CROSS_FADE_TURN
    )  # smoothstep's peak is 1.5 times its mean
    fade = min(round(seconds * motion.fps), frames // 2)
    if fade < 1:
        return Motion(motion.rotations, motion.translation, motion.expression, motion.fps, motion.name, True)
    length = frames - fade
    # How far the person is from where it was one loop before, averaged over the cross-fade.
    drift = (motion.translation[length:] - motion.translation[:fade]).mean(axis=0, dtype=np.float64)
    drift[1] = 0  # heights are real
    home = motion.translation - np.arange(frames)[:, None] / length * drift
    u = (np.arange(fade) / fade).astype(np.float32)
    weight = u * u * (3 - 2 * u)  # [fade], from the tail (0) to the head (1)

    def fade_linear(values: np.ndarray) -> np.ndarray:
        head, tail = values[:fade], values[length:]
        return np.concatenate([tail + weight[:, None] * (head - tail), values[fade:length]])

    joined = slerp(motion.quaternions[length:], motion.quaternions[:fade], weight[:, None])
    rotations = np.concatenate([axis_angle_from_quaternion(joined), motion.rotations[fade:length]])
    return Motion(rotations, fade_linear(home), fade_linear(motion.expression), motion.fps, motion.name, True)


def _read_rotations(arrays: Arrays, path: str) -> np.ndarray:
    """Return float32 [T, 55, 3] in SMPL-X joint order."""
    if "poses" in arrays.names:
        shape = arrays.header("poses").shape
        if len(shape) != 2 or shape[1] not in (156, 165):
            raise MotionError(
                f"{path}: poses has shape {shape}; expected 165 numbers a frame (SMPL-X) or 156 (SMPL+H)"
            )
        poses = _read(arrays, "poses", shape[1], path)
        if shape[1] == 165:
            return poses.reshape(-1, JOINT_COUNT, 3)
        rest = np.zeros((len(poses), 9), np.float32)  # jaw and eyes
        return np.concatenate([poses[:, :66], rest, poses[:, 66:]], axis=1).reshape(-1, JOINT_COUNT, 3)
    if "root_orient" not in arrays.names or "pose_body" not in arrays.names:
        raise MotionError(
            f"{path} holds neither poses nor root_orient and pose_body; expected a SMPL-X or AMASS motion, "
            f"found {', '.join(arrays.names[:20]) or 'nothing'}"
        )
    root = _read(arrays, "root_orient", 3, path)
    parts = [root, _read(arrays, "pose_body", 63, path, len(root))]
    for name, width in (("pose_jaw", 3), ("pose_eye", 6), ("pose_hand", 90)):
        there = name in arrays.names
        parts.append(
            _read(arrays, name, width, path, len(root)) if there else np.zeros((len(root), width), np.float32)
        )
    return np.concatenate(parts, axis=1).reshape(-1, JOINT_COUNT, 3)


def _read(arrays: Arrays, name: str, width: int, path: str, frames: int | None = None) -> np.ndarray:
    """Return float32 [frames, width]; `frames` None: as many as there are, within the limit."""
    shape = arrays.header(name).shape
    if len(shape) != 2 or shape[1] != width or shape[0] != (shape[0] if frames is None else frames):
        wanted = f"({'frames' if frames is None else frames}, {width})"
        raise MotionError(f"{path}: {name} has shape {shape}; expected {wanted}")
    if not 1 <= shape[0] <= MAX_FRAMES:
        raise MotionError(
            f"{path} has {shape[0]:,} frames; expected 1 to {MAX_FRAMES:,}, so cut it or lower its frame rate"
        )
    return arrays.read(name).astype(np.float32)


def _read_expression(arrays: Arrays, path: str, frames: int) -> np.ndarray:
    """Return float32 [frames, E]; E is 0 when the file has no expression."""
    if "expression" not in arrays.names:
        return np.zeros((frames, 0), np.float32)
    shape = arrays.header("expression").shape
    if len(shape) != 2 or shape[1] > 100:
        raise MotionError(f"{path}: expression has shape {shape}; expected ({frames}, up to 100)")
    return _read(arrays, "expression", shape[1], path, frames)


def _read_frame_rate(arrays: Arrays, path: str) -> float:
    names = [name for name in ("mocap_framerate", "mocap_frame_rate") if name in arrays.names]
    if not names:
        raise MotionError(f"{path} does not say how fast it is; expected mocap_framerate or mocap_frame_rate")
    shape = arrays.header(names[0]).shape
    if math.prod(shape) != 1:
        raise MotionError(f"{path}: {names[0]} has shape {shape}; expected one number")
    return float(arrays.read(names[0]).item())


def _is_z_up(motion: Motion) -> bool:
    """Decide by the pelvis's own upward axis; see `read_motion`."""
    upwards = rotate_vector(motion.quaternions[:, 0], np.array([0, 1, 0], np.float32))  # [T, 3]
    _, y, z = upwards.mean(axis=0)
    return bool(z > y or max(y, z) < 0.3)


def _turned_to_y_up(motion: Motion, pelvis: np.ndarray) -> Motion:
    """Turn the world by C, z up => y up, for a body whose rest pelvis J0 is at `pelvis` [3], metres.

    A vertex is R (x - J0) + J0 + t, with x posed by all joints but the root. Asking for C times that gives
    the root C R and the translation C (J0 + t) - J0.
    """
    quaternions = motion.quaternions[:, 0].astype(np.float64)
    rotations = motion.rotations.copy()
    rotations[:, 0] = axis_angle_from_quaternion(quaternion_multiply(_QUATERNION_YUP_ZUP, quaternions))
    translation = rotate_vector(_QUATERNION_YUP_ZUP, motion.translation + pelvis) - pelvis
    return Motion(rotations, translation, motion.expression, motion.fps, motion.name, motion.loops)
