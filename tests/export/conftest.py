"""One small renderer for all tests of the export: writing one as ONNX takes seconds."""

from dataclasses import replace
from typing import NamedTuple

import pytest
import torch

from dinar.export.to_onnx import to_onnx
from dinar.trainer.models.renderer import LIVE, NeuralRenderer


class Renderer(NamedTuple):
    """A network of fresh weights, and its ONNX file."""

    network: NeuralRenderer
    onnx: bytes


@pytest.fixture(scope="session")
def small() -> Renderer:
    torch.manual_seed(0)
    network = NeuralRenderer(replace(LIVE, widths=(16, 16, 24), batch_norm=False)).eval()
    return Renderer(network, to_onnx(network))
