"""The .dinar avatar file: open, check, save.

A zip archive of `manifest.json` (see `manifest.py`), the texture's `rgb` as PNG and its other groups as
`texture.npz`, and, where there is one, `shell.npz` with `shell/rgb.png`, `renderer/NAME.onnx`, `body.npz` and
`preview.png`. The manifest holds the hash of every member. Members that this version does not know are left
alone, so that a later one can add some within the same format.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from pathlib import Path
from typing import Literal
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from dinar.runtime.body import Body, BodyError, load_body
from dinar.runtime.files.archive import Archive, ArrayFileError
from dinar.runtime.files.avatar_check import (
    MAX_NETWORK_BYTES,
    MAX_SIDE,
    SHELL_LAYOUTS,
    TEXTURE_LAYOUTS,
    AvatarError,
    check_avatar,
    check_layout,
)
from dinar.runtime.files.bodies import SMPLX_VERTEX_COUNT, BodyNotFoundError, find_body
from dinar.runtime.files.manifest import (
    FORMAT_VERSION,
    MANIFEST_MEMBER,
    BodyReference,
    Group,
    Manifest,
    NetworkReference,
    ShellReference,
    manifest_bytes,
    read_manifest,
)
from dinar.runtime.files.npz import Arrays, open_arrays
from dinar.runtime.files.png import png_shape, read_png, write_png
from dinar.runtime.files.whole_file import whole_file
from dinar.runtime.network_input import CHANNELS

__all__ = [
    "Avatar",
    "AvatarError",
    "RendererNetwork",
    "Shell",
    "Texture",
    "default_avatar_path",
    "open_avatar",
    "save_avatar",
]

_BODY = "body.npz"
_TEXTURE = "texture.npz"
_TEXTURE_RGB = "texture/rgb.png"
_SHELL = "shell.npz"
_SHELL_RGB = "shell/rgb.png"
_PREVIEW = "preview.png"

# All members together, packed or unpacked; and the arrays unpacked from one of them. A usual avatar has 5 MB.
_MAX_MEMBER_BYTES = 128 * 1024**2
_MAX_ARRAY_BYTES = 128 * 1024**2
_MAX_BODY_ARRAY_BYTES = 320 * 1024**2  # as float64; the open body takes 180 MB
_MAX_PREVIEW_BYTES = 4 * 1024**2


@dataclass(frozen=True)
class Shell:
    """Clothes and hair as an extra mesh skinned to the body's joints; drawn in `rgb` mode only.

    Attributes:
        vertices: float32 [Vs, 3], metres, T-pose of the avatar's betas, zero expression.
        faces: int32 [Fs, 3], counter-clockwise seen from outside.
        uv: float32 [Ts, 2], in [0, 1], v down (as `Body.uv`), into `rgb`.
        uv_faces: int32 [Fs, 3], texture-coordinate ids, corner by corner as `faces`.
        joint_index: uint8 [Vs, K], K <= 8, joints that move each vertex.
        joint_weight: float32 [Vs, K], rows sum to 1.
        anchor_vertex: int32 [Vs, 3], body vertices whose pose correctives and expression offsets each vertex
            inherits.
        anchor_weight: float32 [Vs, 3], their weights, rows sum to 1 (or to 0: inherits nothing).
        rgb: uint8 [H, W, 3], sRGB.
        body_face_visible: bool [F], body faces that are drawn in `rgb` mode; those under clothes are not.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    joint_index: np.ndarray
    joint_weight: np.ndarray
    anchor_vertex: np.ndarray
    anchor_weight: np.ndarray
    rgb: np.ndarray
    body_face_visible: np.ndarray


@dataclass(frozen=True)
class Texture:
    """The avatar's texture in named channel groups, each with its own resolution (DINAR Eq. 2).

    Attributes:
        rgb: uint8 [H, W, 3], sRGB, what `rgb` mode shows; T_rgb where there is no `photo`.
        gen: float16 [H, W, 16] or None, T_gen.
        smp: uint8 [H, W] of 0 or 1, or None, B_smp: texels sampled from the photo.
        fill: uint8 [H, W] of 0 or 1, or None, B_fill: texels sampled or filled from neighbours.
        photo: uint8 [H, W, 3] or None, sRGB, T_rgb where it is not `rgb`: 0 where photos show nothing, and
            with the clothes that a shell draws in `rgb` mode.
    """

    rgb: np.ndarray
    gen: np.ndarray | None = None
    smp: np.ndarray | None = None
    fill: np.ndarray | None = None
    photo: np.ndarray | None = None


