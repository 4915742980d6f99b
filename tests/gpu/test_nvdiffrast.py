"""nvdiffrast on a real GPU: another's rasterizer as oracle of ours, and the frame done the usual way."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("nvdiffrast.torch")

from dinar.runtime.avatar import Avatar, default_avatar_path, open_avatar  # noqa: E402
from dinar.runtime.body import Pose  # noqa: E402
from dinar.runtime.camera import Camera, look_at, orbit  # noqa: E402
from dinar.runtime.cpu.rasterize import Rasterizer, Visibility, rasterize  # noqa: E402
from dinar.runtime.cpu.sample import sample  # noqa: E402
from dinar.runtime.cpu.skin import Skinner  # noqa: E402
from dinar.runtime.gpu.nvdiffrast_rasterizer import NvdiffrastRasterizer  # noqa: E402
from dinar.runtime.gpu.renderer import GpuRenderer  # noqa: E402
from dinar.runtime.motion import load_motion  # noqa: E402
from dinar.runtime.prepare.mesh import skinned_body  # noqa: E402
from dinar.runtime.renderer import Mode, open_renderer  # noqa: E402
from dinar.trainer.peers.usual_frame import UsualFrame  # noqa: E402
from dinar.trainer.rasterize.rasterizer import CpuBodyRasterizer, open_rasterizer  # noqa: E402

from ..trainer.rasterize.body_views import body_views  # noqa: E402

SIZE = 512


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return open_avatar(default_avatar_path())


@pytest.fixture(scope="module")
def poses(avatar: Avatar) -> list[Pose]:
    motion = load_motion("dance", avatar.body, betas=avatar.betas)
    return [motion.sample(0.7 * k) for k in range(4)]


def look_from(azimuth: float) -> Camera:
    return orbit((0, 0.9, 0), azimuth, 0.1, 3.2, fov_y=0.7, width=SIZE, height=SIZE)


def wavy_sheet(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices float32 [V, 3] and faces int32 [F, 3] of a sheet that fills the picture, and beyond."""
    at = np.linspace(-1.5, 1.5, side)
    x, y = np.meshgrid(at, at)
    vertices = np.stack([x, y, 0.3 * np.sin(5 * x) * np.cos(4 * y)], axis=-1).reshape(-1, 3)
    corner = np.arange(side * side).reshape(side, side)
    a, b, c, d = (corner[i : side - 1 + i, j : side - 1 + j].ravel() for i, j in np.ndindex(2, 2))
    faces = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
    return vertices.astype(np.float32), faces.astype(np.int32)


