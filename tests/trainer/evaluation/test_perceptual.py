"""Measures of others' networks, from files laid out as the published ones, with few channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn
from torch.nn import functional as F

from dinar.runtime.errors import DinarError
from dinar.trainer.evaluation.dists import open_dists
from dinar.trainer.evaluation.inception import kernel_distance, load_inception, resized
from dinar.trainer.evaluation.measures import Measure, MissingMeasure, SetMeasure
from dinar.trainer.evaluation.perceptual import open_perceptual
from dinar.trainer.evaluation.reid import open_reid
from dinar.trainer.picture import Picture

from ..losses.test_lpips import write

VGG_TAPS, VGG_CHANNELS = (3, 8, 15, 22, 29), (4, 5, 7, 9, 9)


@pytest.fixture(autouse=True)
def nothing_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This computer's own weights take no part."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setattr("dinar.trainer.losses.lpips._PACKAGE_FOLDERS", {})
    monkeypatch.setattr("dinar.trainer.evaluation.dists._PACKAGE_FOLDERS", {})


def pictures(count: int = 2, side: int = 64, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def picture(seed: int = 0) -> Picture:
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 8:56, 16:48] = 1
    return Picture(pictures(1, seed=seed), mask)


# --- Weights as they are published, but small --------------------------------------------------------


def write_dists(folder: Path) -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    features, _ = write(folder, "vgg")
    generator = torch.Generator().manual_seed(1)
    alpha, beta = (torch.rand(1, 3 + sum(VGG_CHANNELS), 1, 1, generator=generator) for _ in range(2))
    torch.save({"alpha": alpha, "beta": beta}, folder / "dists_weights.pt")
    return features, alpha, beta


def inception_weights() -> dict[str, torch.Tensor]:
    """Names and kernels of the published file; four channels for every branch."""
    generator = torch.Generator().manual_seed(0)
    weights: dict[str, torch.Tensor] = {"fc.weight": torch.zeros(3, 16), "fc.bias": torch.zeros(3)}

    def add(name: str, inputs: int, height: int, width: int) -> None:
        weights[f"{name}.conv.weight"] = (
            torch.randn(4, inputs, height, width, generator=generator) / inputs**0.5
        )
        for part in ("weight", "bias", "running_mean", "running_var"):
            weights[f"{name}.bn.{part}"] = torch.rand(4, generator=generator) + 0.1

    for name, size in (("1a_3x3", 3), ("2a_3x3", 3), ("2b_3x3", 3), ("3b_1x1", 1), ("4a_3x3", 3)):
        add(f"Conv2d_{name}", 3 if name == "1a_3x3" else 4, size, size)
    inputs = 4
    for block, kind in (
        *((f"5{b}", "A") for b in "bcd"),
        ("6a", "B"),
        *((f"6{b}", "C") for b in "bcde"),
        ("7a", "D"),
    ):
        inputs = add_block(add, f"Mixed_{block}", kind, inputs)
    for block in ("7b", "7c"):
        inputs = add_block(add, f"Mixed_{block}", "E", inputs)
    return weights


BLOCKS = {
    "A": "1x1:1x1 5x5_1:1x1 5x5_2:5x5 3x3dbl_1:1x1 3x3dbl_2:3x3 3x3dbl_3:3x3 _pool:1x1",
    "B": "3x3:3x3 3x3dbl_1:1x1 3x3dbl_2:3x3 3x3dbl_3:3x3",
    "C": "1x1:1x1 7x7_1:1x1 7x7_2:1x7 7x7_3:7x1 7x7dbl_1:1x1 7x7dbl_2:7x1 7x7dbl_3:1x7 7x7dbl_4:7x1 "
    "7x7dbl_5:1x7 _pool:1x1",
    "D": "3x3_1:1x1 3x3_2:3x3 7x7x3_1:1x1 7x7x3_2:1x7 7x7x3_3:7x1 7x7x3_4:3x3",
    "E": "1x1:1x1 3x3_1:1x1 3x3_2a:1x3 3x3_2b:3x1 3x3dbl_1:1x1 3x3dbl_2:3x3 3x3dbl_3a:1x3 "
    "3x3dbl_3b:3x1 _pool:1x1",
}
FIRST = ("1x1", "5x5_1", "3x3dbl_1", "_pool", "7x7_1", "7x7dbl_1", "3x3_1", "7x7x3_1")
OUTPUTS = {"A": 16, "B": 8, "C": 16, "D": 8, "E": 24}


def add_block(add, name: str, kind: str, inputs: int) -> int:
    """Add a block's convolutions; returns how many channels it gives."""
    for entry in BLOCKS[kind].split():
        branch, size = entry.split(":")
        first = branch in FIRST or (kind, branch) == ("B", "3x3")
        add(f"{name}.branch{branch}", inputs if first else 4, *map(int, size.split("x")))
    return OUTPUTS[kind] + (inputs if kind in "BD" else 0)


