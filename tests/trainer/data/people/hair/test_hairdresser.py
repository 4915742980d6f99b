"""Hair for anybody: over the scalp, out of the eyes, outside the clothes, moved by the head, repeatable."""

from dataclasses import replace

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import DressForm, stand
from dinar.trainer.data.people.hair.hair_cap import inside_hair
from dinar.trainer.data.people.hair.haircuts import STYLES, haircut
from dinar.trainer.data.people.hair.hairdresser import make_hair
from dinar.trainer.data.people.hair.skull import Skull, find_skull, find_trunk
from dinar.trainer.data.people.part import Part, SurfacePoints
from dinar.trainer.data.people.skin.complexion import DEFAULT, HairColour

MAN = (1.29, -0.56, -1.79, -0.79, -1.62, 0.21, 0.07, -1.27, -0.11, -0.95)
WOMAN = (-0.95, 0.57, 1.54, 1.39, 1.62, -0.23, -0.24, 0.85, 0.33, 0.77)
HANGING = ("bob", "page", "lob", "long", "ringlets", "dreadlocks")
WITH_PARTS = tuple(style for style in STYLES if style != "bald")
ARMS = (13, 14, *range(16, 22), *range(25, 55))


@pytest.fixture(scope="module")
def forms() -> dict[str, DressForm]:
    body = load_body(open_body_path())
    return {"man": stand(body, np.array(MAN)), "woman": stand(body, np.array(WOMAN))}


@pytest.fixture(scope="module")
def skull(forms) -> Skull:
    return find_skull(forms["woman"])


@pytest.fixture(scope="module")
def hair(forms) -> dict[str, list[Part]]:
    """Every haircut once, on the woman."""
    return {style: make_hair(forms["woman"], haircut(style, Draw(5, style)), DEFAULT) for style in STYLES}


def _vertices(parts: list[Part]) -> np.ndarray:
    return np.concatenate([part.vertices for part in parts])


def _corners(parts: list[Part]) -> np.ndarray:
    return np.concatenate([part.vertices[part.faces] for part in parts])


