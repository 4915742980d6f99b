"""The networks that come with dinar: a run in half precision, so that it is a small download.

    python -m dinar.trainer.models.shipped RUN [--out trainer/assets/networks]

Weights become float16, vectors (biases, statistics) stay float32; who reads the files sees a run like others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import tyro
from rich.console import Console

from dinar.runtime.errors import DinarError
from dinar.trainer.models.avatar_networks import NETWORKS, load_avatar_networks
from dinar.trainer.models.denoiser import DENOISER
from dinar.trainer.models.network_file import halve_network_file
from dinar.trainer.models.vqgan import VQGAN

LIMIT = 15_000_000
"""Bytes of all files together."""


def shipped_networks() -> Path:
    """The folder of the networks that come with dinar."""
    return Path(__file__).parents[1] / "assets" / "networks"


@dataclass(frozen=True)
class ShipConfig:
    """Write a run's networks in half precision, for others to make avatars with."""

    run: tyro.conf.Positional[Path]
    """The folder of a training: `dinar train live`, or `dinar train diffusion` to complete people too."""
    out: Path = Path("trainer/assets/networks")
    """The folder to write."""


def ship(config: ShipConfig) -> None:
    """Write the networks, or none. Raises DinarError: there are none, or they are too large."""
    load_avatar_networks(config.run / NETWORKS)  # says what is wrong with it
    files = [config.run / name for name in (NETWORKS, VQGAN, DENOISER) if (config.run / name).is_file()]
    config.out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=config.out) as folder:
        halves = [Path(folder) / file.name for file in files]
        for file, half in zip(files, halves, strict=True):
            halve_network_file(file, half)
        size = sum(half.stat().st_size for half in halves)
        if size > LIMIT:
            raise DinarError(
                f"networks of {config.run} have {size / 1e6:.1f} MB in half precision, what ships may have "
                f"{LIMIT / 1e6:.0f} MB: nothing was written"
            )
        for half in halves:
            half.replace(config.out / half.name)
    names = ", ".join(file.name for file in files)
    Console().print(f"wrote {names} to {config.out}: {size / 1e6:.2f} MB", highlight=False)


if __name__ == "__main__":
    ship(tyro.cli(ShipConfig, description=ShipConfig.__doc__))
