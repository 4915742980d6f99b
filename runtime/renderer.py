"""The Renderer protocol: a pose and N cameras in, N pictures of the person out."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, get_args

import numpy as np

from dinar.runtime.avatar import Avatar, RendererNetwork
from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.errors import DinarError
from dinar.runtime.trace import Stage

Mode = Literal["rgb", "neural", "uv", "normals"]
"""What is drawn: the texture's colours, what the renderer network makes of the texture, or, to see what is
underneath, the bare body's texture coordinates or normals."""


Engine = Literal["auto", "tensorrt", "tensorrt-rtx", "torch"]
"""What runs the renderer network on a GPU: the first of the others that works there, or one of them."""

Rasterizer = Literal["own", "nvdiffrast"]
"""What finds the triangles that are seen, on a GPU: our own, or another's, to compare it with."""

_CUDA = re.compile(r"cuda(?::(\d{1,3}))?")


class Frame(Protocol):
    """N pictures of one pose. Their memory may be used again by the renderer's next call."""

    @property
    def rgba(self) -> Any:
        """uint8 [N, H, W, 4], sRGB, straight alpha, on the device that rendered it.

        A NumPy array, or something with `__cuda_array_interface__`, complete once `wait` has returned.
        """
        ...

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What took how long, in order. On a GPU this waits for the frame."""
        ...

    def wait(self) -> None:
        """Return when the pictures are complete."""
        ...

    def numpy(self) -> np.ndarray:
        """Return the pictures on the host, uint8 [N, H, W, 4]; on a GPU this waits and copies."""
        ...


@dataclass(frozen=True)
class HostFrame:
    """Pictures in the computer's memory, complete from the start; see `Frame`.

    Attributes:
        rgba: uint8 [N, H, W, 4].
        stages: what took how long, in order.
    """

    rgba: np.ndarray
    stages: tuple[Stage, ...]

    def wait(self) -> None:
        """Return at once."""

    def numpy(self) -> np.ndarray:
        """Return the pictures, uint8 [N, H, W, 4]."""
        return self.rgba


class Renderer(Protocol):
    """Draws one avatar. Not thread-safe; close it when done (or use it as a context manager)."""

    def render(self, pose: Pose, cameras: Sequence[Camera]) -> Frame:
        """Draw `pose` seen by each camera; all cameras share one width and height.

        The frame's memory may be used again by the next call of `render`: copy what must outlive it.
        """
        ...

    def close(self) -> None:
        """Give back what the renderer holds; a second call does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


def _tell_on_standard_error(sentence: str) -> None:
    print(f"dinar: {sentence}", file=sys.stderr)  # noqa: T201


def modes_of(avatar: Avatar) -> tuple[Mode, ...]:
    """Return the modes that `avatar` can be drawn in: neural needs a network in its file."""
    return tuple(mode for mode in get_args(Mode) if mode != "neural" or avatar.networks)


def open_renderer(
    avatar: Avatar,
    *,
    device: str = "cpu",
    mode: Mode = "rgb",
    live: bool = False,
    network: RendererNetwork | None = None,
    engine: Engine = "auto",
    rasterizer: Rasterizer = "own",
    trace: bool = False,
    tell: Callable[[str], None] = _tell_on_standard_error,
) -> Renderer:
    """Open a renderer for `avatar`.

    Args:
        avatar: is drawn.
        device: "cpu"; "cuda" or "cuda:1" for a GPU; "auto" for a GPU where one can be used, else the CPU.
        mode: what is drawn.
        live: no picture waits for what can be made ready meanwhile: the last bits of pictures then depend on
            the time as well.
        network: one of the avatar's, for the neural mode; None takes the fastest.
        engine: what runs the network on a GPU.
        rasterizer: what finds the triangles on a GPU. "nvdiffrast" takes one sample for each pixel, in `rgb`
            mode too, and waits in each frame, which then is no graph.
        trace: time each stage on a GPU too, not only the whole; the CPU's renderers always do.
        tell: takes sentences that a person should know.

    Raises:
        DinarError: the device, the mode, the engine or the rasterizer is not there.
    """
    if mode not in get_args(Mode):
        raise DinarError(f"no render mode {mode!r}: this version has {', '.join(get_args(Mode))}")
    index = check_device(device)
    if index is not None or device == "auto":
        from dinar.runtime.gpu.open import open_gpu_renderer

        try:
            return open_gpu_renderer(
                avatar,
                index or 0,
                mode=mode,
                live=live,
                network=network,
                engine=engine,
                rasterizer=rasterizer,
                trace=trace,
                tell=tell,
            )
        except DinarError as error:
            if device != "auto":
                raise
            tell(f"rendering on the CPU: {error}")
    elif rasterizer != "own":
        raise DinarError(f"{rasterizer} needs an NVIDIA GPU: use --device cuda, or --rasterizer own")
    return _open_cpu_renderer(avatar, mode, live=live, network=network)


def check_device(device: str) -> int | None:
    """Return which GPU a device's name means, None for "cpu" and "auto"; raises DinarError."""
    if device in ("cpu", "auto"):
        return None
    named = _CUDA.fullmatch(device)
    if named is None:
        raise DinarError(
            f"no device {device!r} to render on: there are cpu, cuda, cuda:1 and so on, and auto"
        )
    return int(named[1] or 0)


def _open_cpu_renderer(
    avatar: Avatar, mode: Mode, *, live: bool, network: RendererNetwork | None
) -> Renderer:
    # Each imports only what it draws with: numba, openvino.
    if mode == "rgb":
        from dinar.runtime.cpu.rgb import CpuRgbRenderer

        return CpuRgbRenderer(avatar)
    if mode == "neural":
        from dinar.runtime.cpu.neural import CpuNeuralRenderer

        return CpuNeuralRenderer(avatar, network, live=live)
    from dinar.runtime.cpu.debug import CpuDebugRenderer

    return CpuDebugRenderer(avatar, mode)
