"""The benchmark of synthetic people 900000 to 900099: one input view each, the others to compare with.

As in the paper's ablation (Sec. 5), half of them are seen from the front and half from the back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dinar.runtime.rotations import matrix_from_axis_angle
from dinar.trainer.data.dataset.layout import DatasetError, Views, people_of, read_info, read_views
from dinar.trainer.data.dataset.splits import BENCHMARK_NUMBERS, synthetic_number

_INPUT_TOLERANCE = math.radians(60)


@dataclass(frozen=True)
class BenchmarkCase:
    """One person of the benchmark; views are read by `read_view`.

    Attributes:
        person: the id.
        from_front: whether the input view shows the face; else it shows the back.
        input_view: the one view that an avatar may be made from.
        target_views: all others.
    """

    person: str
    from_front: bool
    input_view: int
    target_views: tuple[int, ...]


def benchmark(root: Path) -> tuple[BenchmarkCase, ...]:
    """The benchmark's people in a dataset, by number: even ones seen from the front, odd ones from the back.

    The input view is the one nearest to straight ahead, or straight behind; of several the first.

    Raises:
        DatasetError: the dataset has none of them, somebody's files are bad, or there is no view within 60
            degrees of the side that the rule asks for, or no second view.
    """
    info = read_info(root)
    numbers = {p: synthetic_number(info, p) for p in people_of(root)}
    cases = [_case(root, p, n) for p, n in numbers.items() if n is not None and n in BENCHMARK_NUMBERS]
    if not cases:
        first, last = BENCHMARK_NUMBERS[0], BENCHMARK_NUMBERS[-1]
        raise DatasetError(f"{root} holds none of the benchmark's synthetic people {first} to {last}")
    return tuple(cases)


def _case(root: Path, person: str, number: int) -> BenchmarkCase:
    from_front = number % 2 == 0
    away = np.abs(azimuths(read_views(root, person)))  # [N], 0 = front
    away = away if from_front else math.pi - away
    chosen = int(np.argmin(np.round(away, 6)))
    side = "front" if from_front else "back"
    if away[chosen] > _INPUT_TOLERANCE:
        raise DatasetError(f"{root}: person {person} has no view from the {side}, which the benchmark needs")
    if len(away) < 2:
        raise DatasetError(
            f"{root}: person {person} has one view, the benchmark needs others to compare with"
        )
    return BenchmarkCase(
        person, from_front, chosen, tuple(view for view in range(len(away)) if view != chosen)
    )


def azimuths(views: Views) -> np.ndarray:
    """Where each camera stands around its body: float64 [N], radians in [-pi, pi].

    As for `camera.orbit`, but in the axes of the pelvis: 0 sees the body's front, pi / 2 its left side, pi
    its back.
    """
    T = views.T_camera_world.astype(np.float64)
    eye = -np.einsum("nji,nj->ni", T[:, :3, :3], T[:, :3, 3])  # [N, 3], world metres
    pelvis = matrix_from_axis_angle(views.rotations[:, 0].astype(np.float64))  # T-pose => world
    direction = np.einsum("nji,nj->ni", pelvis, eye - views.translation)
    return np.arctan2(direction[:, 0], direction[:, 2])
