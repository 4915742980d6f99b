"""How a body's outline meets the mask of a photo: the segmentation loss of Sec. 4.2, with gradients.

The paper's Dice loss (Sudre et al. 2017) pulls the bare body out to the hem of every coat. Here body beyond
the mask costs more than mask beyond the body (clothes, hair): 1 - Tversky's index with two weights, which is
the Dice loss when both are 1/2.

On the processor the loss is that of the runtime's rasterizer. A pixel's coverage changes only where the
outline moves, so the gradient is an integral along the outline (Li et al. 2018): of the loss's derivative by
coverage, times the speed of the outline along its normal. On CUDA nvdiffrast's antialiasing does the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from torch.autograd.function import once_differentiable

from dinar.runtime.camera import Camera, projection_matrix, scaled
from dinar.runtime.cpu.rasterize import Rasterizer
from dinar.trainer.data.dataset.plausibility import PERSON
from dinar.trainer.rasterize.rasterizer import uses_nvdiffrast

OUTSIDE, UNCOVERED = 0.9, 0.1
"""What a pixel of the body beyond the mask costs, and a pixel of the mask beyond the body."""

SIDE = 256  # pixels of the picture that outlines are compared in, its longer side
_MARGIN = 0.15  # of the person's extent, around the mask
_SAMPLES = 2  # a pixel, each way


@dataclass(frozen=True, eq=False)
class Target:
    """The part of a photo around the person, scaled down.

    Attributes:
        camera: of H rows and W columns.
        mask: float32 [H, W], share of the person.
    """

    camera: Camera
    mask: np.ndarray


class SilhouetteLoss(Protocol):
    """Compares a body's outline with a mask."""

    def __call__(self, vertices: torch.Tensor) -> torch.Tensor:
        """The loss, 0 to 1, of vertices [V, 3], world metres."""
        ...


def make_target(camera: Camera, mask: np.ndarray, side: int = SIDE) -> Target:
    """Cut out the person of a mask uint8 [H, W] and scale it so that its longer side is `side` pixels.

    What is beyond the photo stays out: nobody knows what is there.
    """
    rows, columns = (np.flatnonzero((mask >= PERSON).any(axis)) for axis in (1, 0))
    margin = int(_MARGIN * max(np.ptp(rows), np.ptp(columns))) + 1
    top, left = max(int(rows[0]) - margin, 0), max(int(columns[0]) - margin, 0)
    part = mask[top : int(rows[-1]) + margin + 1, left : int(columns[-1]) + margin + 1]
    scale = side / max(part.shape)
    height, width = (max(1, round(scale * n)) for n in part.shape)
    small = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    K = camera.K.copy()
    K[:2, 2] -= left, top
    K[0] *= width / part.shape[1]
    K[1] *= height / part.shape[0]
    return Target(Camera(camera.T_camera_world, K, width, height), small.astype(np.float32) / 255)


def open_silhouette(faces: np.ndarray, vertex_count: int, target: Target) -> SilhouetteLoss:
    """The loss for a body with these faces: through nvdiffrast where it is installed and there is a GPU."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if uses_nvdiffrast(device):
        from dinar.trainer.fit.silhouette_cuda import CudaSilhouette

        return CudaSilhouette(faces, target, device)
    return CpuSilhouette(faces, vertex_count, target)


def tversky_loss(coverage: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """1 - Tversky's index of two pictures [H, W] of shares in [0, 1]: 0 where they are the same."""
    both = (coverage * mask).sum()
    outside, uncovered = (coverage * (1 - mask)).sum(), ((1 - coverage) * mask).sum()
    return 1 - both / (both + OUTSIDE * outside + UNCOVERED * uncovered)


def silhouette_iou(coverage: np.ndarray, mask: np.ndarray) -> float:
    """Intersection over union of two masks, bool [H, W]."""
    return float((coverage & mask).sum() / max((coverage | mask).sum(), 1))


