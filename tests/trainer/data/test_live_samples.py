"""Samples of several photos: they hold what an avatar of the same photos is made from; the same for ever."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from dinar.trainer.data.avatar_samples import AvatarData, SampleSizes, encoder_photo
from dinar.trainer.data.dataset.dataset import PairDataset, PeopleDataset
from dinar.trainer.data.dataset.layout import View, read_view
from dinar.trainer.data.live_samples import LiveBatch, LiveSamples, PhotoCount, merge_seen
from dinar.trainer.data.prepared_views import ViewPreparer, ViewStore
from dinar.trainer.models.avatar_networks import AvatarNetworks
from dinar.trainer.models.presets import TINY
from dinar.trainer.texture.few_shot import few_shot_texture
from dinar.trainer.train.live import merged_gen

from ..train.small_training_people import make_people, people_in
from .dataset.small_people import open_body

VIEWS = 4  # of each person
WHO = next(people_in("train"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_people(tmp_path_factory.mktemp("live") / "people")


@pytest.fixture(scope="module")
def store(root: Path) -> ViewStore:
    return ViewStore(ViewPreparer(open_body(), TINY.texture_size), root, root.parent / "views", "tiny")


@pytest.fixture(scope="module")
def pairs(root: Path) -> PairDataset:
    return PairDataset(PeopleDataset(root, "train"), seed=0)


def samples_of(pairs: PairDataset, store: ViewStore, least: int = 1, most: int = 4) -> LiveSamples:
    return LiveSamples(pairs, store, SampleSizes(TINY.image_size, TINY.image_size), PhotoCount(least, most))


def assert_equal(a: LiveBatch, b: LiveBatch) -> None:
    for name in ("photos", "owner", "weight"):
        assert torch.equal(getattr(a, name), getattr(b, name)), name
    for field in fields(a.views):
        assert torch.equal(getattr(a.views, field.name), getattr(b.views, field.name)), field.name


def views_shown(batch: LiveBatch, root: Path, pairs: PairDataset) -> list[View]:
    """The dataset's views that a sample's photos are of, in their order."""
    everything = [read_view(root, person, n) for person in pairs.people.people for n in range(VIEWS)]
    known = {encoder_photo(view, TINY.image_size).tobytes(): view for view in everything}
    return [known[photo.permute(1, 2, 0).contiguous().numpy().tobytes()] for photo in batch.photos]


def test_the_input_is_the_texture_that_an_avatar_of_the_same_photos_has(
    root: Path, store: ViewStore, pairs: PairDataset
) -> None:
    samples = samples_of(pairs, store)
    made = [samples[n] for n in range(4)]
    batch = LiveSamples.join(made)
    assert len({len(sample.photos) for sample in made}) > 1  # people with different numbers of photos
    torch.manual_seed(0)
    networks = AvatarNetworks(TINY).eval()
    with torch.no_grad():
        gen = merged_gen(networks, batch)
    for n, sample in enumerate(made):
        views = views_shown(sample, root, pairs)
        texture = few_shot_texture(networks, views, [store.texture(view) for view in views])
        np.testing.assert_allclose(gen[n].permute(1, 2, 0).numpy(), texture.gen, atol=1e-5)
        rgb = batch.views.rgb[n].permute(1, 2, 0).numpy() / 255
        np.testing.assert_allclose(rgb, texture.rgb, atol=0.5 / 255 + 1e-6)
        np.testing.assert_array_equal(batch.views.known[n], [texture.sampled, texture.filled])


def test_photos_are_different_views_of_the_person_that_the_target_is_another_view_of(
    root: Path, store: ViewStore, pairs: PairDataset
) -> None:
    samples = samples_of(pairs, store)
    counts, seen_as_more = set(), set()
    for n in range(12):
        sample = samples[n]
        shown = views_shown(sample, root, pairs)
        target = pairs[n].target
        assert {view.person for view in shown} == {target.person}
        numbers = [view.view for view in shown]
        assert len({*numbers, target.view}) == len(numbers) + 1
        assert numbers[0] == pairs[n].input.view
        counts.add(len(numbers))
        seen_as_more.update(numbers[1:])
    assert counts == {1, 2, 3}  # of four views one is the target
    assert seen_as_more == set(range(VIEWS))


def test_a_sample_takes_as_many_photos_as_there_are(store: ViewStore, pairs: PairDataset) -> None:
    assert len(samples_of(pairs, store, 4, 4)[0].photos) == VIEWS - 1
    assert len(samples_of(pairs, store, 2, 2)[0].photos) == 2
    with pytest.raises(ValueError, match="from 1 or more up, not from 0 to 4"):
        PhotoCount(0, 4)


def test_weights_of_a_texel_sum_to_one_and_are_nothing_where_another_photo_alone_sees(
    root: Path, store: ViewStore
) -> None:
    seen = [store.texture(read_view(root, WHO, n)) for n in (0, 2)]  # front and back
    weight, merged = merge_seen(seen)
    assert weight.dtype == np.float32
    np.testing.assert_allclose(weight.sum(0), 1, atol=1e-6)
    front = seen[0].filled & ~seen[1].filled
    assert front.sum() > 100
    assert (weight[0][front] == 1).all()
    assert (weight[1][front] == 0).all()
    np.testing.assert_array_equal(merged.rgb[front], seen[0].rgb[front])
    np.testing.assert_array_equal(merged.filled, seen[0].filled | seen[1].filled)


def test_one_photo_is_its_own_texture(root: Path, store: ViewStore) -> None:
    seen = store.texture(read_view(root, WHO, 1))
    weight, merged = merge_seen([seen])
    assert (weight == 1).all()
    for name, value in vars(seen).items():
        np.testing.assert_array_equal(getattr(merged, name), value, err_msg=name)


def test_the_sample_of_an_index_follows_from_the_index(root: Path, store: ViewStore) -> None:
    def fresh(seed: int) -> LiveSamples:
        return samples_of(PairDataset(PeopleDataset(root, "train"), seed), store)

    one, other = fresh(0), fresh(0)
    for n in (5, 2, 7):
        assert_equal(one[n], other[n])
    assert not torch.equal(fresh(1)[5].views.background, one[5].views.background)


def test_processes_share_the_batches_of_one(store: ViewStore, pairs: PairDataset) -> None:
    samples = samples_of(pairs, store)

    def batch(rank: int, ranks: int) -> LiveBatch:
        return next(AvatarData(samples, 4, workers=0, rank=rank, ranks=ranks).batches(3))

    whole, first, second = batch(0, 1), batch(0, 2), batch(1, 2)
    assert torch.equal(whole.owner, torch.cat([first.owner, second.owner + 2]))
    assert whole.owner.unique().tolist() == [0, 1, 2, 3]
    for name in ("photos", "weight"):
        assert torch.equal(getattr(whole, name), torch.cat([getattr(half, name) for half in (first, second)]))
    for field in fields(whole.views):
        halves = [getattr(half.views, field.name) for half in (first, second)]
        assert torch.equal(getattr(whole.views, field.name), torch.cat(halves)), field.name