@dataclass(frozen=True)
class RendererNetwork:
    """A renderer network trained for the avatar's body and texture, for `neural` mode (DINAR Eq. 3).

    Attributes:
        preset: which network it is: "live", "paper" or another name of lower-case letters, digits, - and _.
        precision: of its convolutions.
        onnx: the ONNX file, input float32 [1, 22, H, W]; kept as bytes, parsed by the inference engine alone.
    """

    preset: str
    precision: Literal["fp32", "int8"]
    onnx: bytes = field(repr=False)


@dataclass(frozen=True)
class Avatar:
    """Everything that is needed to draw one person.

    Attributes:
        name: shown in window titles and lists.
        body: the body model the texture belongs to.
        betas: float32 [S'], S' <= the body's S.
        texture: the body's texture.
        shell: clothes and hair, or None.
        provenance: how it was made, in words.
        licence: SPDX identifier or words.
        preview: PNG bytes or None.
        networks: renderer networks; no two share preset and precision.
    """

    name: str
    body: Body
    betas: np.ndarray
    texture: Texture
    shell: Shell | None
    provenance: str
    licence: str
    preview: bytes | None = None
    networks: tuple[RendererNetwork, ...] = ()


def default_avatar_path() -> Path:
    """Return the path of the avatar that comes with the package."""
    return Path(__file__).parent / "assets" / "default.dinar"


# --- Opening -----------------------------------------------------------------------------------------------


def open_avatar(path: str | os.PathLike[str], *, bodies: Sequence[Path] = ()) -> Avatar:
    """Open and check an avatar file.

    Args:
        path: the .dinar file.
        bodies: files and folders to search for the body before the default places (`bodies.default_places`).

    Raises:
        AvatarError: the file cannot be read, is damaged or invalid, is of a newer format, or needs a body
            that is not found.
    """
    where = os.fspath(path)
    try:
        with Archive(path, limit_bytes=_MAX_MEMBER_BYTES) as archive:
            return _read_avatar(_Source(archive), bodies)
    except OSError as error:
        raise AvatarError(f"{where}: cannot be opened ({error.strerror or error})") from error
    except (ArrayFileError, BodyError) as error:
        raise AvatarError(str(error)) from error


class _Source:
    """An open avatar archive with its manifest; hands out members whose hash is right."""

    def __init__(self, archive: Archive):
        self.name = archive.name
        self._archive = archive
        self.manifest = read_manifest(archive)

    def size(self, member: str) -> int:
        """Unpacked size of a member in bytes, as the archive declares it."""
        return self._archive.size(member)

    def read(self, member: str) -> bytes:
        """Read a member and compare its hash."""
        data = self._archive.read(member)
        if hashlib.sha256(data).hexdigest() != self.manifest.sha256.get(member):
            raise AvatarError(
                f"{self.name}: {member} is not what the manifest says (SHA-256 differs): damaged"
            )
        return data

    def arrays(self, member: str) -> Arrays:
        """Open a member that is a .npz file."""
        return open_arrays(io.BytesIO(self.read(member)), _MAX_ARRAY_BYTES, name=f"{self.name}: {member}")


def _read_avatar(source: _Source, bodies: Sequence[Path]) -> Avatar:
    manifest = source.manifest
    texture = _read_texture(source)
    body = _read_body(source, bodies)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinity, and is refused as such
        betas = np.array(manifest.betas, np.float64).astype(np.float32)
    avatar = Avatar(
        name=manifest.name,
        body=body,
        betas=betas,
        texture=texture,
        shell=_read_shell(source, manifest.shell, len(body.faces)) if manifest.shell else None,
        provenance=manifest.provenance,
        licence=manifest.licence,
        preview=_read_preview(source, manifest.preview) if manifest.preview else None,
        networks=tuple(_read_network(source, network) for network in manifest.networks),
    )
    check_avatar(avatar, source.name)
    return avatar


def _read_body(source: _Source, places: Sequence[Path]) -> Body:
    """The embedded body, or the one on this computer; its hash and its UV's are those of the manifest."""
    wanted = source.manifest.body
    if wanted.file is not None:
        body = _load_embedded_body(source, wanted.file)
    else:
        try:
            body = find_body(wanted.sha256, wanted.vertex_count, places=places)
        except BodyNotFoundError as error:
            raise AvatarError(f"{source.name}: {error}") from error
    if (body.hash, _uv_sha256(body)) != (wanted.sha256, wanted.uv_sha256):
        raise AvatarError(f"{source.name}: the body or its UV is another than the manifest names: damaged")
    return body


