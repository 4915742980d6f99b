"""What makes an avatar valid: layouts of its arrays, ranges of its values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinar.runtime.body import JOINT_COUNT
from dinar.runtime.errors import DinarError

if TYPE_CHECKING:
    from dinar.runtime.avatar import Avatar, RendererNetwork, Shell, Texture

MAX_SIDE = 4096
"""Most texels along a side of a texture."""

MAX_NETWORK_BYTES = 96 * 1024**2
"""Most bytes of an avatar's renderer networks, each and together."""

_PRESET = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_MAX_ROWS = 1_000_000
_MAX_BETA = 100.0
_SUM_TOLERANCE = 1e-3


class AvatarError(DinarError):
    """An avatar that cannot be opened or saved. The message is one sentence that names the file."""


@dataclass(frozen=True)
class Layout:
    """Element type and axes of an array: a number is that length, a letter one that all arrays share."""

    dtype: str
    shape: tuple[int | str, ...]


TEXTURE_LAYOUTS = {
    "rgb": Layout("uint8", ("H", "W", 3)),
    "gen": Layout("float16", ("H", "W", 16)),
    "smp": Layout("uint8", ("H", "W")),
    "fill": Layout("uint8", ("H", "W")),
    "photo": Layout("uint8", ("H", "W", 3)),
}

SHELL_LAYOUTS = {
    "vertices": Layout("float32", ("V", 3)),
    "faces": Layout("int32", ("F", 3)),
    "uv": Layout("float32", ("T", 2)),
    "uv_faces": Layout("int32", ("F", 3)),
    "joint_index": Layout("uint8", ("V", "K")),
    "joint_weight": Layout("float32", ("V", "K")),
    "anchor_vertex": Layout("int32", ("V", 3)),
    "anchor_weight": Layout("float32", ("V", 3)),
    "body_face_visible": Layout("bool", ("B",)),
}

_MAX_LENGTH = {"H": MAX_SIDE, "W": MAX_SIDE, "K": 8}


def check_layout(
    what: str, layout: Layout, shape: tuple[int, ...], dtype: np.dtype, lengths: dict[str, int]
) -> None:
    """Raise AvatarError unless an array has the layout; letters are looked up in, or added to, `lengths`."""
    known = dict(lengths)
    fits = len(shape) == len(layout.shape) and dtype == np.dtype(layout.dtype)
    for axis, length in zip(layout.shape, shape, strict=False):
        if isinstance(axis, str):
            fits &= (
                1 <= length <= _MAX_LENGTH.get(axis, _MAX_ROWS) and lengths.setdefault(axis, length) == length
            )
        else:
            fits &= length == axis
    if not fits:
        wanted = ", ".join(f"{axis} = {known[axis]}" if axis in known else str(axis) for axis in layout.shape)
        raise AvatarError(f"{what}: expected {layout.dtype} [{wanted}], got {dtype} {list(shape)}")


def check_avatar(avatar: Avatar, where: str) -> None:
    """Raise AvatarError, whose message starts with `where`, unless every field is as `Avatar` says."""
    if not avatar.name or len(avatar.name) > 200 or not avatar.name.isprintable():
        raise AvatarError(f"{where}: the name must be 1 to 200 printable characters")
    if len(avatar.provenance) > 10_000 or len(avatar.licence) > 10_000:
        raise AvatarError(f"{where}: provenance and licence may have at most 10,000 characters each")
    betas, shape_count = avatar.betas, avatar.body.shapedirs.shape[2]
    if betas.dtype != np.float32 or betas.ndim != 1 or len(betas) > shape_count:
        raise AvatarError(
            f"{where}: betas: expected float32 [{shape_count}] or less, got {betas.dtype} {list(betas.shape)}"
        )
    if not (np.abs(betas) <= _MAX_BETA).all():
        raise AvatarError(f"{where}: betas: expected finite numbers within +-{_MAX_BETA:g}")
    check_texture(avatar.texture, f"{where}: texture")
    if avatar.shell is not None:
        check_shell(avatar.shell, len(avatar.body.v_template), len(avatar.body.faces), f"{where}: shell")
    check_networks(avatar.networks, f"{where}: network")


