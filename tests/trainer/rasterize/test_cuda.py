"""What nvdiffrast is given, and what is made of its answer, with a plain twin that keeps its conventions.

The twin is written from nvdiffrast's documentation: clip space as OpenGL's, row 0 at y = -1, ids from 1, and
(u, v) the weights of the first two corners.
"""

import importlib.machinery
import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.rasterize.cuda import CudaBodyRasterizer, clip_space, front_faces
from dinar.trainer.rasterize.rasterizer import CpuBodyRasterizer, open_rasterizer

from .body_views import body_views


def plain_rasterize(context, pos, tri, resolution):
    """Raster [1, H, W, 4]: u, v, z / w, id + 1, of pos float32 [1, V, 4] and tri int32 [F, 3]."""
    assert (context, pos.dtype, tri.dtype) == ("context", torch.float32, torch.int32)
    height, width = resolution
    out = np.zeros((height, width, 4), np.float32)
    nearest = np.full((height, width), 1.0)
    pos, tri = pos[0].double().numpy(), tri.numpy()
    at = (pos[:, :2] / pos[:, 3:] + 1) / 2 * [width, height]  # columns, rows from the bottom, as stored
    depth = pos[:, 2] / pos[:, 3]
    low = np.floor(at[tri].min(1)).clip(0).astype(int)
    high = np.ceil(at[tri].max(1)).clip(None, [width, height]).astype(int)
    for f in np.flatnonzero((low < high).all(1)):
        (x0, y0), (x1, y1) = low[f], high[f]
        column, row = np.meshgrid(np.arange(x0, x1) + 0.5, np.arange(y0, y1) + 0.5)
        (ax, ay), (bx, by), (cx, cy) = at[tri[f]]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-12:
            continue
        x, y = column.ravel(), row.ravel()
        second = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
        third = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
        flat = np.stack([1 - second - third, second, third])
        z = depth[tri[f]] @ flat
        weight = flat / pos[tri[f], 3][:, None]
        weight /= weight.sum(0)
        inside = (flat >= 0).all(0).reshape(column.shape)
        z, u, v = (a.reshape(column.shape) for a in (z, weight[0], weight[1]))
        part = np.s_[y0:y1, x0:x1]
        wins = inside & (z < nearest[part]) & (z >= -1)
        nearest[part][wins] = z[wins]
        out[part][wins] = np.stack([u, v, z, np.full_like(z, f + 1)], 2)[wins]
    return torch.from_numpy(out)[None], None


def plain_interpolate(attr, rast, tri):
    assert tri.dtype == torch.int32
    ids = rast[..., 3].long() - 1
    corners = attr[0][tri.long()[ids.clamp(min=0)]]  # [1, H, W, 3, C]
    u, v = rast[..., 0], rast[..., 1]
    weight = torch.stack([u, v, 1 - u - v], -1)[..., None]
    return (corners * weight).sum(3) * (ids >= 0)[..., None], None


@pytest.fixture
def nvdiffrast(monkeypatch):
    package, module = ModuleType("nvdiffrast"), ModuleType("nvdiffrast.torch")
    package.__spec__ = importlib.machinery.ModuleSpec("nvdiffrast", None)
    module.RasterizeCudaContext = lambda _device: "context"
    module.rasterize, module.interpolate = plain_rasterize, plain_interpolate
    monkeypatch.setitem(sys.modules, "nvdiffrast", package)
    monkeypatch.setitem(sys.modules, "nvdiffrast.torch", module)


@pytest.fixture(scope="module")
def body():
    return load_body(open_body_path())


@pytest.mark.usefixtures("nvdiffrast")
def test_it_sees_what_the_runtimes_rasterizer_sees(body):
    views = body_views(body, (7, 8), 40)
    theirs, ours = CudaBodyRasterizer(body, torch.device("cpu"))(views), CpuBodyRasterizer(body)(views)
    assert (theirs.coverage == ours.coverage).float().mean() > 0.998
    both = theirs.coverage & ours.coverage
    texels = 256 * (theirs.uv - ours.uv).abs().amax(3)[both]
    assert (texels < 1).float().mean() > 0.99  # but for pixels on an edge, which may see its other side
    assert (theirs.uv[~theirs.coverage] == 0).all()


@pytest.mark.usefixtures("nvdiffrast")
def test_it_is_chosen_for_gpus_where_it_is_installed(body):
    assert isinstance(open_rasterizer(body, torch.device("cpu")), CpuBodyRasterizer)
    assert "nvdiffrast" in CudaBodyRasterizer(body, torch.device("cpu")).name


def test_pixels_and_depths_in_clip_space():
    # Pixels (column, row) at 2 m: the picture's corners and middle, 20 wide and 10 high.
    pixel = np.array([[0, 0, 1], [20, 10, 1], [10, 5, 1]]) * 2.0
    clip = clip_space(torch.from_numpy(pixel), 20, 10)
    torch.testing.assert_close(clip[:, :2] / clip[:, 3:], torch.tensor([[-1.0, -1], [1, 1], [0, 0]]))
    depth = torch.tensor([[0, 0, 0.01], [0, 0, 1.0], [0, 0, 1000]], dtype=torch.float64)
    z = clip_space(depth, 20, 10)[:, 2] / clip_space(depth, 20, 10)[:, 3]
    torch.testing.assert_close(z[[0, 2]], torch.tensor([-1.0, 1.0]))
    assert -1 < z[1] < 1


def test_faces_that_show_their_front():
    # Counter-clockwise for whoever looks at it, in pixels with rows downwards, 1 m away; then its back; then
    # its front with a corner behind the camera.
    front = torch.tensor([[0.0, 0, 1], [0, 5, 1], [5, 0, 1]], dtype=torch.float64)
    faces = torch.tensor([[0, 1, 2], [0, 2, 1]], dtype=torch.int32)
    assert front_faces(front, faces).tolist() == [True, False]
    cut = torch.stack([front[0], front[1], torch.tensor([4.0, 0, -1], dtype=torch.float64)])
    ahead = torch.stack([front[0], front[1], 0.9 * front[0] + 0.1 * cut[2]])  # the part before the camera
    assert front_faces(cut, faces).tolist() == front_faces(ahead, faces).tolist()
