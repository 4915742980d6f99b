"""Poses and cameras over ZeroMQ: publish frames; receive the newest frame or none.

The receiver takes everything from the socket at once in a thread of its own, keeps the newest payload of each
topic, and decodes only what the caller takes. Nothing queues: a slow caller skips frames.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar

import numpy as np
import zmq

from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.transport.endpoint import Link, parse_endpoint
from dinar.runtime.transport.keys import CurveClient, CurveServer
from dinar.runtime.wire import (
    CAMERA_TOPIC,
    MAX_MESSAGE_BYTES,
    MAX_TOPIC_BYTES,
    POSE_TOPIC,
    CameraFrame,
    PoseFrame,
    Reason,
    WireError,
    check_topic,
    decode_camera,
    decode_pose,
    encode_camera,
    encode_pose,
)

MAX_TOPICS = 64
"""Topics kept; when more arrive, the one that was silent longest is forgotten."""
_BATCH = 256
_POLL_MS = 50


class PosePublisher:
    """Publishes poses on one topic, and cameras. Use it from one thread; close it when done.

    Args:
        endpoint: see `parse_endpoint`.
        bind: wait for subscribers there (True), or go to a subscriber that waits.
        topic: `pose` or `pose/NAME`.
        curve: keys, the server's when binding.

    Raises StreamError for an endpoint that cannot be used, WireError for a bad topic.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        bind: bool = True,
        topic: str = POSE_TOPIC,
        curve: CurveServer | CurveClient | None = None,
    ) -> None:
        self._topic = check_topic(topic).encode()
        self._link = Link(zmq.PUB, parse_endpoint(endpoint, bind=bind), curve)
        self.session = secrets.randbits(32)
        self._sent = Counter[bytes]()

    @property
    def address(self) -> str:
        """The address in use, with the port that port 0 became."""
        return self._link.address

    @property
    def peers(self) -> int:
        """How many subscribers are connected, as of the last frame sent."""
        return self._link.monitor.peers

    def send(self, pose: Pose, *, betas: np.ndarray | None = None, t_us: int | None = None) -> None:
        """Send one pose; never waits. `t_us`, microseconds since the epoch, is now when left out.

        Raises WireError for a pose that receivers would drop.
        """
        frame = PoseFrame(
            self.session, self._sent[self._topic], _now_us() if t_us is None else t_us, pose, betas
        )
        self._send(self._topic, encode_pose(frame))

    def send_cameras(self, cameras: Sequence[Camera], *, t_us: int | None = None) -> None:
        """Send the cameras to draw from, 1 to 8 of one size; never waits. `t_us` as in `send`.

        Raises WireError for cameras that receivers would drop.
        """
        topic = CAMERA_TOPIC.encode()
        frame = CameraFrame(
            self.session, self._sent[topic], _now_us() if t_us is None else t_us, tuple(cameras)
        )
        self._send(topic, encode_camera(frame))

    def _send(self, topic: bytes, payload: bytes) -> None:
        self._link.update()
        self._link.socket.send_multipart([topic, payload])
        self._sent[topic] += 1

    def close(self) -> None:
        """Let the last message leave and close the socket; a second call does nothing."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class StreamStats:
    """What a subscriber has seen so far.

    Attributes:
        received: messages that arrived.
        taken: frames that the caller got.
        replaced: messages that a newer one replaced before anybody took them.
        stale: taken messages of the running session whose `seq` was not newer.
        malformed: dropped messages by reason.
        sessions: how often a publisher (re)started, as seen by the taken frames.
        peers: publishers connected now.
        refused: handshakes that failed (keys).
        age_ms: milliseconds from the source's `t_us` until the newest frame was taken, None before the first.
        age_synchronized: both ends surely share one clock; else `age_ms` contains the clocks' difference.
        waited_ms: milliseconds from the newest frame's arrival until it was taken, None before the first.
        silent_s: seconds since the last message arrived, None before the first.
    """

    received: int
    taken: int
    replaced: int
    stale: int
    malformed: Mapping[Reason, int]
    sessions: int
    peers: int
    refused: int
    age_ms: float | None
    age_synchronized: bool
    waited_ms: float | None
    silent_s: float | None


@dataclass
class _Slot:
    """The newest payload of a topic (None once taken), and the newest frame that was taken."""

    payload: bytes | None = None
    arrived_ns: int = 0
    session: int = -1
    seq: int = -1


_Frame = TypeVar("_Frame", PoseFrame, CameraFrame)


class PoseSubscriber:
    """Receives in a thread of its own and gives the newest frame of a topic. Close it when done.

    Args:
        endpoint: see `parse_endpoint`.
        bind: wait for publishers there (True), or go to one, now and whenever it comes back.
        topics: which topics to receive; `pose` includes each `pose/NAME`.
        curve: keys, the server's when binding.

    Raises StreamError for an endpoint that cannot be used, WireError for a bad topic.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        bind: bool = False,
        topics: Sequence[str] = (POSE_TOPIC, CAMERA_TOPIC),
        curve: CurveServer | CurveClient | None = None,
    ) -> None:
        prefixes = [check_topic(topic) for topic in topics]
        self._link = Link(zmq.SUB, parse_endpoint(endpoint, bind=bind), curve)
        self.address = self._link.address
        for prefix in prefixes:
            self._link.socket.subscribe(prefix)
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._changed = threading.Condition()
        self._received = self._taken = self._replaced = self._stale = self._sessions = 0
        self._malformed = Counter[Reason]()
        self._age_ms: float | None = None
        self._waited_ms: float | None = None
        self._arrived_ns: int | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._receive, name="pose-subscriber", daemon=True)
        self._thread.start()

    def latest(self, topic: str = POSE_TOPIC) -> PoseFrame | None:
        """Return the newest pose of `topic` that was not taken yet, or None; never waits."""
        return self._take(topic, decode_pose)

    def latest_cameras(self) -> CameraFrame | None:
        """Return the newest cameras that were not taken yet, or None; never waits."""
        return self._take(CAMERA_TOPIC, decode_camera)

    def wait(self, timeout_s: float, topic: str = POSE_TOPIC) -> bool:
        """Wait until `topic` has something to take; returns False when `timeout_s` seconds pass before."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting(topic), timeout_s)

    def stats(self) -> StreamStats:
        """Return the counts so far."""
        with self._changed:
            return StreamStats(
                received=self._received,
                taken=self._taken,
                replaced=self._replaced,
                stale=self._stale,
                malformed=MappingProxyType(dict(self._malformed)),
                sessions=self._sessions,
                peers=self._link.monitor.peers,
                refused=self._link.monitor.refused,
                age_ms=self._age_ms,
                age_synchronized=self._link.endpoint.local,
                waited_ms=self._waited_ms,
                silent_s=None if self._arrived_ns is None else (time.monotonic_ns() - self._arrived_ns) / 1e9,
            )

    def close(self) -> None:
        """End the thread and close the socket; a second call does nothing."""
        self._stop.set()
        self._thread.join()
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _waiting(self, topic: str) -> bool:
        slot = self._slots.get(topic)
        return slot is not None and slot.payload is not None

    def _take(self, topic: str, decode: Callable[[bytes], _Frame]) -> _Frame | None:
        with self._changed:
            slot = self._slots.get(topic)
            if slot is None or slot.payload is None:
                return None
            payload, slot.payload = slot.payload, None
            try:
                frame = decode(payload)
            except WireError as error:
                self._malformed[error.reason] += 1
                return None
            if frame.session == slot.session and frame.seq <= slot.seq:
                self._stale += 1
                return None
            self._sessions += frame.session != slot.session
            slot.session, slot.seq = frame.session, frame.seq
            self._taken += 1
            self._age_ms = (_now_us() - frame.t_us) / 1e3
            self._waited_ms = (time.monotonic_ns() - slot.arrived_ns) / 1e6
            return frame

    def _receive(self) -> None:
        """Thread: take messages from the socket as they come, into two buffers of fixed size."""
        socket = self._link.socket
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(self._link.monitor.socket, zmq.POLLIN)
        topic, payload = memoryview(bytearray(MAX_TOPIC_BYTES + 1)), memoryview(bytearray(MAX_MESSAGE_BYTES))
        while not self._stop.is_set():
            poller.poll(_POLL_MS)
            self._link.update()
            for _ in range(_BATCH):
                try:
                    topic_size = socket.recv_into(topic, flags=zmq.NOBLOCK)
                except zmq.Again:
                    break
                parts, payload_size = 1, 0
                while socket.rcvmore:
                    parts, payload_size = parts + 1, socket.recv_into(payload)
                self._arrive(bytes(topic[:topic_size]), payload, payload_size, parts)

    def _arrive(self, topic: bytes, buffer: memoryview, size: int, parts: int) -> None:
        with self._changed:
            self._received += 1
            self._arrived_ns = time.monotonic_ns()
            try:
                slot = self._slot(topic, parts, size)
            except WireError as error:
                self._malformed[error.reason] += 1
                return
            self._replaced += slot.payload is not None
            slot.payload, slot.arrived_ns = bytes(buffer[:size]), self._arrived_ns
            self._changed.notify_all()

    def _slot(self, topic: bytes, parts: int, size: int) -> _Slot:
        """Return where a message belongs; raises WireError when its frames already show that it is none."""
        if parts != 2:
            raise WireError("frames", f"a message has two frames, topic and payload; {parts} came")
        if size > MAX_MESSAGE_BYTES:
            raise WireError("too large", f"a message has at most {MAX_MESSAGE_BYTES} bytes, {size} came")
        name = check_topic(topic)
        slot = self._slots.setdefault(name, _Slot())
        self._slots.move_to_end(name)
        if len(self._slots) > MAX_TOPICS:
            _, forgotten = self._slots.popitem(last=False)
            self._replaced += forgotten.payload is not None
        return slot


def _now_us() -> int:
    return time.time_ns() // 1000
