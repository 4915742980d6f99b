"""The mean texture of many people, which `MeanFiller` completes others with.

    python -m dinar.trainer.texture.mean_texture people --out mean.npz

Each person's texture is merged from up to eight views (Eq. 5); texels are averaged over those people whose
photos show them. People of split `train` alone take part, none that is kept for evaluation.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console

from dinar.runtime.body import Body
from dinar.runtime.errors import DinarError
from dinar.runtime.files.bodies import find_body
from dinar.runtime.files.npz import ArrayFileError, open_arrays
from dinar.runtime.files.whole_file import check_file, whole_file
from dinar.trainer.create.person import MOST_VIEWS
from dinar.trainer.data.dataset.layout import DatasetError, people_of, read_info, read_view, read_views
from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.data.dataset.splits import read_splits
from dinar.trainer.data.prepared_views import ViewPreparer
from dinar.trainer.texture.few_shot import whole_texture
from dinar.trainer.texture.merging import BodyTexture, merge_textures
from dinar.trainer.texture.texel_surface import TexelSurface, texel_surface

_LIMIT_BYTES = 1 << 28


def mean_texture(textures: Iterable[BodyTexture], surface: TexelSurface) -> np.ndarray:
    """Average people's textures over those who know a texel.

    Args:
        textures: one of each person, one person or more.
        surface: that all of them belong to.

    Returns:
        float32 [side, side, 3] in [0, 1], sRGB, 0 outside the body; texels that nobody knows have the colour
        of the nearest known one.

    Raises:
        DinarError: nobody knows any texel.
    """
    total, count = np.zeros((*surface.covered.shape, 3)), np.zeros(surface.covered.shape)
    for texture in textures:
        total += np.where(texture.filled[..., None], texture.rgb, 0)
        count += texture.filled
    known = count[surface.covered] > 0
    if not known.any():
        raise DinarError("no photo shows anything of the body: `dinar data check` says which views are wrong")
    colours = total[surface.covered] / np.maximum(count[surface.covered], 1)[:, None]
    mean = np.zeros(total.shape, np.float32)
    mean[surface.covered] = colours[surface.nearest_over_surface(known)]
    return mean


def save_mean(path: Path, mean: np.ndarray, body: Body) -> None:
    """Write a mean texture, float32 [side, side, 3] in [0, 1], with the hash of its body."""
    rgb = np.round(255 * mean).astype(np.uint8)  # [0, 1] => bytes
    with whole_file(path) as part, part.open("wb") as stream:
        np.savez_compressed(stream, rgb=rgb, body=np.frombuffer(bytes.fromhex(body.hash), np.uint8))


def read_mean(path: Path, body: Body) -> np.ndarray:
    """Read what `save_mean` wrote: float32 [side, side, 3] in [0, 1].

    Raises:
        DinarError: the file cannot be read, holds something else, or belongs to another body.
    """
    try:
        with open_arrays(path, _LIMIT_BYTES) as arrays:
            rgb, owner = arrays.read("rgb"), arrays.read("body")
    except OSError as error:
        raise DinarError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ArrayFileError as error:
        raise DinarError(str(error)) from error
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape != (len(rgb), len(rgb), 3):
        raise DinarError(
            f"{path}: expected a mean texture, uint8 [side, side, 3], not {rgb.dtype} {list(rgb.shape)}"
        )
    if owner.tobytes().hex() != body.hash:
        raise DinarError(
            f"{path} was made with another body than the dataset's: make one from people of that body"
        )
    return rgb.astype(np.float32) / 255


def main(
    data: Annotated[Path, tyro.conf.Positional], out: Path, people: int = 300, texture_size: int = 256
) -> None:
    """Make the mean texture of a dataset's people; half a second a view.

    Args:
        data: the dataset's folder.
        out: the .npz file to write.
        people: how many, at most.
        texture_size: texels on a side, those of the networks that it is compared with.
    """
    console = Console(stderr=True)
    try:
        check_file("out", out, ".npz")
        info = read_info(data)
        body = find_body(info.body, info.body_vertices)
        names = read_splits(data, people_of(data)).train[:people]
        if not names:
            raise DatasetError(
                f"{data} has nobody in split train: the mean is taken over people to learn from"
            )
        preparer, surface = ViewPreparer(body, texture_size), texel_surface(body, texture_size)
        with progress_bar(console) as bar:
            each = (person_texture(data, name, preparer) for name in bar.track(names, description="people"))
            save_mean(out, mean_texture(each, surface), body)
    except DinarError as error:
        console.print(f"[red]{error}", soft_wrap=True)
        sys.exit(1)
    console.print(f"{out}: mean of {len(names)} people", highlight=False)


def person_texture(root: Path, person: str, preparer: ViewPreparer) -> BodyTexture:
    """What up to `MOST_VIEWS` evenly chosen photos of a person show, merged; without T_gen.

    Raises DatasetError: a file is bad.
    """
    parameters = read_views(root, person)
    chosen = np.linspace(0, len(parameters) - 1, min(len(parameters), MOST_VIEWS)).round().astype(int)
    seen = [preparer.texture(read_view(root, person, int(n), parameters)) for n in chosen]
    return merge_textures([whole_texture(np.zeros((*s.filled.shape, 0), np.float32), s) for s in seen])


if __name__ == "__main__":
    tyro.cli(main)
