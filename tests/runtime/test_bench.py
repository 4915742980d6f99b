"""`dinar bench` in a process of its own: real poses over a real socket, and everything that it writes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from dinar.export.to_onnx import to_onnx
from dinar.runtime.cli import main
from dinar.trainer.models.renderer import LIVE, NeuralRenderer, count_flops

DINAR = Path(sys.executable).with_name("dinar")
WITHOUT_DISPLAY = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
SHORT = ("--seconds", "1.5", "--window", "12", "--warm-up", "3", "--rate", "40")
FIGURES = ("p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms")


def measure(folder: Path, *arguments: str) -> tuple[dict[str, Any], str, str]:
    """Run the bench; its JSON file, its HTML file and what it printed."""
    files = (folder / "bench.json", folder / "bench.html")
    command = [str(DINAR), "bench", *SHORT, *arguments, "--json", str(files[0]), "--html", str(files[1])]
    done = subprocess.run(command, env=WITHOUT_DISPLAY, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return json.loads(files[0].read_text()), files[1].read_text(encoding="utf-8"), done.stdout


@pytest.fixture(scope="module")
def rgb(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, str]:
    return measure(tmp_path_factory.mktemp("rgb"), "--modes", "rgb", "--size", "256", "--steadiness")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, str]:
    folder = tmp_path_factory.mktemp("live")
    torch.manual_seed(0)
    (folder / "live_fp32.onnx").write_bytes(to_onnx(NeuralRenderer(LIVE)))
    network = str(folder / "live_fp32.onnx")
    return measure(folder, "--modes", "live_fp32", "--size", "128", "--network", network)


def check_stages(stages: dict[str, dict[str, float]], names: Sequence[str]) -> None:
    assert list(stages) == [*names, "total"]
    for times in stages.values():
        assert set(FIGURES) < set(times)
        assert (
            0 <= times["p50_ms"] <= times["p90_ms"] <= times["p95_ms"] <= times["p99_ms"] <= times["max_ms"]
        )
    parts = sum(stages[name]["mean_ms"] for name in names)
    assert stages["total"]["mean_ms"] == pytest.approx(parts, rel=1e-6)


def test_the_stages_of_rgb_are_all_there_and_add_up_to_the_total(
    rgb: tuple[dict[str, Any], str, str],
) -> None:
    report = rgb[0]
    assert list(report["results"]) == ["rgb"]
    check_stages(report["results"]["rgb"], ["wait", "decode", "skin", "raster", "shade", "other"])


def test_the_machine_versions_and_settings_are_written_down(rgb: tuple[dict[str, Any], str, str]) -> None:
    report = rgb[0]
    assert report["machine"]["cpu"]
    assert report["machine"]["cores"] >= 1
    assert report["machine"]["python"].startswith("CPython 3.")
    assert {"dinar", "numpy", "numba"} <= set(report["versions"])
    settings = report["settings"]
    assert (settings["size"], settings["motion"], settings["rate"]) == (256, "dance", 40)


def test_poses_come_over_a_socket_from_another_process(rgb: tuple[dict[str, Any], str, str]) -> None:
    stream = rgb[0]["details"]["rgb"]["stream"]
    assert re.fullmatch(r"tcp://127\.0\.0\.1:\d+", stream["endpoint"])
    assert stream["publisher_pid"] != os.getpid()
    assert stream["taken"] >= len(rgb[0]["details"]["rgb"]["totals_ms"]) >= 3
    assert stream["taken"] <= stream["received"] + 1  # one may have arrived while warming up
    assert stream["dropped"] == 0


def test_the_publisher_ends_with_the_bench(rgb: tuple[dict[str, Any], str, str]) -> None:
    pid = rgb[0]["details"]["rgb"]["stream"]["publisher_pid"]
    alive = subprocess.run(["ps", "-p", str(pid), "-o", "args="], capture_output=True, text=True).stdout
    assert "play" not in alive


def test_the_person_fills_nine_tenths_of_the_height(rgb: tuple[dict[str, Any], str, str]) -> None:
    figure = rgb[0]["details"]["rgb"]["figure"]
    assert 0.9 <= figure["height_share"] <= 1
    assert figure["crop_share"] <= 1
    assert figure["crop_height"] >= 0.9 * 256


def test_what_else_is_known_of_a_mode_is_plausible(rgb: tuple[dict[str, Any], str, str]) -> None:
    details = rgb[0]["details"]["rgb"]
    assert 0 < details["fps"] <= 45
    assert 0 < details["cpu_share"] <= 1
    assert details["pose_age"]["p50_ms"] > 0
    assert details["presented"] == "not measured: there is no display"
    assert details["network"] is None
    assert len(details["window_medians_ms"]) >= 3
    if sys.platform == "linux":
        assert 50 < details["resident_mb"] <= details["peak_resident_mb"]
        assert details["others_cpu_share"] >= 0


def test_the_page_is_self_contained_and_its_plots_are_well_formed(
    rgb: tuple[dict[str, Any], str, str],
) -> None:
    page = rgb[1]
    assert not re.search(r"https?://|<script|<link|src=", page)
    plots = [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]
    assert len(plots) == 3  # the stages, the histogram of the one mode, and steadiness
    widths = [float(bar.get("width", "nan")) for plot in plots for bar in plot.iter("rect")]
    assert widths
    assert min(widths) >= 0
    assert f"{rgb[0]['results']['rgb']['total']['p99_ms']:.2f}" in page


def test_the_terminal_shows_the_same_numbers(rgb: tuple[dict[str, Any], str, str]) -> None:
    report, _, printed = rgb
    (line,) = (line for line in printed.splitlines() if line.startswith("total"))
    assert [float(text) for text in line.split()[1:6]] == pytest.approx(
        [report["results"]["rgb"]["total"][name] for name in FIGURES], abs=0.006
    )


def test_steadiness_is_measured_on_a_noisy_stream_of_another_process(
    rgb: tuple[dict[str, Any], str, str],
) -> None:
    report = rgb[0]
    strengths = ["off", "light", "medium", "strong"]
    assert list(report["steadiness"]) == [*strengths, *(f"{name}_predict" for name in strengths)]
    off = report["steadiness"]["off"]
    assert (off["added_delay_ms"], off["told_delay_ms"], off["cpu_us"]) == (0, 0, 0)
    for name, result in report["steadiness"].items():
        assert result["aligned_error_mm"] > 0
        assert result["jitter_mm"] > 0
        assert result["shown_error_mm"] > 0
        assert (result["cpu_us"] > 0) == (name != "off")
    stream = report["steadiness_stream"]
    assert stream["noise"]["rotation_deg"] > 0
    assert stream["age"]["p50_ms"] >= stream["noise"]["delay_ms"]
    parts = report["results"]["rgb"]
    drawn = sum(parts[stage]["mean_ms"] for stage in ("skin", "raster", "shade", "other"))
    assert stream["drawing_ms"] == pytest.approx(drawn, rel=1e-6)
    assert stream["stream"]["publisher_pid"] not in (
        os.getpid(),
        report["details"]["rgb"]["stream"]["publisher_pid"],
    )
    assert stream["stream"]["dropped"] == 0


def test_steadiness_is_printed_and_drawn(rgb: tuple[dict[str, Any], str, str]) -> None:
    report, page, printed = rgb
    (line,) = (line for line in printed.splitlines() if line.startswith("light, predict"))
    result = report["steadiness"]["light_predict"]
    assert float(line.split()[2]) == pytest.approx(result["delay_ms"], abs=0.06)
    assert float(line.split()[6]) == pytest.approx(result["jitter_mm"], abs=0.006)
    plot = re.findall(r"<svg.*?</svg>", page, re.DOTALL)[-1]
    assert len(list(ET.fromstring(plot).iter("circle"))) == 8


def test_without_the_option_steadiness_is_not_measured(live: tuple[dict[str, Any], str, str]) -> None:
    assert live[0]["steadiness"] == {}
    assert live[0]["steadiness_stream"] is None
    assert "Steadiness" not in live[1]


def test_a_network_of_a_file_is_measured_with_its_cost(live: tuple[dict[str, Any], str, str]) -> None:
    report = live[0]
    names = ["wait", "decode", "skin", "raster", "sample", "network", "paste", "other"]
    check_stages(report["results"]["live_fp32"], names)
    assert report["results"]["live_fp32"]["network"]["p50_ms"] > 0
    network = report["details"]["live_fp32"]["network"]
    assert re.fullmatch(r"[0-9a-f]{64}", network["sha256"])
    assert network["gflop_picture"] == pytest.approx(count_flops(LIVE, 128, 128) / 1e9, rel=1e-6)
    crop = (network["crop_height"], network["crop_width"])
    assert network["gflop_crop"] == pytest.approx(count_flops(LIVE, *crop) / 1e9, rel=1e-6)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--size", "5"), "--size must be from 16 to"),
        (("--window", "0"), "--window must be from 1"),
        (("--rate", "0"), "--rate must be above 0"),
        (("--seconds", "nan"), "--seconds must be above 0"),
        (("--tolerance", "2"), "--tolerance must be above 0 and at most 1"),
        (("--modes", "fast"), "no mode 'fast' to measure: this avatar has rgb"),
        (("--network", "renderer.onnx"), "must be named after what it holds"),
        (("--network", "nobody_int8.onnx"), "cannot be read"),
        (("--json", "nowhere/bench.json"), "cannot be written"),
    ],
)
def test_bad_usage_gets_a_sentence_and_status_2(
    flags: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(["bench", *flags])
    except SystemExit as ended:  # what is wrong by itself is told while the flags are read
        status = ended.code
    assert status == 2
    told = capsys.readouterr().err
    assert sentence in " ".join(told.split())
    assert "Traceback" not in told


def test_a_motion_that_is_not_there_is_told_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--motion", "polka"]) == 1
    assert "polka is neither a file nor a built-in motion" in capsys.readouterr().err
