"""Samples to train avatars with: a photo and its texture, a body in another view, and that view's picture.

All that no gradient goes through is done here, in a DataLoader's workers (Fig. 2, left half).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Generic, Protocol, TypeVar

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from dinar.runtime.network_input import MULTIPLE
from dinar.trainer.data.dataset.dataset import Pair, PairDataset
from dinar.trainer.data.dataset.layout import DatasetError, View
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.prepared_views import SeenBody, SeenTexture, ViewStore

Batch = TypeVar("Batch")

_GREY = 128  # what the encoder sees around the person
_AHEAD = 3  # batches that each worker prepares before they are asked for


@dataclass(frozen=True, eq=False)
class AvatarBatch:
    """B samples: from an input view to a target view of the same person (Sec. 3.1).

    Attributes:
        photo: uint8 [B, 3, P, P], the person in the input view before grey, sRGB: what E reads.
        rgb: uint8 [B, 3, T, T], T_rgb, sRGB.
        known: uint8 [B, 2, T, T], B_smp and B_fill, 0 or 1.
        uv: float32 [B, S, S, 2], texture coordinates of the bare body in the target view, v down.
        coverage: bool [B, S, S], where it is seen.
        image: uint8 [B, 3, S, S], the target view, sRGB.
        mask: uint8 [B, 1, S, S], share of the person in each of its pixels, 255 = all.
        face: int64 [B, 4], first column, first row, end column, end row of the face; zeros: none is seen.
        background: float32 [B, 3, 1, 1], a colour to put behind prediction and target, sRGB in [0, 1].
    """

    photo: torch.Tensor
    rgb: torch.Tensor
    known: torch.Tensor
    uv: torch.Tensor
    coverage: torch.Tensor
    image: torch.Tensor
    mask: torch.Tensor
    face: torch.Tensor
    background: torch.Tensor

    def __len__(self) -> int:
        return len(self.photo)

    def to(self, device: torch.device) -> AvatarBatch:
        """The same on a device; from pinned memory it is copied while other work goes on."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> AvatarBatch:
        """The same in pinned memory; a DataLoader with `pin_memory=True` calls it."""
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> AvatarBatch:
        return AvatarBatch(**{f.name: change(getattr(self, f.name)) for f in fields(self)})


@dataclass(frozen=True)
class SampleSizes:
    """Sizes of what a sample holds.

    Attributes:
        photo: pixels on a side of the photo that E reads; P.
        target: pixels on a side of the part of the target view that is drawn, S; None: all of it, down to a
            multiple of 32.
    """

    photo: int
    target: int | None


class AvatarSamples(Dataset["AvatarBatch | DatasetError"]):
    """The samples of pairs of views; those of an index are the same for ever, as its pair is.

    A sample is a batch of one. What is wrong with a file comes back as a value: DataLoader's workers would
    make a page of traceback of it.
    """

    def __init__(self, pairs: PairDataset, views: ViewStore, sizes: SampleSizes) -> None:
        self._pairs, self._views, self._sizes = pairs, views, sizes

    def __getitem__(self, index: int) -> AvatarBatch | DatasetError:
        """Make sample `index`, from 0; there is no end."""
        try:
            pair = self._pairs[index]
            return self._make(pair, Draw(self._pairs.seed, "sample", index))
        except DatasetError as error:
            return error

    def _make(self, pair: Pair, draw: Draw) -> AvatarBatch:
        texture, body = self._views.texture(pair.input), self._views.body(pair.target)
        return sample_of(pair, texture, body, self._sizes, draw)

    @staticmethod
    def join(samples: Sequence[AvatarBatch]) -> AvatarBatch:
        """One batch of several, whose sizes are the same."""
        return join(samples)


def sample_of(
    pair: Pair, texture: SeenTexture, body: SeenBody, sizes: SampleSizes, draw: Draw
) -> AvatarBatch:
    """Put a sample together, a batch of one.

    Args:
        pair: the views.
        texture: of the input view.
        body: in the target view.
        sizes: of its parts.
        draw: where to cut, which background.

    Raises:
        DatasetError: the target is smaller than the part to be drawn.
    """
    top, left, height, width = _part(pair.target, sizes.target, draw)
    part = np.s_[top : top + height, left : left + width]
    return AvatarBatch(
        photo=channels_first(encoder_photo(pair.input, sizes.photo)),
        rgb=channels_first(texture.rgb),
        known=torch.from_numpy(np.stack([texture.sampled, texture.filled]).astype(np.uint8))[None],
        uv=torch.from_numpy(np.ascontiguousarray(body.uv[part]))[None],
        coverage=torch.from_numpy(np.ascontiguousarray(body.coverage[part]))[None],
        image=channels_first(pair.target.image[part]),
        mask=channels_first(pair.target.mask[part][..., None]),
        face=torch.from_numpy(_within(body.face, top, left, height, width))[None],
        background=torch.from_numpy(draw.uniforms(0, 1, (1, 3, 1, 1)).astype(np.float32)),
    )


