"""Where cloth lies on its panels: metres that agree with the body, seams where garments have them."""

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.dress_form import DressForm, stand
from dinar.trainer.data.people.fabric.cloth_frame import (
    LEFT_ARM,
    LEFT_LEG,
    RIGHT_ARM,
    RIGHT_LEG,
    TORSO,
    ClothPoints,
    cloth_points,
)

SHAPES = {"mean": np.zeros(10), "stout": np.array([0.5, 2.0, -1.0, 0.5, 0, 0, 0, 0, 0, 0])}


@pytest.fixture(scope="module", params=SHAPES)
def form(request) -> DressForm:
    return stand(load_body(open_body_path()), SHAPES[request.param])


def on_body(form: DressForm, cut: str = "top") -> ClothPoints:
    return cloth_points(form, form.rest, vertex_normals(form.rest, form.body.faces), cut)


def at(form: DressForm, position: np.ndarray, cut: str = "top") -> ClothPoints:
    return cloth_points(form, position, np.broadcast_to([0.0, 0.0, 1.0], position.shape), cut)


def edges_within_panels(form: DressForm, points: ClothPoints) -> np.ndarray:
    """Edges of the body whose ends lie on one panel, away from hands, feet and head: [E, 2]."""
    edges = form.body.faces[:, [0, 1]]
    x, y = np.abs(form.rest[:, 0]), form.rest[:, 1]
    ankle, wrist, neck = form.joints[7, 1], form.joints[20, 0], form.joints[12, 1]
    clothed = (y > ankle + 0.05) & (x < wrist - 0.02) & (y < neck - 0.04)
    same = points.panel[edges[:, 0]] == points.panel[edges[:, 1]]
    return edges[same & clothed[edges].all(1)]


@pytest.mark.parametrize("cut", ["top", "bottom"])
def test_panels_are_hardly_stretched_over_the_body(form, cut):
    points = on_body(form, cut)
    edges = edges_within_panels(form, points)
    if cut == "top":
        edges = edges[(points.limb[edges] == TORSO).all(1) & (form.rest[edges, 1] > form.joints[0, 1]).all(1)]
    else:
        edges = edges[(form.rest[edges, 1] < form.joints[0, 1] + 0.08).all(1)]
    length = np.linalg.norm(form.rest[edges[:, 0]] - form.rest[edges[:, 1]], axis=1)
    apart = np.hypot(np.diff(points.across[edges], axis=1), np.diff(points.up[edges], axis=1))[:, 0]
    ratio = (apart / length)[length > 0.004]
    assert 0.85 < np.median(ratio) < 1.1
    assert np.percentile(ratio, 95) < 1.4
    assert np.percentile(ratio, 5) > 0.5


def test_left_and_right_mirror_each_other(form):
    rng = np.random.default_rng(1)
    position = form.rest[rng.integers(0, len(form.rest), 4000)]
    for cut in ("top", "bottom"):
        left, right = at(form, position, cut), at(form, position * (-1, 1, 1), cut)
        inner = np.abs(position[:, 0]) > 1e-6
        np.testing.assert_allclose(left.across[inner], -right.across[inner], atol=1e-9)
        np.testing.assert_allclose(left.along, right.along, atol=1e-9)
        np.testing.assert_allclose(left.facing, right.facing, atol=1e-9)


def test_across_is_the_side_on_the_chest_and_reversed_on_the_back(form):
    side = np.linspace(-0.06, 0.06, 25)
    height = np.full(25, form.joints[9, 1])
    for depth, sign in ((0.10, 1), (-0.07, -1)):
        points = at(form, np.stack([side, height, np.full(25, depth)], 1))
        np.testing.assert_allclose(points.across, sign * side, atol=0.004)
        assert (np.sign(points.facing) == sign).all()


def test_panels_end_at_the_side_seams(form):
    points = on_body(form)
    seam = (points.limb == TORSO) & (np.abs(points.facing) < 0.03)
    np.testing.assert_allclose(np.abs(points.across[seam]), points.quarter[seam], atol=0.012)
    assert (np.abs(points.across[points.limb == TORSO]) <= points.quarter[points.limb == TORSO] + 1e-9).all()


def test_around_and_across_differ_by_half_a_girth_behind(form):
    for cut in ("top", "bottom"):
        points = on_body(form, cut)
        behind = (points.facing < 0) & ~points.on_arm
        apart = np.abs(points.around - points.across)
        np.testing.assert_allclose(apart[behind], 2 * points.quarter[behind], atol=1e-9)
        np.testing.assert_allclose(apart[~behind], 0, atol=1e-9)


def test_limbs_are_told_apart(form):
    wrist, knee = form.joints[20], form.joints[4]
    mirrored = np.array([-1, 1, 1])
    points = at(form, np.stack([form.joints[9], wrist, wrist * mirrored]))
    np.testing.assert_array_equal(points.limb, [TORSO, LEFT_ARM, RIGHT_ARM])
    np.testing.assert_allclose(points.along[1:], wrist[0] - form.joints[16, 0], atol=0.002)
    legs = at(form, np.stack([knee, knee * mirrored]), "bottom")
    np.testing.assert_array_equal(legs.limb, [LEFT_LEG, RIGHT_LEG])
    np.testing.assert_allclose(legs.along, form.joints[1, 1] - knee[1], atol=0.002)


def test_directions_point_where_the_coordinates_grow(form):
    points = on_body(form)
    chosen = (form.rest[:, 1] > form.joints[0, 1]) & (form.rest[:, 1] < form.joints[12, 1] - 0.10)
    chosen &= np.abs(form.rest[:, 0]) < form.joints[20, 0] - 0.05
    right, upward = points.tangents()
    for direction, name in ((right, "across"), (upward, "up")):
        moved = cloth_points(form, form.rest + 0.001 * direction, points.normal)
        same = chosen & (moved.panel == points.panel) & (np.abs(points.facing) > 0.05)
        gain = (getattr(moved, name) - getattr(points, name))[same]
        assert np.mean(gain > 0.0005) > 0.9