def write_reid(folder: Path, output: str = "flat", channels: int = 3) -> None:
    """A network that knows people by their mean colour."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["person"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
    ]
    taken = helper.make_tensor_value_info("person", TensorProto.FLOAT, [1, channels, "h", "w"])
    given = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "reid", [taken], [given])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "reid.onnx")


# --- What they measure -------------------------------------------------------------------------------


def test_without_weights_each_is_missing_and_says_what_to_get(tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        for measure in vars(open_perceptual(folder)).values():
            assert isinstance(measure, MissingMeasure)
            assert "not on this computer; get " in measure.sentence
            assert "--weights" in measure.sentence


def test_with_weights_all_four_are_there_and_find_equal_pictures_equal(tmp_path: Path) -> None:
    write_dists(tmp_path)
    torch.save(inception_weights(), tmp_path / "pt_inception-2015-12-05-6726825d.pth")
    write_reid(tmp_path)
    perceptual = open_perceptual(tmp_path)
    for name in ("lpips", "dists", "reid"):
        measure = getattr(perceptual, name)
        assert isinstance(measure, Measure), name
        assert measure.of(picture(), picture()) == pytest.approx(0, abs=1e-5)
        assert measure.of(picture(), picture(1)) > 1e-4
    assert isinstance(perceptual.kid, SetMeasure)
    assert perceptual.kid.features(picture()).shape == (24,)


def test_dists_is_what_its_paper_says(tmp_path: Path) -> None:
    features, alpha, beta = write_dists(tmp_path)
    a, b = pictures(), pictures(seed=1)
    found = open_dists(tmp_path)
    assert found is not None
    assert found(a, b) == pytest.approx(dists_reference(features, alpha, beta, a, b), abs=1e-5)


@torch.no_grad()
def dists_reference(features: nn.Sequential, alpha, beta, a, b) -> torch.Tensor:
    """Layer by layer, with L2 pooling in place of the maximum."""
    window = torch.tensor([0.25, 0.5, 0.25])
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x, y = ((p - mean.view(1, 3, 1, 1)) / deviation.view(1, 3, 1, 1) for p in (a, b))
    maps = [(a, b)]
    for n, layer in enumerate(features[:30]):
        if isinstance(layer, nn.MaxPool2d):
            kernel = (window[:, None] * window).repeat(x.shape[1], 1, 1, 1)
            x, y = ((F.conv2d(m**2, kernel, None, 2, 1, 1, len(kernel)) + 1e-12).sqrt() for m in (x, y))
        else:
            x, y = layer(x), layer(y)
        if n in VGG_TAPS:
            maps.append((x, y))
    total, at, weight = torch.zeros(len(a)), 0, alpha.sum() + beta.sum()
    for x, y in maps:
        for channel in range(x.shape[1]):
            p, q = x[:, channel].flatten(1), y[:, channel].flatten(1)
            both = torch.stack([p, q])
            mu = both.mean(2)
            covariance = ((p - mu[0, :, None]) * (q - mu[1, :, None])).mean(1)
            variance = both.var(2, correction=0).sum(0)
            total += alpha[0, at, 0, 0] * (2 * mu[0] * mu[1] + 1e-6) / (mu.square().sum(0) + 1e-6)
            total += beta[0, at, 0, 0] * (2 * covariance + 1e-6) / (variance + 1e-6)
            at += 1
    return 1 - total / weight


def test_large_pictures_are_seen_at_256_pixels(tmp_path: Path) -> None:
    write_dists(tmp_path)
    found = open_dists(tmp_path)
    assert found is not None
    small, large = (F.interpolate(pictures(1, 16), (side, side), mode="bicubic") for side in (256, 512))
    assert float(found(large, large.flip(3))) == pytest.approx(float(found(small, small.flip(3))), rel=0.05)


def test_kid_is_nought_on_average_for_one_kind_and_grows_with_the_difference() -> None:
    generator = torch.Generator().manual_seed(0)

    def features(shift: float) -> torch.Tensor:
        return torch.randn(40, 8, generator=generator) + shift

    def mean(shift: float) -> float:
        values = [kernel_distance(features(0), features(shift)) for _ in range(30)]
        return float(np.mean([value for value in values if value is not None]))

    assert abs(mean(0)) < 0.02 < 0.1 < mean(0.5) < mean(1)
    assert kernel_distance(features(0)[:1], features(0)) is None


def test_pictures_are_resized_as_tensorflow_1_did() -> None:
    """No half pixel: the first stays the first, and twice as many lie on and between the old ones."""
    row = torch.tensor([0.0, 2.0, 4.0]).expand(1, 1, 3, 3)
    assert resized(row, 6)[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 4]


def test_re_identification_looks_at_the_person_alone(tmp_path: Path) -> None:
    write_reid(tmp_path)
    measure = open_perceptual(tmp_path).reid
    assert isinstance(measure, Measure)
    elsewhere = picture()
    behind = Picture(torch.where(elsewhere.mask > 0, elsewhere.rgb, 0), elsewhere.mask)
    assert measure.of(behind, picture()) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("dists_weights.pt", {"alpha": torch.zeros(1, 5, 1, 1)}, "expected alpha and beta"),
        ("pt_inception-2015-12-05-6726825d.pth", {"a": torch.zeros(1)}, "expected the weights of Inception"),
        ("pt_inception-2015-12-05-6726825d.pth", None, "expected weights of Inception v3, saved by torch"),
        ("reid.onnx", None, "as ONNX"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, content: object, said: str) -> None:
    write(tmp_path, "vgg")
    torch.save(content, tmp_path / name) if content else (tmp_path / name).write_bytes(b"no")
    with pytest.raises(DinarError, match=said):
        open_perceptual(tmp_path)


def test_re_identification_networks_of_another_kind_are_refused(tmp_path: Path) -> None:
    write_reid(tmp_path, output="mean")
    network = open_reid(tmp_path)
    assert network is not None
    with pytest.raises(DinarError, match=r"one vector, \[1, D\], not \[1, 3, 1, 1\]"):
        network.features(pictures(1))
    write_reid(tmp_path, channels=1)
    with pytest.raises(DinarError, match=r"takes pictures \[1, 3, H, W\]"):
        open_reid(tmp_path)


def test_inception_of_other_channels_is_read_too(tmp_path: Path) -> None:
    torch.save(inception_weights(), tmp_path / "weights.pth")
    features = load_inception(tmp_path / "weights.pth").features(pictures())
    assert features.shape == (2, 24)
    assert (features >= 0).all()
