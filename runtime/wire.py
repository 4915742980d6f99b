"""PoseFrame and CameraFrame <=> the bytes of one message (version 1).

A message has two ZeroMQ frames: a topic (`pose`, `pose/NAME` or `camera`) and a msgpack map. Arrays travel as
msgpack `bin`: little-endian float32, row-major. Unknown keys are ignored, so that a sender may add some.

`pose`: `v` 1, `session`, `seq`, `t_us`, `pose` (165 floats), `transl` (3 floats), optional `expr` (up to 10
floats) and `betas` (10 to 300 floats).

`camera`: `v` 1, `session`, `seq`, `t_us`, `views`: 1 to 8 maps of `T_camera_world` (16 floats), `width`,
`height` and either `K` (9 floats) or `fov` (4 floats: left, right, up, down in radians, signs as in OpenXR's
XrFovf: left and down usually negative).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec
import numpy as np

from dinar.runtime.body import JOINT_COUNT, Pose
from dinar.runtime.camera import Camera, OpenXRView, from_openxr
from dinar.runtime.errors import DinarError

VERSION = 1
MAX_MESSAGE_BYTES = 64 * 1024
MAX_TOPIC_BYTES = 128
MAX_ANGLE = 12.6
"""Radians, the norm of one joint's axis-angle vector: two turns. Above it, someone sends degrees."""
MAX_TRANSLATION = 1e4
"""Metres from the origin, each axis: float32 still resolves a millimetre there."""
MAX_COEFFICIENT = 100.0
"""Magnitude of one beta or expression coefficient, in standard deviations."""
MAX_EXPRESSIONS = 10
MIN_BETAS, MAX_BETAS = 10, 300
MAX_VIEWS = 8
MAX_PIXELS = 2**26
"""Pixels of all views together: 256 MiB of RGBA."""
MAX_FOCAL = 1e6
"""Pixels, magnitude of an entry of K."""
MAX_FOV_ANGLE = 1.55
"""Radians between the viewing direction and a border of the picture: 89 degrees."""
MAX_T_US = 2**53
"""Where JavaScript's exact integers end: the year 2255."""

POSE_TOPIC = "pose"
CAMERA_TOPIC = "camera"

Reason = Literal[
    "frames",  # not exactly a topic and a payload
    "topic",
    "too large",
    "not msgpack",
    "version",
    "missing field",
    "type",
    "length",
    "not finite",
    "range",
]


