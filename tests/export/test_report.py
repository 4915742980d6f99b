"""The tables on the terminal say what the records hold."""

import math

import pytest
from rich.console import Console

from dinar.export.parity import Parity
from dinar.export.records import Built, CropCost, NetworkReport, NotBuilt, Report
from dinar.export.report import print_report

NETWORK = NetworkReport(
    "live_fp32",
    "ab" * 32,
    2_570_000,
    642_080,
    (CropCost(2, 512, 320, 7_650_000_000, 4_000_000, 2_000_000, 1_000_000),),
)
HALF = Built(
    "onnx",
    "live_fp32",
    "fp16",
    (1, 512, 320),
    ("out/live_fp16_512x320.onnx",),
    1_300_000,
    Parity(1.2e-3, 71.25, 4),
)
WHOLE = Built("onnx", "live_fp32", "fp32", None, ("out/live_fp32.onnx",), 2_570_000, note="the avatar's own")


def printed(report: Report) -> list[str]:
    console = Console(width=90, record=True, file=None, quiet=False)
    with console.capture() as capture:
        print_report(report, console)
    return capture.get().splitlines()


def test_a_network_is_a_line_for_each_size() -> None:
    lines = printed(Report("me", {}, (NETWORK,), (), ()))
    (row,) = (line for line in lines if line.startswith("live_fp32"))
    assert " ".join(row.split()) == "live_fp32 2.57 642,080 2 x 512 x 320 7.65 4.00 2.00 1.00"


@pytest.mark.parametrize(("psnr", "said"), [(71.25, "71.2"), (math.inf, "same")])
def test_what_was_made_has_its_parity_and_its_files(psnr: float, said: str) -> None:
    half = Built(**vars(HALF) | {"parity": Parity(1.2e-3, psnr, 4)})
    lines = printed(Report("me", {}, (NETWORK,), (WHOLE, half), ()))
    assert f"onnx live_fp32 fp16 512 x 320 1.30 1.2e-03 {said}".split() in [line.split() for line in lines]
    assert "onnx, live_fp32, fp16, 512 x 320: out/live_fp16_512x320.onnx" in lines
    assert "onnx, live_fp32, fp32, any: out/live_fp32.onnx, the avatar's own" in lines


def test_what_was_not_made_says_why_and_markup_in_names_is_text() -> None:
    missing = NotBuilt("tensorrt", "live_fp32", "there is no [bold]GPU[/bold] here")
    lines = printed(Report("me", {}, (NETWORK,), (), (missing,), ("[red]careful",)))
    assert "tensorrt, live_fp32: not built: there is no [bold]GPU[/bold] here" in lines
    assert lines[-1] == "warning [red]careful"
