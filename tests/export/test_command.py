"""`dinar export` from an avatar file to files and a report, and every way in which it cannot."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino
import pytest

from dinar.export.command import ExportConfig, Target, export
from dinar.runtime.avatar import (
    Avatar,
    RendererNetwork,
    Texture,
    default_avatar_path,
    open_avatar,
    save_avatar,
)
from dinar.runtime.cli import main
from dinar.runtime.errors import DinarError, UsageError
from dinar.trainer.models.renderer import count_flops

from ..small_pictures import with_small_pictures

CROP = ((64, 32),)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DINAR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def network(small: Any) -> bytes:
    return small.onnx


@pytest.fixture(scope="module")
def avatar(network: bytes) -> Avatar:
    bare = with_small_pictures(open_avatar(default_avatar_path()))
    return replace(bare, networks=(RendererNetwork("live", "fp32", network),))


@pytest.fixture(scope="module")
def file(avatar: Avatar, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("avatar") / "me.dinar"
    save_avatar(path, avatar)
    return path


@pytest.fixture(scope="module")
def plain(avatar: Avatar, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An avatar with nothing for a network to read."""
    path = tmp_path_factory.mktemp("plain") / "plain.dinar"
    texture = Texture(avatar.texture.rgb)
    save_avatar(path, replace(avatar, texture=texture, networks=()))
    return path


def report_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# --- What is made -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def onnx_export(file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("onnx")
    out, report = folder / "deep" / "out", folder / "report.json"
    crops = ("--crop", "64", "32", "96", "64")
    command = ["export", str(file), "--target", "onnx", *crops, "--out", str(out), "--json", str(report)]
    assert main(command) == 0
    return out, report_of(report)


def test_onnx_is_written_as_it_is_and_in_half_precision_for_each_rectangle(
    onnx_export: tuple[Path, dict[str, Any]], network: bytes
) -> None:
    out, _ = onnx_export
    assert names(out) == {"live_fp32.onnx", "live_fp16_64x32.onnx", "live_fp16_96x64.onnx"}
    assert (out / "live_fp32.onnx").read_bytes() == network
    model = onnx.load(out / "live_fp16_96x64.onnx")
    onnx.checker.check_model(model, full_check=True)
    tensors = [value.type.tensor_type for value in (*model.graph.input, *model.graph.output)]
    assert [[d.dim_value for d in t.shape.dim] for t in tensors] == [[1, 24, 96, 64], [1, 64, 24, 16]]
    assert {t.elem_type for t in tensors} == {onnx.TensorProto.FLOAT16}


def test_half_precision_is_near_float32(onnx_export: tuple[Path, dict[str, Any]]) -> None:
    halves = [one for one in onnx_export[1]["built"] if one["precision"] == "fp16"]
    assert [one["size"] for one in halves] == [[1, 64, 32], [1, 96, 64]]
    for one in halves:
        assert 0 < one["parity"]["max_error"] < 2e-2
        assert one["parity"]["psnr"] > 45
        assert one["parity"]["views"] == 4


def test_the_report_says_what_the_network_takes(onnx_export: tuple[Path, dict[str, Any]], small: Any) -> None:
    (one,) = onnx_export[1]["networks"]
    assert (one["name"], one["file_bytes"]) == ("live_fp32", len(small.onnx))
    narrow, large = one["crops"]
    assert (large["views"], large["height"], large["width"]) == (1, 96, 64)
    assert large["flops"] == count_flops(small.network.config, 96, 64)
    assert narrow["fp32_bytes"] == 2 * narrow["fp16_bytes"] == 4 * narrow["int8_bytes"]
    assert narrow["fp16_bytes"] > 2 * one["parameters"]
    assert onnx_export[1]["versions"]["onnx"] == onnx.__version__


def test_two_views_go_through_one_file(file: Path, tmp_path: Path) -> None:
    config = ExportConfig(file, ("onnx",), crop=CROP, views=3, out=tmp_path, json=tmp_path / "report.json")
    assert export(config) == 0
    (half,) = [one for one in report_of(tmp_path / "report.json")["built"] if one["size"]]
    assert half["files"] == [str(tmp_path / "live_fp16_3x64x32.onnx")]
    assert half["parity"]["views"] == 4
    assert half["parity"]["psnr"] > 45


