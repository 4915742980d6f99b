"""Which views of a person an avatar is made from, and which ones judge it.

An avatar is made from views of one pose. Views of that pose from other sides judge how well it turns, views
of other poses how well it moves. The same views judge avatars of one view and of many.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dinar.trainer.data.dataset.benchmark import azimuths
from dinar.trainer.data.dataset.layout import DatasetError, Views, people_of, read_views


@dataclass(frozen=True)
class HeldOutCase:
    """One person.

    Attributes:
        person: the id.
        inputs: views of one pose, the one nearest to the front first, then always the one farthest from those
            before: the first k of them see as much of a person as k views can.
        turned: other views of that pose.
        moved: views of other poses.
    """

    person: str
    inputs: tuple[int, ...]
    turned: tuple[int, ...]
    moved: tuple[int, ...]

    @property
    def targets(self) -> tuple[int, ...]:
        """All views that judge."""
        return self.turned + self.moved


def held_out_cases(root: Path, people: int, inputs: int) -> tuple[HeldOutCase, ...]:
    """Choose views of the first people of a dataset.

    Args:
        root: the dataset's folder.
        people: how many people.
        inputs: views that avatars may be made from.

    Raises:
        DatasetError: fewer people, somebody's files are bad, or somebody has not one view more of the first
            pose than `inputs`, or no second pose.
    """
    everybody = people_of(root)
    if len(everybody) < people:
        raise DatasetError(f"{root} holds {len(everybody)} people, {people} were asked for")
    return tuple(_case(root, person, inputs) for person in everybody[:people])


def _case(root: Path, person: str, inputs: int) -> HeldOutCase:
    views = read_views(root, person)
    first_pose = np.flatnonzero(same_pose(views, 0))
    moved = np.flatnonzero(~same_pose(views, 0))
    if len(first_pose) <= inputs or not len(moved):
        raise DatasetError(
            f"{root}: person {person} has {len(first_pose)} views of the first pose and {len(moved)} of "
            f"others; to judge avatars of {inputs} views it takes {inputs + 1} and 1 or more"
        )
    order = first_pose[spread(azimuths(views)[first_pose])]
    turned = sorted(order[inputs:].tolist())
    return HeldOutCase(person, tuple(order[:inputs].tolist()), tuple(turned), tuple(moved.tolist()))


def same_pose(views: Views, view: int) -> np.ndarray:
    """Views in which a person stands as in one of them: bool [N]."""
    rotations = (views.rotations == views.rotations[view]).all((1, 2))
    alike: np.ndarray = rotations & (views.translation == views.translation[view]).all(1)
    return alike


def spread(azimuth: np.ndarray) -> np.ndarray:
    """Order directions [N], radians, as `HeldOutCase.inputs` says: int64 [N]."""
    apart = np.abs(np.angle(np.exp(1j * (azimuth[:, None] - azimuth))))  # [N, N], 0 to pi
    order = [int(np.argmin(np.abs(azimuth)))]
    while len(order) < len(azimuth):
        nearest = apart[:, order].min(1)
        nearest[order] = -1
        order.append(int(np.argmax(nearest)))
    return np.array(order)