class CpuSilhouette:
    """The loss by the runtime's rasterizer and along the outline. Not thread-safe."""

    def __init__(self, faces: np.ndarray, vertex_count: int, target: Target) -> None:
        """Prepare a mesh of int [F, 3] faces, counter-clockwise seen from outside."""
        self._camera = scaled(target.camera, _SAMPLES)
        self._rasterizer = Rasterizer(faces, vertex_count, self._camera.width, self._camera.height)
        self._faces = faces
        self._mask = torch.from_numpy(target.mask)
        self._projection = torch.from_numpy(projection_matrix(target.camera))

    def __call__(self, vertices: torch.Tensor) -> torch.Tensor:
        """See `SilhouetteLoss`."""
        matrix = self._projection.to(vertices.dtype)
        seen = vertices @ matrix[:, :3].T + matrix[:, 3]
        pixels = seen[:, :2] / seen[:, 2:].clamp_min(1e-3)
        metres = np.ascontiguousarray(vertices.detach().numpy(), np.float32)
        triangle = self._rasterizer.draw(metres, [self._camera]).triangle[0]
        loss: torch.Tensor = _OutlineIntegral.apply(pixels, self._faces, triangle, self._mask)
        return loss


class _OutlineIntegral(torch.autograd.Function):
    """The loss of a rasterized mesh, with gradients for its vertices' pixels."""

    @staticmethod
    def forward(
        ctx: Any, pixels: torch.Tensor, faces: np.ndarray, triangle: np.ndarray, mask: torch.Tensor
    ) -> torch.Tensor:
        height, width = mask.shape
        shares = (triangle >= 0).reshape(height, _SAMPLES, width, _SAMPLES).mean((1, 3), dtype=np.float32)
        coverage = torch.from_numpy(shares).requires_grad_()
        with torch.enable_grad():
            loss = tversky_loss(coverage, mask)
            (slope,) = torch.autograd.grad(loss, coverage)
        places = pixels.detach().double().numpy()
        gradient = outline_gradient(places, faces, triangle, slope.numpy())
        ctx.save_for_backward(torch.from_numpy(gradient).to(pixels.dtype))
        return loss.detach().to(pixels.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (pixels,) = ctx.saved_tensors
        return gradient * pixels, None, None, None


def outline_gradient(
    places: np.ndarray, faces: np.ndarray, triangle: np.ndarray, slope: np.ndarray
) -> np.ndarray:
    """The derivative of a loss by the vertices' places, through the outline alone.

    Between a covered sample and its uncovered neighbour runs a piece of the outline as long as a sample is
    wide. When the surface there moves across it, as the covered sample's triangle does, so much more or less
    is covered. Pieces between columns answer to moves along rows, and the other way round: together they are
    the integral of the speed along the outline's normal, whatever its direction.

    Args:
        places: float64 [V, 2], pixels (column, row).
        faces: int [F, 3].
        triangle: int [2 H, 2 W], seen at each sample, -1 for none.
        slope: float32 [H, W], derivative of the loss by the coverage of each pixel.

    Returns:
        float64 [V, 2].
    """
    gradient = np.zeros_like(places)
    covered = triangle >= 0
    for axis, step in ((0, (0, 1)), (1, (1, 0))):  # columns, rows
        shape = np.array(triangle.shape) - step
        before, after = covered[: shape[0], : shape[1]], covered[step[0] :, step[1] :]
        for inside, outside, sign in ((before & ~after, (0, 0), 1.0), (after & ~before, step, -1.0)):
            row, column = np.nonzero(inside)
            row, column = row + outside[0], column + outside[1]  # of the covered sample
            other_row, other_column = row + int(sign) * step[0], column + int(sign) * step[1]
            near, far = (
                slope[r // _SAMPLES, c // _SAMPLES] for r, c in ((row, column), (other_row, other_column))
            )
            push = sign * 0.5 * (near + far) / _SAMPLES
            corners = faces[triangle[row, column]]  # [N, 3]
            sample = (np.stack([column, row], 1) + 0.5) / _SAMPLES
            weight = _barycentric(places[corners], sample)
            values = (push[:, None] * weight).ravel()
            gradient[:, axis] += np.bincount(corners.ravel(), values, len(places))
    return gradient


def _barycentric(corners: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Weights [N, 3], at least 0 and of sum 1, of triangles' corners [N, 3, 2] at places [N, 2]."""
    to = corners - place[:, None]

    def area(a: int, b: int) -> np.ndarray:
        return to[:, a, 0] * to[:, b, 1] - to[:, a, 1] * to[:, b, 0]

    parts = np.abs(np.stack([area(1, 2), area(2, 0), area(0, 1)], 1)) + 1e-12
    return parts / parts.sum(1, keepdims=True)
