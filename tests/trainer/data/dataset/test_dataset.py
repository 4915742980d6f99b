"""Samples for training: whole, repeatable, of the right people; bad files stop it at the start or never."""

import os
from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from dinar.trainer.data.dataset.batch import collate_pairs, collate_views
from dinar.trainer.data.dataset.dataset import PairDataset, PeopleDataset
from dinar.trainer.data.dataset.layout import (
    DatasetError,
    mask_file_of,
    person_folder,
    picture_file,
    read_view,
)

from .small_people import make_dataset

PEOPLE = [f"p{n:02d}" for n in range(12)]


@pytest.fixture
def root(tmp_path):
    return make_dataset(tmp_path / "d", PEOPLE, views=4)


def same(a, b) -> bool:
    return (a.person, a.view) == (b.person, b.view) and np.array_equal(a.image, b.image)


def who(pairs: PairDataset, indices: range) -> list[tuple[str, int, int]]:
    return [(p.input.person, p.input.view, p.target.view) for p in (pairs[i] for i in indices)]


# --- What is in it ----------------------------------------------------------------------------------


def test_every_view_of_the_split_is_there_once(root):
    progress = []
    people = PeopleDataset(root, "train", progress=lambda *done: progress.append(done))
    assert progress == [(n + 1, 10) for n in range(10)]
    seen = [(view.person, view.view) for view in (people[i] for i in range(len(people)))]
    assert seen == [(p, n) for p in people.people for n in range(4)]
    assert same(people[5], read_view(root, people.people[1], 1))
    assert PeopleDataset(root, "val").people == ("p00", "p06")
    assert set(people.people) == set(PEOPLE) - {"p00", "p06"}


def test_an_index_beyond_the_end_ends_a_loop(root):
    people = PeopleDataset(root, "train")
    assert sum(1 for _ in people) == len(people)
    with pytest.raises(IndexError):
        people[-1]


def test_people_kept_for_evaluation_are_refused(tmp_path):
    root = make_dataset(tmp_path / "d", ["000001", "900000"], views=2, synthetic=True)
    for split in ("train", "val", "test"):
        with pytest.raises(DatasetError, match="person 900000: synthetic people from 900000 on are for eval"):
            PeopleDataset(root, split, on_bad="skip")


def test_an_empty_split_says_how_to_fill_it(tmp_path):
    root = make_dataset(tmp_path / "d", ["anna"], views=1)
    with pytest.raises(DatasetError, match=r"none of the 1 people is in split 'val'.*dataset.json"):
        PeopleDataset(root, "val")


# --- Pairs ------------------------------------------------------------------------------------------


def test_a_pair_is_two_different_views_of_one_person(root):
    pairs = PairDataset(PeopleDataset(root, "train"), seed=3)
    met = set()
    for index in range(4 * len(pairs)):
        pair = pairs[index]
        assert pair.input.person == pair.target.person
        assert pair.input.view != pair.target.view
        met.add((pair.input.view, pair.target.view))
    assert len(met) == 12  # all ordered pairs of four views come up


