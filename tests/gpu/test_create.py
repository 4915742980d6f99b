"""Making an avatar on a real GPU: the same texture, tuned and completed, as the CPU's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from dinar.trainer.create.tune import TuneOptions, tune  # noqa: E402
from dinar.trainer.inpainting.filler import DiffusionFiller  # noqa: E402
from dinar.trainer.inpainting.models import InpaintingModels  # noqa: E402
from dinar.trainer.inpainting.sampling import Sampling  # noqa: E402
from dinar.trainer.losses.lpips import perceptual_loss  # noqa: E402
from dinar.trainer.models.denoiser import Denoiser  # noqa: E402
from dinar.trainer.models.inpainting_presets import TINY  # noqa: E402
from dinar.trainer.models.vqgan import TextureVqgan  # noqa: E402
from dinar.trainer.texture.merging import BodyTexture  # noqa: E402
from dinar.trainer.texture.texel_surface import texel_surface  # noqa: E402

from ..trainer.create.people import make_person, silent, texture_of, untrained  # noqa: E402


def made_on(device: torch.device, folder: Path) -> BodyTexture:
    """The texture of a small person: from photos, tuned for a few steps, completed in a few."""
    person, networks = make_person(folder), untrained().to(device)
    texture = texture_of(networks, person)
    options = replace(TuneOptions.colours_alone(3, seed=0), gen_rate=0.01)
    tuned = tune(networks.renderer, texture, person.given, options, perceptual_loss(), silent()).texture
    torch.manual_seed(0)
    vqgan, denoiser = TextureVqgan(TINY.vqgan).eval(), Denoiser(TINY.denoiser).eval()
    models = InpaintingModels(vqgan, denoiser).to(device)
    surface = texel_surface(person.body, len(texture.filled))
    return DiffusionFiller(models, surface, Sampling("ddim", 3)).fill(tuned, seed=0)


def test_both_make_the_same_texture(tmp_path: Path) -> None:
    ours, theirs = (made_on(torch.device(name), tmp_path / "people") for name in ("cuda", "cpu"))
    known = theirs.filled & ours.filled
    assert known.mean() > 0.9 * theirs.filled.mean()
    assert np.abs(ours.gen - theirs.gen)[known].mean() < 0.02
    assert np.abs(ours.rgb - theirs.rgb)[known].mean() < 0.02
