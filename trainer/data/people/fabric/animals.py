"""Animals for emblems, from curves; inks as in `emblems`."""

from __future__ import annotations

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.outlines import (
    Picture,
    arc,
    circle,
    curve,
    fill,
    mirrored,
    placed,
    stroke,
)


def sample_animal(draw: Draw) -> Picture:
    """One of the animals."""
    return draw.pick((_cat, _bear, _dog, _fish, _whale, _owl, _butterfly, _bird, _rabbit))(draw)


def _cat(_: Draw) -> Picture:
    head = mirrored(
        [(0, 0.42), (0.3, 0.45), (0.68, 0.95), (0.78, 0.3), (0.85, -0.2), (0.5, -0.65), (0, -0.8)]
    )
    eyes = [circle(s * 0.35, 0.02, 0.15, 1.15) for s in (-1, 1)]
    pupils = [circle(s * 0.35, 0.02, 0.05, 2.4) for s in (-1, 1)]
    whiskers = [[(s * 0.3, -0.3), (s * 1.0, -0.3 + d)] for s in (-1, 1) for d in (-0.15, 0.0, 0.15)]
    nose = [(-0.1, -0.22), (0.1, -0.22), (0, -0.34)]
    return (fill(0, head), fill(2, *eyes), fill(0, *pupils), fill(1, nose), stroke(1, 0.035, *whiskers))


def _bear(draw: Draw) -> Picture:
    ears = [circle(s * 0.62, 0.6, 0.28) for s in (-1, 1)]
    inner = [circle(s * 0.62, 0.6, 0.14) for s in (-1, 1)]
    eyes = [circle(s * 0.3, 0.12, 0.08) for s in (-1, 1)]
    muzzle = circle(0, -0.32, 0.34, 0.8)
    mouth = [(0, -0.3), (0, -0.42), (0.12, -0.48)], [(0, -0.42), (-0.12, -0.48)]
    smile = (stroke(0, 0.05, *mouth),)
    return (
        *(fill(0, ear) for ear in ears), *(fill(2, ear) for ear in inner),
        fill(0, circle(0, -0.05, 0.8, 0.92)),
        fill(1, muzzle), fill(1, *eyes), fill(0, circle(0, -0.2, 0.12, 0.7)),
        *(smile if draw.chance(0.8) else ()),
    )  # fmt: skip


def _dog(_: Draw) -> Picture:
    head = mirrored([(0, 0.75), (0.45, 0.7), (0.6, 0.2), (0.45, -0.5), (0, -0.8)])
    ear = curve([(0.4, 0.7), (0.8, 0.65), (0.95, 0.0), (0.75, -0.25), (0.6, 0.2)])
    eyes = [circle(s * 0.25, 0.18, 0.08, 1.2) for s in (-1, 1)]
    mouth = arc(-0.14, -0.35, 0.14, 180, 360), arc(0.14, -0.35, 0.14, 180, 360)
    return (
        fill(0, curve(head)), fill(2, ear), fill(2, ear * (-1, 1)), fill(1, *eyes),
        fill(1, circle(0, -0.22, 0.16, 0.7)), stroke(1, 0.05, *mouth),
    )  # fmt: skip


def _rabbit(_: Draw) -> Picture:
    ears = [circle(s * 0.3, 0.55, 0.17, 2.6) for s in (-1, 1)]
    inner = [circle(s * 0.3, 0.55, 0.08, 3.6) for s in (-1, 1)]
    eyes = [circle(s * 0.24, -0.3, 0.07, 1.2) for s in (-1, 1)]
    return (
        *(fill(0, ear) for ear in ears), *(fill(2, ear) for ear in inner),
        fill(0, circle(0, -0.42, 0.58, 0.92)),
        fill(1, *eyes), fill(2, circle(0, -0.48, 0.08, 0.7)), stroke(1, 0.04, [(0, -0.5), (0, -0.66)]),
    )  # fmt: skip