def test_an_epoch_shows_everybody_once_in_an_order_of_its_own(root):
    pairs = PairDataset(PeopleDataset(root, "train"), seed=0)
    size = len(pairs)
    epochs = [[p for p, _, _ in who(pairs, range(e * size, (e + 1) * size))] for e in range(3)]
    assert all(Counter(epoch) == Counter(pairs.people.people) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_people_count_alike_however_many_pictures_there_are(tmp_path):
    root = make_dataset(tmp_path / "d", ["some"], views=2)
    make_dataset(root, ["many"], views=20)
    counts = Counter(p for p, _, _ in who(PairDataset(PeopleDataset(root, "train"), seed=0), range(10)))
    assert counts == {"some": 5, "many": 5}


def test_a_pair_follows_from_seed_and_index_alone(root):
    first, again = (PairDataset(PeopleDataset(root, "train"), seed=7) for _ in range(2))
    indices = range(5, 40)
    forwards = who(first, indices)
    assert forwards == list(reversed(who(again, indices[::-1])))
    assert forwards != who(PairDataset(first.people, seed=8), indices)


def test_people_with_one_view_are_in_no_pair(tmp_path):
    root = make_dataset(tmp_path / "d", ["single"], views=1)
    with pytest.raises(DatasetError, match="nobody in split 'train' has two whole views"):
        PairDataset(PeopleDataset(root, "train"), seed=0)
    make_dataset(root, ["anna"], views=3)
    pairs = PairDataset(PeopleDataset(root, "train"), seed=0)
    assert {p for p, _, _ in who(pairs, range(10))} == {"anna"}


# --- Workers ----------------------------------------------------------------------------------------


def test_workers_give_the_same_batches_and_a_run_goes_on_where_it_stopped(root):
    pairs = PairDataset(PeopleDataset(root, "train"), seed=1)

    def batches(first: int, workers: int) -> list:
        loader = DataLoader(
            pairs,
            4,
            sampler=range(first, 32),
            num_workers=workers,
            collate_fn=collate_pairs,
            multiprocessing_context="spawn" if workers else None,
        )
        return list(loader)

    here, resumed = batches(0, 0), batches(16, 2)
    assert len(here) == 8
    for a, b in zip(here[4:], resumed, strict=True):
        assert a.input.person == b.input.person
        assert torch.equal(a.input.image, b.input.image)
        assert torch.equal(a.target.K, b.target.K)


# --- Bad files --------------------------------------------------------------------------------------


def spoil(root, person: str, view: int) -> None:
    file = picture_file(root, person, view)
    os.truncate(file, file.stat().st_size // 2)


def test_bad_files_are_refused_at_the_start_by_name(root):
    spoil(root, "p03", 1)
    mask_file_of(root, "p04", 2).unlink()
    (person_folder(root, "p05") / "views.npz").write_bytes(b"no zip")
    with pytest.raises(DatasetError, match="has 3 bad files") as error:
        PeopleDataset(root, "train")
    for name in ("p03/0001.png", "p04/0002.mask.png", "p05/views.npz", f"`dinar data check {root}`"):
        assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_bad_files_are_left_out_and_counted(root):
    spoil(root, "p03", 1)
    (person_folder(root, "p05") / "views.npz").unlink()
    people = PeopleDataset(root, "train", on_bad="skip")
    seen = {(view.person, view.view) for view in people}
    assert ("p03", 1) not in seen
    assert ("p03", 2) in seen
    assert "p05" not in people.people
    assert (len(people.problems), people.replaced) == (2, 0)
    assert f"{len(people):,} views; 2 bad files left out, 0 samples replaced since" in people.describe()


def test_a_file_that_becomes_bad_is_replaced_and_counted_in_every_worker(root):
    people = PeopleDataset(root, "train", on_bad="skip")
    pairs = PairDataset(people, seed=0)
    for view in range(4):
        spoil(root, people.people[0], view)
    (person_folder(root, people.people[1]) / "views.npz").unlink()
    loader = DataLoader(
        pairs,
        2,
        sampler=range(2 * len(pairs)),
        num_workers=2,
        collate_fn=collate_pairs,
        multiprocessing_context="spawn",
    )
    met = [person for batch in loader for person in batch.input.person]
    assert len(met) == 2 * len(pairs)
    assert set(met).isdisjoint(people.people[:2])
    assert people.replaced >= 4  # two people, two epochs; a stand-in may be bad as well
    assert f"{people.replaced} samples replaced" in people.describe()


def test_a_view_that_becomes_bad_is_replaced_by_another_of_the_split(root):
    people = PeopleDataset(root, "train", on_bad="skip")
    spoil(root, people.people[2], 0)
    stand_in = people[8]
    assert (stand_in.person, stand_in.view) != (people.people[2], 0)
    assert same(stand_in, people[8])
    assert people.replaced == 2
    with pytest.raises(DatasetError, match="cut off"):
        people.read(8)


def test_refusing_names_a_file_that_becomes_bad(root):
    people = PeopleDataset(root, "train")
    spoil(root, people.people[0], 0)
    with pytest.raises(DatasetError, match=r"0000.png is not a picture"):
        people[0]


def test_a_disk_that_is_gone_ends_it_in_one_sentence(root):
    people = PeopleDataset(root, "train", on_bad="skip")
    (root / "people").rename(root / "elsewhere")
    with pytest.raises(DatasetError, match=r"100 samples in a row are bad, is .* still there"):
        people[0]


# --- Batches ----------------------------------------------------------------------------------------


def test_a_batch_has_what_the_views_have(root):
    people = PeopleDataset(root, "train")
    views = [people[0], people[6]]
    object.__setattr__(views[1], "betas", views[1].betas[:4])
    batch = collate_views(views).to("cpu")
    assert len(batch) == 2
    assert batch.person == (views[0].person, views[1].person)
    assert batch.view.tolist() == [0, 2]
    for n, view in enumerate(views):
        np.testing.assert_array_equal(batch.image[n], view.image)
        np.testing.assert_array_equal(batch.mask[n], view.mask)
        np.testing.assert_array_equal(batch.rotations[n], view.pose.rotations)
        np.testing.assert_array_equal(batch.translation[n], view.pose.translation)
        np.testing.assert_array_equal(batch.expression[n], view.pose.expression)
        np.testing.assert_allclose(batch.T_camera_world[n], view.camera.T_camera_world, rtol=1e-6)
        np.testing.assert_allclose(batch.K[n], view.camera.K, rtol=1e-6)
        np.testing.assert_array_equal(batch.betas[n], np.pad(view.betas, (0, 10 - len(view.betas))))
    types = {name: value.dtype for name, value in vars(batch).items() if name != "person"}
    assert types.pop("view") == torch.int64
    assert types.pop("image") == types.pop("mask") == torch.uint8
    assert set(types.values()) == {torch.float32}


def test_views_of_two_sizes_make_no_batch(root):
    make_dataset(root, ["large"], views=2, size=64)
    people = PeopleDataset(root, "train")
    with pytest.raises(DatasetError, match=r"48 x 48 \(person p\d+\) and 64 x 64 \(person large\)"):
        collate_views([people[i] for i in (0, len(people) - 1)])
