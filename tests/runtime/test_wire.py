"""Messages: what is sent comes back bit by bit, and anything else is refused with its reason."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera, look_at, to_openxr
from dinar.runtime.wire import (
    MAX_ANGLE,
    MAX_BETAS,
    MAX_MESSAGE_BYTES,
    MAX_PIXELS,
    MAX_T_US,
    CameraFrame,
    PoseFrame,
    WireError,
    check_topic,
    decode_camera,
    decode_pose,
    encode_camera,
    encode_pose,
)


def floats(*values: float) -> bytes:
    return np.array(values, "<f4").tobytes()


def a_pose(seed: int = 0, expressions: int = 10) -> Pose:
    rng = np.random.default_rng(seed)
    return Pose(
        rng.normal(0, 0.7, (55, 3)).astype(np.float32),
        rng.normal(0, 2, 3).astype(np.float32),
        rng.normal(0, 1, expressions).astype(np.float32),
    )


def pose_map(**changes: Any) -> dict[str, Any]:
    """A valid `pose` message as a map, by hand from the text of the format, with changes (None removes)."""
    message = {
        "v": 1,
        "session": 7,
        "seq": 3,
        "t_us": 1_700_000_000_000_000,
        "pose": floats(*np.linspace(-1, 1, 165)),
        "transl": floats(0.1, 0.2, 0.3),
    } | changes
    return {key: value for key, value in message.items() if value is not None}


def camera_map(**changes: Any) -> dict[str, Any]:
    return {"v": 1, "session": 7, "seq": 3, "t_us": 1_700_000_000_000_000, "views": [view_map()]} | changes


def view_map(**changes: Any) -> dict[str, Any]:
    view = {
        "T_camera_world": floats(1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 3, 0, 0, 0, 1),
        "K": floats(500, 0, 320, 0, 500, 240, 0, 0, 1),
        "width": 640,
        "height": 480,
    } | changes
    return {key: value for key, value in view.items() if value is not None}


def pack(message: object) -> bytes:
    return msgspec.msgpack.encode(message)


# --- What is sent comes back --------------------------------------------------------------------------------


@given(
    session=st.integers(0, 2**32 - 1),
    seq=st.integers(0, 2**64 - 1),
    t_us=st.integers(0, MAX_T_US),
    seed=st.integers(0, 2**32),
    expressions=st.integers(0, 10),
    betas=st.none() | st.integers(10, MAX_BETAS),
)
def test_a_pose_frame_comes_back_bit_by_bit(
    session: int, seq: int, t_us: int, seed: int, expressions: int, betas: int | None
) -> None:
    shape = None if betas is None else np.random.default_rng(seed).normal(0, 2, betas).astype(np.float32)
    sent = PoseFrame(session, seq, t_us, a_pose(seed, expressions), shape)
    got = decode_pose(encode_pose(sent))
    assert (got.session, got.seq, got.t_us) == (session, seq, t_us)
    np.testing.assert_array_equal(got.pose.rotations, sent.pose.rotations)
    np.testing.assert_array_equal(got.pose.translation, sent.pose.translation)
    np.testing.assert_array_equal(got.pose.expression, sent.pose.expression)
    assert (got.betas is None) == (shape is None)
    if shape is not None:
        np.testing.assert_array_equal(got.betas, shape)


def test_decoded_arrays_are_float32_in_the_shapes_of_pose() -> None:
    got = decode_pose(pack(pose_map(expr=floats(1, 2, 3))))
    assert got.pose.rotations.dtype == got.pose.translation.dtype == got.pose.expression.dtype == np.float32
    assert (got.pose.rotations.shape, got.pose.translation.shape) == ((55, 3), (3,))
    np.testing.assert_array_equal(got.pose.rotations.ravel(), np.linspace(-1, 1, 165).astype(np.float32))
    np.testing.assert_array_equal(got.pose.expression, [1, 2, 3])


def test_a_pose_message_is_the_map_that_the_format_describes() -> None:
    rotations = np.arange(165, dtype=np.float64).reshape(55, 3) / 100
    frame = PoseFrame(1, 2, 3, Pose(rotations, np.array([1.0, 2, 3]), np.zeros(0)))
    assert msgspec.msgpack.decode(encode_pose(frame)) == {
        "v": 1,
        "session": 1,
        "seq": 2,
        "t_us": 3,
        "pose": (np.arange(165) / 100).astype("<f4").tobytes(),
        "transl": floats(1, 2, 3),
    }


def test_unknown_keys_are_ignored() -> None:
    assert decode_pose(pack(pose_map(colour="red", tags=[1, {"a": 2}]))).seq == 3
    assert decode_camera(pack(camera_map(views=[view_map(lens="wide")]))).seq == 3


def test_cameras_come_back_within_float32() -> None:
    sent = (
        look_at([0.3, 1, 3], [0, 0, 0], [0, 1, 0], 0.7, 640, 480),
        look_at([-0.3, 1, 3], [0, 0, 0], [0, 1, 0], 0.7, 640, 480),
    )
    got = decode_camera(encode_camera(CameraFrame(1, 2, 3, sent)))
    assert (got.session, got.seq, got.t_us, len(got.cameras)) == (1, 2, 3, 2)
    for a, b in zip(sent, got.cameras, strict=True):
        np.testing.assert_allclose(b.T_camera_world, a.T_camera_world, atol=1e-6)
        np.testing.assert_allclose(b.K, a.K, rtol=1e-6)
        assert (b.width, b.height) == (640, 480)


def test_field_of_view_angles_mean_the_same_camera_as_k() -> None:
    K = np.array([[600.0, 0, 300], [0, 550, 260], [0, 0, 1]])  # off-centre, as in a headset
    camera = Camera(np.eye(4), K, 640, 480)
    view = to_openxr(camera)
    fov = floats(view.angle_left, view.angle_right, view.angle_up, view.angle_down)
    got = decode_camera(pack(camera_map(views=[view_map(K=None, fov=fov)]))).cameras[0]
    np.testing.assert_allclose(got.K, K, rtol=1e-5, atol=1e-3)


def test_symmetric_field_of_view_of_a_right_angle() -> None:
    quarter = np.pi / 4
    view = view_map(K=None, fov=floats(-quarter, quarter, quarter, -quarter), width=200, height=100)
    got = decode_camera(pack(camera_map(views=[view]))).cameras[0]
    np.testing.assert_allclose(got.K, [[100, 0, 100], [0, 50, 50], [0, 0, 1]], rtol=1e-6)


# --- Anything else is refused, with its reason --------------------------------------------------------------

NAN, INFINITY = float("nan"), float("inf")

BAD_POSES = [
    ("version", pose_map(v=2)),
    ("version", {"v": 2, "everything": "else is different"}),
    ("version", pose_map(v=0)),
    ("missing field", pose_map(v=None)),
    ("missing field", pose_map(session=None)),
    ("missing field", pose_map(seq=None)),
    ("missing field", pose_map(t_us=None)),
    ("missing field", pose_map(pose=None)),
    ("missing field", pose_map(transl=None)),
    ("missing field", {}),
    ("type", pose_map(v="1")),
    ("type", pose_map(v=True)),
    ("type", pose_map(seq=1.5)),
    ("type", pose_map(pose=[0.0] * 165)),
    ("type", pose_map(transl="twelve bytes")),
    ("type", pose_map(t_us=None) | {"t_us": None}),
    ("type", [1, 2, 3]),
    ("type", 5),
    ("type", 0x7B),  # how JSON begins
    ("type", {1: 2}),
    ("length", pose_map(pose=floats(*[0] * 164))),
    ("length", pose_map(pose=floats(*[0] * 166))),
    ("length", pose_map(pose=b"\0" * 659)),
    ("length", pose_map(pose=b"")),
    ("length", pose_map(transl=floats(0, 0))),
    ("length", pose_map(expr=floats(*[0] * 11))),
    ("length", pose_map(expr=b"\0\0\0")),
    ("length", pose_map(betas=floats(*[0] * 9))),
    ("length", pose_map(betas=floats(*[0] * 301))),
    ("length", pose_map(betas=b"")),
    ("not finite", pose_map(pose=floats(*[0] * 164, NAN))),
    ("not finite", pose_map(transl=floats(0, INFINITY, 0))),
    ("not finite", pose_map(expr=floats(NAN))),
    ("not finite", pose_map(betas=floats(*[0] * 9, -INFINITY))),
    ("range", pose_map(session=2**32)),
    ("range", pose_map(session=-1)),
    ("range", pose_map(seq=-1)),
    ("range", pose_map(t_us=MAX_T_US + 1)),
    ("range", pose_map(pose=floats(90, *[0] * 164))),
    ("range", pose_map(pose=floats(1e38, 1e38, *[0] * 163))),
    ("range", pose_map(transl=floats(0, 10_001, 0))),
    ("range", pose_map(expr=floats(101))),
    ("range", pose_map(betas=floats(*[0] * 9, -101))),
]

BAD_CAMERAS = [
    ("version", camera_map(v=2)),
    ("type", camera_map(views=5)),
    ("type", camera_map(views=[5])),
    ("type", camera_map(views=[view_map(width=640.5)])),
    ("missing field", camera_map(views=[view_map(width=None)])),
    ("missing field", camera_map(views=[view_map(K=None)])),
    ("missing field", camera_map(views=[view_map(fov=floats(-1, 1, 1, -1))])),  # K as well
    ("length", camera_map(views=[])),
    ("length", camera_map(views=[view_map()] * 9)),
    ("length", camera_map(views=[view_map(K=floats(*[1] * 8))])),
    ("length", camera_map(views=[view_map(T_camera_world=floats(*[1] * 12))])),
    ("length", camera_map(views=[view_map(K=None, fov=floats(-1, 1, 1))])),
    ("not finite", camera_map(views=[view_map(K=floats(NAN, 0, 1, 0, 1, 1, 0, 0, 1))])),
    ("not finite", camera_map(views=[view_map(K=None, fov=floats(-1, 1, 1, -INFINITY))])),
    ("range", camera_map(views=[view_map(K=floats(-500, 0, 320, 0, 500, 240, 0, 0, 1))])),
    ("range", camera_map(views=[view_map(K=floats(1e9, 0, 320, 0, 500, 240, 0, 0, 1))])),
    ("range", camera_map(views=[view_map(T_camera_world=floats(*[0] * 16))])),
    ("range", camera_map(views=[view_map(T_camera_world=floats(*(2 * np.eye(4)).ravel()))])),
    ("range", camera_map(views=[view_map(K=None, fov=floats(1, -1, 1, -1))])),  # left of right
    ("range", camera_map(views=[view_map(K=None, fov=floats(-45, 45, 45, -45))])),  # degrees
    ("range", camera_map(views=[view_map(K=None, fov=floats(0, 1e-9, 1, -1))])),  # focal length 10^11
    ("range", camera_map(views=[view_map(width=0)])),
    ("range", camera_map(views=[view_map(width=10**9)])),
    ("range", camera_map(views=[view_map(), view_map(width=320)])),
    ("range", camera_map(views=[view_map(width=8192, height=8192)] * 2)),
]


@pytest.mark.parametrize(("reason", "message"), BAD_POSES)
def test_a_bad_pose_is_refused_with_its_reason(reason: str, message: object) -> None:
    with pytest.raises(WireError) as caught:
        decode_pose(pack(message))
    assert caught.value.reason == reason, str(caught.value)


@pytest.mark.parametrize(("reason", "message"), BAD_CAMERAS)
def test_bad_cameras_are_refused_with_their_reason(reason: str, message: object) -> None:
    with pytest.raises(WireError) as caught:
        decode_camera(pack(message))
    assert caught.value.reason == reason, str(caught.value)


BIG_ARRAY = b"\x82\xa1v\x01\xa5views\xdd\xff\xff\xff\xff"  # announces 2^32 - 1 views


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        pack(pose_map())[:-1],
        pack(pose_map()) + b"\0",
        b"\x81\xa1x" + b"\x91" * 60_000 + b"\x01",  # nested 60,000 deep
        b"\xdf\xff\xff\xff\xff",
        b"\x81\xa4pose\xc6\xff\xff\xff\xff",  # a binary of 4 GiB
    ],
)
def test_what_is_not_msgpack_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError) as caught:
        decode_pose(payload)
    assert caught.value.reason == "not msgpack", str(caught.value)


def test_an_announced_length_takes_no_memory() -> None:
    with pytest.raises(WireError) as caught:
        decode_camera(BIG_ARRAY)
    assert caught.value.reason == "length"


def test_a_long_message_is_refused_before_it_is_read() -> None:
    at_the_limit = pack(pose_map(padding=b""))
    at_the_limit = pack(pose_map(padding=b"\0" * (MAX_MESSAGE_BYTES - len(at_the_limit) - 1)))
    assert len(at_the_limit) == MAX_MESSAGE_BYTES
    assert decode_pose(at_the_limit).seq == 3
    with pytest.raises(WireError) as caught:
        decode_pose(at_the_limit + b"\0")
    assert caught.value.reason == "too large"


def test_two_turns_of_a_joint_are_the_limit() -> None:
    along_a_diagonal = np.ones(3) / np.sqrt(3)
    two_turns = floats(*(4 * np.pi * along_a_diagonal), *[0] * 162)
    assert np.linalg.norm(decode_pose(pack(pose_map(pose=two_turns))).pose.rotations[0]) > 12.5
    with pytest.raises(WireError, match="are these degrees"):
        decode_pose(pack(pose_map(pose=floats(*((MAX_ANGLE + 0.01) * along_a_diagonal), *[0] * 162))))


@pytest.mark.parametrize(
    ("reason", "frame"),
    [
        ("length", PoseFrame(0, 0, 0, Pose(np.zeros((3, 55)), np.zeros(3), np.zeros(0)))),
        ("length", PoseFrame(0, 0, 0, Pose(np.zeros((55, 3)), np.zeros(4), np.zeros(0)))),
        ("length", PoseFrame(0, 0, 0, Pose(np.zeros((55, 3)), np.zeros(3), np.zeros(11)))),
        ("not finite", PoseFrame(0, 0, 0, Pose(np.full((55, 3), np.nan), np.zeros(3), np.zeros(0)))),
        ("not finite", PoseFrame(0, 0, 0, Pose(np.zeros((55, 3)), np.full(3, 1e300), np.zeros(0)))),
        ("range", PoseFrame(2**32, 0, 0, Pose(np.zeros((55, 3)), np.zeros(3), np.zeros(0)))),
    ],
)
def test_a_sender_is_told_what_a_receiver_would_refuse(reason: str, frame: PoseFrame) -> None:
    with pytest.raises(WireError) as caught:
        encode_pose(frame)
    assert caught.value.reason == reason


def test_too_many_pixels_are_refused_when_sending() -> None:
    camera = look_at([0, 1, 3], [0, 0, 0], [0, 1, 0], 0.7, 8192, MAX_PIXELS // 8192)
    encode_camera(CameraFrame(0, 0, 0, (camera,)))
    with pytest.raises(WireError):
        encode_camera(CameraFrame(0, 0, 0, (camera, camera)))


# --- Topics -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["pose", "camera", "pose/anna", "pose/" + "x" * 123, "pose/Анна"])
def test_good_topics(topic: str) -> None:
    assert check_topic(topic) == check_topic(topic.encode()) == topic


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "poses",
        "Pose",
        "pose/",
        "pose/a/b",
        "pose/a b",
        "pose/\x1b[31m",
        "camera/a",
        "pose/" + "x" * 124,
        b"pose/\xff",
    ],
)
def test_bad_topics(topic: str | bytes) -> None:
    with pytest.raises(WireError) as caught:
        check_topic(topic)
    assert caught.value.reason == "topic"


# --- Nothing but WireError, whatever comes ------------------------------------------------------------------

VALID = [
    pack(pose_map(expr=floats(1, 2), betas=floats(*range(10)))),
    pack(camera_map(views=[view_map()] * 2)),
]

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.binary(max_size=700)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
field_names = ["v", "session", "seq", "t_us", "pose", "transl", "expr", "betas", "views"]
changed_fields = st.dictionaries(st.sampled_from(field_names), values, max_size=3)
changed_view = st.dictionaries(
    st.sampled_from(["T_camera_world", "K", "fov", "width", "height"]), values, max_size=2
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid message with bytes overwritten, inserted, removed or cut off."""
    data = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["overwrite", "insert", "remove", "cut"])):
            case "overwrite":
                new = draw(st.binary(min_size=1, max_size=4))
                data[at : at + len(new)] = new
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=4))
            case "remove":
                del data[at : at + draw(st.integers(1, 8))]
            case "cut":
                del data[at:]
    return bytes(data)


messages = st.one_of(
    st.binary(max_size=2000),
    mutated(),
    changed_fields.map(lambda changes: pack(pose_map(**changes))),
    changed_fields.map(lambda changes: pack(camera_map(**changes))),
    changed_view.map(lambda changes: pack(camera_map(views=[view_map(**changes)]))),
    values.map(pack),
)


def decode_or_refuse(payload: bytes) -> None:
    """What is accepted can be sent on; what is not raises WireError and nothing else."""
    pose = cameras = None
    with contextlib.suppress(WireError):
        pose = decode_pose(payload)
    with contextlib.suppress(WireError):
        cameras = decode_camera(payload)
    if pose is not None:
        decode_pose(encode_pose(pose))
    if cameras is not None:
        decode_camera(encode_camera(cameras))


relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(relaxed, max_examples=500)
@given(payload=messages)
def test_any_bytes_give_a_frame_or_a_wire_error(payload: bytes) -> None:
    decode_or_refuse(payload)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(relaxed, max_examples=100_000)
@given(payload=messages)
def test_any_bytes_give_a_frame_or_a_wire_error_100_000_times(payload: bytes) -> None:
    decode_or_refuse(payload)
