"""Outlines of one part of the body before another."""

import numpy as np
import pytest

from dinar.runtime.body import Pose, forward, load_body, open_body_path
from dinar.runtime.camera import framing
from dinar.trainer.texture.body_view import BodyView, view_body
from dinar.trainer.texture.occlusion import limb_colours, occlusion_outline


@pytest.fixture(scope="module")
def body():
    return load_body(open_body_path())


@pytest.fixture(scope="module")
def colours(body):
    return limb_colours(body, np.zeros(10))


def seen_from_the_front(body, turns: dict[int, tuple[float, float, float]]) -> BodyView:
    rotations = np.zeros((55, 3), np.float32)
    for joint, turn in turns.items():
        rotations[joint] = turn
    pose = Pose(rotations, np.zeros(3, np.float32), np.zeros(0, np.float32))
    vertices = forward(body, np.zeros(10), pose).vertices
    camera = framing(vertices.min(0), vertices.max(0), width=512, height=512, fill=0.95)
    return view_body(body, np.zeros(10), pose, camera)


def arms_before_the_belly(body) -> BodyView:
    return seen_from_the_front(
        body, {16: (0, -0.9, -0.9), 17: (0, 0.9, 0.9), 18: (0, -1.3, 0), 19: (0, 1.3, 0)}
    )


def limb_of(view: BodyView, body) -> np.ndarray:
    """1 where an arm is seen, 2 where the trunk is, 0 elsewhere."""
    weights = view.interpolate(body.weights.astype(np.float32))
    arm = weights[..., [16, 17, 18, 19, 20, 21, *range(25, 55)]].sum(2) > 0.5
    trunk = weights[..., [0, 3, 6, 9]].sum(2) > 0.5
    return np.where(arm, 1, np.where(trunk, 2, 0))


def test_arms_before_the_belly_are_outlined(body, colours):
    view = arms_before_the_belly(body)
    outline, limb = occlusion_outline(view, colours), limb_of(view, body)
    arm, trunk = limb == 1, limb == 2
    beside = trunk & (np.roll(arm, 2, 0) | np.roll(arm, -2, 0))  # belly above or below a forearm
    assert beside.sum() > 100
    assert outline[beside].mean() > 0.9


def test_a_body_that_hides_nothing_of_itself_keeps_its_pixels(body, colours):
    view = seen_from_the_front(body, {})
    outline = occlusion_outline(view, colours)
    assert outline[view.coverage].mean() < 0.06


def test_the_silhouette_is_no_occlusion(body, colours):
    view = seen_from_the_front(body, {})
    legs = np.zeros_like(view.coverage)
    legs[330:, :] = True
    contour = view.coverage & ~np.roll(view.coverage, 1, axis=1) & legs
    assert occlusion_outline(view, colours)[contour].mean() < 0.15


def test_nobody_seen_gives_no_outline(body, colours):
    view = seen_from_the_front(body, {})
    empty = BodyView(
        view.camera,
        view.vertices,
        view.faces,
        np.full_like(view.triangle, -1),
        np.zeros_like(view.barycentric),
        np.zeros_like(view.uv),
        np.zeros_like(view.coverage),
    )
    assert not occlusion_outline(empty, colours).any()


def test_neighbouring_limbs_fade_into_each_other(body, colours):
    """Along an edge of the mesh the colour changes little, except between lips and lids and fingers."""
    a, b = body.faces[:, 0], body.faces[:, 1]
    jump = np.abs(colours[a] - colours[b]).max(1)
    length = np.linalg.norm(body.v_template[a] - body.v_template[b], axis=1)
    assert np.percentile(jump[length > 0.005], 99) < 40
    assert colours.min() >= 0
    assert colours.max() <= 255
    assert len(np.unique(np.round(colours), axis=0)) > 1000
