"""How fast `dinar train avatar` is, and how long its steps wait for data.

    python -m tests.bench.bench_training                                  tiny and small
    python -m tests.bench.bench_training --preset paper --steps 50        on a GPU

from the root of the repository. It writes 6 people in 8 views of 512x512 each and trains on them twice: first
every view has to be prepared, then all are kept from the time before.
"""

import argparse
import os
import tempfile
from pathlib import Path

from rich.console import Console

from dinar.trainer.train.command import train_avatar
from dinar.trainer.train.config import TrainAvatarConfig

from ..trainer.data.dataset.small_people import make_dataset
from .bench_skin import cpu_name

PEOPLE = [f"person{n}" for n in range(6)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the training of the avatar model.")
    parser.add_argument(
        "--preset", nargs="*", default=["tiny", "small"], help="presets (default: tiny small)"
    )
    parser.add_argument("--steps", type=int, default=12, help="timed steps, after one (default: 12)")
    parser.add_argument("--workers", type=int, help="processes that prepare samples")
    parser.add_argument("--precision", default="32", help="32 or bf16")
    options = parser.parse_args()
    print(f"CPU: {cpu_name()}, {os.cpu_count()} threads; {gpu_name()}; precision {options.precision}\n")
    print("| preset | views | steps/s | pairs/s | waiting for data |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        root = make_dataset(Path(folder) / "people", PEOPLE, views=8, size=512, ending=".jpg")
        for preset in options.preset:
            out = Path(folder) / preset
            for views in ("prepared for the first time", "kept"):
                measure(TrainAvatarConfig(root, out, preset=preset, **settings(options)), views)
                for checkpoint in out.glob("*.pt"):  # begin anew, with the views that are kept
                    checkpoint.unlink()


def settings(options: argparse.Namespace) -> dict:
    steps = options.steps + 1
    return {
        "steps": steps,
        "workers": options.workers,
        "precision": options.precision,
        "save_every": 10 * steps,
        "sheet_every": 10 * steps,
    }


def measure(config: TrainAvatarConfig, views: str) -> None:
    """Train and print a row of the table."""
    with open(os.devnull, "w") as nowhere:
        ended = train_avatar(config, Console(file=nowhere))
    steps, pairs = ended.images_per_second / config.batch_size, ended.images_per_second
    print(f"| `{config.preset}` | {views} | {steps:.2f} | {pairs:.1f} | {ended.waiting:.1%} |", flush=True)


def gpu_name() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"


if __name__ == "__main__":
    main()