def both(
    vertices: np.ndarray, faces: np.ndarray, cameras: list[Camera], *, cull: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Triangles seen, int32 [N, H, W]: nvdiffrast's and ours, from the same homogeneous pixels."""
    rasterizer = Rasterizer(faces, len(vertices), SIZE, SIZE, cameras=len(cameras))
    ours: Visibility = rasterizer.draw(vertices, cameras, cull_back_faces=cull)
    points = torch.from_numpy(ours.homogeneous[: len(cameras)]).cuda()
    theirs = NvdiffrastRasterizer(faces, np.full(len(faces), cull), index=0).triangles(points, SIZE, SIZE)
    assert theirs.dtype == torch.int32
    return theirs.cpu().numpy(), ours.triangle[: len(cameras)].copy()


def seen_beside(triangle: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Whether what one picture shows at a pixel is at it or beside it in another: bool [N, H, W]."""
    padded = np.pad(wanted, ((0, 0), (1, 1), (1, 1)), constant_values=-2)
    rows, columns = wanted.shape[1:]
    moved = [padded[:, i : i + rows, j : j + columns] for i, j in np.ndindex(3, 3)]
    return np.any([triangle == other for other in moved], axis=0)


@pytest.mark.parametrize("cull", [False, True])
def test_large_triangles_are_seen_at_the_same_pixels(cull: bool) -> None:
    vertices, faces = wavy_sheet(20)
    cameras = [orbit((0, 0, 0), azimuth, 0.3, 2.5, fov_y=0.7, width=SIZE, height=SIZE) for azimuth in (0, 1)]
    theirs, ours = both(vertices, faces, cameras, cull=cull)
    assert 0.2 < (ours >= 0).mean() < 1
    assert (theirs == ours).mean() > 0.995


def test_triangles_that_reach_behind_the_camera_are_cut_alike() -> None:
    vertices, faces = wavy_sheet(20)
    camera = look_at((0.1, -1.0, 0.4), (0.0, 0.2, 0.0), (0.0, 0.0, 1.0), math.radians(90), SIZE, SIZE)
    theirs, ours = both(vertices, faces, [camera], cull=False)
    assert (ours >= 0).mean() > 0.3
    assert (theirs == ours).mean() > 0.995


def test_the_body_is_the_same_but_for_pixels_at_edges(avatar: Avatar, poses: list[Pose]) -> None:
    mesh = skinned_body(avatar.body, avatar.betas)
    skinner = Skinner(mesh)
    for k, pose in enumerate(poses):
        faces = np.ascontiguousarray(mesh.faces, np.int32)
        theirs, ours = both(skinner(pose), faces, [look_from(k)], cull=True)
        assert ((theirs >= 0) == (ours >= 0)).mean() > 0.995
        assert seen_beside(theirs, ours).mean() > 0.995


@pytest.mark.parametrize("mode", ["rgb", "normals"])
def test_renderers_draw_with_it_nearly_what_they_draw_with_ours(
    avatar: Avatar, poses: list[Pose], mode: Mode
) -> None:
    with (
        open_renderer(avatar, device="cuda", mode=mode) as ours,
        open_renderer(avatar, device="cuda", mode=mode, rasterizer="nvdiffrast") as theirs,
    ):
        for k, pose in enumerate(poses):
            cameras = [look_from(k), look_from(k + 1)]
            wanted = ours.render(pose, cameras).numpy().astype(int)
            difference = np.abs(theirs.render(pose, cameras).numpy() - wanted).max(axis=-1)
            assert (difference > 16).mean() < 0.02
        assert isinstance(theirs, GpuRenderer)
        assert not theirs.captured


def test_a_frame_done_the_usual_way_shows_the_same_person(avatar: Avatar, poses: list[Pose]) -> None:
    body = avatar.body
    mesh = skinned_body(body, avatar.betas)
    frame = UsualFrame(avatar, None, SIZE, torch.device("cuda", 0), compiled=False)
    for k, pose in enumerate(poses):
        camera = look_from(k)
        found = frame.render(pose, camera)[0].cpu().numpy()
        ours = rasterize(
            Skinner(mesh)(pose), mesh.faces, body.uv, body.uv_faces, [camera], cull_back_faces=False
        )
        colours = np.zeros((1, SIZE, SIZE, 3), np.float32)
        sample(avatar.texture.rgb, ours.uv, ours.coverage, colours)
        both_cover = (found[..., 3] == 255) & (ours.coverage[0] == 1)
        assert (both_cover == (ours.coverage[0] == 1)).mean() > 0.995
        difference = np.abs(found[..., :3] - colours[0])[both_cover].max(axis=-1)
        assert (difference > 4).mean() < 0.02


def test_training_sees_the_same_texels_through_it(avatar: Avatar) -> None:
    views = body_views(avatar.body, (7, 8), 40)
    theirs = open_rasterizer(avatar.body, torch.device("cuda", 0))
    assert "nvdiffrast" in theirs.name
    found, wanted = theirs(views), CpuBodyRasterizer(avatar.body)(views)
    coverage, uv = found.coverage.cpu(), found.uv.cpu()
    assert (coverage == wanted.coverage).float().mean() > 0.998
    texels = 256 * (uv - wanted.uv).abs().amax(3)[coverage & wanted.coverage]
    assert (texels < 1).float().mean() > 0.99  # but for pixels on an edge, which may see its other side
