from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.clothes.tailor import Hem, Tailored, tailor
from dinar.trainer.data.people.clothes.top_cut import hem_field, neck_field, neck_width, sleeve_field
from dinar.trainer.data.people.dress_form import DressForm, stand
from dinar.trainer.data.people.part import Paint, SurfacePoints
from dinar.trainer.data.people.patch import rim_edges

SHAPES = (
    np.zeros(10),
    np.array([1.29, -0.56, -1.79, -0.79, -1.62, 0.21, 0.07, -1.27, -0.11, -0.95]),
    np.array([-0.95, 0.57, 1.54, 1.39, 1.62, -0.23, -0.24, 0.85, 0.33, 0.77]),
)


@pytest.fixture(scope="module", params=range(len(SHAPES)))
def form(request: pytest.FixtureRequest) -> DressForm:
    return stand(load_body(open_body_path()), SHAPES[request.param])


def fields(form: DressForm) -> list[np.ndarray]:
    neck = neck_field(form, width=neck_width(form) + 0.012, front=0.06)
    return [hem_field(form, 0.6), sleeve_field(form, 0.4), neck]


@pytest.fixture(scope="module")
def plain_top(form: DressForm) -> Tailored:
    """Close to the body all over."""
    return tailor(form, fields(form), ease=0.012)


@pytest.fixture(scope="module")
def hanging_top(form: DressForm) -> Tailored:
    return tailor(form, fields(form), ease=0.02, hang=0.8)


def gap(form: DressForm, sewn: Tailored) -> np.ndarray:
    normals = sewn.patch.lift(form.normals)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    cloth = sewn.posed[: len(sewn.patch.anchor_vertex)]
    return np.einsum("na,na->n", cloth - sewn.patch.lift(form.posed), normals)


def plain(points: SurfacePoints) -> Paint:
    return Paint(np.full((len(points.face), 3), 0.5), points.normal, np.ones(len(points.face)))


def test_edges_run_along_the_zero_lines(form: DressForm, plain_top: Tailored) -> None:
    wanted, sewn = fields(form), plain_top
    rim = np.unique(rim_edges(sewn.patch.faces))
    nearest = np.min([np.abs(sewn.patch.lift(field)[rim]) for field in wanted], axis=0)
    assert np.quantile(nearest, 0.95) < 1e-6
    assert np.min([sewn.patch.lift(field).min() for field in wanted]) > -0.002


def test_hems_of_hanging_cloth_are_level(form: DressForm, hanging_top: Tailored) -> None:
    sewn = hanging_top
    height = sewn.patch.lift(form.rest[:, 1])
    rim = np.unique(rim_edges(sewn.patch.faces))
    lower = rim[np.abs(sewn.patch.lift(fields(form)[0])[rim]) < 1e-6]
    assert np.abs(sewn.posed[lower, 1] - height[lower]).max() < 0.008


def test_edges_stand_off_the_skin(form: DressForm, plain_top: Tailored) -> None:
    sewn = plain_top
    near_edge = np.min([sewn.patch.lift(field) for field in fields(form)], axis=0) < 0.04
    assert gap(form, sewn)[near_edge].min() > 0.0015


def test_the_texture_is_the_bodys_own(form: DressForm) -> None:
    sewn = tailor(form, fields(form), ease=0.012, refinements=0)
    body_face = sewn.patch.body_face
    assert body_face is not None
    whole = (sewn.patch.anchor_weight.max(1) == 1)[sewn.patch.faces].all(1)
    whole &= (sewn.patch.anchor_vertex[sewn.patch.faces][:, :, 0] == form.body.faces[body_face]).all(1)
    assert whole.sum() > 1000
    expected = form.body.uv[form.body.uv_faces[body_face[whole]]]
    np.testing.assert_allclose(sewn.uv[: len(body_face)][whole], expected, atol=1e-12)


def test_t_pose_and_fitting_pose_agree(form: DressForm) -> None:
    sewn = tailor(form, fields(form), ease=0.02, hem=Hem(0.003, 0.02))
    part = sewn.part("shirt", form, plain)
    posed = form.pose(part.vertices, part.joint_weights, part.anchor_vertex, part.anchor_weight)
    np.testing.assert_allclose(posed, sewn.posed, atol=1e-9)
    assert part.uv is not None
    assert part.uv.of_body
    assert len(part.uv.faces) == len(part.faces)


def test_the_same_numbers_give_the_same_garment(form: DressForm, hanging_top: Tailored) -> None:
    again = tailor(form, fields(form), ease=0.02, hang=0.8)
    np.testing.assert_array_equal(again.vertices, hanging_top.vertices)
    np.testing.assert_array_equal(again.fine_normals, hanging_top.fine_normals)


def test_hanging_cloth_does_not_follow_the_waist_in(form: DressForm) -> None:
    def girth(hang: float) -> float:
        sewn = tailor(form, fields(form), ease=0.01, hang=hang)
        waist = np.abs(sewn.patch.lift(form.rest[:, 1]) - form.joints[3, 1] - 0.04) < 0.02
        cloth = sewn.posed[: len(waist)][waist]
        return float(np.hypot(cloth[:, 0], cloth[:, 2] - form.joints[3, 2]).mean())

    assert girth(1.0) > girth(0.0) + 0.005


def test_cloth_lies_over_what_is_worn_below(form: DressForm, plain_top: Tailored) -> None:
    outer = tailor(form, fields(form), ease=0.006, under=plain_top.heights)
    worn = outer.patch.lift(plain_top.heights)
    clear = gap(form, outer) - worn
    # In hollows that cloth spans, the skin's normals do not say how far apart two cloths are.
    cloth_normal = vertex_normals(outer.posed[: len(worn)], outer.patch.faces)
    along = np.einsum("na,na->n", cloth_normal, outer.patch.lift(form.normals)) > 0.9
    assert along.mean() > 0.7
    assert clear[along & (worn > 0.004)].min() > 0.0


def test_cloth_stays_below_what_is_worn_over_it(form: DressForm) -> None:
    most = np.where(form.rest[:, 1] < form.joints[3, 1], 0.003, 1.0)
    sewn = tailor(form, fields(form), ease=0.02, hang=0.8, most=most)
    below = sewn.patch.lift(most) < 0.0031
    assert below.sum() > 300
    assert gap(form, sewn)[below].max() < 0.0036


def test_a_smooth_garment_does_not_show_the_skins_relief(form: DressForm) -> None:
    sewn = tailor(form, fields(form), ease=0.006, hang=0.3)
    covered = np.min([sewn.patch.lift(field) for field in fields(form)], axis=0) > 0.1
    apart = gap(form, sewn)[covered]
    assert apart.std() > 0.001  # hollows are spanned
    assert apart.max() < 0.09