def test_without_onnx_runtime_nothing_is_compared_and_that_is_said(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dinar.export.onnx_target.import_onnxruntime", lambda: None)
    assert export(ExportConfig(file, ("onnx",), crop=CROP, out=tmp_path)) == 0
    assert "not compared: onnxruntime is not installed (pip install onnxruntime)" in capsys.readouterr().out


@pytest.fixture(scope="module")
def int8_export(file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("openvino")
    config = ExportConfig(
        file, ("openvino",), crop=CROP, out=out, json=out / "report.json", into=out / "int8.dinar"
    )
    assert export(config) == 0
    return out, report_of(out / "report.json")


def test_openvino_gets_int8_in_both_formats(int8_export: tuple[Path, dict[str, Any]]) -> None:
    out, report = int8_export
    (one,) = report["built"]
    assert {Path(name).name for name in one["files"]} == {"live_int8.onnx", "live_int8.xml", "live_int8.bin"}
    assert one["parity"]["psnr"] > 35
    raster = np.random.default_rng(0).random((1, 22, 64, 32), np.float32)
    pictures = []
    for name in ("live_int8.onnx", "live_int8.xml"):
        model = openvino.Core().compile_model(out / name, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        pictures.append(model([raster])[0])
    assert np.abs(pictures[0] - pictures[1]).max() < 1e-5


def test_the_new_avatar_holds_the_int8_network(
    int8_export: tuple[Path, dict[str, Any]], avatar: Avatar
) -> None:
    out, _ = int8_export
    networks = {n.precision: n.onnx for n in open_avatar(out / "int8.dinar").networks}
    assert networks == {"fp32": avatar.networks[0].onnx, "int8": (out / "live_int8.onnx").read_bytes()}


def test_an_avatar_s_own_int8_network_is_used_unless_it_is_to_be_made_anew(
    int8_export: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    out, _ = int8_export
    for calibrate, crop in ((False, ((96, 96),)), (True, ((96, 96),))):
        config = ExportConfig(out / "int8.dinar", ("openvino",), crop=crop, out=tmp_path, calibrate=calibrate)
        assert export(config) == 0
        same = (tmp_path / "live_int8.onnx").read_bytes() == (out / "live_int8.onnx").read_bytes()
        assert same is not calibrate


def test_int8_for_gpus_is_made_of_the_int8_network(
    int8_export: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    config = ExportConfig(
        int8_export[0] / "int8.dinar",
        ("onnx",),
        crop=CROP,
        precision="int8",
        out=tmp_path,
        json=tmp_path / "report.json",
    )
    assert export(config) == 0
    (half,) = [one for one in report_of(tmp_path / "report.json")["built"] if one["size"]]
    assert (half["precision"], half["files"]) == ("int8", [str(tmp_path / "live_int8_64x32.onnx")])
    assert half["parity"]["psnr"] > 35
    kinds = {node.op_type for node in onnx.load(tmp_path / "live_int8_64x32.onnx").graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds


# --- What cannot be made ------------------------------------------------------------------------------------

GPU_TARGETS: tuple[Target, ...] = ("tensorrt", "tensorrt-rtx")


def test_all_makes_what_can_be_made_and_says_why_not_the_rest(
    int8_export: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    avatar = int8_export[0] / "int8.dinar"
    assert export(ExportConfig(avatar, crop=CROP, out=tmp_path, json=tmp_path / "report.json")) == 0
    said = capsys.readouterr().out
    report = report_of(tmp_path / "report.json")
    assert {one["target"] for one in report["built"]} >= {"onnx", "openvino"}
    for missing in report["not_built"]:
        assert missing["target"] in GPU_TARGETS
        assert f"{missing['target']}, live_fp32: not built: {missing['reason']}" in said


@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt") is not None, reason="TensorRT is installed: it may build"
)
def test_a_target_that_is_named_and_cannot_be_made_is_a_failure(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(ExportConfig(file, ("onnx", "tensorrt"), crop=CROP, out=tmp_path)) == 1
    assert (tmp_path / "live_fp16_64x32.onnx").is_file()
    said = capsys.readouterr().out
    assert "tensorrt, live_fp32: not built: " in said
    assert "Traceback" not in said


def test_int8_is_not_calibrated_on_a_texture_that_is_not_there(
    plain: Path, network: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "live_fp32.onnx").write_bytes(network)
    files = (tmp_path / "live_fp32.onnx",)
    assert export(ExportConfig(plain, ("openvino",), network_file=files, crop=CROP, out=tmp_path)) == 1
    assert "has no gen and no smp and no fill" in capsys.readouterr().out
    assert export(ExportConfig(plain, ("onnx",), network_file=files, crop=CROP, out=tmp_path)) == 0
    assert "warning" in capsys.readouterr().out
    with pytest.raises(DinarError, match="made with its network"):
        export(ExportConfig(plain, network_file=files, crop=CROP, out=tmp_path, into=tmp_path / "a.dinar"))


def test_an_avatar_without_networks_says_how_to_get_one(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(DinarError, match=r"--network-file live_fp32\.onnx"):
        export(ExportConfig(plain, out=tmp_path / "out"))
    assert names(tmp_path) == set()


def test_an_unknown_network_is_bad_usage_and_those_known_are_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no network 'paper_fp32', but live_fp32"):
        export(ExportConfig(file, network=("paper_fp32",), out=tmp_path))


def test_what_is_no_renderer_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "live_fp32.onnx").write_bytes(b"no network")
    with pytest.raises(DinarError, match="expected an ONNX renderer"):
        export(ExportConfig(None, network_file=(tmp_path / "live_fp32.onnx",), out=tmp_path / "out"))
    assert names(tmp_path) == {"live_fp32.onnx"}


def test_a_network_file_with_another_name_is_told_under_its_flag(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--network-file .*net\.onnx must be named after what it holds"):
        export(ExportConfig(None, network_file=(tmp_path / "net.onnx",), out=tmp_path))


def test_a_folder_that_cannot_be_written_is_told_before_the_work(file: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DinarError, match="cannot be written"):
        export(ExportConfig(file, out=tmp_path / "file" / "out"))


def test_nothing_half_written_stays(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert export(ExportConfig(file, ("onnx",), crop=CROP, out=tmp_path)) == 1
    assert names(tmp_path) == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": ((500, 512),)}, "multiples of 32 up to 4096, not 500 512"),
        ({"crop": ((0, 32),)}, "multiples of 32"),
        ({"crop": ()}, "one value or more"),
        ({"target": ()}, "one value or more"),
        ({"views": 0}, "from 1 to 16, not 0"),
        ({"out": default_avatar_path()}, "is a file; give a folder"),
        ({"json": Path("/nowhere/report.json")}, "--json /nowhere/report.json cannot be written"),
        ({"into": Path("/nowhere/a.dinar")}, "--into /nowhere/a.dinar cannot be written"),
    ],
)
def test_bad_options_are_bad_usage(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ExportConfig(**options)


def test_targets_are_made_once_and_in_order() -> None:
    assert ExportConfig(target=("openvino", "onnx", "openvino")).targets == ("onnx", "openvino")
    assert ExportConfig(target=("onnx", "all")).targets == ("onnx", "openvino", "tensorrt", "tensorrt-rtx")
