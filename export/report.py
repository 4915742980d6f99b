"""What an export has made, as tables on the terminal."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dinar.export.job import Size
from dinar.export.parity import Parity
from dinar.export.records import Built, CropCost, NetworkReport, Report
from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.gpu.cost import Cost, count_cost
from dinar.runtime.measure.networks import mode_name


def report_network(network: RendererNetwork, crops: Sequence[Size], views: int) -> NetworkReport:
    """Count what a network takes; raises DinarError for one that is no renderer."""
    costs = [count_cost(network.onnx, views, height, width) for height, width in crops]
    return NetworkReport(
        name=mode_name(network),
        sha256=hashlib.sha256(network.onnx).hexdigest(),
        file_bytes=len(network.onnx),
        parameters=costs[0].parameters,
        crops=tuple(_crop_cost(cost) for cost in costs),
    )


def _crop_cost(cost: Cost) -> CropCost:
    return CropCost(
        views=cost.views,
        height=cost.height,
        width=cost.width,
        flops=cost.flops,
        fp32_bytes=cost.moved_bytes("fp32"),
        fp16_bytes=cost.moved_bytes("fp16"),
        int8_bytes=cost.moved_bytes("int8"),
    )


def print_report(report: Report, console: Console) -> None:
    """Print what the networks take, what was made of them, and what was not, and why."""
    console.print(_network_table(report.networks))
    console.print()
    if report.built:
        console.print(_built_table(report.built))
        console.print()
    for built in report.built:
        _line(console, f"{_what(built)}: {', '.join((*built.files, *filter(None, [built.note])))}")
    for missing in report.not_built:
        _line(console, f"{missing.target}, {missing.network}: not built: {missing.reason}")
    for warning in report.warnings:
        console.print(f"[yellow]warning[/] {escape(warning)}", highlight=False, soft_wrap=True)


def _network_table(networks: Sequence[NetworkReport]) -> Table:
    table = _table("networks: one run, MB through memory")
    for column in ("network", "MB", "parameters", "size", "GFLOP", "fp32 MB", "fp16 MB", "int8 MB"):
        table.add_column(column, justify="left" if column == "network" else "right", no_wrap=True)
    for network in networks:
        about = [network.name, _megabytes(network.file_bytes), f"{network.parameters:,}"]
        for crop in network.crops:
            moved = (crop.fp32_bytes, crop.fp16_bytes, crop.int8_bytes)
            size = _size((crop.views, crop.height, crop.width))
            table.add_row(*about, size, f"{crop.flops / 1e9:.2f}", *map(_megabytes, moved))
            about = ["", "", ""]
    return table


def _built_table(built: Sequence[Built]) -> Table:
    table = _table("made; pictures compared with float32")
    for column in ("target", "network", "precision", "size", "MB", "max error", "PSNR dB"):
        words = column in ("target", "network", "precision")
        table.add_column(column, justify="left" if words else "right", no_wrap=True)
    for one in built:
        about = (one.target, one.network, one.precision, _size(one.size))
        table.add_row(*about, _megabytes(one.file_bytes), *_parity(one.parity))
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=None, pad_edge=False)


def _what(built: Built) -> str:
    return f"{built.target}, {built.network}, {built.precision}, {_size(built.size)}"


def _size(size: tuple[int, int, int] | None) -> str:
    """Rows x columns, with the number of views where there are several."""
    if size is None:
        return "any"
    views, height, width = size
    return f"{height} x {width}" if views == 1 else f"{views} x {height} x {width}"


def _parity(parity: Parity | None) -> tuple[str, str]:
    if parity is None:
        return "", ""
    return f"{parity.max_error:.1e}", "same" if math.isinf(parity.psnr) else f"{parity.psnr:.1f}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.2f}"


def _line(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
