"""What the parts of a bench tell each other, and what its JSON file holds."""

from __future__ import annotations

from dataclasses import dataclass

from dinar.runtime.measure.machine import Machine
from dinar.runtime.measure.statistics import Percentiles
from dinar.runtime.renderer import Engine


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes:
        avatar: the .dinar file.
        networks: ONNX files of networks to measure beside the avatar's own.
        motion: what the publisher plays.
        size: width and height of the picture, pixels.
        rate: poses per second.
        warm_up: frames before measuring.
        window: frames of a window.
        seconds: measure a mode at most so long, unless the windows agree before.
        tolerance: share by which the medians of windows may differ.
        device: where to render, see `open_renderer`.
        engine: what runs networks on a GPU, see `open_renderer`.
    """

    avatar: str
    networks: tuple[str, ...] = ()
    motion: str = "dance"
    size: int = 512
    rate: float = 30.0
    warm_up: int = 30
    window: int = 90
    seconds: float = 30.0
    tolerance: float = 0.1
    device: str = "cpu"
    engine: Engine = "auto"


@dataclass(frozen=True)
class Spec:
    """What a worker measures.

    Attributes:
        mode: `rgb`, or the name of one of the avatar's networks.
        settings: how.
        first_frame_only: draw one frame and end, for the time that a start takes.
    """

    mode: str
    settings: Settings
    first_frame_only: bool = False


@dataclass(frozen=True)
class Figure:
    """How much of the picture the person takes, over poses spread across the motion.

    Attributes:
        height_share: smallest share of the picture's height.
        crop_width: median width of the rectangle around the person, pixels.
        crop_height: its median height, pixels.
        crop_share: its median share of the picture's area.
    """

    height_share: float
    crop_width: float
    crop_height: float
    crop_share: float


@dataclass(frozen=True)
class NetworkCost:
    """A renderer network and what one frame of it takes.

    Attributes:
        sha256: hash of its ONNX file.
        gflop_picture: 10^9 operations of its convolutions for a whole picture (a multiply-add is two).
        gflop_crop: for the rectangle that it mostly draws.
        crop_width: columns of that rectangle.
        crop_height: rows of it.
    """

    sha256: str
    gflop_picture: float
    gflop_crop: float
    crop_width: int
    crop_height: int


@dataclass(frozen=True)
class Stream:
    """How the poses came.

    Attributes:
        endpoint: where the publisher sent them.
        publisher_pid: its process.
        received: messages that arrived.
        taken: poses that were drawn.
        replaced: poses that a newer one replaced before they were taken.
        dropped: stale or malformed messages.
    """

    endpoint: str
    publisher_pid: int
    received: int
    taken: int
    replaced: int
    dropped: int


@dataclass(frozen=True)
class GpuDetails:
    """What a frame takes on a GPU, by the GPU's own clock.

    Attributes:
        name: of the GPU.
        engine: what runs the network; empty in `rgb` mode.
        captured: whether frames are CUDA graphs.
        frame: all of it: pose on the host to RGBA in the GPU's memory.
        stages: each stage, with an event behind each in the graph.
        frames_per_second: when the next frame is begun before the last is complete.
    """

    name: str
    engine: str
    captured: bool
    frame: Percentiles
    stages: dict[str, Percentiles]
    frames_per_second: float


@dataclass(frozen=True)
class Details:
    """What is known about one mode beside its stages; percentiles are over the last windows.

    Attributes:
        totals_ms: `total` of each frame.
        window_medians_ms: p50 of `total` of each window, measured or warmed up with.
        stable: whether the last windows agree.
        fps: frames per second that were shown at this rate of poses.
        capacity_fps: frames per second that the loop could show, were there always a pose.
        cpu_share: processor time of this process, as a share of all processors.
        others_cpu_share: likewise of all processes but this one and the publisher; None if unknown.
        resident_mb: memory at the end; None if unknown.
        peak_resident_mb: most memory at any time; None if unknown.
        pose_age: milliseconds from the pose's time at its source to its presentation (or to RGBA ready).
        presented: on what, or why not.
        first_frame_ms: the first frame's time to draw, kernels loaded or compiled.
        figure: how much of the picture the person takes.
        stream: how the poses came.
        network: what the network takes; None in `rgb` mode.
        gpu: what frames take on the GPU; None on the CPU.
    """

    totals_ms: list[float]
    window_medians_ms: list[float]
    stable: bool
    fps: float
    capacity_fps: float
    cpu_share: float
    others_cpu_share: float | None
    resident_mb: float | None
    peak_resident_mb: float | None
    pose_age: Percentiles
    presented: str
    first_frame_ms: float
    figure: Figure
    stream: Stream
    network: NetworkCost | None
    gpu: GpuDetails | None = None


@dataclass(frozen=True)
class Result:
    """One mode's numbers.

    Attributes:
        stages: the times of each stage, in order, then `total` (pose received to RGBA ready) and, with a
            display, `present`.
        details: everything else.
    """

    stages: dict[str, Percentiles]
    details: Details


@dataclass(frozen=True)
class Event:
    """What happened: `doing` and `notice` tell a person, the others end the run.

    Attributes:
        doing: what goes on now.
        notice: what a person should know afterwards, too.
        error: what went wrong.
        first_frame: there is one.
        result: the numbers.
    """

    doing: str = ""
    notice: str = ""
    error: str = ""
    first_frame: bool = False
    result: Result | None = None


@dataclass(frozen=True)
class Startup:
    """Seconds from creating a process to its first frame.

    Attributes:
        first_frame_s: median with warm caches.
        warm_s: each start with warm caches.
        cold_s: with an empty cache: all kernels are compiled.
    """

    first_frame_s: float
    warm_s: list[float]
    cold_s: float


@dataclass(frozen=True)
class Peer:
    """Other software that does a part of the work, measured in turns with ours.

    Attributes:
        name: what it is and does.
        ours: which part of ours does the same; empty when it was not measured.
        p50_ms: the peer's median.
        ours_p50_ms: our median.
        ratio: `p50_ms / ours_p50_ms`: how many times longer the peer takes.
        missing: why it was not measured.
        p99_ms: of the peer.
        ours_p99_ms: ours.
        gpu_ms: the peer's median by the GPU's own clock, where it runs on one.
        ours_gpu_ms: our median likewise.
    """

    name: str
    ours: str = ""
    p50_ms: float | None = None
    ours_p50_ms: float | None = None
    ratio: float | None = None
    missing: str = ""
    p99_ms: float | None = None
    ours_p99_ms: float | None = None
    gpu_ms: float | None = None
    ours_gpu_ms: float | None = None


@dataclass(frozen=True)
class Noise:
    """What a noisy stream does to a motion.

    Attributes:
        rotation_deg: standard deviation, degrees about each axis, by which each joint is turned, anew in each
            pose.
        translation_mm: standard deviation, mm along each axis, by which the person is moved, anew in each
            pose.
        delay_ms: from the pose's time at its source until it is sent, at least.
        jitter_ms: mean of what comes on top of the delay (exponentially distributed).
        seed: of the random numbers.
    """

    rotation_deg: float = 1.0
    translation_mm: float = 5.0
    delay_ms: float = 40.0
    jitter_ms: float = 5.0
    seed: int = 1


@dataclass(frozen=True)
class NoisySpec:
    """What a noisy publisher sends.

    Attributes:
        address: of the subscriber that waits.
        avatar: the .dinar file of whoever moves.
        motion: the true motion.
        rate: poses per second.
        start_us: when the motion begins, microseconds since the epoch.
        seconds: the end, counted from there.
        noise: what is done to the poses.
    """

    address: str
    avatar: str
    motion: str
    rate: float
    start_us: int
    seconds: float
    noise: Noise


@dataclass(frozen=True)
class NoisyStream:
    """How the poses came on which smoothing and prediction were measured.

    Attributes:
        noise: what was done to them.
        poses: how many were taken, those included during which the filters settle.
        age: milliseconds from the pose's time at its source until it was taken.
        drawing_ms: from a pose taken to its presentation: the mean of the first mode that was measured.
        stream: how they came.
    """

    noise: Noise
    poses: int
    age: Percentiles
    drawing_ms: float
    stream: Stream


@dataclass(frozen=True)
class SteadinessResult:
    """What one setting of smoothing and prediction does; positions are those of the 22 body joints.

    Attributes:
        delay_ms: how far the person shown is behind the true one: the shift that aligns both best.
        added_delay_ms: `delay_ms` less that of poses as they come; below 0: gained.
        told_delay_ms: what the window tells that smoothing adds at most.
        aligned_error_mm: mean position error per joint once `delay_ms` is taken out.
        jitter_mm: mean change of that error from one frame to the next.
        shown_error_mm: mean position error per joint at the moment of presentation: delay and jitter.
        cpu_us: processor time per pose.
    """

    delay_ms: float
    added_delay_ms: float
    told_delay_ms: float
    aligned_error_mm: float
    jitter_mm: float
    shown_error_mm: float
    cpu_us: float


@dataclass(frozen=True)
class Report:
    """All of a bench: the JSON file.

    Attributes:
        machine: where.
        versions: of the packages that matter for speed.
        settings: how it was measured.
        results: for each mode the times of each stage and of `total`.
        details: for each mode what else is known.
        startup: how long a start takes, if asked for.
        peers: other software beside ours, if asked for.
        steadiness: what each setting of smoothing and prediction does; empty unless asked for.
        steadiness_stream: the poses on which that was measured.
        warnings: what a reader of the numbers must know.
    """

    machine: Machine
    versions: dict[str, str]
    settings: Settings
    results: dict[str, dict[str, Percentiles]]
    details: dict[str, Details]
    startup: Startup | None
    peers: tuple[Peer, ...]
    steadiness: dict[str, SteadinessResult]
    steadiness_stream: NoisyStream | None
    warnings: tuple[str, ...]
