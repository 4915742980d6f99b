"""The head as hair sees it."""

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.people.dress_form import DressForm, stand
from dinar.trainer.data.people.hair.skull import Skull, find_skull, find_trunk, unit
from dinar.trainer.data.people.head import hairline_distance

MAN = (1.29, -0.56, -1.79, -0.79, -1.62, 0.21, 0.07, -1.27, -0.11, -0.95)


@pytest.fixture(scope="module")
def form() -> DressForm:
    return stand(load_body(open_body_path()), np.array(MAN))


@pytest.fixture(scope="module")
def skull(form) -> Skull:
    return find_skull(form)


def test_the_scalp_lies_on_the_skull(form, skull):
    head = skull.head
    scalp = form.rest[(form.rest[:, 1] > head.eye[1] - 0.03) & (np.abs(form.rest[:, 0]) < 0.12)]
    scalp = scalp[hairline_distance(head, scalp) > 0.01]
    ray = scalp - head.centre
    gap = skull.radius(unit(ray)) - np.linalg.norm(ray, axis=1)
    assert len(scalp) > 150
    assert np.abs(gap).mean() < 0.0015
    assert np.abs(gap).max() < 0.005


def test_with_ears_it_is_wider_at_the_ears_alone(skull):
    ear = unit(skull.head.ear - skull.head.centre)[None]
    assert skull.radius(ear, 1.0) > skull.radius(ear) + 0.005
    top = np.array([[0.0, 1.0, 0.0], [0.0, 0.3, -0.954]])
    np.testing.assert_allclose(skull.radius(top, 1.0), skull.radius(top), atol=1e-3)


def test_normals_point_outwards(skull):
    rng = np.random.RandomState(1)
    directions = unit(rng.normal(size=(500, 3)))
    directions = directions[directions[:, 1] > -0.3]
    normal = skull.normal(directions)
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1)
    assert ((normal * directions).sum(1) > 0.5).all()


def test_height_over_the_trunk_grows_outwards(form, skull):
    trunk = find_trunk(form, skull.head)
    back = trunk.vertices[:, 2].argmin()
    point, normal = trunk.vertices[back], trunk.normals[back]
    height, at = trunk.height(np.stack([point + 0.01 * normal, point + 0.04 * normal, point - 0.01 * normal]))
    np.testing.assert_allclose(height, [0.01, 0.04, -0.01], atol=0.004)
    assert (at @ normal > 0.9).all()
