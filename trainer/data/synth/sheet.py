"""A contact sheet: front and back of many synthetic people, to look at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth.generate import Workshop
from dinar.trainer.data.synth.pictures import Shot, paint_person, take_pictures
from dinar.trainer.data.synth.pose_person import pose_person
from dinar.trainer.data.synth.poses import sample_pose
from dinar.trainer.data.synth.recipe import GENERATOR_VERSION, make_person, sample_person
from dinar.trainer.data.synth.scene import NEUTRAL_LOOK, frame
from dinar.trainer.data.synth.surroundings import sample_surroundings

_FIELD_OF_VIEW = np.radians(24)


def draw_pairs(workshop: Workshop, numbers: range, size: int) -> Iterator[np.ndarray]:
    """Draw each person from the front and from the back: uint8 [size, size, 3] sRGB each, side by side."""
    for number in numbers:
        painted = paint_person(make_person(sample_person(number, workshop.population), workshop.studio.body))
        draw = Draw(GENERATOR_VERSION, number, "sheet")
        pose = sample_pose(draw.child("pose"), painted.build)
        posed = pose_person(painted.mesh, workshop.studio.space, painted.person.form.joints, pose)
        cameras = tuple(
            frame(posed.vertices, azimuth, 0.06, fov_y=_FIELD_OF_VIEW, fill=0.94, size=size)
            for azimuth in (0.12, np.pi + 0.12)
        )
        shot = Shot(pose, *sample_surroundings(draw.child("surroundings")), cameras, (NEUTRAL_LOOK,) * 2)
        front, back = take_pictures(painted, workshop.studio, shot)
        yield np.concatenate([_slim(front.rgb), _slim(back.rgb)], axis=1)


def _slim(picture: np.ndarray) -> np.ndarray:
    """The middle 5/8 of a picture's columns."""
    width = picture.shape[1]
    return picture[:, 3 * width // 16 : width - 3 * width // 16]


def lay_out(pairs: list[np.ndarray], columns: int) -> np.ndarray:
    """Lay pictures of one size out in rows: uint8 [H, W, 3], white where there is none."""
    height, width = pairs[0].shape[:2]
    rows = -(-len(pairs) // columns)
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for k, pair in enumerate(pairs):
        row, column = divmod(k, columns)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = pair
    return sheet
