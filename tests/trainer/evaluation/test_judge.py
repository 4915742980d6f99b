"""Avatars of a synthetic person, judged on views they were not made from."""

import numpy as np
import pytest
import torch

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.dataset.layout import read_view
from dinar.trainer.data.prepared_views import ViewPreparer, ViewStore
from dinar.trainer.data.synth.generate import Order, make_into, open_workshop, start_dataset
from dinar.trainer.evaluation.held_out import held_out_cases
from dinar.trainer.evaluation.judge import Judge
from dinar.trainer.models.avatar_networks import AvatarNetworks
from dinar.trainer.models.presets import TINY


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    root = tmp_path_factory.mktemp("people") / "data"
    order = Order(views=4, poses=2, size=128, ending=".png")
    start_dataset(root, order)
    make_into(root, open_workshop(), 900_001, order)
    body = load_body(open_body_path())
    torch.manual_seed(0)
    networks = AvatarNetworks(TINY).eval()
    case = held_out_cases(root, 1, inputs=2)[0]
    views = ViewStore(ViewPreparer(body, TINY.texture_size), root, None, "test")
    return root, case, Judge(root, body, networks, views).judge(case, (1, 2))


def test_every_held_out_view_is_drawn_both_ways_from_each_number_of_inputs(judged):
    _, case, drawn = judged
    seen = {(d.score.inputs, d.score.way, d.score.view) for d in drawn}
    assert seen == {(k, way, view) for k in (1, 2) for way in ("rgb", "neural") for view in case.targets}
    assert all(d.score.moved == (d.score.view in case.moved) for d in drawn)


def test_the_bare_body_stands_where_the_photo_shows_the_person_in_its_colours(judged):
    root, _, drawn = judged
    for each in drawn:
        if each.score.way != "rgb":
            continue
        assert 0.5 < each.score.mask_iou < 1
        photo = read_view(root, each.score.person, each.score.view)
        inside = (photo.mask > 250) & (each.picture.mask[0, 0].numpy() > 0.99)
        drawn_colour = each.picture.rgb[0].numpy()[:, inside].mean(1)
        assert np.abs(drawn_colour - photo.image[inside].mean(0) / 255).max() < 0.2


def test_a_network_that_learned_nothing_loses_to_the_bare_body(judged):
    _, _, drawn = judged

    def mean(way: str) -> float:
        return float(np.mean([d.score.psnr for d in drawn if d.score.way == way]))

    assert mean("neural") < mean("rgb") - 1


def test_more_photos_show_more_of_the_texture(judged):
    """From the front alone the back is not known; with a view of it, turned views come nearer."""
    _, _, drawn = judged

    def mean(inputs: int) -> float:
        return float(
            np.mean([d.score.psnr for d in drawn if d.score.way == "rgb" and d.score.inputs == inputs])
        )

    assert mean(2) > mean(1)
