"""Views that make avatars, and views that judge them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from dinar.trainer.data.dataset.layout import DatasetError, create_dataset, read_views, write_person
from dinar.trainer.data.dataset.plausibility import joint_model
from dinar.trainer.evaluation.held_out import held_out_cases, spread

from ..data.dataset.small_people import info_of, make_view, open_body


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two people: five views of one pose all around, then two of another."""
    root = tmp_path_factory.mktemp("people") / "data"
    body = open_body()
    create_dataset(root, info_of(body))
    for person in ("a", "b"):
        model = joint_model(body)
        around = [make_view(model, person, n, 5, 32, np.random.default_rng(7)) for n in range(5)]
        moving = [make_view(model, person, n, 2, 32, np.random.default_rng(8)) for n in range(2)]
        views = [*around, *(replace(view, view=5 + n) for n, view in enumerate(moving))]
        write_person(root, person, views)
    return root


def test_avatars_are_made_from_one_pose_and_judged_by_all_other_views(root):
    for case in held_out_cases(root, 2, inputs=3):
        assert len(case.inputs) == 3
        assert sorted(case.inputs + case.turned) == [0, 1, 2, 3, 4]
        assert case.moved == (5, 6)
        assert case.targets == (*case.turned, 5, 6)


def test_the_first_input_sees_the_front_and_the_next_the_other_side(root):
    case = held_out_cases(root, 1, inputs=3)[0]
    eyes = [read_views(root, case.person).camera(view) for view in case.inputs]
    assert case.inputs[0] == 0, "view 0 sees the front"
    assert case.inputs[1] in (2, 3), "with five cameras those are farthest from it"
    assert len({camera.T_camera_world.tobytes() for camera in eyes}) == 3


def test_directions_are_spread_around():
    order = spread(np.radians([170.0, 10.0, 95.0, -85.0, 40.0]))
    assert order.tolist()[:2] == [1, 0]
    assert set(order.tolist()[2:4]) == {2, 3}
    assert spread(np.array([math.pi, -math.pi])).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("people", "inputs", "said"), [(3, 1, "holds 2 people, 3"), (2, 5, "takes 6 and 1 or more")]
)
def test_too_few_people_or_views_are_refused(root, people, inputs, said):
    with pytest.raises(DatasetError, match=said):
        held_out_cases(root, people, inputs)
