"""What diffusion is trained on (Sec. 3.3): people's merged textures, and what photos show of them, encoded.

E, G and E_VQ stay as they are while diffusion learns, so every texture is encoded once, before: a file for
each person and colour shift, kept in a folder that says by its name which networks made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from rich.console import Console
from torch.utils.data import Dataset

from dinar.runtime.files.whole_file import whole_file
from dinar.trainer.data.dataset.dataset import PeopleDataset
from dinar.trainer.data.dataset.layout import DatasetError, View
from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.prepared_views import SeenTexture, ViewStore
from dinar.trainer.inpainting.condition import condition_of, texture_tensors
from dinar.trainer.models.avatar_networks import AvatarNetworks
from dinar.trainer.models.denoiser import Condition
from dinar.trainer.models.vqgan import TextureVqgan
from dinar.trainer.texture.few_shot import body_texture
from dinar.trainer.texture.merging import merge_textures

_ATTEMPTS = 100  # people in a row without a file, after which the folder is gone
_GAIN = 0.25  # how far a colour shift goes, as a share of each channel


@dataclass(frozen=True, eq=False)
class LatentBatch:
    """B samples.

    Attributes:
        complete: float32 [B, code_size, h, w], T_c: the merged texture's latents.
        partial: float32 [B, code_size, h, w], T_c^j: those of one photo's.
        fill: float32 [B, 1, h, w] in [0, 1], b(B_fill^j).
    """

    complete: torch.Tensor
    partial: torch.Tensor
    fill: torch.Tensor

    def __len__(self) -> int:
        return len(self.complete)

    @property
    def condition(self) -> Condition:
        """What one photo shows."""
        return Condition(self.partial, self.fill)

    def to(self, device: torch.device) -> LatentBatch:
        """The same on a device; from pinned memory it is copied while other work goes on."""
        moved = {f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)}
        return LatentBatch(**moved)

    def pin_memory(self) -> LatentBatch:
        """The same in pinned memory; a DataLoader with `pin_memory=True` calls it."""
        return LatentBatch(**{f.name: getattr(self, f.name).pin_memory() for f in fields(self)})


@dataclass(frozen=True, eq=False)
class PersonLatents:
    """One person in one colour shift.

    Attributes:
        complete: float16 [code_size, h, w], of the merged texture.
        partial: float16 [V, code_size, h, w], of each photo's.
        fill: float16 [V, 1, h, w] in [0, 1].
    """

    complete: np.ndarray
    partial: np.ndarray
    fill: np.ndarray

    def sample(self, photo: int) -> LatentBatch:
        """What there is with one of the photos: a batch of one."""
        each = (self.complete, self.partial[photo], self.fill[photo])
        return LatentBatch(*(torch.from_numpy(values[None].astype(np.float32)) for values in each))


class LatentEncoder:
    """Encodes people."""

    def __init__(self, networks: AvatarNetworks, vqgan: TextureVqgan, views: ViewStore) -> None:
        """Keep the networks, in evaluation mode and on one device, and what is prepared of views."""
        self._networks, self._vqgan, self._views = networks, vqgan, views

    def encode(self, photos: Sequence[View], shift: int) -> PersonLatents:
        """Encode one person.

        Args:
            photos: 1 or more, all that there are.
            shift: 0: the colours as they are; from 1 on others, the same ones for the same person and number.
        """
        gain = _colour_gain(photos[0].person, shift)
        textures = [
            body_texture(self._networks, _shifted_view(view, gain), _shifted(self._views.texture(view), gain))
            for view in photos
        ]
        device = next(self._vqgan.parameters()).device
        each = [condition_of(self._vqgan, texture_tensors(texture, device)) for texture in textures]
        whole = condition_of(self._vqgan, texture_tensors(merge_textures(textures), device)).partial

        def half(tensors: Sequence[torch.Tensor]) -> np.ndarray:
            return torch.cat(list(tensors)).half().numpy(force=True)

        return PersonLatents(
            complete=half([whole])[0],
            partial=half([condition.partial for condition in each]),
            fill=half([condition.fill for condition in each]),
        )


def _colour_gain(person: str, shift: int) -> np.ndarray:
    """Factors of red, green and blue: float32 [3]; ones for shift 0."""
    if shift == 0:
        return np.ones(3, np.float32)
    return Draw("colour shift", person, shift).uniforms(1 - _GAIN, 1 + _GAIN, 3).astype(np.float32)


def _shifted_view(view: View, gain: np.ndarray) -> View:
    return replace(view, image=_gained(view.image, gain))


def _shifted(seen: SeenTexture, gain: np.ndarray) -> SeenTexture:
    return replace(seen, rgb=_gained(seen.rgb, gain))


def _gained(colours: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] times factors, cut to bytes."""
    return np.clip(np.round(colours * gain), 0, 255).astype(np.uint8)


class LatentFolder:
    """Latents of the people of a split, on disk."""

    def __init__(self, folder: Path, people: PeopleDataset, shifts: int) -> None:
        """Make the folder, if it is not there.

        Args:
            folder: named after the networks that encode; nothing else is kept in it.
            people: whose.
            shifts: colour shifts of each, 1 or more; the first leaves colours as they are.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._people, self.shifts = folder, people, shifts

    def __len__(self) -> int:
        """People in all their colour shifts."""
        return len(self._people.people) * self.shifts

    def fill(self, encoder: LatentEncoder, numbers: range, console: Console) -> None:
        """Encode those of some numbers that are not there yet. People with a bad file are left out."""
        with progress_bar(console) as bar:
            for number in bar.track(numbers, description="encoding textures"):
                if not self._file(number).exists():
                    self._keep(number, encoder)

    def read(self, number: int) -> PersonLatents | None:
        """Read person `number // shifts` in shift `number % shifts`; None: left out, or a damaged file."""
        try:
            with np.load(self._file(number), allow_pickle=False) as archive:
                return PersonLatents(**{f.name: archive[f.name] for f in fields(PersonLatents)})
        except (OSError, ValueError, BadZipFile, EOFError, KeyError):
            return None

    def _file(self, number: int) -> Path:
        place, shift = divmod(number, self.shifts)
        return self._folder / f"{self._people.people[place]}-{shift}.npz"

    def _keep(self, number: int, encoder: LatentEncoder) -> None:
        place, shift = divmod(number, self.shifts)
        try:
            photos = [self._people.read(index) for index in self._people.views_of(place)]
        except DatasetError:  # became bad after it was looked through
            return
        with whole_file(self._file(number)) as part, part.open("wb") as stream:
            np.savez(stream, **vars(encoder.encode(photos, shift)))


class LatentSamples(Dataset["LatentBatch | DatasetError"]):
    """Samples by their number, for ever: person, photo and colour shift are drawn, all alike."""

    def __init__(self, folder: LatentFolder, seed: int) -> None:
        self._folder, self._seed = folder, seed

    def __getitem__(self, index: int) -> LatentBatch | DatasetError:
        """Make sample `index`, from 0; there is no end."""
        for attempt in range(_ATTEMPTS):
            draw = Draw(self._seed, "latents", index, attempt)
            kept = self._folder.read(draw.integer(0, len(self._folder) - 1))
            if kept is not None:
                return kept.sample(draw.integer(0, len(kept.partial) - 1))
        return DatasetError("none of the encoded textures can be read: delete the folder of latents")

    @staticmethod
    def join(samples: Sequence[LatentBatch]) -> LatentBatch:
        """One batch of several."""
        names = [f.name for f in fields(LatentBatch)]
        return LatentBatch(**{name: torch.cat([getattr(s, name) for s in samples]) for name in names})
