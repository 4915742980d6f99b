"""The painted skin: features sit on their landmarks, colours are those of a person."""

from dataclasses import replace

import numpy as np
import pytest

from dinar.runtime.body import Body, load_body, open_body_path, rest_vertices
from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.head import Head, find_head, hairline_distance
from dinar.trainer.data.people.part import Paint, SurfacePoints
from dinar.trainer.data.people.skin.complexion import BEARDS, DEFAULT, NO_MAKEUP, Complexion, HairColour
from dinar.trainer.data.people.skin.eyes import IRIS_RADIUS, PUPIL_RADIUS, gaze_frame
from dinar.trainer.data.people.skin.pigment import hair_colour, mean_hair, skin_tone
from dinar.trainer.data.people.skin.scalp import Scalp
from dinar.trainer.data.people.skin.skin import BETAS, SkinPainter, paint_skin


@pytest.fixture(scope="module")
def body() -> Body:
    return load_body(open_body_path())


@pytest.fixture(scope="module")
def vertices(body) -> np.ndarray:
    return rest_vertices(body, np.array(BETAS))


@pytest.fixture(scope="module")
def painter(body, vertices) -> SkinPainter:
    return paint_skin(body, vertices)


@pytest.fixture(scope="module")
def head(painter) -> Head:
    return painter.head


@pytest.fixture(scope="module")
def surface(body, vertices) -> SurfacePoints:
    """Random points on the outside of the head, four on each of its triangles; none on the eyeballs."""
    rng = np.random.default_rng(2)
    head = find_head(body, vertices)
    outside = ~head.eyeball_faces & (head.mouth_share[body.faces].max(1) == 0)
    outside &= vertices[body.faces][:, :, 1].min(1) > 0.15
    face = np.repeat(np.nonzero(outside)[0], 4).astype(np.int32)
    weight = rng.dirichlet(np.ones(3), len(face))
    return _points(body, vertices, face, weight)


