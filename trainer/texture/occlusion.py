"""Where one part of the body hides another: outlines along which a photo is not trusted (Sec. 3.5, Fig. 4).

The mesh never fits a clothed person to the pixel: along such an outline colours of an arm land on the chest
behind it. The paper draws the body with one colour a limb, without seams between neighbours, finds edges
(Canny), takes the silhouette's own contours away and masks what is left.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from dinar.runtime.body import Body, rest_vertices
from dinar.trainer.texture.body_view import BodyView

_CANNY = (40, 90)  # thresholds for 8-bit colours, Sobel gradients
_CONTOUR_SHARE = 0.004  # half the width of the silhouette's contour, share of the image's height
FAR_SIDE_SHARE, NEAR_SIDE_SHARE = 0.016, 0.003
"""How far from an outline pixels are not sampled, behind it and before it, as shares of the person's height
in the image: 2.7 and 0.5 cm. `python -m tests.bench.bench_occlusion` counts what that removes and loses."""

_JUMP_M, _JUMP_WINDOW = 0.02, 5  # metres of depth within so many pixels that make an edge an occlusion

# Joints of each limb, SMPL-X order, and its colour where it begins and where it ends.
_LIMBS: tuple[tuple[tuple[int, ...], tuple[int, int, int], tuple[int, int, int]], ...] = (
    ((0, 3, 6, 9), (110, 110, 110), (150, 150, 150)),  # trunk, upwards
    ((12, 15, 22, 23, 24), (150, 150, 140), (220, 220, 170)),  # neck and head
    ((13, 16, 18, 20, *range(25, 40)), (160, 120, 130), (255, 0, 40)),  # left arm, outwards
    ((14, 17, 19, 21, *range(40, 55)), (120, 160, 130), (0, 255, 60)),  # right arm
    ((1, 4, 7, 10), (120, 100, 140), (60, 0, 255)),  # left leg, downwards
    ((2, 5, 8, 11), (100, 130, 120), (0, 160, 200)),  # right leg
)


def limb_colours(body: Body, betas: np.ndarray) -> np.ndarray:
    """The colour map of Sec. 3.5: float32 [V, 3] in [0, 255].

    Each limb has a colour of its own that changes along it, and neighbours fade into each other with the
    skinning weights: only a jump from one place of the body to another makes an edge.
    """
    vertices = rest_vertices(body, betas)
    joints = body.J_regressor @ vertices
    colours = np.zeros((len(vertices), 3))
    for ids, begin, end in _LIMBS:
        share = body.weights[:, list(ids)].sum(1)
        start, stop = joints[ids[0]], joints[ids[min(len(ids), 4) - 1]]
        along = np.clip((vertices - start) @ (stop - start) / ((stop - start) @ (stop - start)), 0, 1)
        colours += share[:, None] * (np.array(begin) + along[:, None] * np.subtract(end, begin))
    return np.clip(colours, 0, 255).astype(np.float32)


def occlusion_outline(view: BodyView, colours: np.ndarray) -> np.ndarray:
    """Pixels near an outline of one part of the body before another, not to be sampled: bool [H, W].

    Beyond the paper, depth has a say: an edge counts where the surface jumps away from the camera, and more
    is left out on the far side, which loose sleeves hide, than on the near side, which they leave alone.

    Args:
        view: the body in the image.
        colours: float32 [V, 3], see `limb_colours`.
    """
    rows = np.flatnonzero(view.coverage.any(1))
    if not len(rows):
        return np.zeros_like(view.coverage)
    depth = view.depth()
    near = ndimage.minimum_filter(np.where(view.coverage, depth, np.inf), _JUMP_WINDOW)
    far = ndimage.maximum_filter(np.where(view.coverage, depth, -np.inf), _JUMP_WINDOW)
    edges = _colour_edges(view, colours) & (far - near > _JUMP_M)
    if not edges.any():
        return np.zeros_like(view.coverage)
    distance, (row, column) = ndimage.distance_transform_edt(~edges, return_indices=True)
    behind = depth > (near[row, column] + far[row, column]) / 2
    reach = np.where(behind, FAR_SIDE_SHARE, NEAR_SIDE_SHARE) * (rows[-1] + 1 - rows[0])
    return view.coverage & (distance <= reach)


def _colour_edges(view: BodyView, colours: np.ndarray) -> np.ndarray:
    """Edges in the picture of the limbs (Canny 1986), without the silhouette's own contour: bool [H, W]."""
    picture = np.round(view.interpolate(colours)).astype(np.uint8)
    gradient = [_strongest(cv2.Sobel(picture, cv2.CV_16S, *axis)) for axis in ((1, 0), (0, 1))]
    edges = cv2.Canny(gradient[0], gradient[1], *_CANNY) > 0
    inner = cv2.erode(view.coverage.astype(np.uint8), _disc(_CONTOUR_SHARE * len(view.coverage))) > 0
    return edges & inner


def _strongest(channels: np.ndarray) -> np.ndarray:
    """The channel with the largest magnitude at each pixel: int16 [H, W, 3] => [H, W]."""
    best = np.abs(channels).argmax(2)
    return np.ascontiguousarray(np.take_along_axis(channels, best[..., None], 2)[..., 0])


def _disc(radius: float) -> np.ndarray:
    """A disc for dilating and eroding; at least one pixel around the centre."""
    reach = max(round(radius), 1)
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
