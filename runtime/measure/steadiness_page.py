"""The section of the page about smoothing and prediction."""

from __future__ import annotations

import math
from html import escape

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
from dinar.runtime.measure.records import NoisyStream, SteadinessResult
from dinar.runtime.measure.report import STEADINESS_COLUMNS, steadiness_lines, steadiness_row

_COLOURS = {False: "var(--accent)", True: "#e0803a"}  # by whether poses are predicted


def steadiness_section(results: dict[str, SteadinessResult], stream: NoisyStream) -> str:
    """Return plot, table and lines, as HTML."""
    head = "".join(
        f'<th title="{escape(meaning)}">{escape(name)}</th>' for name, meaning in STEADINESS_COLUMNS.items()
    )
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in steadiness_row(name, result))
        + "<td></td></tr>"
        for name, result in results.items()
    )
    meanings = [f"{name}: {meaning}" for name, meaning in STEADINESS_COLUMNS.items()]
    lines = "".join(f"<li>{escape(line)}</li>" for line in [*steadiness_lines(stream), *meanings])
    return (
        "<h2>Steadiness</h2><p>What smoothing and prediction do to a stream that trembles: the jitter "
        "that is left, over the delay that they add.</p>"
        f"{_legend()}{_plot(results)}<table><tr>{head}<th></th></tr>{rows}</table><ul>{lines}</ul>"
    )


def _legend() -> str:
    names = {False: "without --predict", True: "with --predict"}
    keys = "".join(
        f'<span><i style="background:{colour}"></i>{names[predicted]}</span>'
        for predicted, colour in _COLOURS.items()
    )
    return f'<div class="legend">{keys}</div>'


def _plot(results: dict[str, SteadinessResult]) -> str:
    """Jitter over added delay: one line from off to strong for poses as they come, one for predicted ones."""
    delays = [result.added_delay_ms for result in results.values()]
    right = round_ticks(max(1.0, *delays))
    step = right[1]
    columns = [-step * k for k in range(math.ceil(max(0.0, -min(delays)) / step), 0, -1)] + right
    rows = round_ticks(max(result.jitter_mm for result in results.values()))
    base = 26 + PLOT_HEIGHT
    across = (WIDTH - LEFT - RIGHT) / (columns[-1] - columns[0])
    up = PLOT_HEIGHT / rows[-1]
    drawn = [vertical_line(LEFT + (x - columns[0]) * across, 26, base, f"{x:g}") for x in columns]
    for y in rows:
        drawn.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base - y * up:.1f}" y2="{base - y * up:.1f}"/>'
        )
        drawn.append(text_at(LEFT - 10, base - y * up + 4, f"{y:g}", "end", "soft"))
    for predicted, colour in _COLOURS.items():
        points = [
            (name, LEFT + (result.added_delay_ms - columns[0]) * across, base - result.jitter_mm * up)
            for name, result in results.items()
            if name.endswith("_predict") == predicted
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for _, x, y in points)
        drawn.append(f'<polyline points="{line}" style="fill:none;stroke:{colour};stroke-width:2"/>')
        for name, x, y in points:
            drawn.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" style="fill:{colour}">'
                f"<title>{escape(' | '.join(steadiness_row(name, results[name])))}</title></circle>"
            )
            # Above the one line, below the other: the lines run close to each other.
            drawn.append(text_at(x, y + (21 if predicted else -11), name.partition("_")[0], "middle"))
    drawn.append(text_at(LEFT - 38, 14, "jitter, mm", "start", "soft"))
    drawn.append(text_at(WIDTH - RIGHT + 10, base - 4, "added ms", "start", "soft"))
    return svg(base + 26, drawn, "Jitter over added delay for each setting of smoothing and prediction")
