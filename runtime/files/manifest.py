"""manifest.json of an avatar file: its fields, and reading it without trust."""

from __future__ import annotations

from typing import Literal

import msgspec

from dinar.runtime.files.archive import Archive
from dinar.runtime.files.avatar_check import AvatarError

FORMAT_VERSION = 1
MANIFEST_MEMBER = "manifest.json"
_MAX_BYTES = 64 * 1024


class Group(msgspec.Struct, frozen=True):
    """A channel group: the member that holds it, its shape and its element type."""

    file: str
    shape: tuple[int, ...]
    dtype: str


class BodyReference(msgspec.Struct, frozen=True):
    """The body by hash; `file` is the member that holds it, or None when it is looked for on the computer."""

    sha256: str
    uv_sha256: str
    vertex_count: int
    file: str | None = None


class ShellReference(msgspec.Struct, frozen=True):
    """The members that hold the shell's mesh and its picture."""

    file: str
    rgb: Group


class NetworkReference(msgspec.Struct, frozen=True):
    """A renderer network: the member that holds it, which one it is, and how many channels it reads."""

    file: str
    preset: str
    precision: Literal["fp32", "int8"]
    input_channels: int


class _Version(msgspec.Struct, frozen=True):
    """The one field that every version of the format has."""

    format_version: int


class Manifest(msgspec.Struct, frozen=True):
    """manifest.json, format version 1. Fields that are not here are ignored."""

    format_version: int
    generator: str
    name: str
    provenance: str
    licence: str
    betas: list[float]
    body: BodyReference
    texture: dict[str, Group]
    sha256: dict[str, str]
    shell: ShellReference | None = None
    preview: str | None = None
    networks: list[NetworkReference] = []


def read_manifest(archive: Archive) -> Manifest:
    """Read and validate the manifest. Raises AvatarError, or ArrayFileError for a damaged archive."""
    if archive.size(MANIFEST_MEMBER) > _MAX_BYTES:
        raise AvatarError(f"{archive.name}: {MANIFEST_MEMBER} is larger than {_MAX_BYTES:,} bytes")
    data = archive.read(MANIFEST_MEMBER)
    try:
        found = msgspec.json.decode(data, type=_Version).format_version
        if found == FORMAT_VERSION:
            return msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise AvatarError(
            f"{archive.name}: {MANIFEST_MEMBER} is not an avatar's manifest ({error})"
        ) from error
    raise AvatarError(
        f"{archive.name}: format version {found}, this program reads {FORMAT_VERSION}: install a newer dinar"
    )


def manifest_bytes(manifest: Manifest) -> bytes:
    """Encode a manifest as JSON, one field a line."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)
