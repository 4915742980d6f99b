"""The other kernels' CUDA source, compiled as C++, against their twins on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.avatar import Texture, default_avatar_path, open_avatar
from dinar.runtime.camera import orbit, projection_matrix
from dinar.runtime.cpu.channels import sample_channels
from dinar.runtime.cpu.rasterize import Rasterizer
from dinar.runtime.cpu.skin import Skinner
from dinar.runtime.gpu.mesh import LANES
from dinar.runtime.gpu.upload import VIEW
from dinar.runtime.motion import load_motion
from dinar.runtime.network_input import CHANNELS
from dinar.runtime.prepare.faces import gather_corner_uv
from dinar.runtime.prepare.joints import JointPoser
from dinar.runtime.prepare.mesh import TileBlocks, attach_shell, skinned_body
from dinar.runtime.prepare.neural_texture import CORNERS, make_neural_texture, pack_corners
from dinar.runtime.prepare.surface import FACE

from .software_cuda.host_kernels import open_host

AVATAR = open_avatar(default_avatar_path())
TILE = (16, 8)


def tiles(height: int, width: int, views: int) -> tuple[int, int, int]:
    return -(-width // TILE[0]), -(-height // TILE[1]), views


def by_tile(blocks: TileBlocks, count: int) -> tuple[np.ndarray, ...]:
    """What moves each tile: start, mover, block and scale."""
    mover = np.repeat(np.arange(len(blocks.start) - 1, dtype=np.int32), np.diff(blocks.start))
    order = np.argsort(blocks.tile, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(blocks.tile, minlength=count))]).astype(np.int32)
    return start, mover[order], blocks.block[order].copy(), blocks.scale[order].copy()


@pytest.mark.parametrize("at", [0.0, 0.8, 2.3])
@pytest.mark.parametrize("dressed", [True, False])
def test_vertices_are_skinned_as_on_the_cpu(at: float, dressed: bool) -> None:
    pose = load_motion("dance", AVATAR.body, betas=AVATAR.betas).sample(at)
    meshes = [skinned_body(AVATAR.body, AVATAR.betas, lanes=lanes) for lanes in (16, LANES)]
    if dressed:
        meshes = [attach_shell(mesh, AVATAR.body, AVATAR.shell) for mesh in meshes]
    wanted, mesh = Skinner(meshes[0])(pose), meshes[1]
    joints = JointPoser(mesh)
    joints(pose)
    count = len(mesh.vertex_ids)
    weights, correctives = by_tile(mesh.weights, count), by_tile(mesh.correctives, count)
    expressions = by_tile(mesh.expressions, count)
    expression = np.zeros(mesh.rest_joint_exprdirs.shape[2], np.float32)
    expression[: len(joints.expression)] = joints.expression
    drawn = np.full((mesh.vertex_count, 3), np.nan, np.float32)
    open_host("skin").launch(
        "skin_vertices",
        (-(-count * LANES // 128), 1, 1),
        (128, 1, 1),
        count,
        mesh.vertex_ids,
        mesh.rest,
        *weights[:3],
        *correctives,
        *expressions[:3],
        np.ascontiguousarray(joints.transforms[:, :3]),
        joints.features * joints.moving[:, None],
        expression,
        drawn,
    )
    np.testing.assert_allclose(drawn, wanted, atol=1e-5)


@pytest.mark.parametrize("texture_size", [(64, 64), (96, 40)])
def test_the_networks_input_is_what_the_cpu_samples(texture_size: tuple[int, int]) -> None:
    rng, side = np.random.default_rng(0), 64
    texture = make_neural_texture(
        Texture(
            rgb=rng.integers(0, 256, (*texture_size, 3), dtype=np.uint8),
            gen=rng.uniform(-1.2, 1.2, (side, side, 16)).astype(np.float16),
            smp=rng.integers(0, 2, (side, side), dtype=np.uint8),
            fill=rng.integers(0, 2, (side, side), dtype=np.uint8),
        )
    )
    mesh = skinned_body(AVATAR.body, AVATAR.betas)
    vertices = Skinner(mesh)(load_motion("walk", AVATAR.body, betas=AVATAR.betas).sample(0.4))
    corners = pack_corners(mesh.faces, gather_corner_uv(mesh.uv, mesh.uv_faces, len(mesh.faces)))
    cameras = [orbit((0, -0.3, 0), a, 0.1, 3, fov_y=0.8, width=112, height=120) for a in (0, 2)]
    seen = Rasterizer(mesh.faces, len(vertices), 112, 120, cameras=2).draw(vertices, cameras)
    height, width = 128, 96  # beyond the lower border
    keys = np.where(
        seen.triangle >= 0,
        seen.inverse_depth.view(np.uint32).astype(np.uint64) << np.uint64(32)
        | (~seen.triangle).view(np.uint32),
        np.uint64(0),
    )
    views = np.zeros(2, VIEW)
    for view, camera, left in zip(views, cameras, (0, 32), strict=True):
        view["matrix"], view["left"], view["top"] = projection_matrix(camera), left, 0
    half = np.full((2, height, width, 24), np.nan, np.float16)
    rgb = texture.rgb if len(texture.rgb) else None
    open_host("channels").launch(
        "sample_channels",
        tiles(height, width, 2),
        (*TILE, 1),
        views.view(np.uint8),
        np.ascontiguousarray(keys),
        112,
        120,
        len(vertices),
        np.ascontiguousarray(seen.homogeneous),
        corners.view(np.uint8),
        texture.texels,
        side,
        side,
        rgb,
        *texture.rgb.shape[:2],
        height,
        width,
        half.view(np.uint16),
    )
    for n, left in enumerate((0, 32)):
        wanted = np.zeros((height, width * CHANNELS), np.uint8)
        sample_channels(
            texture,
            corners,
            seen.homogeneous[n],
            seen.triangle[n],
            left,
            0,
            1,
            np.zeros((height, 2), np.int32),
            wanted,
        )
        wanted = wanted.reshape(height, width, CHANNELS)
        difference = np.abs(255 * half[n, ..., :CHANNELS].astype(np.float32) - wanted)
        assert wanted.any()
        assert difference.max() < 1.1
        assert (difference > 0.1).mean() < 1e-3  # fp16 holds a byte / 255 to 0.06
        assert not half[n, ..., CHANNELS:].any()


@pytest.mark.parametrize(("block", "stride"), [(1, 8), (4, 64), (2, 24)])
def test_logits_become_pixels(block: int, stride: int) -> None:
    rng, (crop_height, crop_width), (height, width) = np.random.default_rng(2), (64, 32), (80, 70)
    logits = rng.normal(0, 4, (2, crop_height // block, crop_width // block, stride)).astype(np.float16)
    logits[0, :3] = -20  # nothing is there
    views = np.zeros(2, VIEW)
    views["left"], views["top"] = (32, 64), (0, 32)  # the second ends beyond both borders
    rgba = np.full((2, height, width), 0xDEADBEEF, np.uint32)
    open_host("compose").launch(
        "compose",
        tiles(height, width, 2),
        (*TILE, 1),
        views.view(np.uint8),
        logits.view(np.uint16),
        block,
        stride,
        crop_height,
        crop_width,
        width,
        height,
        rgba,
    )
    for n, (left, top) in enumerate(zip(views["left"], views["top"], strict=True)):
        cells = logits[n, ..., : 4 * block**2].astype(np.float32)
        cells = cells.reshape(crop_height // block, crop_width // block, 4, block, block)
        pixels = cells.transpose(0, 3, 1, 4, 2).reshape(crop_height, crop_width, 4)
        whole = np.zeros((height + crop_height, width + crop_width, 4))
        whole[top : top + crop_height, left : left + crop_width] = np.rint(255 / (1 + np.exp(-pixels)))
        whole[whole[..., 3] == 0] = 0
        drawn = rgba[n].view(np.uint8).reshape(height, width, 4)
        assert drawn.any()
        assert np.abs(drawn - whole[:height, :width]).max() <= 1
        assert (drawn != whole[:height, :width]).mean() < 1e-3


def test_structures_are_as_large_as_the_kernels_expect() -> None:
    assert (VIEW.itemsize, CORNERS.itemsize, FACE.itemsize) == (104, 36, 44)
