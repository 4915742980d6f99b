"""Everybody is on one side, the same side everywhere; synthetic people from 900000 on are on none."""

import json

import pytest

from dinar.trainer.data.dataset.layout import DatasetError, people_of
from dinar.trainer.data.dataset.splits import SPLITS, read_splits, split_by_hash

from .small_people import make_dataset


def test_shares_are_ninety_five_five():
    sides = [split_by_hash(f"{n:06d}") for n in range(20_000)]
    assert sides.count("train") / len(sides) == pytest.approx(0.90, abs=0.01)
    assert sides.count("val") / len(sides) == pytest.approx(0.05, abs=0.005)


def test_a_side_never_changes():
    """Figures are compared over years: these are fixed."""
    assert [split_by_hash(name) for name in ("anna", "bert", "000007")] == ["train", "train", "train"]
    assert next(n for n in range(1000) if split_by_hash(f"{n:06d}") == "val") == 47
    assert next(n for n in range(1000) if split_by_hash(f"{n:06d}") == "test") == 2


def people(root, count=40):
    return make_dataset(root, [f"{n:06d}" for n in range(count)], views=1, size=24)


def test_nobody_is_on_two_sides_and_nobody_is_lost(tmp_path):
    root = people(tmp_path / "d")
    splits = read_splits(root, people_of(root))
    everybody = [p for split in SPLITS for p in splits.of(split)]
    assert sorted(everybody) == list(people_of(root))
    assert splits.reserved == ()


def put_lists(root, lists):
    file = root / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"splits": lists}))


def test_a_dataset_may_list_its_sides(tmp_path):
    root = people(tmp_path / "d", 4)
    put_lists(root, {"val": ["000002"], "test": ["000000"]})
    splits = read_splits(root, people_of(root))
    assert (splits.train, splits.val, splits.test) == (("000001", "000003"), ("000002",), ("000000",))
    put_lists(root, {"train": ["000001"], "val": ["000002"]})
    splits = read_splits(root, people_of(root))
    assert (splits.train, splits.val, splits.test) == (("000001",), ("000002",), ())


@pytest.mark.parametrize(
    ("lists", "sentence"),
    [
        ({"val": ["000001"], "test": ["000001"]}, "'000001' is in both val and test"),
        ({"val": ["nobody"]}, "'nobody', who is not in the dataset"),
        ({"validation": []}, "lists called train, val and test"),
        ({"val": "000001"}, "val must be a list"),
        ({"val": [1]}, "val must be a list"),
        (["000001"], "must be a map"),
    ],
)
def test_lists_that_cannot_be_are_one_sentence(tmp_path, lists, sentence):
    root = people(tmp_path / "d", 3)
    put_lists(root, lists)
    with pytest.raises(DatasetError, match=sentence):
        read_splits(root, people_of(root))


def test_only_synthetic_people_are_reserved(tmp_path):
    ids = ["000001", "900000", "950000"]
    real = make_dataset(tmp_path / "real", ids, views=1, size=24)
    made = make_dataset(tmp_path / "made", ids, views=1, size=24, synthetic=True)
    assert read_splits(real, people_of(real)).reserved == ()
    assert read_splits(made, people_of(made)).reserved == ("900000", "950000")
    assert read_splits(made, people_of(made)).train == ("000001",)
    put_lists(made, {"test": ["900000"]})
    with pytest.raises(DatasetError, match="kept for evaluation"):
        read_splits(made, people_of(made))
