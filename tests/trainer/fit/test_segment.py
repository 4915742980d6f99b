"""Masks by models that users install: what is missing is told."""

from __future__ import annotations

import importlib.util
from typing import Literal

import numpy as np
import pytest

from dinar.runtime.errors import DinarError
from dinar.trainer.fit.segment import segment


@pytest.mark.parametrize("model", ["torchvision", "rembg"])
def test_a_model_that_is_not_installed_is_named(model: Literal["torchvision", "rembg"]) -> None:
    if importlib.util.find_spec(model) is not None:
        pytest.skip(f"{model} is installed")
    with pytest.raises(DinarError, match=f"pip install {model}, or name a mask with --mask"):
        segment(np.zeros((8, 8, 3), np.uint8), model)
