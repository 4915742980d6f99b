"""The hair: on the head, out of the face, thin at its rim, within its budget."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from dinar.runtime.body import Body, load_body, open_body_path, rest_vertices
from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.hair.hair import HEAD_JOINT, make_hair
from dinar.trainer.data.people.hair.hair_paint import RIM
from dinar.trainer.data.people.head import Head, find_head, hair_flow, hairline_distance
from dinar.trainer.data.people.part import Part, SurfacePoints
from dinar.trainer.data.people.patch import rim_edges
from dinar.trainer.data.people.skin.skin import BETAS, SkinPainter, paint_skin


@pytest.fixture(scope="module")
def body() -> Body:
    return load_body(open_body_path())


@pytest.fixture(scope="module")
def vertices(body) -> np.ndarray:
    return rest_vertices(body, np.array(BETAS))


@pytest.fixture(scope="module")
def skin(body, vertices) -> SkinPainter:
    return paint_skin(body, vertices)


@pytest.fixture(scope="module")
def head(body, vertices) -> Head:
    return find_head(body, vertices)


@pytest.fixture(scope="module")
def hair(body, vertices, skin) -> Part:
    return make_hair(body, vertices, skin)


def _height(points: np.ndarray, body: Body, vertices: np.ndarray) -> np.ndarray:
    """Height over the nearest of many points strewn on the skin of the head, metres."""
    rng = np.random.default_rng(8)
    corners = vertices[body.faces[vertices[body.faces][:, :, 1].min(1) > 0.2]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normal, axis=1)
    face = rng.choice(len(corners), 200_000, p=area / area.sum())
    sample = (corners[face] * rng.dirichlet(np.ones(3), len(face))[..., None]).sum(1)
    nearest = cKDTree(sample).query(points)[1]
    normal = normal[face[nearest]] / area[face[nearest], None]
    return ((points - sample[nearest]) * normal).sum(1)


def _at(hair: Part, faces: np.ndarray, weight: np.ndarray) -> SurfacePoints:
    corners = hair.faces[faces]
    normals = (vertex_normals(hair.vertices, hair.faces)[corners] * weight[..., None]).sum(1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return SurfacePoints((hair.vertices[corners] * weight[..., None]).sum(1), normals, faces, weight)


@pytest.fixture(scope="module")
def surface(hair) -> SurfacePoints:
    rng = np.random.default_rng(1)
    faces = np.repeat(np.arange(len(hair.faces), dtype=np.int32), 3)
    return _at(hair, faces, rng.dirichlet(np.ones(3), len(faces)))


def test_it_keeps_to_its_budget_and_moves_with_the_head(hair):
    assert 5000 < len(hair.faces) <= 9000
    assert (hair.joint_weights[:, HEAD_JOINT] == 1).all()
    np.testing.assert_allclose(hair.joint_weights.sum(1), 1)
    assert (hair.anchor_weight == 0).all()


def test_the_same_body_and_seed_give_the_same_hair(hair, body, vertices, skin):
    again = make_hair(body, vertices, skin)
    np.testing.assert_array_equal(again.vertices, hair.vertices)
    np.testing.assert_array_equal(again.faces, hair.faces)
    other = make_hair(body, vertices, skin, seed=4)
    assert other.vertices.shape != hair.vertices.shape or not np.allclose(other.vertices, hair.vertices)


def test_the_cap_lies_outside_the_head(hair, body, vertices):
    cap = np.unique(hair.faces[~hair.painter.mesh.is_lock])
    assert _height(hair.vertices[cap], body, vertices).min() > -0.0002


def test_hair_stays_within_three_and_a_half_centimetres_of_the_skin(hair, body, vertices):
    height = _height(hair.vertices, body, vertices)
    assert height.max() < 0.036
    assert np.percentile(height, 95) > 0.015  # and has volume


def test_the_rim_of_the_cap_lies_on_the_skin(hair):
    mesh = hair.painter.mesh
    rim = np.unique(rim_edges(hair.faces[~mesh.is_lock]))
    assert np.linalg.norm(hair.vertices[rim] - mesh.skin[rim], axis=1).max() < RIM + 2e-4


def test_the_rim_of_the_cap_shows_what_the_skin_below_shows(hair, skin, body):
    mesh = hair.painter.mesh
    cap_faces = np.nonzero(~mesh.is_lock)[0]
    on_rim = np.isin(hair.faces[cap_faces], np.unique(rim_edges(hair.faces[~mesh.is_lock])))
    rim_faces, corner = (index[:400] for index in np.nonzero(on_rim))
    points = _at(hair, cap_faces[rim_faces].astype(np.int32), np.eye(3)[corner])
    vertex = hair.faces[cap_faces[rim_faces], corner]
    plain = np.nonzero(
        ~skin.head.eyeball_faces & ((skin.head.ear_share + skin.head.mouth_share)[body.faces].max(1) == 0)
    )
    stand_in = np.full(len(vertex), plain[0][0], np.int32)
    below = skin(
        SurfacePoints(
            mesh.skin[vertex], mesh.skin_normal[vertex], stand_in, np.tile([1.0, 0, 0], (len(vertex), 1))
        )
    )
    np.testing.assert_allclose(hair.painter(points).albedo, below.albedo, atol=0.02)


def test_no_hair_hangs_over_face_or_ears(hair, head):
    inside = hairline_distance(head, hair.painter.mesh.skin)
    assert inside.min() > -0.003
    face = (np.abs(hair.vertices[:, 0]) < 0.05) & (hair.vertices[:, 2] > head.eye[2] - 0.01)
    assert hair.vertices[face, 1].min() > head.glabella[1] + 0.035


def test_locks_face_outwards(hair, head):
    corners = hair.vertices[hair.faces[hair.painter.mesh.is_lock]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = ((corners.mean(1) - head.centre) * normal).sum(1) > 0
    assert outward.mean() > 0.9


def test_locks_follow_the_flow(hair, head):
    mesh = hair.painter.mesh
    lock = np.unique(hair.faces[mesh.is_lock])
    flow = hair_flow(head, mesh.skin[lock], mesh.skin_normal[lock])
    assert np.median((flow * mesh.tangent[lock]).sum(1)) > 0.8


def test_a_point_is_painted_the_same_in_any_company(hair, surface):
    every = hair.painter(surface)
    some = np.random.default_rng(2).permutation(len(surface.face))[:3000]
    alone = hair.painter(
        SurfacePoints(
            surface.position[some], surface.normal[some], surface.face[some], surface.barycentric[some]
        )
    )
    np.testing.assert_allclose(alone.albedo, every.albedo[some], atol=1e-12)
    np.testing.assert_allclose(alone.cavity, every.cavity[some], atol=1e-12)


def test_hair_is_brown_darker_at_the_roots_and_not_flat(hair, surface):
    paint = hair.painter(surface)
    mesh = hair.painter.mesh
    lock = mesh.is_lock[surface.face]
    along = (mesh.shape[hair.faces[surface.face], 0] * surface.barycentric).sum(1)
    tone = paint.albedo.mean(1) * paint.cavity
    assert tone[lock & (along > 0.7)].mean() > 1.3 * tone[lock & (along < 0.15)].mean()
    assert tone[lock].std() > 0.2 * tone[lock].mean()
    red, green, blue = paint.albedo[lock].mean(0)
    assert red > green > blue
    assert red < 0.25
