"""Where a stream is: the text a person writes (`tcp://HOST:PORT`, `:5555`) and the socket opened from it."""

from __future__ import annotations

import errno
import functools
import ipaddress
import logging
import operator
import os
import threading
import time
from dataclasses import dataclass

import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

from dinar.runtime.errors import DinarError
from dinar.runtime.transport.keys import CurveClient, CurveServer
from dinar.runtime.wire import MAX_MESSAGE_BYTES

RECONNECT_MS = 100
HEARTBEAT_MS = 1000
HEARTBEAT_TIMEOUT_MS = 3000
"""A computer that fell off the network is noticed within this time (a program that ended, at once)."""
CONNECT_TIMEOUT_MS = 1000
HANDSHAKE_TIMEOUT_MS = 5000
RETRY_REFUSED_S = 1.0
QUEUE_MESSAGES = 64
QUEUE_BYTES = 64 * 1024
"""Kernel buffer: how much of the past a receiver finds when it comes back from a pause."""
FLUSH_MS = 200
"""How long closing waits for the last messages to leave."""

_FATAL = (zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
_FAILED = (*_FATAL, zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
_log = logging.getLogger(__name__)


class StreamError(DinarError):
    """An endpoint that cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Endpoint:
    """A place to bind or connect to.

    Attributes:
        address: as ZeroMQ writes it, e.g. tcp://127.0.0.1:5555.
        bind: wait there for others (True), or go there (False).
        local: only this computer can be at the other end, so both ends share one clock.
        ipv6: the address is an IPv6 one.
    """

    address: str
    bind: bool
    local: bool
    ipv6: bool = False


def parse_endpoint(text: str, *, bind: bool) -> Endpoint:
    """Read `tcp://HOST:PORT`, `HOST:PORT`, `tcp://*:PORT` (all interfaces; to bind), `:PORT`, `PORT` or `ipc://PATH`.

    A bare port means this computer alone (127.0.0.1). Port 0 binds to any free port. Raises StreamError.
    """
    scheme, mark, rest = text.strip().rpartition("://")
    if scheme == "ipc":
        return _ipc(rest, bind)
    host, colon, port = rest.rpartition(":")
    if (mark and scheme != "tcp") or (colon and not host and mark) or not rest:
        raise StreamError(
            f"{text!r} is no endpoint: write tcp://HOST:PORT, tcp://*:PORT, :PORT or ipc://PATH"
        )
    if not (port.isascii() and port.isdigit() and int(port) < 65536 and (int(port) > 0 or bind)):
        raise StreamError(f"{text!r} needs a port from 1 to 65535 at its end, as in tcp://127.0.0.1:5555")
    if host == "*":
        if not bind:
            raise StreamError(
                f"{text!r} names no computer to connect to: write its name or address instead of *"
            )
        return Endpoint(f"tcp://*:{port}", bind, local=False)
    if host in ("", "localhost"):
        host = "127.0.0.1"
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        if not all(part.replace("-", "").replace("_", "").isalnum() for part in host.split(".")):
            raise StreamError(f"{host!r} in {text!r} is neither a computer's name nor its address") from None
        return Endpoint(f"tcp://{host}:{port}", bind, local=False)
    if address.version == 6:
        return Endpoint(f"tcp://[{address}]:{port}", bind, local=address.is_loopback, ipv6=True)
    return Endpoint(f"tcp://{address}:{port}", bind, local=address.is_loopback)


def _ipc(path: str, bind: bool) -> Endpoint:
    if not zmq.has("ipc"):
        raise StreamError("ipc:// does not exist on this system: use tcp://127.0.0.1:PORT")
    if not path:
        raise StreamError("ipc:// needs a path, as in ipc:///tmp/dinar")
    return Endpoint(f"ipc://{path}", bind, local=True)


class Link:
    """A bound or connected socket with this project's options: bounded queues, quick reconnection, CURVE.

    Use it from one thread. Raises StreamError when the endpoint cannot be used.
    """

    def __init__(
        self, kind: zmq.SocketType, endpoint: Endpoint, curve: CurveServer | CurveClient | None
    ) -> None:
        if isinstance(curve, CurveServer if not endpoint.bind else CurveClient):
            raise StreamError("who binds needs the server's CURVE keys, who connects a client's")
        self.endpoint = endpoint
        self._context = zmq.Context()
        self._gate: _Gate | None = None
        self._retry_at: float | None = None
        self.socket: zmq.Socket[bytes] = self._context.socket(kind)
        self.monitor = Monitor(self.socket)
        try:
            self._set_options(kind, curve)
            self._open()
        except BaseException:
            self.close()
            raise
        if endpoint.bind and not endpoint.local and curve is None:
            _log.warning(
                "%s can be reached from other computers, and nothing checks who is there: "
                "use 127.0.0.1, or make keys with `dinar keys`",
                self.address,
            )

    @property
    def address(self) -> str:
        """The address in use, with the port that port 0 became."""
        return self.socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def _set_options(self, kind: zmq.SocketType, curve: CurveServer | CurveClient | None) -> None:
        socket = self.socket
        socket.ipv6 = self.endpoint.ipv6
        socket.reconnect_ivl = RECONNECT_MS
        socket.connect_timeout = CONNECT_TIMEOUT_MS
        socket.handshake_ivl = HANDSHAKE_TIMEOUT_MS
        socket.heartbeat_ivl = HEARTBEAT_MS
        socket.heartbeat_timeout = socket.heartbeat_ttl = HEARTBEAT_TIMEOUT_MS
        socket.linger = FLUSH_MS if kind == zmq.PUB else 0
        socket.sndhwm = socket.rcvhwm = QUEUE_MESSAGES
        socket.sndbuf = socket.rcvbuf = QUEUE_BYTES
        # Twice the limit: what is a little too long is counted, what is far too long ends its connection.
        socket.maxmsgsize = 2 * MAX_MESSAGE_BYTES
        if kind == zmq.PUB:
            socket.immediate = True  # nothing queues for a receiver that is away
        if curve is None:
            return
        try:
            socket.curve_publickey, socket.curve_secretkey = curve.public.encode(), curve.secret.encode()
            if isinstance(curve, CurveClient):
                socket.curve_serverkey = curve.server.encode()
            else:
                self._gate = _Gate(self._context, curve.clients)
                socket.curve_server = True
        except zmq.ZMQError as error:
            raise StreamError(
                f"the CURVE keys cannot be used ({error.strerror}): make new ones with `dinar keys`"
            ) from None

    def _open(self) -> None:
        address = self.endpoint.address
        try:
            self.socket.bind(address) if self.endpoint.bind else self.socket.connect(address)
        except zmq.ZMQError as error:
            raise StreamError(
                f"cannot {'bind' if self.endpoint.bind else 'connect'} to {address}: {_why(error)}"
            ) from None

    def update(self) -> None:
        """Take note of who came and went, and knock again where we were refused; never waits.

        ZeroMQ gives up a connection that was refused, but the other side may come back with other keys.
        """
        given_up = self.monitor.given_up
        self.monitor.update()
        if self.endpoint.bind:
            return
        now = time.monotonic()
        if self.monitor.given_up > given_up:
            self._retry_at = now + RETRY_REFUSED_S
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            self.socket.disconnect(self.endpoint.address)
            self.socket.connect(self.endpoint.address)

    def close(self) -> None:
        """Close the socket and end its threads; a second call does nothing."""
        if not self._context.closed:
            self.monitor.close()
            self.socket.close()
            if self._gate is not None:
                self._gate.close()
            self._context.term()


def _why(error: zmq.ZMQError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "it is in use, close the other program or choose another port"
        case errno.EADDRNOTAVAIL | errno.ENODEV:
            return "this computer has no such address (use 127.0.0.1, or * for all)"
        case errno.EACCES | errno.EPERM:
            return "this user has no permission (ports below 1024 often need more rights)"
        case _:
            return os.strerror(error.errno) if error.errno else str(error)


class Monitor:
    """Counts who is at the other end of a socket.

    Attributes:
        peers: connections that are up.
        refused: handshakes that failed on either side: wrong or missing keys, or not ZeroMQ.
        given_up: those of them that ZeroMQ does not try again by itself.
    """

    def __init__(self, watched: zmq.Socket[bytes]) -> None:
        self._watched = watched
        events = (zmq.EVENT_HANDSHAKE_SUCCEEDED, zmq.EVENT_DISCONNECTED, *_FAILED)
        self.socket = watched.get_monitor_socket(functools.reduce(operator.or_, events))
        self.peers = self.refused = self.given_up = 0
        self._failing = 0

    def update(self) -> None:
        """Take what happened since the last call; never waits."""
        while self.socket.poll(0):
            event = recv_monitor_message(self.socket)["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.peers += 1
            elif event in _FAILED:
                self.refused += 1
                self.given_up += event in _FATAL
                self._failing += 1
            elif self._failing > 0:  # each failed handshake is followed by its own disconnection
                self._failing -= 1
            else:
                self.peers -= 1

    def close(self) -> None:
        """Stop watching, before the watched socket closes."""
        self._watched.disable_monitor()
        self.socket.close()


class _Gate:
    """Answers ZeroMQ's question who may connect (ZAP, RFC 27): the holders of known CURVE keys."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], clients: frozenset[str]) -> None:
        self._clients = {z85.decode(key) for key in clients}
        self._socket = context.socket(zmq.REP)
        self._socket.linger = 0
        self._socket.rcvtimeo = 100
        self._socket.bind("inproc://zeromq.zap.01")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="curve-gate", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                version, request, _domain, _address, _identity, mechanism, *credentials = (
                    self._socket.recv_multipart()
                )
            except zmq.Again:
                continue
            known = mechanism == b"CURVE" and len(credentials) == 1 and credentials[0] in self._clients
            verdict = (b"200", b"OK") if known else (b"400", b"unknown key")
            self._socket.send_multipart([version, request, *verdict, b"", b""])

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()
