"""Samples to train the renderer that is shown live with: several photos of a person, and another view.

Whoever makes an avatar gives one photo or a few: textures that are merged (Sec. 3.2, Eq. 5) are what the
renderer is shown later, so it learns from such. All that no network is needed for is done here, in workers;
E and G belong to the training, so their textures are merged there, by the weights that are kept beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from dinar.trainer.data.avatar_samples import (
    AvatarBatch,
    SampleSizes,
    channels_first,
    encoder_photo,
    join,
    sample_of,
)
from dinar.trainer.data.dataset.dataset import Pair, PairDataset
from dinar.trainer.data.dataset.layout import DatasetError, View
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.prepared_views import SeenTexture, ViewStore
from dinar.trainer.texture.few_shot import whole_texture
from dinar.trainer.texture.merging import merge_textures

MOST_PHOTOS = 4


@dataclass(frozen=True, eq=False)
class LiveBatch:
    """B samples, made from N photos: from some views of a person to another one.

    Attributes:
        views: what is drawn. Its `photo` is each person's first; `rgb` and `known` are merged from all.
        photos: uint8 [N, 3, P, P], one person's after another's, each before grey, sRGB: what E reads.
        owner: int64 [N], which of the B samples each photo belongs to; rising, none is left out.
        weight: float32 [N, 1, T, T], the w of Eq. 5: each sample's sum to 1 at each texel.
    """

    views: AvatarBatch
    photos: torch.Tensor
    owner: torch.Tensor
    weight: torch.Tensor

    def __len__(self) -> int:
        return len(self.views)

    def to(self, device: torch.device) -> LiveBatch:
        """The same on a device; from pinned memory it is copied while other work goes on."""
        return self._each(self.views.to(device), lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> LiveBatch:
        """The same in pinned memory; a DataLoader with `pin_memory=True` calls it."""
        return self._each(self.views.pin_memory(), lambda tensor: tensor.pin_memory())

    def _each(self, views: AvatarBatch, change: Callable[[torch.Tensor], torch.Tensor]) -> LiveBatch:
        return LiveBatch(views, change(self.photos), change(self.owner), change(self.weight))


@dataclass(frozen=True)
class PhotoCount:
    """How many photos of a person a sample has, drawn evenly; fewer where there are not so many.

    Attributes:
        least: 1 or more.
        most: as many or more.
    """

    least: int = 1
    most: int = MOST_PHOTOS

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise ValueError(f"a PhotoCount goes from 1 or more up, not from {self.least} to {self.most}")


class LiveSamples(Dataset["LiveBatch | DatasetError"]):
    """Samples whose input and target views are those of pairs, with other views of the person as more input.

    Those of an index are the same for ever. A sample is a batch of one. What is wrong with a file comes back
    as a value, as `AvatarSamples` does it.
    """

    def __init__(
        self, pairs: PairDataset, views: ViewStore, sizes: SampleSizes, count: PhotoCount | None = None
    ) -> None:
        self._pairs, self._views, self._sizes = pairs, views, sizes
        self._count = count or PhotoCount()

    def __getitem__(self, index: int) -> LiveBatch | DatasetError:
        """Make sample `index`, from 0; there is no end."""
        draw = Draw(self._pairs.seed, "live", index)
        count = draw.integer(self._count.least, self._count.most)
        try:
            inputs, target = self._pairs.people.first_whole(lambda attempt: self._read(index, attempt, count))
            seen = [self._views.texture(view) for view in inputs]
            return live_sample_of(inputs, seen, target, self._views, self._sizes, draw)
        except DatasetError as error:
            return error

    def _read(self, index: int, attempt: int, count: int) -> tuple[list[View], View]:
        """The photos, `count` or as many as there are, and the target."""
        first, target, *others = self._pairs.views_in_turn(index, attempt)
        people = self._pairs.people
        return [people.read(n) for n in (first, *others[: count - 1])], people.read(target)

    @staticmethod
    def join(samples: Sequence[LiveBatch]) -> LiveBatch:
        """One batch of several, whose sizes are the same."""
        first = np.cumsum([0, *(len(sample) for sample in samples)])
        return LiveBatch(
            views=join([sample.views for sample in samples]),
            photos=torch.cat([sample.photos for sample in samples]),
            owner=torch.cat([sample.owner + int(n) for sample, n in zip(samples, first, strict=False)]),
            weight=torch.cat([sample.weight for sample in samples]),
        )


def live_sample_of(
    inputs: Sequence[View],
    seen: Sequence[SeenTexture],
    target: View,
    views: ViewStore,
    sizes: SampleSizes,
    draw: Draw,
) -> LiveBatch:
    """Put a sample together, a batch of one.

    Args:
        inputs: the photos, 1 or more.
        seen: what each of them shows of the texture.
        target: another view of the person.
        views: knows the body in it.
        sizes: of the sample's parts.
        draw: where to cut, which background.

    Raises:
        DatasetError: the target is smaller than the part to be drawn.
    """
    weight, merged = merge_seen(seen)
    photos = [channels_first(encoder_photo(view, sizes.photo)) for view in inputs]
    return LiveBatch(
        views=sample_of(Pair(inputs[0], target), merged, views.body(target), sizes, draw),
        photos=torch.cat(photos),
        owner=torch.zeros(len(inputs), dtype=torch.int64),
        weight=torch.from_numpy(weight[:, None]),
    )


def merge_seen(seen: Sequence[SeenTexture]) -> tuple[np.ndarray, SeenTexture]:
    """Merge what several photos show of the texture (Eq. 5), and say by which weights.

    Args:
        seen: of N photos of one person, N >= 1.

    Returns:
        float32 [N, side, side], the weights; and T_rgb, B_smp, B_fill and λ of all together.
    """
    side, count = len(seen[0].rgb), len(seen)
    marks = np.eye(count, dtype=np.float32)  # in T_gen's place a channel for each photo: 1 in its own
    merged = merge_textures(
        [
            whole_texture(np.broadcast_to(mark, (side, side, count)), s)
            for mark, s in zip(marks, seen, strict=True)
        ]
    )
    rgb, facing = (np.round(values * 255).astype(np.uint8) for values in (merged.rgb, merged.facing))
    weight = np.ascontiguousarray(merged.gen.transpose(2, 0, 1))
    return weight, SeenTexture(rgb, merged.sampled, merged.filled, facing)