def encoder_photo(view: View, side: int) -> np.ndarray:
    """The person of a view before grey, padded to a square and resized: uint8 [side, side, 3]."""
    share = view.mask[..., None].astype(np.float32) / 255
    person = np.round(view.image * share + _GREY * (1 - share)).astype(np.uint8)
    height, width = person.shape[:2]
    longer = max(height, width)
    down, right = longer - height, longer - width
    square = cv2.copyMakeBorder(
        person,
        down // 2,
        down - down // 2,
        right // 2,
        right - right // 2,
        cv2.BORDER_CONSTANT,
        value=[_GREY] * 3,
    )
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)


def _part(view: View, side: int | None, draw: Draw) -> tuple[int, int, int, int]:
    """First row, first column, height and width of the part to draw: a square somewhere on the person."""
    height, width = view.mask.shape
    if side is None:
        return 0, 0, height // MULTIPLE * MULTIPLE, width // MULTIPLE * MULTIPLE
    if min(height, width) < side:
        raise DatasetError(
            f"person {view.person}, view {view.view} has {width} x {height} pixels, this preset trains on "
            f"pictures of {side} x {side} or more: take a smaller preset, or larger pictures"
        )
    rows, columns = np.nonzero(view.mask >= _GREY)
    at = draw.integer(0, max(len(rows) - 1, 0))
    shift = draw.integer(side // 4, 3 * side // 4), draw.integer(side // 4, 3 * side // 4)
    middle = (int(rows[at]), int(columns[at])) if len(rows) else (height // 2, width // 2)
    top, left = (
        int(np.clip(m - s, 0, size - side)) for m, s, size in zip(middle, shift, (height, width), strict=True)
    )
    return top, left, side, side


def _within(face: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """A rectangle in the pixels of a part of the picture: int64 [4], zeros when nothing is left of it."""
    moved = face.astype(np.int64) - (left, top, left, top)
    cut = np.clip(moved, 0, (width, height, width, height))
    return cut if cut[2] > cut[0] and cut[3] > cut[1] else np.zeros(4, np.int64)


def channels_first(image: np.ndarray) -> torch.Tensor:
    """A picture [H, W, C] as a batch of one: [1, C, H, W]."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]


def join(samples: Sequence[AvatarBatch]) -> AvatarBatch:
    """One batch of several, whose sizes are the same."""
    return AvatarBatch(
        **{f.name: _joined([getattr(s, f.name) for s in samples]) for f in fields(AvatarBatch)}
    )


def _joined(tensors: list[torch.Tensor]) -> torch.Tensor:
    return default_collate([tensor[0] for tensor in tensors])  # in a worker straight into shared memory


# --- For the training loop --------------------------------------------------------------------------


class Samples(Protocol[Batch]):
    """Samples by their number; each is a batch of one."""

    def __getitem__(self, index: int, /) -> Batch | DatasetError:
        """Make sample `index`, from 0, or say what is wrong."""

    @staticmethod
    def join(samples: Sequence[Batch]) -> Batch:
        """One batch of several."""


@dataclass(frozen=True, eq=False)
class AvatarData(Generic[Batch]):
    """Batches for the training loop: `StepData`.

    Attributes:
        samples: one an index.
        batch: samples of a step, of all processes together.
        workers: processes that make them; 0: the caller's own.
        rank: of this process.
        ranks: how many take a share of each batch, one after the other; the batch is a multiple of them.
        pin: whether a GPU waits for them.
    """

    samples: Samples[Batch]
    batch: int
    workers: int
    rank: int = 0
    ranks: int = 1
    pin: bool = False

    def batches(self, first_step: int) -> Generator[Batch]:
        """This process's share of each step's samples, without end. Raises DatasetError: a file is bad."""
        loader = DataLoader(
            self.samples,
            batch_sampler=self._indices(first_step),
            num_workers=self.workers,
            collate_fn=partial(_join_or_fail, self.samples.join),
            pin_memory=self.pin,
            prefetch_factor=_AHEAD if self.workers else None,
            multiprocessing_context="spawn" if self.workers else None,
            worker_init_fn=_prepare_worker if self.workers else None,
        )
        for batch in loader:
            if isinstance(batch, DatasetError):
                raise batch
            yield batch

    def _indices(self, first_step: int) -> Iterator[list[int]]:
        share = self.batch // self.ranks
        for step in itertools.count(first_step):
            first = step * self.batch + self.rank * share
            yield list(range(first, first + share))


def _join_or_fail(
    join: Callable[[Sequence[Batch]], Batch], samples: Sequence[Batch | DatasetError]
) -> Batch | DatasetError:
    """One batch, or the first thing that was wrong: a DataLoader's `collate_fn`."""
    failed = next((sample for sample in samples if isinstance(sample, DatasetError)), None)
    if failed is not None:
        return failed
    return join([sample for sample in samples if not isinstance(sample, DatasetError)])


def _prepare_worker(_: int) -> None:
    """One thread for each worker, and Ctrl-C for the process that trains alone."""
    import signal

    import numba

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    numba.set_num_threads(1)
    torch.set_num_threads(1)  # after numba: its pool, started by that, gives OpenMP all processors again
    cv2.setNumThreads(1)