def _fish(draw: Draw) -> Picture:
    body = curve(
        [(0.95, 0.05), (0.5, 0.42), (-0.1, 0.42), (-0.6, 0.1), (-0.6, -0.08), (-0.1, -0.4), (0.5, -0.36)]
    )
    tail = [(-0.5, 0.02), (-1, 0.45), (-0.88, 0.0), (-1, -0.45)]
    scales = [arc(x, 0.0, 0.3, 120, 240) for x in (0.35, 0.1, -0.15)] if draw.chance(0.6) else []
    eye = (fill(1, circle(0.6, 0.1, 0.09)), fill(0, circle(0.6, 0.1, 0.04)))
    return (fill(2, tail), fill(0, body), *eye, *((stroke(1, 0.05, *scales),) if scales else ()))


def _whale(_: Draw) -> Picture:
    body = curve(
        [
            (-0.95, 0.05),
            (-0.7, 0.42),
            (-0.1, 0.5),
            (0.5, 0.1),
            (0.75, 0.2),
            (0.7, -0.15),
            (0.2, -0.5),
            (-0.6, -0.42),
        ]
    )
    tail = curve([(0.68, 0.1), (0.6, 0.45), (0.8, 0.5), (0.86, 0.3), (1.05, 0.5), (1.1, 0.3), (0.85, 0.0)])
    spout = [arc(-0.55, 0.5, 0.25, 0, 90), arc(-0.05, 0.5, 0.25, 90, 180)]
    belly = curve([(-0.9, -0.1), (-0.3, -0.18), (0.3, -0.4), (-0.2, -0.5), (-0.65, -0.4)])
    return (
        fill(0, body),
        fill(0, tail),
        fill(1, belly),
        fill(1, circle(-0.6, 0.08, 0.06)),
        stroke(2, 0.08, *spout),
    )


def _owl(_: Draw) -> Picture:
    body = mirrored([(0, 0.62), (0.5, 0.9), (0.68, 0.4), (0.62, -0.4), (0.35, -0.85), (0, -0.95)])
    eyes = [circle(s * 0.27, 0.32, 0.25) for s in (-1, 1)]
    pupils = [circle(s * 0.27, 0.32, 0.1) for s in (-1, 1)]
    feathers = [arc(x, y, 0.11, 180, 360, 10) for y in (-0.2, -0.42) for x in (-0.24, 0.0, 0.24)]
    return (
        fill(0, curve(body)), fill(1, *eyes), fill(0, *pupils),
        fill(2, [(-0.09, 0.2), (0.09, 0.2), (0, 0.02)]),
        stroke(1, 0.05, *feathers),
    )  # fmt: skip


def _bird(draw: Draw) -> Picture:
    wing = curve([(0.0, 0.1), (0.15, 0.9), (0.45, 1.0), (0.35, 0.45), (0.45, -0.05)])
    body = curve(
        [
            (0.95, 0.12),
            (0.7, 0.3),
            (0.3, 0.05),
            (-0.4, -0.1),
            (-1.0, -0.5),
            (-0.6, -0.55),
            (0.2, -0.4),
            (0.6, -0.15),
        ]
    )
    other = placed((fill(2, wing),), -0.15, 0.0, 0.9, draw.uniform(0.3, 0.7))
    return (*other, fill(0, body), fill(0, wing), fill(1, circle(0.7, 0.14, 0.05)))


def _butterfly(_: Draw) -> Picture:
    upper = curve([(0.06, 0.1), (0.35, 0.75), (0.9, 0.85), (0.95, 0.4), (0.5, 0.02)])
    lower = curve([(0.06, 0.0), (0.6, -0.1), (0.75, -0.5), (0.45, -0.85), (0.15, -0.45)])
    shapes = [fill(k, wing * (s, 1)) for s in (-1, 1) for k, wing in ((0, upper), (2, lower))]
    spots = [fill(1, circle(s * 0.65, 0.52, 0.13)) for s in (-1, 1)]
    return (*shapes, *spots, fill(1, circle(0, 0.0, 0.07, 7.0)))
