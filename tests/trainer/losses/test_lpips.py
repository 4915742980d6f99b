"""LPIPS from files laid out as the published ones, with few channels and made-up numbers."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dinar.runtime.errors import DinarError
from dinar.trainer.losses.lpips import load_lpips, perceptual_loss

FEW = {64: 4, 128: 5, 192: 6, 256: 7, 384: 8, 512: 9}  # channels here, for those of the published networks


def conv(inputs: int, outputs: int, *rest: int) -> nn.Conv2d:
    return nn.Conv2d(FEW.get(inputs, inputs), FEW[outputs], *rest)


def vgg16() -> nn.Sequential:
    """Torchvision's `vgg16().features`."""
    layers, channels = [], 3
    for width in (
        64,
        64,
        None,
        128,
        128,
        None,
        256,
        256,
        256,
        None,
        512,
        512,
        512,
        None,
        512,
        512,
        512,
        None,
    ):
        layers += [nn.MaxPool2d(2, 2)] if width is None else [conv(channels, width, 3, 1, 1), nn.ReLU()]
        channels = width or channels
    return nn.Sequential(*layers)


def alexnet() -> nn.Sequential:
    """Torchvision's `alexnet().features`."""
    return nn.Sequential(
        conv(3, 64, 11, 4, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        conv(64, 192, 5, 1, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        conv(192, 384, 3, 1, 1),
        nn.ReLU(),
        conv(384, 256, 3, 1, 1),
        nn.ReLU(),
        conv(256, 256, 3, 1, 1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
    )


NETWORKS = {
    "vgg": (vgg16, "vgg16-397923af.pth", (3, 8, 15, 22, 29), (64, 128, 256, 512, 512)),
    "alex": (alexnet, "alexnet-owt-7be5be79.pth", (1, 4, 7, 9, 11), (64, 192, 384, 256, 256)),
}


def write(folder: Path, name: str) -> tuple[nn.Sequential, list[torch.Tensor]]:
    """Write both files of a network; returns what is in them."""
    make, features_file, _, channels = NETWORKS[name]
    torch.manual_seed(0)
    features = make()
    linear = [torch.rand(1, FEW[c], 1, 1) for c in channels]
    folder.mkdir(parents=True, exist_ok=True)
    content = {f"features.{key}": value for key, value in features.state_dict().items()}
    torch.save(content | {"classifier.0.weight": torch.zeros(2, 2)}, folder / features_file)
    torch.save({f"lin{n}.model.1.weight": w for n, w in enumerate(linear)}, folder / f"{name}.pth")
    return features, linear


def reference(name: str, features: nn.Sequential, linear: list[torch.Tensor], a, b) -> torch.Tensor:
    """LPIPS as its paper says, layer by layer."""
    shift = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)
    x, y = ((2 * picture - 1 - shift) / scale for picture in (a, b))
    total, taps = torch.zeros(len(a)), list(NETWORKS[name][2])
    for n, layer in enumerate(features[: taps[-1] + 1]):
        x, y = layer(x), layer(y)
        if n in taps:
            unit_x, unit_y = F.normalize(x, dim=1), F.normalize(y, dim=1)
            total = total + (linear[taps.index(n)] * (unit_x - unit_y) ** 2).sum(1).mean((1, 2))
    return total


@pytest.fixture(autouse=True)
def nothing_on_disk(tmp_path, monkeypatch):
    """This computer's own weights take no part."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setattr("dinar.trainer.losses.lpips._PACKAGE_FOLDERS", {})


@pytest.fixture
def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    return torch.rand(2, 3, 64, 48, generator=generator), torch.rand(2, 3, 64, 48, generator=generator)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_what_the_paper_says(tmp_path, pictures, name):
    features, linear = write(tmp_path, name)
    loss = perceptual_loss(tmp_path)
    assert loss.is_lpips
    assert {"vgg": "VGG16", "alex": "AlexNet"}[name] in loss.sentence
    with torch.no_grad():
        wanted = reference(name, features, linear, *pictures)
        torch.testing.assert_close(loss.distance(*pictures), wanted, rtol=1e-4, atol=1e-6)
    assert loss.distance(pictures[0], pictures[0]).abs().max() == 0


def test_vgg_is_taken_where_both_are_there(tmp_path):
    write(tmp_path, "alex")
    write(tmp_path, "vgg")
    assert "VGG16" in perceptual_loss(tmp_path).sentence


def test_gradients_reach_the_picture_and_no_weight(tmp_path, pictures):
    write(tmp_path, "vgg")
    distance = perceptual_loss(tmp_path).distance
    assert list(distance.parameters()) == []
    assert distance.state_dict() == {}  # half a gigabyte that no checkpoint needs
    for start in (pictures[0], pictures[1]):
        start = start.clone().requires_grad_()
        distance(start, pictures[1]).sum().backward()
        assert torch.isfinite(start.grad).all()
        assert (start.grad.abs().max() > 0) == (not torch.equal(start, pictures[1]))


def test_weights_are_found_where_torch_and_packages_keep_them(tmp_path, monkeypatch):
    package, below = tmp_path / "site" / "lpips_like", "weights/v0.1"
    write(package / below, "vgg")
    (package / "__init__.py").write_text("raise AssertionError('it must not be imported')")
    downloads = tmp_path / "torch" / "hub" / "checkpoints"
    downloads.mkdir(parents=True)
    name = NETWORKS["vgg"][1]
    (package / below / name).rename(downloads / name)
    monkeypatch.syspath_prepend(package.parent)
    places = {"lpips_like": below, "none_such": "x"}
    monkeypatch.setattr("dinar.trainer.losses.lpips._PACKAGE_FOLDERS", places)
    assert perceptual_loss().is_lpips
    (downloads / name).unlink()
    assert not perceptual_loss().is_lpips


def test_without_weights_a_substitute_says_so_and_how_to_change_that(pictures):
    loss = perceptual_loss()
    assert not loss.is_lpips
    assert "substitute" in loss.sentence
    assert "vgg.pth and vgg16-*.pth" in loss.sentence
    assert loss.distance(*pictures).shape == (2,)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(DinarError, match=r"holds no weights of LPIPS: expected a folder with vgg\.pth and"):
        perceptual_loss(tmp_path)


def wrong(path: Path, content) -> None:
    torch.save(content, path)


def test_wrong_files_get_one_sentence(tmp_path):
    write(tmp_path, "vgg")
    linear, features = tmp_path / "vgg.pth", tmp_path / NETWORKS["vgg"][1]
    other = tmp_path / "other.pth"
    whole = torch.load(features, weights_only=True)

    def refused(linear: Path, features: Path, sentence: str) -> None:
        with pytest.raises(DinarError, match=sentence) as error:
            load_lpips(linear, features)
        assert "\n" not in str(error.value)

    other.write_bytes(b"no weights at all")
    refused(linear, other, "expected weights of LPIPS, saved by torch")
    refused(linear, tmp_path / "missing.pth", "cannot be read")
    wrong(other, [1, 2, 3])
    refused(linear, other, "a map of names to tensors")
    wrong(other, {key: value for key, value in whole.items() if "28" not in key})
    refused(linear, other, "expected the features of VGG16 or AlexNet")
    wrong(other, whole | {"features.2.weight": torch.zeros(4, 5, 3, 3)})
    refused(linear, other, r"features\.2\.weight of VGG16 must have the shape \[4, 4, 3, 3\]")
    refused(features, features, "expected LPIPS's five linear layers")
    write(tmp_path / "alex", "alex")
    refused(tmp_path / "alex" / "alex.pth", features, "take both files of one network")


def test_too_small_pictures_are_refused(tmp_path):
    write(tmp_path, "alex")
    with pytest.raises(ValueError, match="32 pixels or more"):
        perceptual_loss(tmp_path).distance(torch.zeros(1, 3, 16, 64), torch.zeros(1, 3, 16, 64))
