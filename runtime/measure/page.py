"""The numbers as one HTML page: tables and plots, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from dinar.runtime.measure.plot import (
    LEFT,
    PLOT_HEIGHT,
    RIGHT,
    WIDTH,
    round_ticks,
    svg,
    text_at,
    vertical_line,
)
from dinar.runtime.measure.records import Details, Report
from dinar.runtime.measure.report import STAGE_MEANINGS, detail_lines, digits, gpu_stages, peer_line
from dinar.runtime.measure.statistics import Percentiles
from dinar.runtime.measure.steadiness_page import steadiness_section

_COLOURS = {
    "wait": "#9aa5b1",
    "decode": "#7c6fd6",
    "skin": "#3d7dd8",
    "raster": "#1fa3b8",
    "sample": "#2fae7a",
    "network": "#e0803a",
    "shade": "#8fb53c",
    "paste": "#d4b13a",
    "submit": "#b0574f",
    "gpu": "#8fb53c",
    "other": "#c5ccd3",
}
_OTHER_COLOURS = ("#c95d8f", "#a5713f", "#5f8f8a", "#b0574f")
_BAR, _BAR_STEP = 30, 50
_BINS = 48

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2530; --soft: #64707d; --line: #dde2e7; --paper: #fff;
  --card: #f6f8fa; --accent: #3d7dd8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ebf0; --soft: #98a4b1; --line: #343d47;
  --paper: #14181d; --card: #1c2228; --accent: #6ba3ee; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 40px 24px 64px; max-width: 940px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 40px 0 8px; }
p, li { color: var(--soft); } p { margin: 4px 0; } ul { margin: 8px 0; padding-left: 18px; }
.warning { border-left: 4px solid #e0803a; background: var(--card); padding: 8px 14px; margin: 14px 0;
  color: var(--ink); }
.cards { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 18px;
  min-width: 150px; }
.card b { display: block; font-size: 24px; } .card span { color: var(--soft); font-size: 13px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 6px 0 2px; font-size: 13px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--ink); font-size: 13px; }
svg .soft { fill: var(--soft); font-size: 12px; } svg line { stroke: var(--line); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; }
td:last-child { color: var(--soft); } tr.total td { font-weight: 700; }
"""


def page(report: Report) -> str:
    """Return the report as a self-contained HTML page."""
    machine, settings = report.machine, report.settings
    load = ", ".join(map(str, machine.load_average)) or "unknown"
    parts = [
        "<h1>dinar bench</h1>",
        f"<p>{escape(machine.cpu)}, {machine.cores} cores, {escape(machine.os)}, {escape(machine.python)}; "
        f"host {escape(machine.name)}, load average {load}</p>",
        f"<p>{settings.size} x {settings.size} pixels, motion {escape(settings.motion)}, "
        f"{settings.rate:g} poses per second over ZeroMQ from another process</p>",
        *(f'<div class="warning">{escape(warning)}</div>' for warning in report.warnings),
        _cards(report),
        "<h2>Where the time goes</h2>",
        "<p>Mean milliseconds of each stage, from the pose received to RGBA ready; on the right, "
        "their sum.</p>",
        _legend(report.results),
        _stage_bars(report.results),
    ]
    for mode, stages in report.results.items():
        parts.append(_mode_section(mode, stages, report.details[mode]))
    if report.steadiness_stream is not None:
        parts.append(steadiness_section(report.steadiness, report.steadiness_stream))
    if report.startup is not None or report.peers:
        parts.append(_others(report))
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    parts.append(f"<h2>Versions</h2><p>{escape(versions)}</p>")
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>dinar bench</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _cards(report: Report) -> str:
    """The one number of each mode, large."""
    cards = [
        f'<div class="card"><b>{stages["total"].p50_ms:.1f} ms</b>'
        f"<span>{escape(mode)}, p50 of total<br>"
        f"{report.details[mode].capacity_fps:.0f} frames/s possible</span></div>"
        for mode, stages in report.results.items()
    ]
    if report.startup is not None:
        cards.append(
            f'<div class="card"><b>{report.startup.first_frame_s:.1f} s</b>'
            "<span>start to first frame,<br>warm caches</span></div>"
        )
    return f'<div class="cards">{"".join(cards)}</div>'


def _mode_section(mode: str, stages: dict[str, Percentiles], details: Details) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in detail_lines(details))
    gpu = details.gpu
    on_gpu = "" if gpu is None else f"<p>On {escape(gpu.name)}, GPU time:</p>{_table(gpu_stages(gpu))}"
    return (
        f"<h2>{escape(mode)}</h2>{_histogram(details.totals_ms, stages['total'])}"
        f"{_table(stages)}{on_gpu}<ul>{lines}</ul>"
    )


