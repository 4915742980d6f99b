"""A dressed person: who it is, the body, and everything that body wears, ready to be posed and drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.part import Painter, Part, PartUv

BODY_TEXELS = 1024
"""Texels a side of the body's own texture."""


@dataclass(frozen=True)
class DressedPerson:
    """One person.

    Attributes:
        individual: who it is.
        form: the body; its T-pose holds the individual's face.
        parts: the body's skin first, then what it wears, inner to outer.
    """

    individual: Individual
    form: DressForm
    parts: tuple[Part, ...]


def skin_part(form: DressForm, painter: Painter, *, size: int = BODY_TEXELS) -> Part:
    """Return the bare body as a part, drawn like any other."""
    body = form.body
    own = np.repeat(np.arange(len(form.rest), dtype=np.int32)[:, None], 3, axis=1)
    return Part(
        name="skin",
        vertices=form.rest,
        faces=body.faces,
        joint_weights=body.weights,
        anchor_vertex=own,
        anchor_weight=np.tile([1.0, 0.0, 0.0], (len(own), 1)),
        painter=painter,
        uv=PartUv(body.uv.astype(np.float64), body.uv_faces, size, of_body=True),
    )
