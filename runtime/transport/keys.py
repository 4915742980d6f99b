"""CURVE keys: who may send poses or see them on a network that others share.

Whoever binds is the CURVE server. `dinar keys --out DIR` writes three kinds of JSON file (keys as Z85 text):

    server.secret.json    public and secret key, the public keys of clients that may connect; for who binds
    server.public.json    the server's public key; for each client
    CLIENT.secret.json    public and secret key of one client; for who connects
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
import zmq
from rich.console import Console
from zmq.utils import z85

from dinar.runtime.errors import DinarError

MAX_KEY_FILE_BYTES = 1024 * 1024
Role = Literal["server secret", "server public", "client secret"]


class KeyFileError(DinarError):
    """A key file that is missing, is not what it should be, or would be overwritten."""


@dataclass(frozen=True)
class CurveServer:
    """What the binding side holds. Keys are Z85 text, 40 characters.

    Attributes:
        public: its public key.
        secret: its secret key.
        clients: public keys of the clients that may connect; nobody else gets or sends anything.
    """

    public: str
    secret: str = field(repr=False)
    clients: frozenset[str]


@dataclass(frozen=True)
class CurveClient:
    """What the connecting side holds. Keys are Z85 text, 40 characters.

    Attributes:
        public: its public key.
        secret: its secret key.
        server: the public key that the other side must prove to own.
    """

    public: str
    secret: str = field(repr=False)
    server: str


@dataclass(frozen=True)
class KeysConfig:
    """Write new CURVE keys for a network that others share."""

    out: Path
    """Folder for the key files; made when missing."""
    clients: tuple[str, ...] = ("client",)
    """Names of those who may connect; each gets a file of its own."""
    force: bool = False
    """Replace keys that are there: whoever holds the old ones is locked out."""


class _KeyFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    role: Role
    public: str
    secret: str | None = None
    clients: dict[str, str] = {}


def make_keys(config: KeysConfig) -> int:
    """Write the files of `config` with permissions 0600 and return 0; raises KeyFileError."""
    for name in config.clients:
        if not (
            name.isprintable() and name.strip(". ") == name and name and not set(name) & set('/\\:*?"<>|')
        ):
            raise KeyFileError(f"{name!r} cannot name a client: letters, digits, - and _ are safe")
    if len(set(config.clients) | {"server"}) != len(config.clients) + 1:
        raise KeyFileError("client names must differ from each other and from `server`")
    pairs = {name: _new_pair() for name in ("server", *config.clients)}
    server_public, server_secret = pairs.pop("server")
    files = {
        "server.secret.json": _KeyFile(
            role="server secret",
            public=server_public,
            secret=server_secret,
            clients={name: public for name, (public, _) in pairs.items()},
        ),
        "server.public.json": _KeyFile(role="server public", public=server_public),
    }
    for name, (public, secret) in pairs.items():
        files[f"{name}.secret.json"] = _KeyFile(role="client secret", public=public, secret=secret)
    _write_all(config.out, files, force=config.force)
    console = Console(stderr=True)
    console.print(f"wrote to {config.out}:", highlight=False, soft_wrap=True)
    console.print("  server.secret.json for who binds, server.public.json for each client", highlight=False)
    for name in config.clients:
        console.print(f"  {name}.secret.json for {name} alone", highlight=False, markup=False, soft_wrap=True)
    return 0


def open_curve(
    *, bind: bool, secret: Path | None, server: Path | None, client: Path | None
) -> CurveServer | CurveClient | None:
    """Read the keys for one side of a connection; None when no file is given.

    Args:
        bind: whether this side binds, which makes it the CURVE server.
        secret: `server.secret.json`, for the side that binds.
        server: `server.public.json`, for the side that connects.
        client: `CLIENT.secret.json`, for the side that connects.

    Raises KeyFileError for a bad file, or for files of the other side.
    """
    if secret is None and server is None and client is None:
        return None
    if bind:
        if secret is None or server is not None or client is not None:
            raise KeyFileError("the side that binds takes --curve-secret alone (server.secret.json)")
        return load_server(secret)
    if secret is not None or server is None or client is None:
        raise KeyFileError(
            "the side that connects takes --curve-server (server.public.json) "
            "and --curve-client (NAME.secret.json)"
        )
    return load_client(client, server)


def load_server(path: Path) -> CurveServer:
    """Read `server.secret.json`; raises KeyFileError."""
    keys = _read(path, "server secret")
    assert keys.secret is not None
    return CurveServer(keys.public, keys.secret, frozenset(keys.clients.values()))


def load_client(path: Path, server_path: Path) -> CurveClient:
    """Read a client's secret file and the server's public file; raises KeyFileError."""
    keys = _read(path, "client secret")
    assert keys.secret is not None
    return CurveClient(keys.public, keys.secret, _read(server_path, "server public").public)


def _new_pair() -> tuple[str, str]:
    if not zmq.has("curve"):
        raise KeyFileError("this build of ZeroMQ has no CURVE: install pyzmq from PyPI's wheels")
    public, secret = zmq.curve_keypair()
    return public.decode(), secret.decode()


def _write_all(folder: Path, files: Mapping[str, _KeyFile], *, force: bool) -> None:
    """Write each file beside its place, readable by its owner alone, and rename it into place."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        there = [name for name in files if (folder / name).exists()]
        if there and not force:
            raise KeyFileError(
                f"{folder / there[0]} is there already: choose another folder, or replace it with --force"
            )
        for name, content in files.items():
            # mkstemp makes the file with mode 0600.
            handle, part = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
            try:
                with os.fdopen(handle, "w") as stream:
                    json.dump(msgspec.to_builtins(content), stream, indent=2)
                    stream.write("\n")
                os.replace(part, folder / name)
            except BaseException:
                Path(part).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise KeyFileError(f"cannot write keys to {folder}: {error.strerror or error}") from None


def _read(path: Path, role: Role) -> _KeyFile:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"cannot read the key file {path}: {error.strerror or error}") from None
    try:
        if len(data) > MAX_KEY_FILE_BYTES:
            raise ValueError("it is too long")
        keys = msgspec.json.decode(data, type=_KeyFile)
        for key in (keys.public, *([] if keys.secret is None else [keys.secret]), *keys.clients.values()):
            _check_z85(key)
    except (ValueError, RecursionError) as error:
        raise KeyFileError(f"{path} is no key file ({error}): make one with `dinar keys --out DIR`") from None
    if keys.role != role or (keys.secret is None) == role.endswith("secret"):
        raise KeyFileError(f"{path} holds a {keys.role} key, a {role} key is needed here")
    return keys


def _check_z85(key: str) -> None:
    try:
        size = len(z85.decode(key))
    except (KeyError, ValueError, struct.error):
        size = 0
    if size != 32:
        raise ValueError("a key is not 40 characters of Z85")
