"""One export: what is asked for, and what several targets need of it, made once."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from rich.progress import Progress

from dinar.export.parity import Parity, compare_pictures, draw, import_onnxruntime
from dinar.export.views import CALIBRATION_VIEWS, COMPARED_VIEWS, calibration_views, compared_views
from dinar.runtime.avatar import Avatar, RendererNetwork
from dinar.runtime.errors import DinarError
from dinar.runtime.files.whole_file import write_file
from dinar.runtime.measure.networks import mode_name

Size = tuple[int, int]
"""Height and width of a rectangle."""

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Attributes:
        crops: sizes of the rectangles that networks are fixed to; one or more.
        views: pictures in one run of them.
        precision: of what is made for GPUs; None: that of the network, fp16 for a float32 one.
        out: folder for files; it is there.
        compatible: build engines that other GPUs can run as well.
        calibrate: make int8 networks anew where the avatar has them.
    """

    crops: tuple[Size, ...]
    views: int
    precision: Literal["fp16", "int8"] | None
    out: Path
    compatible: bool
    calibrate: bool


class Job:
    """An avatar on its way to files and engines.

    Attributes:
        avatar: with the networks.
        options: what is asked for.
        progress: tells a person what takes long.
        made: int8 networks that were calibrated, which the avatar does not have.
    """

    def __init__(
        self, avatar: Avatar, options: Options, progress: Progress, *, missing: tuple[str, ...] = ()
    ) -> None:
        """Start with nothing made.

        Args:
            avatar: with the networks, and with all texture groups that they read.
            options: what is asked for.
            progress: started.
            missing: texture groups that the avatar does not really have; nothing is calibrated then.
        """
        self.avatar, self.options, self.progress = avatar, options, progress
        self.made: dict[str, RendererNetwork] = {}
        self._missing = missing
        self._compared: dict[Size, list[np.ndarray]] = {}
        self._pictures: dict[tuple[str, Size], list[np.ndarray]] = {}

    def write(self, name: str, data: bytes) -> str:
        """Write a file into the folder; returns its path. Raises DinarError."""
        path = self.options.out / name
        write_file(path, data)
        return str(path)

    def network_for_gpus(self, network: RendererNetwork) -> RendererNetwork:
        """Return the network that half-precision ones are made of: itself, or its int8 twin if asked for."""
        return self.int8_of(network) if self.options.precision == "int8" else network

    def int8_of(self, network: RendererNetwork) -> RendererNetwork:
        """Return the int8 network of a preset: the avatar's own, or one calibrated on views of the avatar.

        Raises DinarError when one would have to be calibrated and cannot be.
        """
        preset = network.preset
        if network.precision == "int8":
            return network
        own = self._find(preset, "int8")
        if own is not None and not self.options.calibrate:
            return own
        if preset not in self.made:
            self.made[preset] = RendererNetwork(preset, "int8", self._calibrated(network))
        return self.made[preset]

    def reference_of(self, network: RendererNetwork) -> RendererNetwork | None:
        """Return the float32 network of the same preset; None where the avatar has none."""
        return self._find(network.preset, "fp32")

    def compared(self, size: Size) -> list[np.ndarray]:
        """Return the views that pictures are compared on, uint8 [H, W, 22] each."""
        if size not in self._compared:
            views = compared_views(self.avatar, *size)
            self._compared[size] = list(self.follow(views, COMPARED_VIEWS, "drawing views"))
        return self._compared[size]

    def parity(self, network: RendererNetwork, size: Size, ours: Iterable[np.ndarray]) -> Parity:
        """Compare pictures of the views of a size with those of a float32 network, by ONNX Runtime."""
        name = mode_name(network)
        key = (name, size)
        if key not in self._pictures:
            theirs = draw(import_onnxruntime(), network.onnx, self.compared(size))
            self._pictures[key] = list(self.follow(theirs, COMPARED_VIEWS, f"{name}: drawing in float32"))
        ours = self.follow(ours, COMPARED_VIEWS, f"{name}: comparing")
        return compare_pictures(ours, self._pictures[key])

    def tell(self, sentence: str) -> None:
        """Say something, above the bars."""
        self.progress.console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def follow(self, items: Iterable[_Item], total: int, doing: str) -> Iterator[_Item]:
        """Give items one after another while a bar shows how far it is."""
        task = self.progress.add_task(doing, total=total)
        try:
            for item in items:
                yield item
                self.progress.advance(task)
        finally:
            self.progress.remove_task(task)

    def _find(self, preset: str, precision: str) -> RendererNetwork | None:
        networks = self.avatar.networks
        return next((n for n in networks if (n.preset, n.precision) == (preset, precision)), None)

    def _calibrated(self, network: RendererNetwork) -> bytes:
        if self._missing:
            raise DinarError(
                f"an int8 network is calibrated on the avatar's texture, and that of {self.avatar.name!r} "
                f"has no {' and no '.join(self._missing)}: export an avatar that was made with its network"
            )
        from dinar.export.to_openvino import quantize

        size, name = self.options.crops[0], mode_name(network)
        drawn = calibration_views(self.avatar, *size)
        views = list(self.follow(drawn, CALIBRATION_VIEWS, f"{name}: drawing views"))
        task = self.progress.add_task(f"{name}: calibrating int8", total=None)
        with contextlib.redirect_stdout(io.StringIO()):  # nncf's own bars
            int8 = quantize(network.onnx, views)
        self.progress.remove_task(task)
        return int8
