"""The mean texture of people, and its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dinar.runtime.errors import DinarError
from dinar.trainer.texture.mean_texture import main, mean_texture, read_mean, save_mean
from dinar.trainer.texture.merging import BodyTexture
from dinar.trainer.texture.texel_surface import TexelSurface, texel_surface

from ..data.dataset.small_people import make_dataset, open_body

SIDE = 32


@pytest.fixture(scope="module")
def surface() -> TexelSurface:
    return texel_surface(open_body(), SIDE)


def texture(grey: float, filled: np.ndarray) -> BodyTexture:
    rgb = np.where(filled[..., None], np.float32(grey), 0).repeat(3, 2).astype(np.float32)
    return BodyTexture(np.zeros((SIDE, SIDE, 0), np.float32), rgb, filled, filled, filled.astype(np.float32))


def test_each_texel_is_the_mean_over_those_who_show_it(surface: TexelSurface) -> None:
    one, both = surface.covered.copy(), surface.covered.copy()
    both[:, SIDE // 2 :] = False
    mean = mean_texture([texture(0.2, one), texture(0.6, both)], surface)
    assert mean[both] == pytest.approx(0.4)
    assert mean[one & ~both] == pytest.approx(0.2)
    assert not mean[~surface.covered].any()


def test_texels_that_nobody_shows_take_the_nearest_colour(surface: TexelSurface) -> None:
    half = surface.covered.copy()
    half[: SIDE // 2] = False
    assert mean_texture([texture(0.5, half)], surface)[surface.covered] == pytest.approx(0.5)
    with pytest.raises(DinarError, match="shows anything"):
        mean_texture([texture(0.5, np.zeros_like(half))], surface)


def test_the_file_is_read_back_and_knows_its_body(tmp_path: Path) -> None:
    mean = np.random.default_rng(0).random((SIDE, SIDE, 3), np.float32)
    save_mean(tmp_path / "mean.npz", mean, open_body())
    assert read_mean(tmp_path / "mean.npz", open_body()) == pytest.approx(mean, abs=0.5 / 255 + 1e-6)
    with np.load(tmp_path / "mean.npz") as arrays:
        np.savez(tmp_path / "other.npz", rgb=arrays["rgb"], body=np.zeros(32, np.uint8))
        np.savez(tmp_path / "flat.npz", rgb=arrays["rgb"][0], body=arrays["body"])
    for name, said in (
        ("other", "another body"),
        ("flat", "expected a mean texture"),
        ("none", "cannot be read"),
    ):
        with pytest.raises(DinarError, match=said):
            read_mean(tmp_path / f"{name}.npz", open_body())


def test_the_script_makes_it_of_people_who_may_be_learned_from(tmp_path: Path) -> None:
    make_dataset(tmp_path / "people", ["anna"], views=2)
    main(tmp_path / "people", tmp_path / "mean.npz", texture_size=SIDE)
    mean = read_mean(tmp_path / "mean.npz", open_body())
    assert mean.shape == (SIDE, SIDE, 3)
    assert 0.2 < mean[mean.any(2)].mean() < 0.6


def test_a_file_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(tmp_path / "people", tmp_path / "nowhere" / "mean.npz", texture_size=SIDE)
    assert ended.value.code == 1
    assert "mean.npz cannot be written" in capsys.readouterr().err


def test_people_kept_for_evaluation_take_no_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_dataset(tmp_path / "people", ["900001"], views=2, synthetic=True)
    with pytest.raises(SystemExit) as ended:
        main(tmp_path / "people", tmp_path / "mean.npz", texture_size=SIDE)
    assert ended.value.code == 1
    assert "split train" in capsys.readouterr().err
    assert not (tmp_path / "mean.npz").exists()
