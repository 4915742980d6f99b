"""Where a person stands: floor and walls, furniture, hedges, houses, sky; and the light there.

Everything is drawn at random from a `Draw`. The person stands at the origin on the floor y = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dinar.trainer.data.people.bake import decode_srgb
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth import patterns
from dinar.trainer.data.synth.light import AMBIENT_LIGHTS, Light, sphere_directions, unit

Place = Literal["plain", "studio", "room", "outdoors"]

BOX = np.dtype(
    [
        ("low", np.float64, 3),
        ("high", np.float64, 3),
        ("kind", np.int64),
        ("scale", np.float64),
        ("seed", np.int64),
        ("a", np.float64, 3),
        ("b", np.float64, 3),
        ("glow", np.float64),
        ("round", np.int64),
    ]
)
"""A box (when `round`, the ellipsoid in it) in the axes of the surroundings; `glow`: the light it gives."""

SKYLINE = np.dtype(
    [
        ("distance", np.float64),
        ("height", np.float64),
        ("relief", np.float64),
        ("kind", np.int64),
        ("scale", np.float64),
        ("seed", np.int64),
        ("a", np.float64, 3),
        ("b", np.float64, 3),
    ]
)
"""A ring of hedges, trees or houses around the person; `relief`: how much its top rises and falls, metres."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A pattern (see `patterns`), its two colours (linear RGB [3]), its scale and seed."""

    kind: int
    a: np.ndarray
    b: np.ndarray
    scale: float
    seed: int


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A place.

    Attributes:
        place: what it is.
        yaw: radians, turn of the room's axes against the person's.
        floor: of rooms and the ground outdoors; of a studio: the paper's one colour; of a plain background
            the colours at top and bottom.
        wall: of rooms.
        room: [4], metres from the person to the walls at +x, -x, +z, -z.
        ceiling: metres.
        boxes: BOX [B].
        skyline: SKYLINE [K], from near to far.
        sky: [2, 3], linear RGB at the horizon and above.
        clouds: 0 clear to 1 overcast.
        blur: pixels at 512 that things far behind the person are out of focus.
        seed: of clouds and vignette.
    """

    place: Place
    yaw: float
    floor: Surface
    wall: Surface
    room: np.ndarray
    ceiling: float
    boxes: np.ndarray
    skyline: np.ndarray
    sky: np.ndarray
    clouds: float
    blur: float
    seed: int


def sample_surroundings(draw: Draw) -> tuple[Surroundings, Light]:
    """Draw a place, and the light that goes with it."""
    place: Place = draw.pick(("plain", "studio", "room", "outdoors"), (0.16, 0.2, 0.36, 0.28))
    makers = {"plain": _plain, "studio": _studio, "room": _room, "outdoors": _outdoors}
    return makers[place](draw.child("place")), sample_light(draw.child("light"), place)


# --- Light ----------------------------------------------------------------------------------------


def sample_light(draw: Draw, place: Place) -> Light:
    """Draw the light of a place; a white card that stands upright gets about unit irradiance in the mean."""
    if place == "outdoors":
        kind = draw.pick(("sun", "veiled", "overcast"), (0.4, 0.25, 0.35))
    elif place == "room":
        kind = draw.pick(("window", "lamps", "ceiling"), (0.45, 0.2, 0.35))
    else:
        kind = draw.pick(("soft", "hard", "even"), (0.5, 0.2, 0.3))
    # Share of the key light, its elevation, softness, its colour temperature and that of the rest.
    share, elevation, softness, warm, cool = {
        "sun": ((0.50, 0.68), (0.5, 1.1), (0.008, 0.02), (5200, 6200), (8000, 10500)),
        "veiled": ((0.30, 0.45), (0.5, 1.1), (0.05, 0.15), (5600, 6500), (6800, 8000)),
        "overcast": ((0.08, 0.18), (0.8, 1.3), (0.3, 0.4), (6300, 7000), (6500, 7500)),
        "window": ((0.35, 0.60), (0.1, 0.5), (0.2, 0.35), (5600, 7200), (4000, 5600)),
        "lamps": ((0.30, 0.55), (0.5, 1.1), (0.1, 0.25), (2900, 4000), (3200, 4500)),
        "ceiling": ((0.12, 0.30), (0.9, 1.35), (0.25, 0.4), (3800, 5500), (4000, 5500)),
        "soft": ((0.35, 0.60), (0.3, 0.9), (0.15, 0.35), (5200, 6200), (5200, 6500)),
        "hard": ((0.50, 0.70), (0.4, 1.0), (0.03, 0.08), (5000, 6200), (5500, 7000)),
        "even": ((0.10, 0.25), (0.4, 1.0), (0.3, 0.4), (5300, 6300), (5300, 6300)),
    }[kind]
    azimuth = draw.normal(0.0, 1.0) if place in ("plain", "studio") else draw.uniform(-np.pi, np.pi)
    height = draw.uniform(*elevation)
    key = np.array([np.sin(azimuth) * np.cos(height), np.sin(height), np.cos(azimuth) * np.cos(height)])
    share_drawn, soft = draw.uniform(*share), draw.uniform(*softness)
    # Cameras take out most of a light's colour.
    key_colour = white_point(draw.uniform(*warm)) ** 0.38
    rest_colour = white_point(draw.uniform(*cool)) ** 0.38
    ground = rest_colour * draw.uniform(0.15, 0.45) * (1 + draw.uniforms(-0.12, 0.12, 3))
    directions = sphere_directions(AMBIENT_LIGHTS)
    up = directions[:, 1:2]
    overhead = draw.uniform(0.1, 0.9)
    toward = np.clip(directions @ unit(key * [1, 0.3, 1]), 0, None)[:, None] ** 2
    sky = np.clip(up + 0.15, 0, 1) ** 0.7 * (1 - overhead * (1 - up)) * (1 + 0.8 * toward)
    colours = sky * rest_colour + np.clip(0.35 - 0.65 * up, 0, 1) * ground
    brightness = draw.uniform(0.85, 1.12)
    rest = brightness * (1 - share_drawn) * colours / _on_card(directions, colours)
    direct = brightness * share_drawn * key_colour / _on_card(key[None], key_colour[None])
    return Light(key, direct, soft, directions, rest)


def _on_card(directions: np.ndarray, colours: np.ndarray) -> float:
    """Irradiance of upright cards that tilt a little backwards: mean of all and of the brightest."""
    turn = np.arange(12) * (2 * np.pi / 12)
    cards = np.stack([np.sin(turn), np.full(12, 0.35), np.cos(turn)], 1) / np.sqrt(1 + 0.35**2)
    arriving = np.clip(cards @ directions.T, 0, None) @ colours.mean(1)
    return float(0.5 * arriving.mean() + 0.5 * arriving.max())


def white_point(kelvin: float) -> np.ndarray:
    """Colour of daylight or lamps of a temperature, linear RGB [3], green 1 (fit to the Planckian locus)."""
    t = 1000.0 / kelvin
    return np.array([0.28 + 3.98 * t + 2.6 * max(t - 0.2, 0.0), 1.0, max(1.98 - 5.75 * t, 0.12)])


# --- Places ---------------------------------------------------------------------------------------


def _colour(draw: Draw, low: float = 0.08, high: float = 0.75, saturation: float = 0.35) -> np.ndarray:
    """Draw a colour, linear RGB [3]."""
    hue = draw.uniform(0, 1)
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * (hue + np.array([0, 1 / 3, 2 / 3])))
    s = draw.uniform(0, saturation)
    return draw.uniform(low, high) * (1 - s + s * wave)


def _surface(draw: Draw, kind: int, a: np.ndarray, b: np.ndarray, scale: float = 1.0) -> Surface:
    return Surface(kind, a, b, scale, draw.seed())


def _bare(draw: Draw, place: Place, floor: Surface) -> Surroundings:
    """A place without things in it."""
    return Surroundings(
        place=place,
        yaw=0.0,
        floor=floor,
        wall=floor,
        room=np.full(4, 3.0),
        ceiling=3.0,
        boxes=np.zeros(0, BOX),
        skyline=np.zeros(0, SKYLINE),
        sky=np.stack([floor.a, floor.b]),
        clouds=0.0,
        blur=0.0,
        seed=draw.seed(),
    )


def _plain(draw: Draw) -> Surroundings:
    a = _colour(draw, 0.02, 0.95)
    b = a if draw.chance(0.4) else np.clip(a * draw.uniform(0.4, 1.5) + 0.1 * _colour(draw), 0, 1)
    return _bare(draw, "plain", _surface(draw, patterns.PAINT, a, b))


def _studio(draw: Draw) -> Surroundings:
    grey = np.full(3, draw.pick((0.9, 0.75, 0.5, 0.25, 0.08), (4, 3, 3, 2, 1)))
    paper = grey * (1 + draw.uniforms(-0.03, 0.03, 3)) if draw.chance(0.65) else _colour(draw, 0.15, 0.8, 0.6)
    return _bare(draw, "studio", _surface(draw, patterns.PAINT, paper, paper))


_WOODS = tuple(
    decode_srgb(c)
    for c in ("#b98a5a", "#8a5a34", "#d9bd92", "#5d3f2a", "#a47148", "#c9a27a", "#6e5a48", "#8f8578")
)


_HOUSES = ("#d8cdbb", "#c2a184", "#9c6a54", "#b9b4ab", "#e3dccb", "#8a8580", "#d5b48a", "#a8aeb0")


def _wood(draw: Draw) -> np.ndarray:
    return draw.pick(_WOODS) * draw.uniform(0.8, 1.15)


def _room(draw: Draw) -> Surroundings:
    kind = draw.pick((patterns.PLANKS, patterns.TILES, patterns.CARPET, patterns.SPECKLE), (5, 2, 3, 2))
    if kind == patterns.PLANKS:
        a = _wood(draw)
        b = a * draw.uniform(0.65, 0.9)
    else:
        a = _colour(draw, 0.12, 0.65, 0.25)
        b = a * draw.uniform(0.6, 1.0)
    floor = _surface(draw, kind, a, b, draw.uniform(0.8, 1.5))
    wall_kind = draw.pick((patterns.PAINT, patterns.STRIPES, patterns.BRICK, patterns.PLANKS), (8, 1, 1, 1))
    wall_a = _colour(draw, 0.45, 0.9, 0.3) if wall_kind == patterns.PAINT else _colour(draw, 0.25, 0.6, 0.4)
    wall = _surface(draw, wall_kind, wall_a, wall_a * draw.uniform(0.75, 1.0), draw.uniform(0.8, 1.6))
    room, ceiling = draw.uniforms(1.3, 4.2, 4), draw.uniform(2.4, 3.4)
    boxes = np.concatenate([_furnish(draw.child("wall", w), w, room, ceiling) for w in range(4)])
    return Surroundings(
        place="room",
        yaw=draw.uniform(-np.pi, np.pi),
        floor=floor,
        wall=wall,
        room=room,
        ceiling=ceiling,
        boxes=boxes,
        skyline=np.zeros(0, SKYLINE),
        sky=np.full((2, 3), 0.8),
        clouds=0.0,
        blur=draw.uniform(0.3, 3.2),
        seed=draw.seed(),
    )


def _furnish(draw: Draw, wall: int, room: np.ndarray, ceiling: float) -> np.ndarray:
    """Put things along one wall: BOX [B] in the room's axes."""
    boxes = [_skirting_board(draw, wall, room)]
    length = room[2] + room[3] if wall < 2 else room[0] + room[1]
    place = -(room[3] if wall < 2 else room[1]) + draw.uniform(0.1, 0.6)
    while place < length - 1.2:
        wide = draw.uniform(0.5, 1.9)
        thing = draw.pick(
            ("nothing", "cabinet", "books", "table", "plant", "window", "picture", "door", "sofa"),
            (2, 2, 1.5, 1, 1.5, 2, 2, 1, 1.5),
        )
        boxes += _thing(draw, thing, wall, room, ceiling, place, wide)
        place += wide + draw.uniform(0.1, 0.7)
    return np.concatenate(boxes)


