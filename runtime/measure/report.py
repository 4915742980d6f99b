"""The numbers as tables on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dinar.runtime.measure.records import (
    Details,
    GpuDetails,
    NoisyStream,
    Peer,
    Report,
    SteadinessResult,
)
from dinar.runtime.measure.statistics import STABLE_WINDOWS, Percentiles

STAGE_MEANINGS = {
    "wait": "received => taken",
    "decode": "message => pose",
    "skin": "pose => vertices",
    "raster": "vertices => visible triangles",
    "shade": "texture => RGBA",
    "sample": "texture => channels",
    "network": "channels => RGB and mask",
    "paste": "crop => RGBA",
    "upload": "joints and cameras => GPU",
    "compose": "logits => RGBA",
    "submit": "pose => work given to the GPU",
    "gpu": "joints and cameras => RGBA on the GPU",
    "other": "between the stages",
    "total": "received => RGBA ready",
    "present": "upload, draw, flip",
}
STEADINESS_COLUMNS = {
    "setting": "--smooth of dinar run, with --predict or without",
    "delay": "ms by which the person shown is behind the true one",
    "added": "ms of delay more than with poses as they come",
    "told": "ms that smoothing adds at most, as the window tells",
    "aligned": "mm, mean error of a joint's position once the delay is taken out",
    "jitter": "mm, mean change of that error from one frame to the next",
    "shown": "mm, mean error of a joint's position when it is presented",
    "CPU": "us of processor time per pose",
}
_COLUMNS = ("p50", "p90", "p95", "p99", "max")


def print_report(report: Report, console: Console) -> None:
    """Print a table for each mode and what else was measured."""
    for mode, stages in report.results.items():
        console.print(_stage_table(mode, stages))
        gpu = report.details[mode].gpu
        if gpu is not None:
            console.print(_stage_table(f"{mode} on {gpu.name}, GPU time of each stage", gpu_stages(gpu)))
        for line in detail_lines(report.details[mode]):
            console.print(line, highlight=False, markup=False)
        console.print()
    if report.steadiness_stream is not None:
        console.print(_steadiness_table(report.steadiness))
        for line in steadiness_lines(report.steadiness_stream):
            console.print(line, highlight=False, markup=False)
        console.print()
    if report.startup is not None:
        console.print(
            f"start to first frame: {report.startup.first_frame_s:.2f} s with warm caches "
            f"(median of {len(report.startup.warm_s)}), {report.startup.cold_s:.1f} s when kernels compile",
            highlight=False,
        )
    for peer in report.peers:
        console.print(peer_line(peer), highlight=False, markup=False)
    for warning in report.warnings:
        console.print(f"[yellow]warning[/] {escape(warning)}", highlight=False)


def _stage_table(mode: str, stages: dict[str, Percentiles]) -> Table:
    table = Table(title=f"{mode}, ms", title_justify="left", box=None, pad_edge=False)
    table.add_column("stage")
    for column in _COLUMNS:
        table.add_column(column, justify="right")
    table.add_column("", style="dim")
    for name, times in stages.items():
        numbers = (times.p50_ms, times.p90_ms, times.p95_ms, times.p99_ms, times.max_ms)
        style = "bold" if name == "total" else None
        table.add_row(
            name, *(f"{n:.{digits(times)}f}" for n in numbers), STAGE_MEANINGS.get(name, ""), style=style
        )
    return table


def digits(times: Percentiles) -> int:
    """Return how many digits of milliseconds say something: three below a tenth, else two."""
    return 2 if times.p50_ms >= 0.1 else 3


def gpu_stages(gpu: GpuDetails) -> dict[str, Percentiles]:
    """The stages on the GPU, and last the frame as a whole, which is measured without events in between."""
    return gpu.stages | {"total": gpu.frame}


def _steadiness_table(results: dict[str, SteadinessResult]) -> Table:
    table = Table(title="steadiness, ms, mm and us", title_justify="left", box=None, pad_edge=False)
    for column in STEADINESS_COLUMNS:
        table.add_column(column, justify="left" if column == "setting" else "right", no_wrap=True)
    for name, result in results.items():
        table.add_row(*steadiness_row(name, result))
    return table


def steadiness_row(name: str, result: SteadinessResult) -> tuple[str, ...]:
    """One setting in words and numbers, as in `STEADINESS_COLUMNS`."""
    return (
        _setting_name(name),
        f"{result.delay_ms:.1f}",
        f"{result.added_delay_ms:+.1f}",
        f"{result.told_delay_ms:.0f}",
        f"{result.aligned_error_mm:.2f}",
        f"{result.jitter_mm:.2f}",
        f"{result.shown_error_mm:.2f}",
        f"{result.cpu_us:.0f}",
    )


def _setting_name(name: str) -> str:
    """What a person calls a setting of smoothing and prediction: light_predict => light, predict."""
    smoothing, _, predict = name.partition("_")
    return f"{smoothing}, {predict}" if predict else smoothing


def steadiness_lines(stream: NoisyStream) -> list[str]:
    """On what steadiness was measured, in lines for a person."""
    noise, came = stream.noise, stream.stream
    return [
        f"noise: joints {noise.rotation_deg:g} degrees about each axis, person {noise.translation_mm:g} mm "
        "along each (standard deviations)",
        f"sent {noise.delay_ms:g} ms late with {noise.jitter_ms:g} ms of jitter (mean); age when taken "
        f"p50 {stream.age.p50_ms:.1f} ms, p99 {stream.age.p99_ms:.1f} ms; {stream.drawing_ms:.1f} ms to draw",
        f"{stream.poses} poses from process {came.publisher_pid} over {came.endpoint}, "
        f"{came.replaced} replaced by newer ones, {came.dropped} dropped",
    ]


def detail_lines(details: Details) -> list[str]:
    """What is known about a mode beside its stages, in lines for a person."""
    figure, stream, age = details.figure, details.stream, details.pose_age
    agree = "agree" if details.stable else "do not agree"
    memory = "unknown" if details.resident_mb is None else f"{details.resident_mb:.0f} MB"
    if details.peak_resident_mb is not None:
        memory += f", peak {details.peak_resident_mb:.0f} MB"
    others = details.others_cpu_share
    lines = [
        f"{len(details.totals_ms)} frames in the last {STABLE_WINDOWS} of {len(details.window_medians_ms)} "
        f"windows, which {agree}",
        f"{details.fps:.1f} frames/s shown, {details.capacity_fps:.1f} frames/s possible; "
        f"pose age when shown p50 {age.p50_ms:.1f} ms, p99 {age.p99_ms:.1f} ms",
        f"processors: {100 * details.cpu_share:.0f}% ours, "
        f"{'unknown' if others is None else f'{100 * others:.0f}%'} others; memory {memory}",
        f"person: at least {100 * figure.height_share:.0f}% of the height, crop {figure.crop_width:.0f} x "
        f"{figure.crop_height:.0f} pixels, {100 * figure.crop_share:.0f}% of the picture",
        f"poses from process {stream.publisher_pid} over {stream.endpoint}: {stream.received} received, "
        f"{stream.taken} drawn, {stream.replaced} replaced by newer ones, {stream.dropped} dropped",
        f"presented: {details.presented}",
    ]
    network = details.network
    if network is not None:
        lines.append(
            f"network {network.sha256[:16]}: {network.gflop_picture:.2f} GFLOP for the picture, "
            f"{network.gflop_crop:.2f} for the rectangle of {network.crop_width} x {network.crop_height} "
            "pixels that it mostly draws"
        )
    gpu = details.gpu
    if gpu is not None:
        drawn = "one CUDA graph a frame" if gpu.captured else "kernel by kernel, no CUDA graph"
        engine = f", network by {gpu.engine} in fp16" if gpu.engine else ""
        lines.append(
            f"GPU {gpu.name}: {drawn}{engine}; {gpu.frame.p50_ms:.3f} ms a frame on the GPU, "
            f"{gpu.frames_per_second:.0f} frames/s when frames overlap"
        )
    return lines


def peer_line(peer: Peer) -> str:
    """One peer beside ours, in a line for a person."""
    if peer.ratio is None:
        return f"{peer.name}: {peer.missing}"
    return (
        f"{peer.name}: {peer.p50_ms:.2f} ms, {peer.ratio:.2f}x of our {peer.ours} ({peer.ours_p50_ms:.2f} ms)"
    )