def _first_hit(origin: np.ndarray, rays: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Farthest distance from `origin` at which rays [M, 3] meet triangles [m, 3, 3]; 0 for none."""
    a = corners[:, 0] - origin
    ab, ac = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(ab, ac)
    farthest = np.zeros(len(rays))
    for k, ray in enumerate(rays):
        facing = normal @ ray
        facing = np.where(np.abs(facing) < 1e-15, np.inf, facing)
        t = (normal * a).sum(1) / facing
        q = np.cross(ray, a)
        u, v = -(ac * q).sum(1) / facing, (ab * q).sum(1) / facing
        hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0)
        farthest[k] = t[hit].max(initial=0.0)
    return farthest


@pytest.mark.parametrize("style", WITH_PARTS)
def test_parts_are_meshes_with_textures_of_their_own(hair, style):
    for part in hair[style]:
        assert np.isfinite(part.vertices).all()
        assert part.name.split("_")[-1] == "hair"
        assert part.faces.min() >= 0
        assert part.faces.max() < len(part.vertices)
        assert part.uv.faces.shape == part.faces.shape
        assert part.uv.faces.max() < len(part.uv.coordinates)
        assert part.uv.coordinates.min() >= 0
        assert part.uv.coordinates.max() <= 1
    assert sum(len(part.faces) for part in hair[style]) < 70_000


@pytest.mark.parametrize("style", WITH_PARTS)
def test_head_neck_and_trunk_move_hair_and_the_arms_never(hair, style):
    for part in hair[style]:
        np.testing.assert_allclose(part.joint_weights.sum(1), 1, atol=1e-9)
        assert part.joint_weights.min() > -1e-12
        assert (part.joint_weights[:, ARMS] == 0).all()
        assert (part.anchor_weight == 0).all()


def test_the_head_moves_what_is_above_the_chin_and_the_chest_what_lies_on_it(hair, forms, skull):
    locks = hair["long"][-1]
    above = locks.vertices[:, 1] > skull.head.chin[1] + 0.02
    np.testing.assert_allclose(locks.joint_weights[above, 15], 1)
    low = locks.vertices[:, 1] < forms["woman"].joints[9, 1] + 0.05
    assert low.any()
    assert (locks.joint_weights[low, 15] == 0).all()


@pytest.mark.parametrize("style", [s for s in WITH_PARTS if s not in ("balding", "buzz")])
def test_hair_hides_the_scalp(hair, skull, style):
    recipe = haircut(style, Draw(5, style))
    rng = np.random.RandomState(3)
    rays = rng.normal(size=(4000, 3))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    skin = skull.surface(rays)
    above = skin[:, 1] - skull.head.eye[1]
    covered = (inside_hair(skull, recipe.scalp, skin) > 0.015) & (above > max(recipe.bulk.low, -1) + 0.02)
    rays, skin = rays[covered][:120], skin[covered][:120]
    hit = _first_hit(skull.head.centre, rays, _corners(hair[style]))
    assert (hit > np.linalg.norm(skin - skull.head.centre, axis=1)).mean() > 0.985


@pytest.mark.parametrize("style", WITH_PARTS)
def test_hair_keeps_out_of_the_eyes(hair, skull, style):
    head, p = skull.head, _vertices(hair[style])
    beside = (np.abs(np.abs(p[:, 0]) - head.eye[0]) < 0.008) & (np.abs(p[:, 1] - head.eye[1]) < 0.006)
    assert (beside & (p[:, 2] > head.eye[2])).sum() <= 3


@pytest.mark.parametrize("style", HANGING)
def test_hanging_hair_ends_where_it_is_cut(hair, skull, style):
    recipe = haircut(style, Draw(5, style))
    cut = skull.head.eye[1] - recipe.lengths.end * skull.size
    lowest = hair[style][-1].vertices[:, 1].min()
    assert cut - 0.05 < lowest < cut + 0.02


@pytest.mark.parametrize("style", ["long", "plait"])
def test_hair_leaves_room_for_clothes(hair, forms, skull, style):
    trunk = find_trunk(forms["woman"], skull.head)
    p = _vertices(hair[style])
    low = p[p[:, 1] < trunk.shoulder - 0.05]
    height, _ = trunk.height(low)
    assert len(low) > 200
    assert np.percentile(height, 1) > 0.008
    assert np.median(height) > 0.018


def test_a_shaved_head_has_no_parts(hair):
    assert hair["bald"] == []


def test_ears_stay_free_or_are_covered(hair, skull):
    ear = skull.head.ear
    side = np.array([1.0, 0.0, 0.0])
    for style, covered in (("bob", True), ("long", True), ("crop", False), ("bun", False)):
        corners = _corners(hair[style])
        hit = _first_hit(ear * [0, 1, 1], side[None], corners)[0]
        assert (hit > ear[0]) == covered, style


def test_the_same_recipe_gives_the_same_hair(forms, hair):
    pairs = [
        (hair[style], make_hair(forms["woman"], haircut(style, Draw(5, style)), DEFAULT))
        for style in ("long", "plaits", "afro")
    ]
    swept = haircut("swept", Draw(7, "swept"))
    pairs.append((make_hair(forms["man"], swept, DEFAULT), make_hair(forms["man"], swept, DEFAULT)))
    for once, again in pairs:
        for first, second in zip(once, again, strict=True):
            np.testing.assert_array_equal(first.vertices, second.vertices)
            np.testing.assert_array_equal(first.faces, second.faces)


def test_other_seeds_give_other_locks(forms, hair):
    recipe = replace(haircut("long", Draw(5, "long")), seed=99)
    other = make_hair(forms["woman"], recipe, DEFAULT)[-1]
    assert not np.array_equal(hair["long"][-1].vertices[:500], other.vertices[:500])


# --- Paint ----------------------------------------------------------------------------------------


def _strewn(part: Part, per_face: int = 1) -> SurfacePoints:
    rng = np.random.RandomState(4)
    faces = np.repeat(np.arange(len(part.faces), dtype=np.int32), per_face)
    weight = rng.dirichlet(np.ones(3), len(faces))
    corners = part.faces[faces]
    normal = (vertex_normals(part.vertices, part.faces)[corners] * weight[..., None]).sum(1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return SurfacePoints((part.vertices[corners] * weight[..., None]).sum(1), normal, faces, weight)


def test_locks_that_share_texels_show_the_same_paint(hair):
    part = hair["long"][-1]
    corner_uv = part.uv.coordinates[part.uv.faces].reshape(len(part.faces), -1).round(9)
    _, first, which = np.unique(corner_uv, axis=0, return_index=True, return_inverse=True)
    twin = first[which.ravel()]
    shared = np.flatnonzero(twin != np.arange(len(twin)))[:2000]
    assert len(shared) == 2000
    at = np.tile([0.5, 0.3, 0.2], (len(shared), 1))
    nothing = np.zeros((len(shared), 3))
    paint = [
        part.painter(SurfacePoints(nothing, nothing, f.astype(np.int32), at)) for f in (shared, twin[shared])
    ]
    np.testing.assert_allclose(paint[0].albedo, paint[1].albedo, atol=1e-9)
    np.testing.assert_allclose(paint[0].cavity, paint[1].cavity, atol=1e-9)


def test_texels_that_are_shared_leave_the_normal_alone(hair):
    points = _strewn(hair["long"][-1])
    np.testing.assert_array_equal(hair["long"][-1].painter(points).normal, points.normal)


@pytest.mark.parametrize("style", ["buzz", "long", "afro"])
def test_hair_has_the_colour_of_the_complexion(forms, style):
    recipe = replace(haircut(style, Draw(5, style)), highlights=0.0)

    def mean(colour: HairColour) -> np.ndarray:
        parts = make_hair(forms["woman"], recipe, replace(DEFAULT, hair=colour))
        return np.concatenate([part.painter(_strewn(part)).albedo for part in parts]).mean(0)

    red = mean(HairColour((0.18, 0.04, 0.01), (0.42, 0.12, 0.04), 0.0, (0.5, 0.5, 0.5)))
    assert red[0] > 2 * red[1] > 3 * red[2]
    plain, grey, white = (mean(replace(DEFAULT.hair, grey=share)) for share in (0.0, 0.5, 1.0))
    assert plain.mean() < grey.mean() < white.mean()
    assert np.ptp(white) < 0.6 * np.ptp(plain) / plain.mean() * white.mean()


def test_hair_is_painted_within_bounds_and_with_strands(hair):
    for style in ("side part", "long", "afro"):
        for part in hair[style]:
            paint = part.painter(_strewn(part))
            assert paint.albedo.min() >= 0
            assert paint.albedo.max() <= 1
            assert paint.cavity.min() >= 0
            assert paint.cavity.max() <= 1
            np.testing.assert_allclose(np.linalg.norm(paint.normal, axis=1), 1, atol=1e-6)
            assert paint.albedo.std() > 0.08 * paint.albedo.mean()
