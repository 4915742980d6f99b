"""What `dinar demo` and `dinar run` share: options, opening the avatar and its renderer, the first view."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from rich.console import Console

from dinar.runtime.avatar import Avatar, default_avatar_path, open_avatar
from dinar.runtime.body import Body, Pose, joint_transforms, rest_vertices
from dinar.runtime.display.background import parse_background
from dinar.runtime.display.orbit import Orbit
from dinar.runtime.errors import DinarError, UsageError
from dinar.runtime.outputs import FileOutput, check_output, open_output
from dinar.runtime.renderer import Engine, Mode, Rasterizer, Renderer, check_device, open_renderer
from dinar.runtime.rotations import matrix_from_axis_angle
from dinar.runtime.stream import StreamStats

MAX_SIZE = 4096
MAX_FPS = 240
MAX_SECONDS = 3600.0
_CLOTHES = 0.06  # metres by which clothes and hair stand off the skin
_POINT_STEP = 40  # every so many vertices are enough to find the person's extent


@dataclass(frozen=True)
class ShowConfig:
    """How an avatar is shown: in a window, or recorded into a file without one."""

    avatar: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[AVATAR]")] = None
    """The .dinar file; the avatar that comes with dinar when left out."""
    headless: bool = False
    """Record into a file; no window and no display are needed."""
    out: Path | None = None
    """The file to record: .mp4, .gif, or .png for the last picture alone. Implies --headless."""
    seconds: float | None = None
    """Length of the recording."""
    size: int = 512
    """Width and height of the picture, in pixels."""
    width: int | None = None
    """Width, where it differs from --size."""
    height: int | None = None
    """Height, where it differs from --size."""
    fps: int = 30
    """Pictures per second of the recording."""
    background: str = "light"
    """light, dark, a colour such as #20c0ff, or transparent (.png alone)."""
    azimuth: float = 0.0
    """Where the first view is taken from, in degrees: 0 in front, 90 from the person's left."""
    orbit: float = 0.0
    """Degrees per second by which the view goes round by itself."""
    mode: Mode = "rgb"
    """rgb shows the texture directly; neural, what the avatar's renderer network makes of it; uv and normals,
    the texture coordinates and the normals of the bare body as colours."""
    device: str = "cpu"
    """Where to render: cpu; cuda (or cuda:1 ...) for an NVIDIA GPU; auto for a GPU where one can be used."""
    engine: Engine = "auto"
    """What runs the renderer network on a GPU: tensorrt, tensorrt-rtx, torch, or the first that works."""
    rasterizer: Rasterizer = "own"
    """What finds the triangles seen on a GPU: our own, or nvdiffrast where it is installed (slower)."""

    def __post_init__(self) -> None:
        """Raise UsageError for a number out of range or flags that do not go together."""
        for name, value in (("size", self.size), ("width", self.width), ("height", self.height)):
            if value is not None and not 16 <= value <= MAX_SIZE:
                raise UsageError(f"--{name} must be from 16 to {MAX_SIZE} pixels, not {value}")
        try:
            check_device(self.device)
        except DinarError as error:
            raise UsageError(f"--device: {error}") from error
        if not 1 <= self.fps <= MAX_FPS:
            raise UsageError(f"--fps must be from 1 to {MAX_FPS}, not {self.fps}")
        if self.seconds is not None and not 0 < self.seconds <= MAX_SECONDS:
            raise UsageError(f"--seconds must be above 0 and at most {MAX_SECONDS:.0f}, not {self.seconds}")
        if not (math.isfinite(self.azimuth) and math.isfinite(self.orbit)):
            raise UsageError("--azimuth and --orbit must be finite numbers of degrees")
        if parse_background(self.background) is None and not self.records:
            raise UsageError("a window needs a background colour; transparent is for --out FILE.png")
        if self.seconds is not None and not self.records:
            raise UsageError("--seconds is the length of a recording: add --headless or --out FILE")

    @property
    def records(self) -> bool:
        """Whether a file is written instead of a window opened."""
        return self.headless or self.out is not None

    @property
    def picture_size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.width or self.size, self.height or self.size

    @property
    def window_colour(self) -> tuple[int, int, int]:
        """The background of a window."""
        colour = parse_background(self.background)
        assert colour is not None, "checked when the options were made"
        return colour


def open_shown_avatar(config: ShowConfig) -> Avatar:
    """Open the avatar that `config` names; raises AvatarError."""
    return open_avatar(config.avatar or default_avatar_path())


