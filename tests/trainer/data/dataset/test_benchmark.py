"""The benchmark: half of its people are seen from the front, half from the back, wherever they face."""

import numpy as np
import pytest

from dinar.trainer.data.dataset.benchmark import azimuths, benchmark
from dinar.trainer.data.dataset.layout import DatasetError, read_view, read_views, write_person

from .small_people import make_dataset


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    people = ["000004", "900000", "900001", "900002", "900099", "900100"]
    return make_dataset(tmp_path_factory.mktemp("b") / "d", people, views=8, synthetic=True)


def test_azimuth_goes_round_the_body_wherever_it_faces(root):
    """The cameras of the small people stand at eight equal steps to the left of straight ahead."""
    wanted = np.arange(8) * np.pi / 4
    turned = azimuths(read_views(root, "900001"))
    difference = (turned - turned[0] - wanted + np.pi) % (2 * np.pi) - np.pi
    assert abs(turned[0]) < 0.6  # every view has a pose and a facing of its own
    assert np.abs(difference).max() < 0.7


def test_even_numbers_are_seen_from_the_front_odd_ones_from_the_back(root):
    cases = benchmark(root)
    assert [case.person for case in cases] == ["900000", "900001", "900002", "900099"]
    for case in cases:
        assert case.from_front == (int(case.person) % 2 == 0)
        away = np.abs(azimuths(read_views(root, case.person)))
        assert case.input_view == (np.argmin(away) if case.from_front else np.argmax(away))
        assert sorted((case.input_view, *case.target_views)) == list(range(8))


def test_a_person_without_the_asked_side_is_one_sentence(root, tmp_path):
    other = make_dataset(tmp_path / "d", ["900000"], views=8, synthetic=True)
    write_person(other, "900001", [read_view(root, "900001", 0), read_view(root, "900001", 1)])
    with pytest.raises(DatasetError, match="900001 has no view from the back"):
        benchmark(other)


def test_a_dataset_without_the_benchmark_says_so(tmp_path):
    real = make_dataset(tmp_path / "d", ["900000"], views=2)
    with pytest.raises(DatasetError, match="none of the benchmark's synthetic people"):
        benchmark(real)
