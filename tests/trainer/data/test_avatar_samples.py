"""Samples of avatars: cut alike from picture and body, the same for ever; prepared views are kept."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dinar.trainer.data.avatar_samples import (
    AvatarBatch,
    AvatarData,
    AvatarSamples,
    SampleSizes,
    encoder_photo,
    sample_of,
)
from dinar.trainer.data.dataset.dataset import Pair, PairDataset, PeopleDataset
from dinar.trainer.data.dataset.layout import View, picture_file, read_view
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.prepared_views import ViewPreparer, ViewStore
from dinar.trainer.texture.body_view import view_body

from ..train.small_training_people import make_people, people_in
from .dataset.small_people import open_body

SIDE = 64  # texels
WHO = next(people_in("train"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_people(tmp_path_factory.mktemp("samples") / "people")


@pytest.fixture(scope="module")
def preparer() -> ViewPreparer:
    return ViewPreparer(open_body(), SIDE)


def ramp(view: View) -> View:
    """The view with a picture whose pixels say where they are, and a mask that covers all."""
    row, column = np.indices(view.mask.shape)
    image = np.stack([row, column, row * 0], 2).astype(np.uint8)
    return replace(view, image=image, mask=np.full_like(view.mask, 255))


def test_picture_body_and_face_are_cut_alike(root: Path, preparer: ViewPreparer) -> None:
    view = ramp(read_view(root, WHO, 0))
    texture, body = preparer.texture(view), preparer.body(view)
    corners = set()
    for n in range(6):
        sample = sample_of(Pair(view, view), texture, body, SampleSizes(32, 64), Draw("cut", n))
        top, left = (int(sample.image[0, c, 0, 0]) for c in (0, 1))
        part = np.s_[top : top + 64, left : left + 64]
        np.testing.assert_array_equal(sample.uv[0], body.uv[part])
        np.testing.assert_array_equal(sample.coverage[0], body.coverage[part])
        x0, y0, x1, y1 = sample.face[0].tolist()
        whole = np.zeros(view.mask.shape, bool)
        whole[body.face[1] : body.face[3], body.face[0] : body.face[2]] = True
        cut = np.zeros((64, 64), bool)
        cut[y0:y1, x0:x1] = True
        np.testing.assert_array_equal(cut, whole[part])
        corners.add((top, left))
    assert len(corners) > 2


def test_the_face_is_found_where_the_head_is_and_not_from_behind(root: Path, preparer: ViewPreparer) -> None:
    front, back = read_view(root, WHO, 0), read_view(root, WHO, 2)
    left, top, right, bottom = preparer.body(front).face
    seen = view_body(open_body(), front.betas, front.pose, front.camera)
    rows = np.flatnonzero(seen.coverage.any(1))
    height = rows[-1] - rows[0]
    assert rows[0] <= top < bottom < rows[0] + 0.2 * height
    assert right - left < 0.15 * height
    np.testing.assert_array_equal(preparer.body(back).face, 0)


def test_the_encoder_sees_the_person_before_grey_in_a_square() -> None:
    image = np.full((40, 20, 3), 200, np.uint8)
    mask = np.zeros((40, 20), np.uint8)
    mask[:, 10:] = 255
    photo = encoder_photo(replace(EMPTY, image=image, mask=mask), 80)
    assert photo.shape == (80, 80, 3)
    assert photo[40, 5].tolist() == photo[40, 30].tolist() == photo[40, 75].tolist() == [128] * 3
    assert photo[40, 50].tolist() == [200] * 3


EMPTY = View("nobody", 0, np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.uint8), None, None, None)  # type: ignore[arg-type]


def test_without_the_occlusion_detector_outlines_of_limbs_count_as_seen(
    root: Path, preparer: ViewPreparer
) -> None:
    view = ramp(read_view(root, WHO, 1))  # from the side: an arm is before the trunk
    kept, whole = preparer.texture(view), preparer.texture(view, occlusion=False)
    assert not (kept.sampled & ~whole.sampled).any()
    assert 1.02 < whole.sampled.sum() / kept.sampled.sum() < 2
    seen = view_body(open_body(), view.betas, view.pose, view.camera)
    column, row = np.floor(SIDE * seen.uv[seen.coverage]).astype(int).clip(0, SIDE - 1).T
    assert whole.sampled[row, column].all()


def test_what_is_kept_is_what_was_prepared(root: Path, preparer: ViewPreparer, tmp_path: Path) -> None:
    view = read_view(root, WHO, 1)
    kept, anew = ViewStore(preparer, root, tmp_path, "a"), ViewStore(preparer, root, None, "a")
    for _ in range(2):  # made, then read
        for a, b in ((kept.texture(view), anew.texture(view)), (kept.body(view), anew.body(view))):
            for name in vars(a):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
                assert getattr(a, name).dtype == getattr(b, name).dtype
    assert len(list(tmp_path.iterdir())) == 2


def test_kept_views_are_made_anew_when_damaged_or_out_of_date(
    root: Path, preparer: ViewPreparer, tmp_path: Path
) -> None:
    view = read_view(root, WHO, 1)
    store = ViewStore(preparer, root, tmp_path, "a")
    texture = store.texture(view)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    np.testing.assert_array_equal(store.texture(view).rgb, texture.rgb)
    os.utime(picture_file(root, WHO, 1), (1, 1))  # another picture
    store.texture(view)
    ViewStore(preparer, root, tmp_path, "b").texture(view)  # another body
    assert len(list(tmp_path.iterdir())) == 3


def test_processes_share_the_batches_of_one(root: Path, preparer: ViewPreparer, tmp_path: Path) -> None:
    pairs = PairDataset(PeopleDataset(root, "train"), seed=4)
    samples = AvatarSamples(pairs, ViewStore(preparer, root, tmp_path, "a"), SampleSizes(32, 64))

    def batch(step: int, rank: int, ranks: int) -> AvatarBatch:
        return next(AvatarData(samples, 4, workers=0, rank=rank, ranks=ranks).batches(step))

    whole, halves = batch(3, 0, 1), [batch(3, rank, 2) for rank in (0, 1)]
    for name in vars(whole):
        parts = torch.cat([getattr(half, name) for half in halves])
        assert torch.equal(getattr(whole, name), parts), name
    assert not torch.equal(batch(4, 0, 1).background, whole.background)


def test_a_photo_shows_its_colours_in_its_texture(root: Path, preparer: ViewPreparer) -> None:
    view = ramp(read_view(root, WHO, 0))
    view = replace(view, image=np.full_like(view.image, (10, 200, 30)))
    texture = preparer.texture(view)
    assert texture.sampled.sum() > 100
    assert (texture.rgb[texture.filled] == (10, 200, 30)).all()
    assert (texture.rgb[~texture.filled] == 0).all()
    assert cv2.countNonZero((texture.sampled & ~texture.filled).astype(np.uint8)) == 0
