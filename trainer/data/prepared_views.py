"""What training needs of a view, before any gradient: its texture, its raster, its face. Kept on disk.

Preparing takes a third of a second of one core, reading what is kept a few milliseconds: on a computer
without a GPU that is the difference between learning and waiting.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

from dinar.runtime.body import Body
from dinar.runtime.files.whole_file import whole_file
from dinar.trainer.data.dataset.batch import collate_views
from dinar.trainer.data.dataset.layout import View, mask_file_of, person_folder, picture_file
from dinar.trainer.rasterize.rasterizer import BodyRasterizer, open_rasterizer
from dinar.trainer.texture.body_view import view_body
from dinar.trainer.texture.occlusion import limb_colours, occlusion_outline
from dinar.trainer.texture.photo_texture import covered_texels, photo_texture

_VERSION = 3  # of what is kept; raise it when preparing changes
_PERSON = 230  # mask bytes from which on a pixel is the person's alone, no mixture with what is behind
_HEAD, _FACE_JOINTS = 15, (15, 22, 23, 24)  # jaw and eyes; SMPL-X order
_FACE_PIXELS = 12  # fewer show no face


@dataclass(frozen=True, eq=False)
class SeenTexture:
    """What a photo shows of the texture, `side` x `side` texels.

    Attributes:
        rgb: uint8 [side, side, 3], sRGB, T_rgb; 0 where nothing is known.
        sampled: bool [side, side], B_smp.
        filled: bool [side, side], B_fill.
        facing: uint8 [side, side], cosine between the surface's normal and the direction to the camera, λ of
            Eq. 5, 255 = 1; 0 outside `filled`.
    """

    rgb: np.ndarray
    sampled: np.ndarray
    filled: np.ndarray
    facing: np.ndarray


@dataclass(frozen=True, eq=False)
class SeenBody:
    """The bare body as a view's camera sees it.

    Attributes:
        uv: float32 [H, W, 2], texture coordinates in [0, 1], v down, 0 where there is none.
        coverage: bool [H, W].
        face: int32 [4], first column, first row, end column, end row of the face; zeros where none is seen.
    """

    uv: np.ndarray
    coverage: np.ndarray
    face: np.ndarray


class ViewPreparer:
    """Prepares the views of one dataset, whose body is known."""

    def __init__(self, body: Body, side: int, device: torch.device | None = None) -> None:
        """Nothing is computed yet.

        Args:
            body: that the views' parameters belong to.
            side: texels on a side of the texture.
            device: where bodies are rasterized, see `open_rasterizer`; the processor when left out.
        """
        self._body, self._side, self._device = body, side, device or torch.device("cpu")

    @cached_property
    def _covered(self) -> np.ndarray:
        return covered_texels(self._body, self._side)

    def __reduce__(self) -> tuple[type[ViewPreparer], tuple[Body, int, torch.device]]:
        return ViewPreparer, (self._body, self._side, self._device)  # what was computed stays in its process

    @cached_property
    def _rasterizer(self) -> BodyRasterizer:
        return open_rasterizer(self._body, self._device)

    @cached_property
    def _face(self) -> np.ndarray:
        """Texels of the face: bool [side, side]. What the head's joints move, in front of its own joint."""
        moved = self._body.weights[:, _FACE_JOINTS].sum(1) > 0.5
        head = self._body.J_regressor[_HEAD] @ self._body.v_template
        ahead = self._body.v_template[:, 2] > head[2] + 0.04  # metres; the body looks along z
        triangles = self._body.uv_faces[(moved & ahead)[self._body.faces].all(1)]
        return covered_texels(replace(self._body, uv_faces=triangles), self._side)

    def texture(self, view: View, *, occlusion: bool = True) -> SeenTexture:
        """Carry a photo's colours to the texture (Sec. 3.1).

        Args:
            view: the photo.
            occlusion: whether outlines of limbs before the body are left out (Sec. 3.5).
        """
        seen = view_body(self._body, view.betas, view.pose, view.camera)
        usable = view.mask >= _PERSON
        if occlusion:
            usable &= ~occlusion_outline(seen, limb_colours(self._body, view.betas))
        known = photo_texture(view.image, usable, seen, self._covered)
        rgb, facing = (np.round(values * 255).astype(np.uint8) for values in (known.rgb, known.facing))
        return SeenTexture(rgb, known.sampled, known.filled, facing)

    def body(self, view: View) -> SeenBody:
        """Rasterize the bare body (R of Sec. 3.1), and find its face."""
        raster = self._rasterizer(collate_views([view]))
        uv, coverage = raster.uv[0].numpy(force=True), raster.coverage[0].numpy(force=True)
        column, row = np.clip((uv * self._side).astype(np.int64), 0, self._side - 1).transpose(2, 0, 1)
        return SeenBody(uv, coverage, _bounding_box(coverage & self._face[row, column]))


