"""Where training leaves what it has made, for whoever goes on from there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFolder:
    """One training run's folder.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def checkpoint(self) -> Path:
        """The network and what resuming needs; see `save_renderer`."""
        return self.path / "renderer.pt"

    @property
    def networks(self) -> Path:
        """E, G and θ; see `save_avatar_networks`."""
        return self.path / "avatar.pt"

    @property
    def avatar(self) -> Path:
        """The avatar with the texture that the network was trained on."""
        return self.path / "avatar.dinar"

    @property
    def calibration(self) -> Path:
        """A .npz file of `rasters`, uint8 [N, H, W, 22]: views to calibrate an int8 network with."""
        return self.path / "calibration.npz"
