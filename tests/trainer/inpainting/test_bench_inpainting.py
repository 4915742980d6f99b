"""What `python -m tests.bench.bench_inpainting` measures, on a run that learned nothing."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from dinar.runtime.errors import DinarError
from dinar.trainer.data.dataset.layout import people_of
from dinar.trainer.data.prepared_views import ViewPreparer
from dinar.trainer.evaluation.cases import half_front_cases
from dinar.trainer.evaluation.contest import Contestant
from dinar.trainer.inpainting.examples import colours_by_example
from dinar.trainer.inpainting.models import InpaintingModels
from dinar.trainer.models.avatar_networks import NETWORKS, save_avatar_networks
from dinar.trainer.models.denoiser import DENOISER, Denoiser, save_denoiser
from dinar.trainer.models.inpainting_presets import TINY as INPAINTING
from dinar.trainer.models.presets import TINY
from dinar.trainer.models.vqgan import VQGAN, TextureVqgan, save_vqgan
from dinar.trainer.texture.texel_surface import TexelSurface, texel_surface

from ...bench import bench_inpainting as bench
from ..create.people import untrained
from ..data.dataset.small_people import make_dataset, open_body

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("bench") / "people", ["a"], size=64)


@pytest.fixture(scope="module")
def models() -> InpaintingModels:
    torch.manual_seed(0)
    return InpaintingModels(TextureVqgan(INPAINTING.vqgan).eval(), Denoiser(INPAINTING.denoiser).eval())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, models: InpaintingModels) -> Path:
    """What `dinar train diffusion` leaves."""
    made = tmp_path_factory.mktemp("run")
    save_avatar_networks(made / NETWORKS, untrained(), 0)
    save_vqgan(made / VQGAN, models.vqgan, 0)
    save_denoiser(made / DENOISER, models.denoiser, 0)
    return made


def test_every_sampler_has_its_rows_and_few_steps_the_best_of_eight(
    root: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "FEW", 1)
    monkeypatch.setattr(bench, "SAMPLERS", ("ddpm", "dpm++"))
    measured = bench.measure(root, 1, run, (1, 2), (1.0,), CPU)
    *_, best = bench.EIGHT_SAMPLES
    for row in measured.rows:
        few = row.way.name.endswith(" 1")  # a step, or a strength
        assert len(row.filler.seconds) == (8 if few else 1)
        assert len(measured.results.per_person(row.way.name, best)) == (1 if few else 0)
        assert all(measured.results.mean(row.way.name, column) is not None for column in bench.ONE_SAMPLE)
    assert 0 < measured.used < 1
    told = io.StringIO()
    bench.print_autoencoder(measured, 1, Console(file=told))
    bench.print_samplers(measured, Console(file=told, width=120))
    names = [line.split("│")[1].strip() for line in told.getvalue().splitlines() if line.startswith("│")]
    assert names == ["ddpm 1", "ddpm 2", "dpm++ 1", "dpm++ 2", "strength 1", "decoded truth"]
    assert f"people: 1; {measured.used:.1%} of the dictionary used" in told.getvalue()


@pytest.fixture(scope="module")
def surface() -> TexelSurface:
    return texel_surface(open_body(), TINY.texture_size)


def test_all_steps_of_the_process_are_ddpms_alone(models: InpaintingModels, surface: TexelSurface) -> None:
    rows = bench.rows_of(untrained(), models, surface, bench.ALL_STEPS, ())
    assert [row.way.name for row in rows if row.way.name.endswith("1000")] == ["ddpm 1000"]


def test_the_truth_keeps_what_the_photo_shows(
    root: Path, models: InpaintingModels, surface: TexelSurface
) -> None:
    preparer = ViewPreparer(open_body(), TINY.texture_size)
    person = Contestant(root, half_front_cases(root, 1)[0], preparer)
    networks = untrained()
    decoded = bench.decode(root, people_of(root)[0], preparer, surface, networks, models)
    merged, whole, truth = (person.texture(way) for way in decoded.ways)
    photo = person.texture(bench.Way("photo", networks, None))
    np.testing.assert_array_equal(truth.rgb[photo.filled], photo.rgb[photo.filled])
    np.testing.assert_array_equal(truth.gen[~photo.filled], whole.gen[~photo.filled])
    drawn = colours_by_example(whole.rgb, photo, surface)
    np.testing.assert_array_equal(truth.rgb[~photo.filled], drawn[~photo.filled])
    assert not np.array_equal(whole.gen, merged.gen)
    assert merged.filled.sum() > photo.filled.sum()


def test_a_run_without_a_diffusion_model_is_one_sentence(root: Path, tmp_path: Path) -> None:
    save_avatar_networks(tmp_path / NETWORKS, untrained(), 0)
    with pytest.raises(DinarError, match="no diffusion model: name a folder of `dinar train diffusion`"):
        bench.measure(root, 1, tmp_path, (1,), (), CPU)
