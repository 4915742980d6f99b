"""The benches of one run as Markdown tables, for docs/benchmarks.md: `tables.py FOLDER`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from dinar.runtime.measure.records import Peer, Report


def main(folder: Path) -> int:
    files = sorted(folder.glob("bench-*.json"), key=lambda file: int(file.stem.partition("-")[2]))
    if not files:
        print(f"{folder} holds no bench-SIZE.json: the benches did not come to their end")
        return 1
    for file in files:
        print("\n".join(lines(msgspec.json.decode(file.read_bytes(), type=Report))))
    return 0


def lines(report: Report) -> list[str]:
    """Return the tables of one size."""
    size, head = report.settings.size, commit()
    gpus = {details.gpu.name for details in report.details.values() if details.gpu is not None}
    return [
        f"`dinar bench --device cuda --size {size}` on {', '.join(sorted(gpus)) or 'no GPU'}, "
        f"{report.machine.cpu}, at {head}; versions: "
        + ", ".join(f"{name} {version}" for name, version in report.versions.items()),
        "",
        *frames(report),
        "",
        *stages(report),
        "",
        *peers(report.peers),
        "",
    ]


def frames(report: Report) -> list[str]:
    """A row for each mode: on the GPU, from the pose received to RGBA, and how many fit into a second."""
    rows = [
        "| mode | engine | GPU time p50 ms | p99 | pose to RGBA p50 ms | p99 | frames/s | graph |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for mode, details in report.details.items():
        gpu, total = details.gpu, report.results[mode]["total"]
        if gpu is not None:
            rows.append(
                f"| {mode} | {gpu.engine or '-'} | {gpu.frame.p50_ms:.3f} | {gpu.frame.p99_ms:.3f} "
                f"| {total.p50_ms:.3f} | {total.p99_ms:.3f} | {gpu.frames_per_second:.0f} "
                f"| {'yes' if gpu.captured else 'no'} |"
            )
    return rows


def stages(report: Report) -> list[str]:
    """A row for each mode: microseconds of each stage on the GPU."""
    found = {mode: details.gpu.stages for mode, details in report.details.items() if details.gpu is not None}
    names = list(dict.fromkeys(name for of_mode in found.values() for name in of_mode))
    rows = [f"| GPU time p50 us | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for mode, of_mode in found.items():
        cells = (f"{1e3 * of_mode[name].p50_ms:.1f}" if name in of_mode else "-" for name in names)
        rows.append(f"| {mode} | {' | '.join(cells)} |")
    return rows


def peers(found: tuple[Peer, ...]) -> list[str]:
    """A row for each peer, what was not measured included; times are milliseconds, those of the GPU p50."""
    rows = [
        "| peer | beside ours | p50 ms | p99 | GPU | ours p50 ms | p99 | GPU | times as long |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for peer in found:
        if peer.ratio is None:
            rows.append(f"| {peer.name} | not run: {peer.missing} | | | | | | | |")
            continue
        times = (
            *(peer.p50_ms, peer.p99_ms, peer.gpu_ms),
            *(peer.ours_p50_ms, peer.ours_p99_ms, peer.ours_gpu_ms),
        )
        cells = " | ".join("-" if ms is None else f"{ms:.3f}" for ms in times)
        rows.append(f"| {peer.name} | {peer.ours} | {cells} | {peer.ratio:.2f} |")
    return rows


def commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return f"commit {done.stdout.strip()}" if done.returncode == 0 else "an unknown commit"


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