def open_shown_renderer(config: ShowConfig, avatar: Avatar, console: Console, *, live: bool) -> Renderer:
    """Open the renderer and draw one picture, so that kernels are compiled before time counts.

    With --device auto, a GPU that cannot draw that picture either gives way to the CPU. For `live` see
    `open_renderer`.
    """

    def tell(sentence: str) -> None:
        console.print(sentence, highlight=False, soft_wrap=True)

    def opened(device: str) -> Renderer:
        renderer = open_renderer(
            avatar,
            device=device,
            mode=config.mode,
            live=live,
            engine=config.engine,
            rasterizer=config.rasterizer if device == config.device else "own",
            tell=tell,
        )
        try:
            width, height, pose = *config.picture_size, Pose.rest()
            camera = frame_poses(avatar, [pose], width=width, height=height).camera(width, height)
            renderer.render(pose, [camera]).wait()
        except BaseException:
            renderer.close()
            raise
        return renderer

    with _announce_compiling(console):
        try:
            return opened(config.device)
        except DinarError as error:
            if config.device != "auto":
                raise
            tell(f"rendering on the CPU: {error}")
            return opened("cpu")


def check_recording(config: ShowConfig, path: Path) -> None:
    """Raise OutputError, before anything is loaded, when `path` cannot be recorded."""
    check_output(path, fps=config.fps, background=parse_background(config.background))


def open_recording(config: ShowConfig, path: Path, size: tuple[int, int] | None = None) -> FileOutput:
    """Open the file for what `config` shows, in another size if one is given; raises OutputError."""
    return open_output(
        path, fps=config.fps, size=size or config.picture_size, background=parse_background(config.background)
    )


def frame_poses(
    avatar: Avatar, poses: Iterable[Pose], *, width: int, height: int, azimuth_deg: float = 0.0
) -> Orbit:
    """Return the nearest view that shows the person whole in all `poses`."""
    rest = rest_vertices(avatar.body, avatar.betas)  # [V, 3] metres
    points = np.concatenate([_surface(avatar.body, rest, pose) for pose in poses])
    return Orbit.around(
        points.min(0) - _CLOTHES,
        points.max(0) + _CLOTHES,
        width=width,
        height=height,
        azimuth=math.radians(azimuth_deg),
    )


def _surface(body: Body, rest: np.ndarray, pose: Pose) -> np.ndarray:
    """Some points of the posed skin, world metres [P, 3]; without pose correctives, which move it little."""
    joints = body.J_regressor @ rest  # [55, 3]
    transforms = joint_transforms(matrix_from_axis_angle(pose.rotations), joints, body.parents)
    blended = np.tensordot(body.weights[::_POINT_STEP], transforms, axes=1)  # [P, 4, 4]
    points = rest[::_POINT_STEP]
    return (blended[:, :3, :3] @ points[..., None])[..., 0] + blended[:, :3, 3] + pose.translation


def stream_status(stats: StreamStats) -> list[str]:
    """What a subscriber has seen so far, in lines for a person."""
    if stats.age_ms is None:
        return ["waiting for the first pose", *_refused(stats), *_dropped(stats)]
    clocks = "" if stats.age_synchronized else " (clocks not synchronized)"
    counts = f"received {stats.received}   shown {stats.taken}   skipped {stats.replaced + stats.stale}"
    return [f"pose age {stats.age_ms:.1f} ms{clocks}   {counts}", *_refused(stats), *_dropped(stats)]


def _refused(stats: StreamStats) -> list[str]:
    if not stats.refused:
        return []
    return [f"{stats.refused} connections refused: the keys of publisher and subscriber do not fit"]


def _dropped(stats: StreamStats) -> list[str]:
    if not stats.malformed:
        return []
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(stats.malformed.items()))
    return [f"malformed messages dropped: {reasons}"]


@contextmanager
def _announce_compiling(console: Console) -> Iterator[None]:
    """Say so when kernels are compiled: it takes a while, and only the first time."""
    from numba.core import event

    class Announcer(event.Listener):
        said = False

        def on_start(self, _: Any) -> None:
            if not self.said:
                self.said = True
                console.print("compiling kernels (first run only)")

        def on_end(self, _: Any) -> None:
            """Nothing to say."""

    with event.install_listener("numba:compile", Announcer()):
        yield