def _points(body: Body, vertices: np.ndarray, face: np.ndarray, weight: np.ndarray) -> SurfacePoints:
    corners = body.faces[face]
    normals = (vertex_normals(vertices, body.faces)[corners] * weight[..., None]).sum(1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return SurfacePoints((vertices[corners] * weight[..., None]).sum(1), normals, face, weight)


def _take(points: SurfacePoints, index: np.ndarray) -> SurfacePoints:
    return SurfacePoints(
        points.position[index], points.normal[index], points.face[index], points.barycentric[index]
    )


@pytest.fixture(scope="module")
def paint(painter, surface) -> Paint:
    return painter(surface)


def _near(surface: SurfacePoints, centre: np.ndarray, radius: float) -> np.ndarray:
    return np.linalg.norm(surface.position - centre, axis=1) < radius


def redness(albedo: np.ndarray) -> np.ndarray:
    return albedo[:, 0] / albedo[:, 1]


def test_paint_is_physical(paint):
    assert paint.albedo.min() >= 0
    assert paint.albedo.max() <= 1
    np.testing.assert_allclose(np.linalg.norm(paint.normal, axis=1), 1, atol=1e-9)
    assert paint.cavity.min() >= 0
    assert paint.cavity.max() <= 1


def test_a_point_is_painted_the_same_in_any_company(painter, surface, paint):
    some = np.random.default_rng(3).permutation(len(surface.face))[:4000]
    alone = painter(_take(surface, some))
    np.testing.assert_allclose(alone.albedo, paint.albedo[some], atol=1e-12)
    np.testing.assert_allclose(alone.normal, paint.normal[some], atol=1e-12)


def test_landmarks_lie_on_both_sides_alike(head, vertices):
    for name in ("lid_rim", "lid_edge", "lid_crease", "lip_border", "lip_line"):
        mirrored = getattr(head, name) * [-1, 1, 1]
        distance = np.linalg.norm(vertices[None] - mirrored[:, None], axis=2).min(1)
        assert distance.max() < 1e-3, name
    for name in ("nose_tip", "subnasale", "nasion", "glabella", "chin"):
        assert abs(getattr(head, name)[0]) < 1e-3, name


def test_landmarks_are_in_the_order_of_a_face(head):
    heights = [head.glabella, head.nasion, head.nose_tip, head.subnasale, head.lip_line[0], head.chin]
    assert (np.diff([p[1] for p in heights]) < 0).all()
    assert head.chin[1] < head.lip_border[-1, 1] < head.lip_line[0, 1] < head.lip_border[0, 1]
    assert head.nose_tip[2] > head.subnasale[2] > head.eye[2]
    assert head.ear[0] > head.eye[0] > head.ala[0] > 0


def test_lids_close_around_the_eye(head):
    distance = np.linalg.norm(head.lid_edge - head.eye, axis=1)
    assert (np.abs(distance - head.eye_radius) < 0.004).all()


def test_lips_are_redder_than_cheeks_but_not_painted(surface, paint, head):
    on_lips = _near(surface, (head.lip_line[0] + head.lip_border[-1]) / 2, 0.004)
    cheek = head.eye * [1, 0, 1] + [0.012, head.nose_tip[1], 0.0]
    on_cheek = _near(surface, cheek, 0.012)
    assert on_lips.sum() > 20
    assert on_cheek.sum() > 20
    lips, cheeks = paint.albedo[on_lips].mean(0), paint.albedo[on_cheek].mean(0)
    assert 1.12 < (lips[0] / lips[1]) / (cheeks[0] / cheeks[1]) < 1.8
    assert lips.sum() < cheeks.sum()


def test_ears_and_nose_are_redder_than_the_forehead(surface, paint, head):
    forehead = redness(paint.albedo[_near(surface, head.glabella + np.array([0, 0.03, 0]), 0.015)]).mean()
    nose = redness(paint.albedo[_near(surface, head.nose_tip, 0.007)]).mean()
    ear = redness(paint.albedo[_near(surface, head.ear, 0.015)]).mean()
    assert nose > 1.05 * forehead
    assert ear > 1.05 * forehead


def test_skin_varies_from_point_to_point(surface, paint, head):
    cheek = _near(surface, head.eye * [1, 0, 1] + [0.012, head.nose_tip[1], 0.0], 0.015)
    spread = paint.albedo[cheek].std(0) / paint.albedo[cheek].mean(0)
    assert (spread > 0.015).all()
    assert (spread < 0.25).all()


def _eye_points(head: Head, body: Body, vertices: np.ndarray, radius: np.ndarray) -> SurfacePoints:
    """Points at these distances (metres) beside the left eye's line of sight."""
    right, up, ahead = gaze_frame(head)
    face = np.nonzero(head.eyeball_faces & (vertices[body.faces][:, :, 0].min(1) > 0))[0][0]
    angle = np.linspace(0, 2 * np.pi, 41)[:-1]
    r, a = (grid.ravel() for grid in np.meshgrid(radius / head.eye_radius, angle))
    beside = r[:, None] * (np.cos(a)[:, None] * right + np.sin(a)[:, None] * up)
    ray = beside + np.sqrt(1 - r**2)[:, None] * ahead
    return SurfacePoints(
        head.eye + ray * head.eye_radius,
        ray,
        np.full(len(r), face, np.int32),
        np.tile([1.0, 0, 0], (len(r), 1)),
    )


def test_irises_are_dark_at_the_centre_brown_around_and_white_beyond(painter, head, body, vertices):
    def mean(radius: float) -> np.ndarray:
        return np.median(painter(_eye_points(head, body, vertices, np.array([radius]))).albedo, axis=0)

    pupil, iris, sclera = mean(0.6 * PUPIL_RADIUS), mean(0.6 * IRIS_RADIUS), mean(1.3 * IRIS_RADIUS)
    assert pupil.max() < 0.03
    assert iris[0] > 2 * iris[2]
    assert iris.sum() > 2 * pupil.sum()
    assert sclera.min() > 0.1
    assert sclera.max() < 0.75
    assert sclera[0] < 1.5 * sclera[2]


def test_upper_lids_cover_part_of_the_iris_and_not_the_pupil(head):
    up = gaze_frame(head)[1]
    heights = (head.lid_edge - head.eye) @ up
    beside = np.abs(head.lid_edge[:, 0] - head.eye[0]) < 0.004
    assert PUPIL_RADIUS < heights[beside & (heights > 0)].max() < IRIS_RADIUS
    assert PUPIL_RADIUS < -heights[beside & (heights < 0)].min() < IRIS_RADIUS + 0.001


def test_brows_are_darker_than_the_skin_above_them(surface, paint, head):
    x, y = np.abs(surface.position[:, 0]), surface.position[:, 1]
    front = surface.position[:, 2] > head.eye[2] + 0.010  # not inside the eye sockets
    column = front & (np.abs(x - head.eye[0]) < 0.010)
    brow = column & (np.abs(y - head.eye[1] - 0.0145) < 0.0025)
    above = column & (np.abs(y - head.eye[1] - 0.030) < 0.004)
    assert brow.sum() > 20
    assert paint.albedo[brow].mean() < 0.6 * paint.albedo[above].mean()


def test_the_hairline_frames_the_face_and_spares_the_ears(head):
    def inside(offset: tuple[float, float, float], origin: np.ndarray) -> float:
        return hairline_distance(head, (origin + offset)[None])[0]

    assert inside((0, 0.03, 0), head.glabella) < 0  # forehead
    assert inside((0, 0.08, -0.05), head.glabella) > 0  # top
    assert inside((0, 0, 0), head.ear) < 0
    assert inside((0, 0.05, -0.02), head.ear) > 0
    assert inside((0, 0, 0), head.chin) < 0
    back = head.centre + np.array([0, 0.02, -0.09])
    assert inside((0, 0, 0), back) > 0
    assert inside((0, -0.16, 0), back) < 0  # neck


def test_the_scalp_is_dark_under_the_hair(surface, paint, head):
    inside = hairline_distance(head, surface.position)
    outward = ((surface.position - head.centre) * surface.normal).sum(1) > 0
    deep = outward & (inside > 0.03) & (surface.position[:, 1] > head.eye[1] + 0.05)
    forehead = _near(surface, head.glabella + np.array([0, 0.03, 0]), 0.015)
    assert paint.albedo[deep].mean() < 0.25 * paint.albedo[forehead].mean()


def test_palms_are_lighter_than_the_backs_of_hands(painter, body, vertices):
    share = painter.hands.hand_share[body.faces].min(1)
    face = np.nonzero(share > 0.99)[0].astype(np.int32)
    points = _points(body, vertices, face, np.full((len(face), 3), 1 / 3))
    albedo = painter(points).albedo
    palm, back = albedo[points.normal[:, 1] < -0.8], albedo[points.normal[:, 1] > 0.8]
    assert palm.mean() > 1.1 * back.mean()


def test_finger_tips_have_nails(painter):
    for nail, tip in zip(painter.hands.nails, painter.hands.tips, strict=True):
        assert np.linalg.norm(nail.centre - tip) < 0.015
        assert (nail.centre - tip) @ nail.frame[0] < 0, "the nail ends before the finger does"
        np.testing.assert_allclose(nail.frame @ nail.frame.T, np.eye(3), atol=1e-12)
        assert (nail.half > 0.003).all()
        assert (nail.half < 0.009).all()


def test_polish_colours_the_nails_alone(body, vertices, painter):
    red = (0.6, 0.0, 0.0)
    polished = paint_skin(body, vertices, replace(DEFAULT, makeup=replace(NO_MAKEUP, nails=(red, 1.0))))
    share = painter.hands.hand_share[body.faces].min(1)
    face = np.nonzero(share > 0.99)[0].astype(np.int32)
    points = _points(body, vertices, face, np.full((len(face), 3), 1 / 3))
    changed = np.abs(polished(points).albedo - painter(points).albedo).max(1) > 1e-9
    centres = np.array([nail.centre for nail in painter.hands.nails])
    mirrored = np.abs(points.position * [1, 0, 0]) + points.position * [0, 1, 1]
    distance = np.linalg.norm(mirrored[:, None] - centres, axis=2).min(1)
    assert distance[changed].max() < 0.012
    np.testing.assert_allclose(
        polished(points).albedo[distance < 0.002],
        np.broadcast_to(red, ((distance < 0.002).sum(), 3)),
        atol=0.02,
    )


def test_a_body_without_eyeballs_is_refused(body, vertices):
    eyeless = body.faces[~find_head(body, vertices).eyeball_faces]
    broken = Body(**(body.__dict__ | {"faces": eyeless}))
    with pytest.raises(ValueError, match="two eyeballs"):
        find_head(broken, vertices)


# --- Anybody --------------------------------------------------------------------------------------


def _face_points(body: Body, vertices: np.ndarray, per_face: int = 2) -> SurfacePoints:
    head = find_head(body, vertices)
    outside = ~head.eyeball_faces & (head.mouth_share[body.faces].max(1) == 0)
    outside &= vertices[body.faces][:, :, 1].min(1) > head.chin[1] - 0.06
    face = np.repeat(np.nonzero(outside)[0], per_face).astype(np.int32)
    return _points(body, vertices, face, np.random.default_rng(4).dirichlet(np.ones(3), len(face)))


@pytest.fixture(scope="module")
def face_points(body, vertices) -> SurfacePoints:
    return _face_points(body, vertices)


def _painted(body: Body, vertices: np.ndarray, points: SurfacePoints, complexion: Complexion) -> Paint:
    return paint_skin(body, vertices, complexion, Scalp())(points)


def test_melanin_darkens_skin_without_a_step():
    tones = np.array([skin_tone(m, 0.0) for m in np.linspace(0, 1, 51)])
    assert (np.diff(tones, axis=0) < 0).all()
    assert np.abs(np.diff(np.log(tones), axis=0)).max() < 0.13
    assert (tones[:, 0] > tones[:, 1]).all()
    assert (tones[:, 1] > tones[:, 2]).all()


@pytest.mark.parametrize("melanin", [0.0, 0.6, 1.0])
def test_palms_are_never_darker_than_the_back_of_the_hand(body, vertices, melanin):
    painter = paint_skin(body, vertices, replace(DEFAULT, melanin=melanin))
    face = np.nonzero(painter.hands.hand_share[body.faces].min(1) > 0.99)[0].astype(np.int32)
    points = _points(body, vertices, face, np.full((len(face), 3), 1 / 3))
    albedo = painter(points).albedo
    palm, back = albedo[points.normal[:, 1] < -0.8], albedo[points.normal[:, 1] > 0.8]
    assert palm.mean() > (1.0 + 0.5 * melanin) * back.mean()


def test_a_beard_darkens_the_chin_and_spares_lips_forehead_and_ears(body, vertices, face_points, head):
    bare = _painted(body, vertices, face_points, replace(DEFAULT, beard="none", stubble=0.0)).albedo
    for style in BEARDS[2:]:
        grown = _painted(body, vertices, face_points, replace(DEFAULT, beard=style, stubble=0.0)).albedo
        changed = np.abs(grown - bare).max(1) > 0.02
        p = face_points.position
        assert changed.sum() > 100, style
        assert p[changed, 1].max() < head.eye[1] + 0.015, style
        assert not changed[_near(face_points, (head.lip_line[0] + head.lip_border[-1]) / 2, 0.002)].any()
        assert not changed[_near(face_points, head.ear, 0.008)].any()
        assert changed[_near(face_points, head.chin, 0.006)].mean() > (0.5 if style != "moustache" else -1)


def test_lipstick_has_its_colour_on_the_lips_alone(body, vertices, face_points, head):
    colour = (0.30, 0.02, 0.04)
    worn = replace(DEFAULT, makeup=replace(NO_MAKEUP, lipstick=(colour, 1.0)))
    plain, made_up = (_painted(body, vertices, face_points, c).albedo for c in (DEFAULT, worn))
    changed = np.abs(plain - made_up).max(1) > 1e-9
    assert np.linalg.norm(face_points.position[changed] - head.lip_line[0], axis=1).max() < 0.035
    lower = _near(face_points, (head.lip_line[0] + head.lip_border[-1]) / 2, 0.003)
    assert redness(made_up[lower]).mean() > 2 * redness(plain[lower]).mean()
    assert made_up[lower, 0].mean() == pytest.approx(colour[0], rel=0.25)


def test_age_bends_normals_on_the_forehead_and_leaves_young_skin_alone(body, vertices, face_points, head):
    old = replace(DEFAULT, wrinkles=1.0, folds=1.0, bags=1.0)
    young, aged = (_painted(body, vertices, face_points, c) for c in (DEFAULT, old))
    turned = np.degrees(np.arccos(np.clip((young.normal * aged.normal).sum(1), -1, 1)))
    forehead = _near(face_points, head.glabella + np.array([0, 0.03, 0]), 0.015)
    assert np.percentile(turned[forehead], 90) > 3
    assert aged.albedo[forehead].mean() < young.albedo[forehead].mean()


def test_grey_hair_is_lighter_and_white_hairs_stand_among_dark_ones():
    dark = HairColour((0.01, 0.008, 0.006), (0.03, 0.02, 0.02), 0.0, (0.5, 0.45, 0.4))
    means = [mean_hair(replace(dark, grey=grey)).mean() for grey in (0.0, 0.3, 0.7, 1.0)]
    assert (np.diff(means) > 0).all()
    own = np.linspace(0, 1, 1001)[:-1]
    white = hair_colour(replace(dark, grey=0.3), np.zeros(1000), own).mean(1) > 0.2
    assert white.mean() == pytest.approx(0.3, abs=0.002)


def test_faces_of_all_shapes_are_painted(body):
    """Smooth offsets of some millimetres and any betas leave paint valid and features where they belong."""
    rng = np.random.default_rng(8)
    for turn in range(3):
        betas = rng.uniform(-2.5, 2.5, 10)
        plain = rest_vertices(body, betas)
        wave = plain @ rng.normal(0, 25, (3, 3)) + rng.uniform(0, 6, 3)
        near_head = np.clip((plain[:, 1:2] - find_head(body, plain).chin[1] + 0.05) / 0.05, 0, 1)
        vertices = plain + 0.0025 * np.sin(wave) * near_head
        points = _face_points(body, vertices, per_face=1)
        paint = paint_skin(
            body, vertices, replace(DEFAULT, seed=turn + 1, beard="short"), Scalp(), detail=0.001
        )(points)
        assert np.isfinite(paint.albedo).all()
        assert paint.albedo.min() >= 0
        assert paint.albedo.max() <= 1
        np.testing.assert_allclose(np.linalg.norm(paint.normal, axis=1), 1, atol=1e-9)
        head = find_head(body, vertices)
        lips = _near(points, (head.lip_line[0] + head.lip_border[-1]) / 2, 0.005)
        forehead = _near(points, head.glabella + np.array([0, 0.03, 0]), 0.015)
        assert redness(paint.albedo[lips]).mean() > 1.05 * redness(paint.albedo[forehead]).mean()


def test_detail_below_a_texel_changes_grain_but_not_the_mean(body, vertices, face_points):
    fine, coarse = (
        paint_skin(body, vertices, DEFAULT, Scalp(), detail=d)(face_points) for d in (0.0, 0.0011)
    )
    np.testing.assert_allclose(coarse.albedo.mean(0), fine.albedo.mean(0), rtol=0.01)
    roughness = [np.abs(paint.normal - face_points.normal).mean() for paint in (fine, coarse)]
    assert roughness[1] < roughness[0]
