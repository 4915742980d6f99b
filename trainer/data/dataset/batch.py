"""Views as torch tensors, as a DataLoader's workers make them. Pictures stay bytes until the GPU has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch.utils.data import default_collate

from dinar.trainer.data.dataset.dataset import Pair
from dinar.trainer.data.dataset.layout import DatasetError, View


@dataclass(frozen=True)
class ViewBatch:
    """B views of one size.

    A picture for a network: `batch.image.permute(0, 3, 1, 2).float() / 255`, best after `to(device)`.

    Attributes:
        person: B ids.
        view: int64 [B], numbers of the views among their person's.
        image: uint8 [B, H, W, 3], sRGB.
        mask: uint8 [B, H, W], share of the person in each pixel, 255 = all.
        rotations: float32 [B, 55, 3], axis-angle radians, see `Pose`.
        translation: float32 [B, 3], metres, y up.
        expression: float32 [B, E], the longest of the batch; shorter ones end in zeros, which change nothing.
        betas: float32 [B, S], likewise.
        T_camera_world: float32 [B, 4, 4], world metres => camera metres, see `Camera`.
        K: float32 [B, 3, 3], camera metres => pixels, pixel centres at .5.
    """

    person: tuple[str, ...]
    view: torch.Tensor
    image: torch.Tensor
    mask: torch.Tensor
    rotations: torch.Tensor
    translation: torch.Tensor
    expression: torch.Tensor
    betas: torch.Tensor
    T_camera_world: torch.Tensor
    K: torch.Tensor

    def __len__(self) -> int:
        return len(self.person)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> ViewBatch:
        """The same batch on a device; `non_blocking` copies from pinned memory while other work goes on."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> ViewBatch:
        """The same batch in pinned memory; a DataLoader with `pin_memory=True` calls it."""
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> ViewBatch:
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "person"}
        return replace(self, **{name: change(tensor) for name, tensor in tensors.items()})


@dataclass(frozen=True)
class PairBatch:
    """B pairs of views of one person each.

    Attributes:
        input: what the textures are made from.
        target: what the avatars should look like; the same people in the same order.
    """

    input: ViewBatch
    target: ViewBatch

    def __len__(self) -> int:
        return len(self.input)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> PairBatch:
        """The same batch on a device, see `ViewBatch.to`."""
        return PairBatch(
            self.input.to(device, non_blocking=non_blocking),
            self.target.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> PairBatch:
        """The same batch in pinned memory."""
        return PairBatch(self.input.pin_memory(), self.target.pin_memory())


def collate_views(views: Sequence[View]) -> ViewBatch:
    """Make a batch of views: a DataLoader's `collate_fn`.

    Inside a worker the tensors lie in shared memory from the start. Raises DatasetError: views of two sizes.
    """
    sizes = {view.mask.shape: view for view in views}
    if len(sizes) > 1:
        said = " and ".join(
            f"{size[1]} x {size[0]} (person {view.person})" for size, view in sorted(sizes.items())[:2]
        )
        raise DatasetError(f"the views of a batch must have one size, not {said}: import them with one size")
    return ViewBatch(
        person=tuple(view.person for view in views),
        view=torch.tensor([view.view for view in views]),
        image=default_collate([view.image for view in views]),
        mask=default_collate([view.mask for view in views]),
        rotations=_floats([view.pose.rotations for view in views]),
        translation=_floats([view.pose.translation for view in views]),
        expression=_floats(_padded([view.pose.expression for view in views])),
        betas=_floats(_padded([view.betas for view in views])),
        T_camera_world=_floats([view.camera.T_camera_world for view in views]),
        K=_floats([view.camera.K for view in views]),
    )


def collate_pairs(pairs: Sequence[Pair]) -> PairBatch:
    """Make a batch of pairs: a DataLoader's `collate_fn`. Raises DatasetError: views of two sizes."""
    return PairBatch(
        collate_views([pair.input for pair in pairs]), collate_views([pair.target for pair in pairs])
    )


def _floats(arrays: Sequence[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays).astype(np.float32))


def _padded(coefficients: Sequence[np.ndarray]) -> list[np.ndarray]:
    longest = max(len(c) for c in coefficients)
    return [np.pad(c, (0, longest - len(c))) for c in coefficients]