def check_networks(networks: Sequence[RendererNetwork], where: str) -> None:
    """Raise AvatarError unless presets are plain names, no two networks are one, and their size is usual."""
    for network in networks:
        if not _PRESET.fullmatch(network.preset):
            raise AvatarError(
                f"{where}: expected a preset of 1 to 40 lower-case letters, digits, - and _, "
                f"got {network.preset[:40]!r}"
            )
        if network.precision not in ("fp32", "int8"):
            raise AvatarError(f"{where}: expected precision fp32 or int8, got {network.precision[:40]!r}")
        if not network.onnx:
            raise AvatarError(f"{where} {network.preset}: expected an ONNX file, got no bytes")
    names = [(network.preset, network.precision) for network in networks]
    if len(set(names)) < len(names):
        raise AvatarError(f"{where}: two networks share preset and precision")
    if sum(len(network.onnx) for network in networks) > MAX_NETWORK_BYTES:
        raise AvatarError(f"{where}: the networks have more than {MAX_NETWORK_BYTES:,} bytes together")


def check_texture(texture: Texture, where: str) -> None:
    """Raise AvatarError unless each group has its layout, `gen` is finite, and masks hold 0 and 1."""
    for name, layout in TEXTURE_LAYOUTS.items():
        values = getattr(texture, name)
        if values is not None:
            check_layout(f"{where} {name}", layout, values.shape, values.dtype, {})
    _check_finite(f"{where} gen", texture.gen)
    for name in ("smp", "fill"):
        mask = getattr(texture, name)
        if mask is not None and mask.max() > 1:
            raise AvatarError(f"{where} {name}: expected a mask of 0 and 1, got {mask.max()}")


def check_shell(shell: Shell, body_vertices: int, body_faces: int, where: str) -> None:
    """Raise AvatarError unless the arrays fit each other and a body of so many vertices and faces."""
    lengths = {"B": body_faces}
    for name, layout in SHELL_LAYOUTS.items():
        values = getattr(shell, name)
        check_layout(f"{where} {name}", layout, values.shape, values.dtype, lengths)
    check_layout(f"{where} rgb", TEXTURE_LAYOUTS["rgb"], shell.rgb.shape, shell.rgb.dtype, {})
    _check_finite(f"{where} vertices", shell.vertices)
    if not ((shell.uv >= 0) & (shell.uv <= 1)).all():
        raise AvatarError(f"{where} uv: expected texture coordinates in [0, 1]")
    indices: Mapping[str, int] = {
        "faces": len(shell.vertices),
        "uv_faces": len(shell.uv),
        "joint_index": JOINT_COUNT,
        "anchor_vertex": body_vertices,
    }
    for name, count in indices.items():
        values = getattr(shell, name)
        if values.min() < 0 or values.max() >= count:
            raise AvatarError(
                f"{where} {name}: expected 0 to {count - 1}, got {values.min()} to {values.max()}"
            )
    _check_weights(f"{where} joint_weight", shell.joint_weight, (1.0,))
    _check_weights(f"{where} anchor_weight", shell.anchor_weight, (0.0, 1.0))


def _check_finite(what: str, values: np.ndarray | None) -> None:
    if values is not None and not np.isfinite(values).all():
        raise AvatarError(f"{what}: expected finite numbers, got NaN or infinity")


def _check_weights(what: str, weights: np.ndarray, sums: tuple[float, ...]) -> None:
    """Raise AvatarError unless weights [N, K] are >= 0 and each row sums to one of `sums`."""
    off = np.min([np.abs(weights.sum(axis=1, dtype=np.float64) - total) for total in sums], axis=0)  # [N]
    if not ((weights >= -_SUM_TOLERANCE).all() and (off <= _SUM_TOLERANCE).all()):  # NaN fails both
        wanted = " or ".join(f"{total:g}" for total in sums)
        raise AvatarError(f"{what}: expected weights >= 0 in rows that sum to {wanted}")
