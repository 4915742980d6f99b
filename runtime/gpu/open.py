"""Opens the GPU renderer of a mode."""

from __future__ import annotations

from collections.abc import Callable

from dinar.runtime.avatar import Avatar, RendererNetwork
from dinar.runtime.gpu.debug import GpuDebugRenderer
from dinar.runtime.gpu.device import Gpu, open_gpu
from dinar.runtime.gpu.networks.select import choose_opener
from dinar.runtime.gpu.neural import GpuNeuralRenderer
from dinar.runtime.gpu.renderer import GpuRenderer
from dinar.runtime.gpu.rgb import GpuRgbRenderer
from dinar.runtime.prepare.fastest import fastest_network
from dinar.runtime.renderer import Engine, Mode, Rasterizer


def open_gpu_renderer(
    avatar: Avatar,
    index: int,
    *,
    mode: Mode,
    live: bool,
    network: RendererNetwork | None,
    engine: Engine,
    rasterizer: Rasterizer = "own",
    trace: bool,
    tell: Callable[[str], None],
) -> GpuRenderer:
    """Open a renderer on GPU `index`; for the others see `dinar.runtime.renderer.open_renderer`.

    Raises:
        DinarError: the GPU, the network, the engine or the rasterizer is not there.
    """
    gpu = open_gpu(index)
    try:
        own = rasterizer == "own"
        renderer = _open(gpu, avatar, mode, live, network, engine, own, trace, tell)
        if not own:
            from dinar.runtime.gpu.nvdiffrast_rasterizer import NvdiffrastRasterizer

            renderer.fill_by(lambda faces, cull: NvdiffrastRasterizer(faces, cull, index=index))
        return renderer
    except BaseException:
        gpu.close()
        raise


def _open(
    gpu: Gpu,
    avatar: Avatar,
    mode: Mode,
    live: bool,
    network: RendererNetwork | None,
    engine: Engine,
    antialias: bool,
    trace: bool,
    tell: Callable[[str], None],
) -> GpuRenderer:
    if mode == "rgb":
        return GpuRgbRenderer(gpu, avatar, antialias=antialias, trace=trace, tell=tell)
    if mode == "neural":
        # float32 becomes fp16; int8 is not always faster on a GPU
        opener = choose_opener(engine, gpu, network or fastest_network(avatar, "fp32"), tell)
        return GpuNeuralRenderer(gpu, avatar, opener, live=live, trace=trace, tell=tell)
    return GpuDebugRenderer(gpu, avatar, mode, trace=trace, tell=tell)
