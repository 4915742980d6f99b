"""The encoded textures that diffusion is trained on, made before its first step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from dinar.runtime.errors import DinarError
from dinar.trainer.data.dataset.dataset import PeopleDataset
from dinar.trainer.data.dataset.layout import DatasetError, people_of
from dinar.trainer.data.dataset.splits import Split, read_splits
from dinar.trainer.data.person_latents import LatentBatch, LatentEncoder, LatentFolder, LatentSamples
from dinar.trainer.train.open_training import Opened

_PREVIEWS = 6  # people
_RANGE = 200  # textures that tell the range of latents


@dataclass(frozen=True, eq=False)
class Latents:
    """What diffusion learns from.

    Attributes:
        known: of people to learn from.
        complete: float32 [N, code_size, h, w]: some merged textures of those, to tell the range from.
        kind: of people in previews: "val", or "train" where the dataset has no others.
        previews: one photo of each of a few of them.
    """

    known: LatentFolder
    complete: torch.Tensor
    kind: str
    previews: LatentBatch


def open_latents(
    folder: Path, opened: Opened, encoder: LatentEncoder, shifts: int, console: Console
) -> Latents:
    """Encode what is not encoded yet, all processes together.

    Args:
        folder: for the files, of these networks alone.
        opened: what the training stands on.
        encoder: of textures.
        shifts: colour shifts of each person.
        console: shows how far it is.

    Raises:
        DinarError: nobody's textures could be encoded.
    """
    here, people = opened.here, opened.pairs.people
    known = LatentFolder(folder / "train", people, shifts)
    known.fill(encoder, range(here.rank, len(known), here.ranks), console)
    kind, others = _others(people)
    shown = LatentFolder(folder / kind, others, 1 if kind == "val" else shifts)
    few = range(0, min(_PREVIEWS * shown.shifts, len(shown)), shown.shifts)
    if here.rank == 0:
        shown.fill(encoder, few, console)
    here.mean(torch.zeros(1, device=here.device))  # all wait for each other
    samples = _first_photos(known, range(min(len(known), _RANGE)))
    previews = _first_photos(shown, few)
    if not samples or not previews:
        raise DinarError(f"{folder}: textures of {people.root} could not be kept there: is the disk full?")
    complete = torch.cat([sample.complete for sample in samples])
    return Latents(known, complete, kind, LatentSamples.join(previews))


def _others(people: PeopleDataset) -> tuple[Split, PeopleDataset]:
    """People who are not trained on, if there are any."""
    if read_splits(people.root, people_of(people.root)).val:
        try:
            return "val", PeopleDataset(people.root, "val", on_bad="skip")
        except DatasetError:  # nobody there has a whole view
            pass
    return "train", people


def _first_photos(folder: LatentFolder, numbers: Iterable[int]) -> list[LatentBatch]:
    """Samples of each one's first photo, as far as there are any."""
    return [kept.sample(0) for n in numbers if (kept := folder.read(n)) is not None]
