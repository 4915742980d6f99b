"""Untrained networks of every preset, as ONNX: as slow as trained ones; their picture means nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from dinar.export.to_onnx import to_onnx
from dinar.trainer.models.renderer import PRESETS, NeuralRenderer


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, config in PRESETS.items():
        torch.manual_seed(0)
        (folder / f"{name}_fp32.onnx").write_bytes(to_onnx(NeuralRenderer(config).eval()))
        print(f"{name}_fp32.onnx")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
