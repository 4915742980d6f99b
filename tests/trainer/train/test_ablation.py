"""Renderers that read a part of the texture alone."""

from dataclasses import fields

import pytest
import torch

from dinar.runtime.network_input import GEN_CHANNELS
from dinar.trainer.data.avatar_samples import AvatarBatch
from dinar.trainer.losses.lpips import perceptual_loss
from dinar.trainer.models.presets import TINY
from dinar.trainer.train.ablation import READS
from dinar.trainer.train.avatar import AvatarTraining
from dinar.trainer.train.run.processes import open_processes
from dinar.trainer.train.views import PreviewSamples

RGB, KNOWN = slice(GEN_CHANNELS, GEN_CHANNELS + 3), slice(GEN_CHANNELS + 3, GEN_CHANNELS + 5)


def random_batch(side: int = 64) -> AvatarBatch:
    chance = torch.Generator().manual_seed(0)
    texture = TINY.texture_size

    def pixels(*shape: int) -> torch.Tensor:
        return torch.randint(0, 256, shape, generator=chance, dtype=torch.uint8)

    made = {
        "photo": pixels(2, 3, side, side),
        "rgb": pixels(2, 3, texture, texture),
        "known": pixels(2, 2, texture, texture) % 2,
        "uv": torch.rand(2, side, side, 2, generator=chance),
        "coverage": torch.rand(2, side, side, generator=chance) < 0.7,
        "image": pixels(2, 3, side, side),
        "mask": pixels(2, 1, side, side),
        "face": torch.zeros(2, 4, dtype=torch.int64),
        "background": torch.rand(2, 3, 1, 1, generator=chance),
    }
    assert set(made) == {field.name for field in fields(AvatarBatch)}
    return AvatarBatch(**made)


@pytest.fixture(scope="module", params=READS)
def trained(request: pytest.FixtureRequest) -> tuple[str, AvatarTraining]:
    torch.manual_seed(0)
    previews = PreviewSamples("val", ())
    training = AvatarTraining(TINY, perceptual_loss(), previews, open_processes("32"), reads=request.param)
    for step in range(2):
        training.step(random_batch(), step, torch.Generator().manual_seed(step))
    return request.param, training


def changes(training: AvatarTraining, channels: slice) -> bool:
    """Whether the averaged renderer's picture depends on some channels of its input."""
    renderer = training.average.network.renderer
    raster = torch.rand(1, 22, 64, 64, generator=torch.Generator().manual_seed(1))
    other = raster.clone()
    other[:, channels] = 1 - other[:, channels]
    with torch.no_grad():
        return not torch.equal(renderer(raster), renderer(other))


def test_what_is_not_read_changes_nothing_after_training_either(trained) -> None:
    reads, training = trained
    assert changes(training, slice(0, GEN_CHANNELS)) == (reads != "rgb")
    assert changes(training, RGB) == (reads != "neural")
    assert changes(training, KNOWN) == (reads != "neural")
    assert changes(training, slice(21, 22)), "all read where the body is"


def test_what_is_read_is_learned(trained) -> None:
    reads, training = trained
    torch.manual_seed(0)
    fresh = AvatarTraining(
        TINY, perceptual_loss(), PreviewSamples("val", ()), open_processes("32"), reads=reads
    )
    before, after = (t.networks.renderer.readers[0].weight for t in (fresh, training))
    moved = (after - before).abs().amax((0, 2, 3)) > 0
    assert moved[:GEN_CHANNELS].all() == (reads != "rgb")
    assert moved[RGB].all() == (reads != "neural")
