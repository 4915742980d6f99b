"""Renderer networks for the bench: from files beside the avatar's own, and what one frame of them costs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dinar.runtime.avatar import Avatar, RendererNetwork, Texture
from dinar.runtime.errors import DinarError, UsageError
from dinar.runtime.files.avatar_check import MAX_NETWORK_BYTES
from dinar.runtime.measure.records import NetworkCost
from dinar.runtime.network_input import GEN_CHANNELS, MULTIPLE

RGB = "rgb"
_FILE_NAME = re.compile(r"([a-z0-9][a-z0-9-]*)_(fp32|int8)\.onnx")
_GEN_SIDE = 256


def mode_name(network: RendererNetwork) -> str:
    """Return what the bench calls drawing with a network, for example live_int8."""
    return f"{network.preset}_{network.precision}"


def modes_of(avatar: Avatar) -> tuple[str, ...]:
    """Return what the bench can measure of an avatar."""
    return (RGB, *(mode_name(network) for network in avatar.networks))


def with_networks(avatar: Avatar, files: Sequence[str], *, flag: str = "--network") -> Avatar:
    """Return the avatar with networks of files as well; they take the place of its own of the same name.

    A texture without the groups that networks read gets empty ones: the picture then means nothing, but takes
    the same time. Raises UsageError, which names `flag`, for a file that is not named PRESET_fp32.onnx or
    PRESET_int8.onnx, or cannot be read.
    """
    if not files:
        return avatar
    networks = {mode_name(network): network for network in avatar.networks}
    for file in files:
        network = _read(Path(file), flag)
        networks[mode_name(network)] = network
    return replace(avatar, texture=_complete(avatar.texture), networks=tuple(networks.values()))


def _read(path: Path, flag: str) -> RendererNetwork:
    named = _FILE_NAME.fullmatch(path.name)
    if named is None:
        raise UsageError(f"{flag} {path} must be named after what it holds, for example live_int8.onnx")
    try:
        if path.stat().st_size > MAX_NETWORK_BYTES:
            raise UsageError(f"{flag} {path} is larger than {MAX_NETWORK_BYTES:,} bytes: is it a renderer?")
        return RendererNetwork(named[1], "int8" if named[2] == "int8" else "fp32", path.read_bytes())
    except OSError as error:
        raise UsageError(f"{flag} {path} cannot be read ({error.strerror or error})") from error


def _complete(texture: Texture) -> Texture:
    side = _GEN_SIDE if texture.gen is None else texture.gen.shape[0]
    return replace(
        texture,
        gen=np.zeros((side, side, GEN_CHANNELS), np.float16) if texture.gen is None else texture.gen,
        smp=np.zeros((side, side), np.uint8) if texture.smp is None else texture.smp,
        fill=np.zeros((side, side), np.uint8) if texture.fill is None else texture.fill,
    )


def network_cost(network: RendererNetwork, size: int, crop_width: int, crop_height: int) -> NetworkCost:
    """Return the hash of a network and its operations for a picture of `size` and for a rectangle of it."""
    side = -(-size // MULTIPLE) * MULTIPLE
    return NetworkCost(
        sha256=hashlib.sha256(network.onnx).hexdigest(),
        gflop_picture=_convolution_gflop(network.onnx, side, side),
        gflop_crop=_convolution_gflop(network.onnx, crop_height, crop_width),
        crop_width=crop_width,
        crop_height=crop_height,
    )


def _convolution_gflop(network: bytes, height: int, width: int) -> float:
    """Return 10^9 operations of all convolutions for one picture; a multiply-add counts as two."""
    try:
        import openvino
    except ImportError:  # beside a GPU there may be none, but then there is onnx
        from dinar.runtime.gpu.cost import count_cost

        return count_cost(network, 1, height, width).flops / 1e9
    model = openvino.Core().read_model(network)
    (raster,) = model.inputs
    model.reshape({raster: [1, raster.get_partial_shape()[1].get_length(), height, width]})
    operations = 0
    for node in model.get_ops():
        if node.get_type_name() == "Convolution":
            weights, pixels = node.input(1).get_shape(), node.output(0).get_shape()[2:]
            operations += 2 * int(np.prod(weights)) * int(np.prod(pixels))
    return operations / 1e9


def check_modes(modes: Sequence[str], avatar: Avatar) -> tuple[str, ...]:
    """Return the modes to measure, each once, all of them when none is named; raises UsageError."""
    known = modes_of(avatar)
    for mode in modes:
        if mode not in known:
            raise UsageError(
                f"no mode {mode!r} to measure: this avatar has {', '.join(known)}; --network adds others"
            )
    return tuple(dict.fromkeys(modes)) or known


def find_network(avatar: Avatar, mode: str) -> RendererNetwork:
    """Return the network of a mode other than rgb; raises DinarError."""
    for network in avatar.networks:
        if mode_name(network) == mode:
            return network
    raise DinarError(f"the avatar {avatar.name!r} has no network {mode}")