def _box(
    wall: int,
    room: np.ndarray,
    span: tuple[float, float],
    up: tuple[float, float],
    deep: tuple[float, float],
    surface: Surface,
    *,
    glow: float = 0.0,
    rounded: bool = False,
) -> np.ndarray:
    """Return BOX [1] along a wall: from `span[0]` to `span[1]` along it, `deep` metres in front of it."""
    box = np.zeros(1, BOX)
    axis, sign = (0, 2)[wall // 2], 1 - 2 * (wall % 2)
    far, near = sign * (room[wall] - deep[0]), sign * (room[wall] - deep[1])
    low, high = box["low"][0], box["high"][0]
    low[axis], high[axis] = min(far, near), max(far, near)
    low[2 - axis], high[2 - axis] = span
    low[1], high[1] = up
    for name in ("kind", "scale", "seed", "a", "b"):
        box[name] = getattr(surface, name)
    box["glow"], box["round"] = glow, rounded
    return box


def _skirting_board(draw: Draw, wall: int, room: np.ndarray) -> np.ndarray:
    ends = (-room[3], room[2]) if wall < 2 else (-room[1], room[0])
    white = _surface(draw, patterns.PAINT, np.full(3, 0.7), np.full(3, 0.7))
    return _box(wall, room, ends, (0.0, 0.09), (0.0, 0.02), white)


def _thing(
    draw: Draw, thing: str, wall: int, room: np.ndarray, ceiling: float, place: float, wide: float
) -> list[np.ndarray]:
    """Make one thing that stands or hangs at a wall, as boxes."""
    ends = (place, place + wide)
    paint = _surface(draw, patterns.PAINT, _colour(draw, 0.05, 0.8, 0.6), _colour(draw))
    wood = _wood(draw)
    timber = _surface(draw, patterns.PLANKS, wood, wood * 0.8, draw.uniform(0.5, 1.5))
    solid = paint if draw.chance(0.5) else timber
    middle = place + wide / 2
    if thing == "cabinet":
        height, deep = draw.uniform(0.4, 2.1), draw.uniform(0.35, 0.6)
        found = [_box(wall, room, ends, (0.05, height), (0.0, deep), solid)]
        if height < 1.2:
            lamp = _surface(draw, patterns.PAINT, _colour(draw, 0.3, 0.9, 0.5), np.full(3, 0.5))
            spot = draw.uniform(place + 0.1, place + wide - 0.2)
            found.append(
                _box(
                    wall,
                    room,
                    (spot, spot + 0.22),
                    (height, height + draw.uniform(0.15, 0.5)),
                    (0.1, 0.32),
                    lamp,
                    glow=0.9 * draw.chance(0.3),
                    rounded=True,
                )
            )
        return found
    if thing == "books":
        shelf = Surface(patterns.BOOKS, timber.a, timber.b, draw.uniform(0.9, 1.2), draw.seed())
        return [_box(wall, room, ends, (0.0, draw.uniform(0.9, 2.3)), (0.0, 0.3), shelf)]
    if thing == "table":
        height, deep = draw.uniform(0.65, 0.8), draw.uniform(0.5, 0.8)
        top = [_box(wall, room, ends, (height, height + 0.04), (0.05, deep), solid)]
        legs = [
            _box(wall, room, (x, x + 0.06), (0.0, height), (d, d + 0.06), solid)
            for x in (place + 0.04, place + wide - 0.10)
            for d in (0.08, deep - 0.10)
        ]
        return top + legs
    if thing == "plant":
        green = decode_srgb("#5c7a3a") * draw.uniform(0.5, 1.2)
        leaves = _surface(draw, patterns.FOLIAGE, green, green * [1.4, 1.2, 0.8], 0.12)
        height, half = draw.uniform(0.7, 1.8), draw.uniform(0.2, 0.45)
        pot = _box(wall, room, (middle - 0.15, middle + 0.15), (0.0, 0.35), (0.1, 0.4), paint)
        crown = (middle - half, middle + half)
        return [pot, _box(wall, room, crown, (0.3, height), (0.02, 0.02 + 2 * half), leaves, rounded=True)]
    if thing == "window":
        glass = _surface(draw, patterns.WINDOW, np.full(3, 0.55), np.array([0.85, 0.93, 1.0]))
        sill = draw.pick((0.0, 0.85), (1, 3))
        return [_box(wall, room, ends, (sill, min(ceiling - 0.3, 2.3)), (0.0, 0.02), glass, glow=0.75)]
    if thing == "picture":
        wide = min(wide, 1.1)
        low = draw.uniform(1.1, 1.5)
        high = min(low + wide * draw.uniform(0.6, 1.4), ceiling - 0.15)
        art = Surface(
            patterns.PICTURE, _colour(draw, 0.02, 0.9, 0.9), _colour(draw, 0.02, 0.9, 0.9), 1.0, draw.seed()
        )
        frame = _box(wall, room, (place, place + wide), (low, high), (0.0, 0.025), solid)
        inside = _box(
            wall, room, (place + 0.05, place + wide - 0.05), (low + 0.05, high - 0.05), (0.0, 0.03), art
        )
        return [frame, inside]
    if thing == "door":
        return [_box(wall, room, (place, place + 0.85), (0.0, 2.05), (0.0, 0.03), solid)]
    if thing == "sofa":
        cloth = _surface(draw, patterns.CARPET, paint.a, paint.a * 0.9, 0.4)
        return [
            _box(wall, room, ends, (0.08, 0.45), (0.05, 0.9), cloth),
            _box(wall, room, ends, (0.40, 0.85), (0.05, 0.28), cloth),
            _box(wall, room, (place, place + 0.18), (0.08, 0.62), (0.05, 0.9), cloth),
            _box(wall, room, (place + wide - 0.18, place + wide), (0.08, 0.62), (0.05, 0.9), cloth),
        ]
    return []


def _outdoors(draw: Draw) -> Surroundings:
    kind = draw.pick((patterns.GRASS, patterns.SPECKLE, patterns.BRICK, patterns.TILES), (3, 4, 2, 2))
    if kind == patterns.GRASS:
        a = decode_srgb("#6b7f3c") * draw.uniform(0.5, 1.1)
        b = a * [1.5, 1.25, 0.9]
    else:
        a = draw.uniform(0.15, 0.5) * np.array([1.06, 1.0, 0.93]) * (1 + draw.uniforms(-0.05, 0.05, 3))
        b = a * draw.uniform(0.7, 1.0)
    floor = _surface(draw, kind, a, b, draw.uniform(0.8, 1.6))
    clouds = draw.uniform(0, 1)
    blue = np.array([0.24, 0.42, 0.80]) * draw.uniform(0.8, 1.2)
    zenith = blue * (1 - clouds) + np.full(3, 0.75) * clouds
    horizon = 0.35 * zenith + 0.65 * np.array([0.85, 0.88, 0.92])
    rings = [_ring(draw.child("ring", k), k) for k in range(draw.integer(1, 3))]
    bare = _bare(draw, "outdoors", floor)
    return Surroundings(
        place="outdoors",
        yaw=draw.uniform(-np.pi, np.pi),
        floor=floor,
        wall=floor,
        room=bare.room,
        ceiling=bare.ceiling,
        boxes=_street_things(draw.child("things")),
        skyline=np.concatenate(rings),
        sky=np.stack([horizon, zenith]),
        clouds=clouds,
        blur=draw.uniform(0.5, 4.0),
        seed=draw.seed(),
    )


def _ring(draw: Draw, k: int) -> np.ndarray:
    """Draw hedges, trees or houses around the place; each ring farther and higher than the one before."""
    ring = np.zeros(1, SKYLINE)
    distance = (9.0, 18.0, 38.0)[k] * draw.uniform(0.7, 1.4)
    kind = draw.pick((patterns.FOLIAGE, patterns.FACADE, patterns.BRICK), (3, 2, 0.6))
    ring["distance"], ring["kind"], ring["seed"] = distance, kind, draw.seed()
    if kind == patterns.FOLIAGE:
        green = decode_srgb("#5f7a40") * draw.uniform(0.35, 1.1) * (1 + draw.uniforms(-0.2, 0.2, 3))
        ring["a"], ring["b"] = green, green * [1.7, 1.3, 0.7]
        ring["height"] = distance * draw.uniform(0.12, 0.5)
        ring["relief"], ring["scale"] = 0.35 * ring["height"], draw.uniform(0.5, 1.5) * distance / 15
    else:
        wall = decode_srgb(draw.pick(_HOUSES)) * draw.uniform(0.7, 1.15)
        glass = np.array([0.10, 0.13, 0.17]) * draw.uniform(0.5, 2.5)
        ring["a"], ring["b"] = wall, (glass if kind == patterns.FACADE else wall * 0.8)
        ring["height"] = distance * draw.uniform(0.15, 0.7)
        ring["relief"], ring["scale"] = 0.5 * ring["height"], 1.0
    return ring


def _street_things(draw: Draw) -> np.ndarray:
    """Draw a few things that stand about: posts, bushes, benches, cars seen as blocks."""
    boxes = []
    for _ in range(draw.integer(0, 7)):
        angle, away = draw.uniform(-np.pi, np.pi), draw.uniform(3.0, 8.0)
        x, z = away * np.sin(angle), away * np.cos(angle)
        thing = draw.pick(("post", "bush", "block"), (1, 2, 1))
        half, height = {
            "post": (draw.uniform(0.04, 0.15), draw.uniform(1.0, 5.0)),
            "bush": (draw.uniform(0.4, 1.2), draw.uniform(0.6, 2.2)),
            "block": (draw.uniform(0.3, 1.4), draw.uniform(0.4, 1.6)),
        }[thing]
        if thing == "bush":
            green = decode_srgb("#5c7a3a") * draw.uniform(0.4, 1.1)
            surface = _surface(draw, patterns.FOLIAGE, green, green * [1.5, 1.2, 0.8], 0.3)
        else:
            paint = _colour(draw, 0.05, 0.6, 0.5)
            surface = _surface(draw, patterns.SPECKLE, paint, paint * 0.8)
        box = np.zeros(1, BOX)
        box["low"], box["high"] = (
            (x - half, 0.0, z - half),
            (x + half, height, z + half * draw.uniform(0.6, 1.4)),
        )
        for name in ("kind", "scale", "seed", "a", "b"):
            box[name] = getattr(surface, name)
        box["round"] = thing == "bush"
        boxes.append(box)
    return np.concatenate(boxes) if boxes else np.zeros(0, BOX)