class ViewStore:
    """Prepared views in a folder, 0.5 MB each, made when they are first asked for.

    Any number of processes may share it. A file's name says which version of which pictures it was made from.
    """

    def __init__(self, preparer: ViewPreparer, root: Path, folder: Path | None, kind: str) -> None:
        """Open.

        Args:
            preparer: makes what is missing.
            root: the dataset's folder.
            folder: where to keep it; None: nowhere, each view is prepared anew each time.
            kind: names body and sizes, so that nothing of another kind is taken for it.
        """
        self._preparer, self._root, self._folder, self._kind = preparer, root, folder, kind
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def texture(self, view: View) -> SeenTexture:
        """The texture of a view."""

        def make() -> dict[str, Any]:
            seen = self._preparer.texture(view)
            bits = np.packbits(np.stack([seen.sampled, seen.filled]), axis=None)
            return {"rgb": seen.rgb, "bits": bits, "facing": seen.facing}

        kept = self._keep("texture", view, make)
        shape = (2, *kept["rgb"].shape[:2])
        sampled, filled = np.unpackbits(kept["bits"], count=int(np.prod(shape))).reshape(shape).astype(bool)
        return SeenTexture(kept["rgb"], sampled, filled, kept["facing"])

    def body(self, view: View) -> SeenBody:
        """The body of a view."""

        def make() -> dict[str, Any]:
            seen = self._preparer.body(view)
            return {
                "uv": seen.uv[seen.coverage],
                "bits": np.packbits(seen.coverage, axis=None),
                "face": seen.face,
            }

        kept = self._keep("body", view, make)
        coverage = np.unpackbits(kept["bits"], count=view.mask.size).reshape(view.mask.shape).astype(bool)
        uv = np.zeros((*coverage.shape, 2), np.float32)
        uv[coverage] = kept["uv"]
        return SeenBody(uv, coverage, kept["face"])

    def _keep(self, what: str, view: View, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Read arrays that were kept, or make and keep them."""
        if self._folder is None:
            return make()
        path = self._folder / f"{view.person}-{view.view:04d}-{what}-{self._mark(view)}.npz"
        try:
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except (OSError, ValueError, BadZipFile, EOFError, KeyError):  # missing or cut off
            arrays = make()
        with whole_file(path) as part, part.open("wb") as stream:
            np.savez(stream, **arrays)
        return arrays

    def _mark(self, view: View) -> str:
        """A few letters for all that a prepared view depends on: its files as they are now, body, sizes."""
        files = (
            picture_file(self._root, view.person, view.view),
            mask_file_of(self._root, view.person, view.view),
            person_folder(self._root, view.person) / "views.npz",
        )
        states = [(s.st_size, s.st_mtime_ns) for s in map(os.stat, files)]
        return hashlib.sha256(repr((_VERSION, self._kind, states)).encode()).hexdigest()[:10]


def _bounding_box(pixels: np.ndarray) -> np.ndarray:
    if pixels.sum() < _FACE_PIXELS:
        return np.zeros(4, np.int32)
    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.int32)