def _load_embedded_body(source: _Source, member: str) -> Body:
    data, what = source.read(member), f"{source.name}: {member}"
    with open_arrays(io.BytesIO(data), name=what) as arrays:
        size = sum(8 * math.prod(arrays.header(name).shape) for name in arrays.names)
    if size > _MAX_BODY_ARRAY_BYTES:
        raise AvatarError(f"{what} would take {size:,} bytes of memory, more than any body")
    return load_body(io.BytesIO(data), name=what)


def _read_texture(source: _Source) -> Texture:
    """Read the groups this version knows, having checked each one's layout and that it is as announced."""
    groups = {name: group for name, group in source.manifest.texture.items() if name in TEXTURE_LAYOUTS}
    if "rgb" not in groups:
        raise AvatarError(f"{source.name}: the manifest names no texture group rgb")
    found = {"rgb": _read_picture(source, groups.pop("rgb"))}
    for file in sorted({group.file for group in groups.values()}):
        with source.arrays(file) as arrays:
            for name in [name for name, group in groups.items() if group.file == file]:
                header, group = arrays.header(name), groups[name]
                what = f"{source.name}: texture {name}"
                if (header.shape, header.dtype.name) != (group.shape, group.dtype):
                    raise AvatarError(f"{what}: {file} and the manifest disagree about shape or type")
                check_layout(what, TEXTURE_LAYOUTS[name], header.shape, header.dtype, {})
                found[name] = arrays.read(name)
    return Texture(**found)


def _read_picture(source: _Source, group: Group) -> np.ndarray:
    """Read an RGB group, uint8 [H, W, 3]; its size is checked before it is decoded."""
    what = f"{source.name}: {group.file}"
    if group.dtype != "uint8":
        raise AvatarError(f"{what}: expected uint8, the manifest says {group.dtype[:20]}")
    check_layout(what, TEXTURE_LAYOUTS["rgb"], group.shape, np.dtype(np.uint8), {})
    return read_png(source.read(group.file), group.shape, what)


def _read_shell(source: _Source, reference: ShellReference, body_face_count: int) -> Shell:
    lengths = {"B": body_face_count}
    with source.arrays(reference.file) as arrays:
        for name, layout in SHELL_LAYOUTS.items():
            header = arrays.header(name)
            check_layout(f"{source.name}: shell {name}", layout, header.shape, header.dtype, lengths)
        mesh = {name: arrays.read(name) for name in SHELL_LAYOUTS}
    return Shell(rgb=_read_picture(source, reference.rgb), **mesh)


def _read_network(source: _Source, reference: NetworkReference) -> RendererNetwork:
    """Read a network as bytes, having checked its size and that it reads the channels that are drawn."""
    what = f"{source.name}: {reference.file}"
    if reference.input_channels != CHANNELS:
        raise AvatarError(
            f"{what} reads {reference.input_channels} channels, this program draws {CHANNELS}: "
            "install a newer dinar"
        )
    if source.size(reference.file) > MAX_NETWORK_BYTES:
        raise AvatarError(f"{what} is larger than {MAX_NETWORK_BYTES:,} bytes")
    return RendererNetwork(reference.preset, reference.precision, source.read(reference.file))


def _read_preview(source: _Source, member: str) -> bytes:
    data = source.read(member)
    _check_preview(data, f"{source.name}: {member}")
    return data


def _check_preview(data: bytes, what: str) -> None:
    height, width, _ = png_shape(data, what)
    if len(data) > _MAX_PREVIEW_BYTES or not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
        raise AvatarError(f"{what} is larger than {_MAX_PREVIEW_BYTES:,} bytes or {MAX_SIDE} pixels a side")


# --- Saving ------------------------------------------------------------------------------------------------


def save_avatar(
    path: str | os.PathLike[str], avatar: Avatar, *, body_file: str | os.PathLike[str] | None = None
) -> None:
    """Check an avatar and write it as a .dinar file, all or nothing; the same avatar gives the same bytes.

    Args:
        path: the file to write; one that is there is replaced once the new one is complete.
        avatar: what to write.
        body_file: the .npz that `avatar.body` was loaded from, to be copied into the file. Leave it out for
            the open body, which every installation has, and for bodies whose licence forbids copies: those
            are found by hash.

    Raises:
        AvatarError: the avatar is invalid, `body_file` is another body or the licensed SMPL-X, or the file
            cannot be written.
    """
    where = os.fspath(path)
    check_avatar(avatar, where)
    members = _texture_members(avatar.texture)
    if avatar.shell is not None:
        members |= _shell_members(avatar.shell)
    if avatar.preview is not None:
        try:
            _check_preview(avatar.preview, f"{where}: preview")
        except ArrayFileError as error:
            raise AvatarError(str(error)) from error
        members[_PREVIEW] = avatar.preview
    members |= {_network_member(network): network.onnx for network in avatar.networks}
    if body_file is not None:
        members[_BODY] = _body_bytes(Path(body_file), avatar.body)
    manifest = manifest_bytes(_manifest(avatar, members))
    try:
        _replace(Path(path), {MANIFEST_MEMBER: manifest, **members})
    except OSError as error:
        raise AvatarError(f"{where}: cannot be written ({error.strerror or error})") from error


