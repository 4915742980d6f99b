"""Garments and shoes on the open body: outside it, tied to it, closed at the hems, painted point by point."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from dinar.runtime.body import Pose, forward, load_body, open_body_path
from dinar.trainer.data.people.bake import find_texels, vertex_normals
from dinar.trainer.data.people.clothes.jeans import make_jeans
from dinar.trainer.data.people.clothes.sneakers import make_sneaker
from dinar.trainer.data.people.clothes.sweatshirt import make_sweatshirt
from dinar.trainer.data.people.dress_form import DressForm, fitting_pose, stand
from dinar.trainer.data.people.part import Part, SurfacePoints
from dinar.trainer.data.people.patch import body_patch, rim_edges
from dinar.trainer.data.people.skin.skin import BETAS

GARMENTS = ("sweatshirt", "jeans")


@pytest.fixture(scope="module")
def form() -> DressForm:
    return stand(load_body(open_body_path()), np.array(BETAS))


@pytest.fixture(scope="module")
def parts(form) -> dict[str, Part]:
    made = (
        make_sweatshirt(form),
        make_jeans(form),
        make_sneaker(form, right=False),
        make_sneaker(form, right=True),
    )
    return {part.name: part for part in made}


def posed(form: DressForm, part: Part) -> np.ndarray:
    return form.pose(part.vertices, part.joint_weights, part.anchor_vertex, part.anchor_weight)


def test_the_fitting_pose_is_that_of_the_forward_pass(form):
    np.testing.assert_allclose(
        form.posed, forward(form.body, np.array(BETAS), fitting_pose()).vertices, atol=1e-9
    )


def test_unposing_undoes_posing(form):
    patch = body_patch(form.body.faces, len(form.rest))
    np.testing.assert_allclose(form.unpose(form.posed, patch), form.rest, atol=1e-9)


@pytest.mark.parametrize("name", [*GARMENTS, "left sneaker", "right sneaker"])
def test_weights_and_anchors_add_up(parts, name):
    part = parts[name]
    np.testing.assert_allclose(part.joint_weights.sum(1), 1)
    shares = part.anchor_weight.sum(1)
    assert np.all(np.isclose(shares, 1) | np.isclose(shares, 0))
    assert part.faces.max() < len(part.vertices)


@pytest.mark.parametrize("name", GARMENTS)
def test_cloth_stands_off_the_body(form, parts, name):
    """Outer cloth (the first faces; the strips that turn hems in come last) lies outside the skin."""
    part = parts[name]
    cloth = np.unique(part.faces[: int(0.9 * len(part.faces))])
    points = posed(form, part)[cloth]
    near = cKDTree(form.posed).query(points, k=6)[1]
    offset = points[:, None] - form.posed[near]
    height = (offset * form.normals[near]).sum(2).mean(1)
    assert np.percentile(height, 2) > 0.001
    assert np.percentile(height, 99) < 0.08


@pytest.mark.parametrize("name", GARMENTS)
def test_hems_are_closed_inside_the_body(form, parts, name):
    """What is left open of a rim lies inside the body's limbs: nobody sees into a sleeve."""
    part = parts[name]
    rim = np.unique(rim_edges(part.faces))
    assert len(rim) > 0
    middle = part.vertices[rim]
    near = cKDTree(form.rest).query(middle)[1]
    normals = vertex_normals(form.rest, form.body.faces)
    inside = ((middle - form.rest[near]) * normals[near]).sum(1) < 0.004
    assert inside.mean() > 0.9


@pytest.mark.parametrize("side", ["left sneaker", "right sneaker"])
def test_shoes_face_outwards_and_hold_the_foot(form, parts, side):
    shoe = parts[side]
    corners = (shoe.vertices - shoe.vertices.mean(0))[shoe.faces]
    volume = np.einsum("fa,fa->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert 0.0008 < volume < 0.004, "a shoe of one to a few litres, faces outwards"
    foot = form.rest[shoe.hides]
    low, high = shoe.vertices.min(0), shoe.vertices.max(0)
    assert ((foot > low - 0.004) & (foot < high + 0.02)).all(1).mean() > 0.97


def test_the_shoes_are_a_pair(parts):
    left, right = parts["left sneaker"].vertices, parts["right sneaker"].vertices
    np.testing.assert_allclose(left * [-1, 1, 1], right, atol=2e-3)


@pytest.mark.parametrize("name", [*GARMENTS, "left sneaker"])
def test_a_painter_paints_each_point_by_itself(parts, name):
    part = parts[name]
    rng = np.random.default_rng(1)
    face = rng.integers(0, len(part.faces), 300)
    weight = rng.dirichlet([1, 1, 1], 300)
    normals = vertex_normals(part.vertices, part.faces)

    def points(chosen: np.ndarray) -> SurfacePoints:
        corners, share = part.faces[face[chosen]], weight[chosen][..., None]
        normal = (normals[corners] * share).sum(1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        return SurfacePoints((part.vertices[corners] * share).sum(1), normal, face[chosen], weight[chosen])

    together = part.painter(points(np.arange(300)))
    alone = part.painter(points(np.arange(120, 180)))
    np.testing.assert_allclose(together.albedo[120:180], alone.albedo)
    np.testing.assert_allclose(together.normal[120:180], alone.normal)
    assert together.albedo.min() >= 0
    assert together.albedo.max() <= 1
    np.testing.assert_allclose(np.linalg.norm(together.normal, axis=1), 1, atol=1e-9)
    assert np.ptp(together.albedo.mean(1)) > 0.02, "cloth is not of one colour"


def test_a_pose_of_the_rest_changes_nothing(form, parts):
    """The T-pose of the avatar is where the garment's rest vertices are."""
    rest = forward(form.body, np.array(BETAS), Pose.rest()).vertices
    np.testing.assert_allclose(rest, form.rest, atol=1e-9)
    low, high = rest.min(0), rest.max(0)
    shirt = parts["sweatshirt"].vertices
    assert (shirt > low - 0.05).all()
    assert (shirt < high + 0.05).all()


def test_texels_see_the_whole_garment(parts):
    """Every face of a garment gets texels in an atlas of the shipped density."""
    part = parts["jeans"]
    spread = part.vertices[:, :2] - part.vertices[:, :2].min(0)
    uv = spread / spread.max() * 0.98 + 0.01
    texels = find_texels(uv, part.faces, height=256, width=256)
    assert len(texels.face) > 0.1 * 256 * 256
