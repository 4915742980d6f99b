"""Dresses: bodice and skirt of one cloth, the bodice's lower edge under the skirt."""

from dataclasses import replace

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.people.clothes.dresses import make_dress, sample_dress
from dinar.trainer.data.people.clothes.skirts import ANGLES, skirt_top
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import DressForm, stand
from dinar.trainer.data.people.individual import Individual

BETAS = np.array([-0.95, 0.57, 1.54, 1.39, 1.62, -0.23, -0.24, 0.85, 0.33, 0.77])
WOMAN = Individual(1.0, 30.0, (0.0, 0.0, 1.0), BETAS, np.zeros((1, 3)))


@pytest.fixture(scope="module")
def form() -> DressForm:
    return stand(load_body(open_body_path()), BETAS)


def test_draws_repeat_and_differ():
    first = [sample_dress(Draw("dress test", k), WOMAN) for k in range(12)]
    again = [sample_dress(Draw("dress test", k), WOMAN) for k in range(12)]
    assert first == again
    assert len({(d.skirt.cut, d.bodice.neckline, d.bodice.sleeve > 0) for d in first}) > 5


def test_both_parts_are_of_one_cloth():
    for k in range(5):
        dress = sample_dress(Draw("dress test", k), WOMAN)
        assert dress.bodice.fabric == dress.skirt.fabric


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_bodice_ends_under_the_skirt(form, seed):
    dress = sample_dress(Draw("dress test", seed), WOMAN)
    bodice, skirt = make_dress(form, dress)
    seam = skirt_top(form, dress.skirt)
    assert bodice.vertices[:, 1].min() < seam - 0.012
    upper, lower = skirt.vertices.reshape(-1, ANGLES, 3)[1:3]
    height = bodice.vertices[:, 1] - seam
    below = bodice.vertices[(height < -0.002) & (height > -0.012)]
    share = (upper[:, 1].mean() - below[:, 1]) / (upper[:, 1].mean() - lower[:, 1].mean())
    centre = upper.mean(0)[[0, 2]]
    offset = below[:, [0, 2]] - centre
    turn = (np.arctan2(*offset.T) + np.pi) / (2 * np.pi) * ANGLES

    def radius(ring: np.ndarray) -> np.ndarray:
        own = np.hypot(*(ring[:, [0, 2]] - centre).T)
        return np.interp(turn, np.arange(ANGLES + 1), np.append(own, own[0]))

    around = radius(upper) * (1 - share) + radius(lower) * share
    excess = np.hypot(*offset.T) - around
    assert (excess < 0.001).mean() > 0.95
    assert excess.max() < 0.010


@pytest.mark.parametrize("neckline", ["round", "v", "square", "boat"])
def test_a_deeper_neckline_shows_more_skin(form, neckline):
    dress = sample_dress(Draw("dress test", 4), WOMAN)
    bare = []
    for depth in (0.02, 0.09):
        bodice = replace(dress.bodice, neckline=neckline, depth=depth, sleeve=0.15, strap=0.0)
        part = make_dress(form, replace(dress, bodice=bodice))[0]
        chest = part.vertices[(np.abs(part.vertices[:, 0]) < 0.02) & (part.vertices[:, 2] > 0.05)]
        bare.append(chest[:, 1].max())
    assert bare[1] < bare[0] - 0.03


@pytest.mark.parametrize(("sleeve", "reach"), [(0.0, 16), (0.97, 20)])
def test_sleeves_end_where_told(form, sleeve, reach):
    dress = sample_dress(Draw("dress test", 4), WOMAN)
    part = make_dress(form, replace(dress, bodice=replace(dress.bodice, sleeve=sleeve, strap=0.0)))[0]
    assert abs(part.vertices[:, 0].max() - form.joints[reach, 0]) < 0.03