def _manifest(avatar: Avatar, members: Mapping[str, bytes]) -> Manifest:
    texture, shell = avatar.texture, avatar.shell
    groups = {
        field.name: _group(_TEXTURE_RGB if field.name == "rgb" else _TEXTURE, values)
        for field in fields(texture)
        if (values := getattr(texture, field.name)) is not None
    }
    return Manifest(
        format_version=FORMAT_VERSION,
        generator=f"dinar {version('dinar')}",
        name=avatar.name,
        provenance=avatar.provenance,
        licence=avatar.licence,
        betas=[float(beta) for beta in avatar.betas],
        body=BodyReference(
            sha256=avatar.body.hash,
            uv_sha256=_uv_sha256(avatar.body),
            vertex_count=len(avatar.body.v_template),
            file=_BODY if _BODY in members else None,
        ),
        texture=groups,
        shell=None if shell is None else ShellReference(_SHELL, _group(_SHELL_RGB, shell.rgb)),
        preview=_PREVIEW if _PREVIEW in members else None,
        networks=[
            NetworkReference(_network_member(n), n.preset, n.precision, CHANNELS) for n in avatar.networks
        ],
        sha256={name: hashlib.sha256(data).hexdigest() for name, data in members.items()},
    )


def _group(file: str, values: np.ndarray) -> Group:
    return Group(file, values.shape, values.dtype.name)


def _texture_members(texture: Texture) -> dict[str, bytes]:
    members = {_TEXTURE_RGB: write_png(texture.rgb)}
    others = {name: getattr(texture, name) for name in TEXTURE_LAYOUTS if name != "rgb"}
    arrays = {name: values for name, values in others.items() if values is not None}
    return members | ({_TEXTURE: _npz(arrays)} if arrays else {})


def _shell_members(shell: Shell) -> dict[str, bytes]:
    return {_SHELL: _npz({n: getattr(shell, n) for n in SHELL_LAYOUTS}), _SHELL_RGB: write_png(shell.rgb)}


def _network_member(network: RendererNetwork) -> str:
    return f"renderer/{network.preset}_{network.precision}.onnx"


def _npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    # Stamps its members 1980-01-01, whenever it is called.
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def _body_bytes(path: Path, body: Body) -> bytes:
    """The bytes of a body file that is `body` and may be copied."""
    if len(body.v_template) == SMPLX_VERTEX_COUNT:
        raise AvatarError(
            f"{path}: the licence of SMPL-X forbids copies in avatar files; save without body_file"
        )
    try:
        data = path.read_bytes()
        found = load_body(io.BytesIO(data)).hash
    except (OSError, BodyError) as error:
        raise AvatarError(f"{path}: cannot be copied into the avatar ({error})") from error
    if found != body.hash:
        raise AvatarError(f"{path}: is body {found}, the avatar's is {body.hash}")
    return data


def _uv_sha256(body: Body) -> str:
    """Hex SHA-256 over `uv` as little-endian float32 and `uv_faces` as little-endian int32, row-major."""
    digest = hashlib.sha256(np.ascontiguousarray(body.uv, "<f4").tobytes())
    digest.update(np.ascontiguousarray(body.uv_faces, "<i4").tobytes())
    return digest.hexdigest()


def _replace(path: Path, members: Mapping[str, bytes]) -> None:
    """Write a zip beside `path`, then move it there: nobody ever sees half a file."""
    with whole_file(path) as part, part.open("xb") as file, ZipFile(file, "w") as archive:
        for name, data in members.items():
            entry = ZipInfo(name)  # dated 1980-01-01, so that the same avatar gives the same bytes
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            packed = name.endswith((".npz", ".png"))
            entry.compress_type = ZIP_STORED if packed else ZIP_DEFLATED
            archive.writestr(entry, data)
