from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from dinar.runtime.avatar import Avatar, default_avatar_path, open_avatar, save_avatar
from dinar.runtime.errors import DinarError, UsageError
from dinar.trainer.fit_views import (
    Fit,
    FitConfig,
    ViewSource,
    evaluate,
    fit,
    from_bytes,
    loss,
    mean_colour_psnr,
    positional_code,
    psnr,
    training_batch,
    with_neural_texture,
)
from dinar.trainer.models.renderer import LIVE, NeuralRenderer, load_renderer
from dinar.trainer.models.run_folder import RunFolder

from ..small_pictures import with_small_pictures

TINY = replace(LIVE, name="tiny", widths=(24, 32), middle_blocks=1)
SIZE = 128


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return with_neural_texture(open_avatar(default_avatar_path()))


@pytest.fixture(scope="module")
def source(avatar: Avatar) -> ViewSource:
    return ViewSource(avatar, SIZE)


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default avatar with small pictures: those of 2048 x 2048 take seconds to write."""
    path = tmp_path_factory.mktemp("small") / "small.dinar"
    save_avatar(path, with_small_pictures(open_avatar(default_avatar_path())))
    return path


def configured(folder: Path, **changes: object) -> FitConfig:
    return replace(FitConfig(out=folder, size=SIZE, crop=64, batch=4, learning_rate=1e-2), **changes)


def started(config: FitConfig, source: ViewSource) -> Fit:
    torch.manual_seed(config.seed)
    return Fit(config, NeuralRenderer(TINY), source)


def test_a_few_seconds_bring_the_picture_nearer_to_the_target(source: ViewSource, tmp_path: Path) -> None:
    config = configured(tmp_path, steps=60)
    state = started(config, source)
    before = evaluate(state.network, source, config)
    for _ in range(config.steps):
        state.advance()
    after = evaluate(state.network, source, config)
    assert after.mean_colour == before.mean_colour
    assert after.psnr > before.psnr + 3
    assert after.psnr > after.mean_colour + 3


def test_an_interrupted_fit_goes_on_as_if_nothing_had_happened(source: ViewSource, tmp_path: Path) -> None:
    whole = started(configured(tmp_path / "whole", steps=6), source)
    expected = [whole.advance() for _ in range(6)]

    config = configured(tmp_path, steps=6)
    first = started(config, source)
    losses = [first.advance() for _ in range(3)]
    first.save()
    second = started(replace(config), source)
    second.resume()
    assert second.step == 3
    losses += [second.advance() for _ in range(3)]
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


def test_a_folder_of_another_network_is_refused(source: ViewSource, tmp_path: Path) -> None:
    config = configured(tmp_path)
    started(config, source).save()
    with pytest.raises(DinarError, match="is a tiny network"):
        Fit(config, NeuralRenderer(LIVE), source).resume()


def test_a_run_leaves_network_avatar_and_calibration_views(small_file: Path, tmp_path: Path) -> None:
    config = configured(tmp_path / "run", avatar=small_file, steps=2, batch=1)
    fit(config, Console(quiet=True))
    run = RunFolder(config.out)
    network, others = load_renderer(run.checkpoint)
    assert (network.config, others["step"]) == (LIVE, 2)
    assert open_avatar(run.avatar).texture.gen is not None
    with np.load(run.calibration, allow_pickle=False) as file:
        rasters = file["rasters"]
    assert rasters.shape == (8, 64, 64, 22)
    assert (rasters[..., -1] == 255).any(axis=(1, 2)).all()  # the body is in each


def test_views_pair_the_bare_body_with_the_dressed_person(source: ViewSource, tmp_path: Path) -> None:
    views = training_batch(source, configured(tmp_path, crop=SIZE, batch=6), step=0)
    body, person = views.rasters[..., -1] > 127, views.targets[..., 3] > 127
    assert views.rasters.shape == (6, SIZE, SIZE, 22)
    assert (body & person).sum() > 0.95 * body.sum()  # clothes are worn outside
    assert person.sum() > 1.05 * body.sum()  # and need room
    assert not views.rasters[~body].any()


def test_a_step_sees_the_same_views_again_and_no_other_step_does(source: ViewSource, tmp_path: Path) -> None:
    config = configured(tmp_path)
    first, again, other = (training_batch(source, config, step) for step in (0, 0, 1))
    assert np.array_equal(first.rasters, again.rasters)
    assert np.array_equal(first.targets, again.targets)
    assert not np.array_equal(first.rasters, other.rasters)


def test_the_code_tells_any_two_places_apart() -> None:
    code = positional_code(64).astype(np.float32)
    assert code.shape == (64, 64, 16)
    assert np.abs(code).max() <= 1
    places = code.reshape(-1, 16)
    distances = np.linalg.norm(places[:, None, :] - places[None, ::37], axis=-1)
    distances[::37][np.eye(len(places[::37]), dtype=bool)] = np.inf
    assert distances.min() > 0.1


def test_the_code_is_of_texel_centres() -> None:
    code = positional_code(8).astype(np.float64)
    u, v = (2 + 0.5) / 8, (5 + 0.5) / 8
    expected = [np.sin(2 * np.pi * u), np.cos(2 * np.pi * u), np.sin(2 * np.pi * v), np.cos(2 * np.pi * v)]
    np.testing.assert_allclose(code[5, 2, :4], expected, atol=1e-3)


def test_groups_that_the_avatar_has_are_kept(avatar: Avatar) -> None:
    gen = np.zeros((32, 16, 16), np.float16)
    smp = np.zeros((32, 16), np.uint8)
    trained = replace(avatar, texture=replace(avatar.texture, gen=gen, smp=smp, fill=None))
    texture = with_neural_texture(trained).texture
    assert texture.gen is gen
    assert texture.smp is smp
    assert texture.fill is not None
    assert texture.fill.shape == (32, 16)


def test_loss_sees_colour_where_the_person_is_and_the_mask_everywhere() -> None:
    target = torch.zeros(1, 4, 4, 4)
    target[:, :, :2] = 1.0
    background = torch.full((1, 3, 1, 1), 0.25)
    assert loss(target, target, background) == 0
    unseen = target.clone()
    unseen[:, :3, 2:] = 0.7  # a colour behind an empty mask
    assert loss(unseen, target, background) == 0
    seen = target.clone()
    seen[:, :3, :2] = 0.5  # half of the pixels, off by a half
    assert float(loss(seen, target, background)) == pytest.approx(0.25)
    no_mask = target.clone()
    no_mask[:, 3] = 0  # shows the background; the mask is off by 1 on half of the pixels
    assert float(loss(no_mask, target, background)) == pytest.approx(0.75 / 2 + 1 / 2)


def test_psnr_is_of_colours_and_of_masks() -> None:
    target = torch.zeros(1, 4, 8, 8)
    target[:, :, :2] = 1.0  # white on a quarter of the picture
    darker = target.clone()
    darker[:, :3, :2] = 0.9
    assert psnr(darker, target) == pytest.approx(-10 * np.log10(0.1**2 / 4), abs=1e-3)
    too_large = target.clone()
    too_large[:, :, :4] = 1.0  # white on another quarter, where red and blue should be 0
    assert psnr(too_large, target) == pytest.approx(-10 * np.log10(2 / 3 / 4), abs=1e-3)


def test_the_mean_colour_is_of_all_that_the_views_show() -> None:
    target = torch.zeros(1, 4, 8, 8)
    target[:, :, :4] = 1.0  # white on half of the picture: red and blue are off by a half everywhere
    assert mean_colour_psnr(target) == pytest.approx(-10 * np.log10(0.5**2 * 2 / 3), abs=1e-3)


def test_bytes_become_channels_first_from_0_to_1() -> None:
    pixels = np.zeros((1, 2, 3, 4), np.uint8)
    pixels[0, 1, 2, 3] = 255
    tensor = from_bytes(pixels)
    assert tensor.shape == (1, 4, 2, 3)
    assert tensor[0, 3, 1, 2] == 1
    assert tensor.sum() == 1


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"preset": "huge"}, "--preset"),
        ({"steps": 0}, "--steps"),
        ({"crop": 100}, "--crop"),
        ({"crop": 256}, "--crop"),
        ({"size": 4096}, "--size"),
    ],
)
def test_flags_that_cannot_be_are_refused(tmp_path: Path, changes: dict, flag: str) -> None:
    with pytest.raises(UsageError, match=flag):
        configured(tmp_path, **changes)