class WireError(DinarError):
    """A message that is not what this file's head describes; `reason` says in which way."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


@dataclass(frozen=True)
class PoseFrame:
    """One pose on the wire.

    Attributes:
        session: u32, new each time a publisher starts, so that `seq` may restart.
        seq: u64, grows from frame to frame of a session and topic.
        t_us: integer microseconds since the epoch, at the source.
        pose: rotations up to `MAX_ANGLE`, translation up to `MAX_TRANSLATION`, expression [10] at most.
        betas: float32 [B], 10 <= B <= 300, or None.
    """

    session: int
    seq: int
    t_us: int
    pose: Pose
    betas: np.ndarray | None = None


@dataclass(frozen=True)
class CameraFrame:
    """The cameras to draw from.

    Attributes:
        session: u32, as in `PoseFrame`.
        seq: u64, as in `PoseFrame`.
        t_us: integer microseconds since the epoch, at the source.
        cameras: 1 to 8 cameras of one width and height; two are a stereo pair.
    """

    session: int
    seq: int
    t_us: int
    cameras: tuple[Camera, ...]


class _Header(msgspec.Struct, kw_only=True, omit_defaults=True):
    v: int
    session: int
    seq: int
    t_us: int


class _PoseMessage(_Header, kw_only=True, omit_defaults=True):
    pose: bytes
    transl: bytes
    expr: bytes | None = None
    betas: bytes | None = None


class _View(msgspec.Struct, kw_only=True, omit_defaults=True):
    T_camera_world: bytes
    width: int
    height: int
    K: bytes | None = None
    fov: bytes | None = None


class _CameraMessage(_Header, kw_only=True, omit_defaults=True):
    # The bound is checked before the list is allocated: a few bytes may announce 2^32 - 1 views.
    views: Annotated[list[_View], msgspec.Meta(min_length=1, max_length=MAX_VIEWS)]


class _AnyVersion(msgspec.Struct):
    v: int


_pose_decoder = msgspec.msgpack.Decoder(_PoseMessage)
_camera_decoder = msgspec.msgpack.Decoder(_CameraMessage)
_version_decoder = msgspec.msgpack.Decoder(_AnyVersion)
_encoder = msgspec.msgpack.Encoder()


def check_topic(topic: str | bytes) -> str:
    """Return `topic` as text when it is `pose`, `pose/NAME` or `camera`, else raise WireError ("topic").

    NAME is printable UTF-8 without spaces and slashes; a topic has at most 128 bytes.
    """
    try:
        text, raw = (topic, topic.encode()) if isinstance(topic, str) else (topic.decode(), topic)
    except UnicodeError:
        raise WireError("topic", f"topic {topic[:40]!r} is not UTF-8") from None
    head, slash, name = text.partition("/")
    plain = name.isprintable() and not any(c in "/ " for c in name) and bool(name) == bool(slash)
    if len(raw) > MAX_TOPIC_BYTES or not plain or (text != CAMERA_TOPIC and head != POSE_TOPIC):
        raise WireError(
            "topic",
            f"topic {text[:40]!r} is none of pose, pose/NAME and camera (NAME: no spaces, no slashes)",
        )
    return text


def encode_pose(frame: PoseFrame) -> bytes:
    """Return the payload of a `pose` message; raises WireError where `decode_pose` would."""
    message = _PoseMessage(
        v=VERSION,
        session=frame.session,
        seq=frame.seq,
        t_us=frame.t_us,
        pose=_pack("rotations", frame.pose.rotations, (JOINT_COUNT, 3)),
        transl=_pack("translation", frame.pose.translation, (3,)),
        expr=_pack("expression", frame.pose.expression, (-1,)) or None,
        betas=None if frame.betas is None else _pack("betas", frame.betas, (-1,)),
    )
    _pose_frame(message)
    return _encoder.encode(message)


def decode_pose(payload: bytes) -> PoseFrame:
    """Return the PoseFrame of a payload, with read-only arrays; raises WireError for anything else."""
    return _pose_frame(_decode(_pose_decoder, payload))


def encode_camera(frame: CameraFrame) -> bytes:
    """Return the payload of a `camera` message (with `K`); raises WireError where `decode_camera` would."""
    views = [
        _View(
            T_camera_world=_pack("T_camera_world", camera.T_camera_world, (4, 4)),
            K=_pack("K", camera.K, (3, 3)),
            width=camera.width,
            height=camera.height,
        )
        for camera in frame.cameras
    ]
    message = _CameraMessage(v=VERSION, session=frame.session, seq=frame.seq, t_us=frame.t_us, views=views)
    _camera_frame(message)
    return _encoder.encode(message)


def decode_camera(payload: bytes) -> CameraFrame:
    """Return the CameraFrame of a payload; raises WireError for anything else."""
    return _camera_frame(_decode(_camera_decoder, payload))


_Message = TypeVar("_Message", _PoseMessage, _CameraMessage)


def _decode(decoder: msgspec.msgpack.Decoder[_Message], payload: bytes) -> _Message:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise WireError("too large", f"a message has at most {MAX_MESSAGE_BYTES} bytes, {len(payload)} came")
    try:
        message = decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise _diagnose(payload, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError("not msgpack", f"the message is not a msgpack map: {error}") from None
    if message.v != VERSION:
        raise _version_error(message.v)
    return message


def _diagnose(payload: bytes, why: str) -> WireError:
    """Name the reason of a validation error; another version comes first, for its fields may differ."""
    try:
        version = _version_decoder.decode(payload).v
    except (ValueError, RecursionError):
        version = VERSION
    if version != VERSION:
        return _version_error(version)
    if "missing required field" in why:
        return WireError("missing field", f"the message is incomplete: {why}")
    return WireError("length" if "of length" in why else "type", f"the message has a wrong field: {why}")


def _version_error(version: int) -> WireError:
    return WireError("version", f"the message has version {version}, this program reads version {VERSION}")


def _unpack(name: str, data: bytes, low: int, high: int | None = None) -> np.ndarray:
    """Read `low` (to `high`) little-endian float32: bytes => float32 [n], read-only."""
    count, rest = divmod(len(data), 4)
    if rest or not low <= count <= (low if high is None else high):
        floats = str(low) if high is None else f"{low} to {high}"
        raise WireError("length", f"`{name}` holds {floats} float32 of 4 bytes each, {len(data)} bytes came")
    array = np.frombuffer(data, "<f4").astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise WireError("not finite", f"`{name}` contains NaN or infinity")
    return array


def _pack(name: str, array: np.ndarray, shape: tuple[int, ...]) -> bytes:
    """Write an array of `shape` (-1: any) as little-endian float32, row-major."""
    array = np.asarray(array)
    if array.ndim != len(shape) or any(
        want not in (-1, got) for want, got in zip(shape, array.shape, strict=True)
    ):
        raise WireError("length", f"`{name}` has shape {list(shape)}, {list(array.shape)} came")
    with np.errstate(over="ignore"):  # becomes infinite, which the caller's check reports
        return array.astype("<f4").tobytes()


def _check_header(message: _Header) -> None:
    for name, value, limit in (
        ("session", message.session, 2**32 - 1),
        ("seq", message.seq, 2**64 - 1),
        ("t_us", message.t_us, MAX_T_US),
    ):
        if not 0 <= value <= limit:
            raise WireError("range", f"`{name}` lies between 0 and {limit}, {value} came")


def _check_within(name: str, array: np.ndarray, limit: float, hint: str) -> None:
    if np.abs(array).max(initial=0) > limit:
        raise WireError("range", f"`{name}` holds values beyond +-{limit:g}{hint}")


def _pose_frame(message: _PoseMessage) -> PoseFrame:
    _check_header(message)
    rotations = _unpack("pose", message.pose, 3 * JOINT_COUNT).reshape(JOINT_COUNT, 3)
    angle = np.linalg.norm(rotations.astype(np.float64), axis=1).max()
    if angle > MAX_ANGLE:
        raise WireError(
            "range", f"a joint turns by {angle:.1f} radians, more than two turns: are these degrees?"
        )
    translation = _unpack("transl", message.transl, 3)
    _check_within("transl", translation, MAX_TRANSLATION, " m: are these millimetres?")
    expression = _unpack("expr", message.expr or b"", 0, MAX_EXPRESSIONS)
    _check_within("expr", expression, MAX_COEFFICIENT, "")
    betas = None
    if message.betas is not None:
        betas = _unpack("betas", message.betas, MIN_BETAS, MAX_BETAS)
        _check_within("betas", betas, MAX_COEFFICIENT, "")
    return PoseFrame(
        message.session, message.seq, message.t_us, Pose(rotations, translation, expression), betas
    )


def _camera_frame(message: _CameraMessage) -> CameraFrame:
    _check_header(message)
    if not 1 <= len(message.views) <= MAX_VIEWS:
        raise WireError("length", f"`views` holds 1 to {MAX_VIEWS} views, {len(message.views)} came")
    cameras = tuple(_camera(view) for view in message.views)
    width, height = cameras[0].width, cameras[0].height
    if any((camera.width, camera.height) != (width, height) for camera in cameras):
        raise WireError("range", "the views have different sizes, one width and height for all is needed")
    if len(cameras) * width * height > MAX_PIXELS:
        raise WireError("range", f"{len(cameras)} views of {width}x{height} exceed {MAX_PIXELS} pixels")
    return CameraFrame(message.session, message.seq, message.t_us, cameras)


def _camera(view: _View) -> Camera:
    T_camera_world = _unpack("T_camera_world", view.T_camera_world, 16).reshape(4, 4)
    _check_within("T_camera_world", T_camera_world, MAX_TRANSLATION, " m")
    if (view.K is None) == (view.fov is None):
        raise WireError("missing field", "a view has either `K` or `fov`")
    try:
        K = _intrinsics(view)
        _check_within("K", K, MAX_FOCAL, " pixels")
        return Camera(T_camera_world, K, view.width, view.height)
    except WireError:
        raise
    except ValueError as error:
        raise WireError("range", str(error)) from None


def _intrinsics(view: _View) -> np.ndarray:
    """Return K, float64 [3, 3], of a view that has either `K` or `fov`."""
    if view.K is not None:
        return _unpack("K", view.K, 9).reshape(3, 3).astype(np.float64)
    left, right, up, down = _unpack("fov", view.fov or b"", 4).tolist()
    if max(map(abs, (left, right, up, down))) > MAX_FOV_ANGLE:
        raise WireError("range", f"a `fov` angle exceeds {MAX_FOV_ANGLE} radians: are these degrees?")
    straight = OpenXRView(np.array([0.0, 0, 0, 1]), np.zeros(3), left, right, up, down)
    return from_openxr(straight, view.width, view.height).K