def _others(report: Report) -> str:
    lines = [peer_line(peer) for peer in report.peers]
    if report.startup is not None:
        lines.insert(
            0,
            f"start to first frame {report.startup.first_frame_s:.2f} s with warm caches, "
            f"{report.startup.cold_s:.1f} s when kernels compile",
        )
    return "<h2>Start, and peers</h2><ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _table(stages: dict[str, Percentiles]) -> str:
    rows = []
    for name, t in stages.items():
        numbers = (t.mean_ms, t.p50_ms, t.p90_ms, t.p95_ms, t.p99_ms, t.max_ms)
        cells = "".join(f"<td>{number:.{digits(t)}f}</td>" for number in numbers)
        kind = ' class="total"' if name == "total" else ""
        meaning = escape(STAGE_MEANINGS.get(name, ""))
        rows.append(f"<tr{kind}><td>{escape(name)}</td>{cells}<td>{meaning}</td></tr>")
    head = "".join(
        f"<th>{name}</th>" for name in ("stage, ms", "mean", "p50", "p90", "p95", "p99", "max", "")
    )
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _parts(stages: dict[str, Percentiles]) -> dict[str, float]:
    """Mean milliseconds of what adds up to the total."""
    return {name: t.mean_ms for name, t in stages.items() if name not in ("total", "present")}


def _colours(results: dict[str, dict[str, Percentiles]]) -> dict[str, str]:
    names = dict.fromkeys(name for stages in results.values() for name in _parts(stages))
    unknown = [name for name in names if name not in _COLOURS]
    spare = {name: _OTHER_COLOURS[k % len(_OTHER_COLOURS)] for k, name in enumerate(unknown)}
    return {name: colour for name, colour in _COLOURS.items() if name in names} | spare


def _legend(results: dict[str, dict[str, Percentiles]]) -> str:
    keys = "".join(
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>'
        for name, colour in _colours(results).items()
    )
    return f'<div class="legend">{keys}</div>'


def _stage_bars(results: dict[str, dict[str, Percentiles]]) -> str:
    """One bar a mode, its stages side by side, all on one scale."""
    colours = _colours(results)
    ticks = round_ticks(max(sum(_parts(stages).values()) for stages in results.values()))
    scale = (WIDTH - LEFT - RIGHT) / ticks[-1]
    height = _BAR_STEP * len(results) + 34
    drawn = [vertical_line(LEFT + tick * scale, 8, height - 24, f"{tick:g}") for tick in ticks]
    for row, (mode, stages) in enumerate(results.items()):
        x, y = float(LEFT), 8 + _BAR_STEP * row + (_BAR_STEP - _BAR) / 2
        drawn.append(text_at(LEFT - 10, y + _BAR / 2 + 5, mode, "end"))
        for name, ms in _parts(stages).items():
            width = ms * scale
            drawn.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colours[name]}">'
                f"<title>{escape(name)} {ms:.2f} ms</title></rect>"
            )
            if width > 44:
                label = f"{ms:.1f}"
                drawn.append(
                    f'<text x="{x + width / 2:.1f}" y="{y + _BAR / 2 + 5}" text-anchor="middle" '
                    f'style="fill:#fff;font-weight:600">{label}</text>'
                )
            x += width
        drawn.append(text_at(x + 8, y + _BAR / 2 + 5, f"{sum(_parts(stages).values()):.1f} ms", "start"))
    return svg(height, drawn, "Mean time of each stage for each mode")


def _histogram(totals_ms: Sequence[float], total: Percentiles) -> str:
    """How often which total came, up to a little above p99, with p50 and p99 marked."""
    ticks = round_ticks(max(total.p99_ms * 1.08, total.p50_ms * 1.5))
    counts, edges = np.histogram(np.minimum(totals_ms, ticks[-1]), bins=_BINS, range=(0.0, ticks[-1]))
    scale = (WIDTH - LEFT - RIGHT) / ticks[-1]
    base, most = 26 + PLOT_HEIGHT, max(1, int(counts.max()))
    drawn = [vertical_line(LEFT + tick * scale, 26, base, f"{tick:g}") for tick in ticks]
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        height = PLOT_HEIGHT * count / most
        drawn.append(
            f'<rect x="{LEFT + left * scale + 0.5:.1f}" y="{base - height:.1f}" '
            f'width="{(right - left) * scale - 1:.1f}" height="{height:.1f}" style="fill:var(--accent)">'
            f"<title>{left:.1f} to {right:.1f} ms: {count} frames</title></rect>"
        )
    marks = [("p50", total.p50_ms, "end", -6), ("p99", total.p99_ms, "start", 6)]
    for name, ms, anchor, offset in marks:
        x = LEFT + min(ms, ticks[-1]) * scale
        drawn.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="10" y2="{base}" style="stroke:#e0803a" stroke-width="1.5" '
            'stroke-dasharray="4 3"/>'
        )
        drawn.append(text_at(x + offset, 19, f"{name} {ms:.1f} ms", anchor))
    drawn.append(text_at(LEFT - 10, 38, f"{most}", "end", "soft"))
    drawn.append(text_at(LEFT - 10, base, "frames", "end", "soft"))
    drawn.append(text_at(WIDTH - RIGHT + 10, base - 4, "ms", "start", "soft"))
    return svg(base + 26, drawn, "Histogram of total milliseconds")
