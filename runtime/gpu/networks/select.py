"""Which engine runs the renderer network on a GPU."""

from __future__ import annotations

from collections.abc import Callable

from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.device import Gpu
from dinar.runtime.gpu.networks.network import NetworkOpener
from dinar.runtime.renderer import Engine

_FASTEST_FIRST: tuple[Engine, ...] = ("tensorrt", "tensorrt-rtx", "torch")


def choose_opener(
    engine: Engine, gpu: Gpu, network: RendererNetwork, tell: Callable[[str], None]
) -> NetworkOpener:
    """Return what opens `network` in an engine; with "auto" in the first that works on this GPU.

    Raises:
        DinarError: the engine does not work here, or none does.
    """
    if engine != "auto":
        return _opener(engine, gpu, network, tell)
    reasons = []
    for name in _FASTEST_FIRST:
        try:
            return _opener(name, gpu, network, tell)
        except DinarError as error:
            reasons.append(f"{name}: {error}")
    raise DinarError(f"nothing here runs the renderer network on the GPU ({'; '.join(reasons)})")


def _opener(engine: Engine, gpu: Gpu, network: RendererNetwork, tell: Callable[[str], None]) -> NetworkOpener:
    if engine == "tensorrt":
        from dinar.runtime.gpu.networks.tensorrt import TensorRtOpener

        return TensorRtOpener(gpu, network, tell)
    if engine == "tensorrt-rtx":
        from dinar.runtime.gpu.networks.tensorrt_rtx import TensorRtRtxOpener

        return TensorRtRtxOpener(gpu, network, tell)
    if engine == "torch":
        from dinar.runtime.gpu.networks.torch_network import TorchOpener

        return TorchOpener(gpu, network, tell)
    raise DinarError(f"no engine {engine!r}: there are {', '.join(_FASTEST_FIRST)} and auto")
