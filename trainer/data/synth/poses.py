"""How people stand in front of a camera: drawn at random, natural, arms clear of the body.

Poses are made with the puppet of the built-in motions; hands are brought to places by bending shoulder and
elbow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dinar.runtime.body import Body, Pose, joint_transforms
from dinar.runtime.motions.builtin_motions import builtin_motion
from dinar.runtime.motions.puppet import SIDES, Puppet, Side, Skeleton
from dinar.runtime.rotations import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    rotation_about,
)
from dinar.trainer.data.people.draw import Draw

_ONE_FRAME = 1 / 60
_TRIES = 10
_HANDS_REST = ("hips", "front")  # kinds in which hands may touch the body or each other
_CLOTH = 0.022  # metres between an arm and the body: sleeves and shirts lie between
_FOREARM, _HAND = 0.042, 0.036  # metres, half as thick
_COLLAR, _SHOULDER, _ELBOW, _WRIST = (13, 14), (16, 17), (18, 19), (20, 21)
_CHEST, _NECK, _HEAD, _JAW, _EYES = 9, 12, 15, 22, (23, 24)
_MIDDLE_FINGER = (28, 43)  # first joint
_SMILE, _FROWN, _PUCKER, _BROWS_UP, _BROWS_DOWN, _BLINK, _MOUTH_WIDE = 0, 1, 2, 4, 5, 6, 9


@dataclass(frozen=True, eq=False)
class Build:
    """What poses need to know of a body of one shape.

    Attributes:
        body: the body.
        betas: its shape.
        skeleton: joints, feet and hips.
        height: float64 [K], metres, T-pose: levels of the trunk from crotch to neck.
        half_width: float64 [K], metres.
        front: float64 [K], metres, z of the trunk's front at each level.
        back: float64 [K], metres.
        thigh: metres, radius of a thigh at its middle.
    """

    body: Body
    betas: np.ndarray
    skeleton: Skeleton
    height: np.ndarray
    half_width: np.ndarray
    front: np.ndarray
    back: np.ndarray
    thigh: float


def measure(body: Body, betas: np.ndarray, rest: np.ndarray) -> Build:
    """Measure a body: `rest` float64 [V, 3] is its T-pose, metres."""
    skeleton = Skeleton.of(body, betas)
    joints = skeleton.joints
    own = body.weights[:, [0, 1, 2, 3, 6, 9, 12, 13, 14]].sum(1) > 0.6
    trunk = rest[own & (np.abs(rest[:, 0]) < abs(joints[_SHOULDER[0], 0]))]
    height = np.linspace(joints[0, 1] - 0.10, joints[_NECK, 1], 16)
    slabs = [trunk[np.abs(trunk[:, 1] - level) < 0.025] for level in height]
    thigh = rest[(body.weights[:, 1] > 0.5) & (np.abs(rest[:, 1] - joints[[1, 4], 1].mean()) < 0.03)]
    return Build(
        body=body,
        betas=betas,
        skeleton=skeleton,
        height=height,
        half_width=np.array([np.abs(slab[:, 0]).max() for slab in slabs]),
        front=np.array([slab[:, 2].max() for slab in slabs]),
        back=np.array([slab[:, 2].min() for slab in slabs]),
        thigh=float(np.ptp(thigh[:, 2]) / 2) if len(thigh) else 0.09,
    )


def sample_pose(draw: Draw, build: Build) -> Pose:
    """Draw a pose; the feet stand on y = 0, the body looks about to +z."""
    kinds: dict[str, Callable[[Draw, Build], Pose]] = {
        "stand": _standing,
        "a_pose": _a_pose,
        "walk": _moving("walk"),
        "dance": _moving("dance"),
        "gesture": _gesturing,
        "hips": _hands_on_hips,
        "front": hands_in_front,
        "crouch": _crouching,
    }
    kind = draw.pick(tuple(kinds), (0.26, 0.17, 0.15, 0.05, 0.19, 0.06, 0.08, 0.04))
    for attempt in range(_TRIES):
        pose = kinds[kind](draw.child(kind, attempt), build)
        if _is_clear(build, pose, hands_rest=kind in _HANDS_REST):
            return pose
    return _a_pose(draw.child("calm"), build)


# --- Kinds ----------------------------------------------------------------------------------------


def _standing(draw: Draw, build: Build) -> Pose:
    puppet = Puppet(build.skeleton, _ONE_FRAME)
    _stand(draw, puppet)
    for side in SIDES:
        _hang(draw, puppet, build, side)
    return _finish(draw, puppet)


def _a_pose(draw: Draw, build: Build) -> Pose:
    puppet = Puppet(build.skeleton, _ONE_FRAME)
    _stand(draw, puppet, calm=0.5)
    lift = draw.uniform(0.38, 0.95)
    for side in SIDES:
        puppet.arm(
            side,
            lift=max(lift + draw.normal(0, 0.04), build.skeleton.clear_lift(side) + 0.12),
            swing=draw.normal(0.0, 0.06),
            turn=draw.uniform(0.0, 0.25),
            elbow=draw.uniform(0.03, 0.3),
            pronation=draw.uniform(-0.3, 0.2),
            wrist=draw.normal(0, 0.05),
        )
        puppet.hand(side, draw.uniform(0.02, 0.3), spread=draw.uniform(-0.06, 0.14))
    return _finish(draw, puppet)


def _moving(name: str) -> Callable[[Draw, Build], Pose]:
    """A moment of a built-in motion."""

    def sample(draw: Draw, build: Build) -> Pose:
        motion = builtin_motion(name, build.body, build.betas)
        moment = motion.sample(draw.uniform(0, motion.duration))
        rotations = moment.rotations.copy()
        rotations[[3, 6, 9, 12, 15]] += draw.normals((5, 3)).clip(-2, 2).astype(np.float32) * 0.03
        expression, jaw, gaze = _face(draw)
        rotations[_JAW], rotations[list(_EYES)] = jaw, gaze
        return Pose(rotations, moment.translation, expression)

    return sample


def _gesturing(draw: Draw, build: Build) -> Pose:
    """Each arm does something of its own."""
    puppet = Puppet(build.skeleton, _ONE_FRAME)
    _stand(draw, puppet)
    calm = draw.pick((0, 1, 2), (0.35, 0.35, 0.3))  # an arm that hangs; 2: none
    for i, side in enumerate(SIDES):
        if i == calm:
            _hang(draw, puppet, build, side)
        elif draw.chance(0.45):
            _reach(draw.child(side), puppet, build, side)
        else:
            puppet.arm(
                side,
                lift=draw.uniform(0.3, 1.7),
                forward=draw.uniform(-0.2, 1.1),
                swing=draw.uniform(-0.2, 0.5),
                turn=draw.uniform(-1.2, 0.6),
                elbow=draw.uniform(0.1, 1.9),
                pronation=draw.uniform(-0.6, 0.6),
                wrist=draw.uniform(-0.4, 0.4),
                deviation=draw.uniform(-0.15, 0.25),
                shrug=draw.uniform(0, 0.1),
            )
            puppet.hand(
                side, draw.pick((0.05, 0.25, 0.9)) + draw.uniform(0, 0.1), spread=draw.uniform(-0.05, 0.2)
            )
    return _finish(draw, puppet)


def _hands_on_hips(draw: Draw, build: Build) -> Pose:
    puppet = Puppet(build.skeleton, _ONE_FRAME)
    _stand(draw, puppet)
    joints, alone = build.skeleton.joints, draw.pick((None, 0, 1), (0.7, 0.15, 0.15))
    level = joints[0, 1] + draw.uniform(0.06, 0.12)
    width = float(np.interp(level, build.height, build.half_width))
    for i, side in enumerate(SIDES):
        if i == alone:
            _hang(draw, puppet, build, side)
            continue
        s = 1 - 2 * i
        wrist = np.array([s * (width + 0.09), level, draw.uniform(-0.01, 0.04)])
        pole = np.array([s * 1.0, 0.15, -0.35])
        _bring(build, puppet, side, wrist, pole, pronation=draw.uniform(0.3, 0.7), wrist=0.35, frame=0)
        puppet.hand(side, draw.uniform(0.75, 0.95))
    return _finish(draw, puppet)


def hands_in_front(draw: Draw, build: Build) -> Pose:
    """Arms about crossed, hands folded, holding something, or on the back."""
    puppet = Puppet(build.skeleton, _ONE_FRAME)
    _stand(draw, puppet)
    joints = build.skeleton.joints
    what = draw.pick(("crossed", "folded", "holding"), (1, 1.2, 1.4))
    height = {
        "crossed": joints[6, 1] + draw.uniform(0.03, 0.10),
        "folded": joints[0, 1] + draw.uniform(0.02, 0.12),
        "holding": joints[3, 1] + draw.uniform(0.0, 0.22),
    }[what]
    front = float(np.interp(height, build.height, build.front))
    for i, side in enumerate(SIDES):
        s = 1 - 2 * i
        if what == "crossed":
            place = np.array([-s * draw.uniform(0.01, 0.05), height - 0.05 * i, front + 0.09 + 0.085 * i])
        elif what == "folded":
            place = np.array([s * draw.uniform(0.08, 0.11), height, front + draw.uniform(0.10, 0.16)])
        else:
            place = np.array([s * draw.uniform(0.09, 0.18), height, front + draw.uniform(0.2, 0.32)])
        outward = draw.uniform(0.5, 1.0)
        _bring(
            build,
            puppet,
            side,
            place,
            np.array([s * outward, -0.8, -0.5]),
            pronation=draw.uniform(-0.2, 0.5),
            wrist=0.1,
            frame=_CHEST if what != "folded" else 0,
        )
        puppet.hand(side, draw.uniform(0.2, 0.6))
    return _finish(draw, puppet)


def _crouching(draw: Draw, build: Build) -> Pose:
    """Knees bent, as on the way to a chair, arms a little ahead."""
    puppet = Puppet(build.skeleton, _ONE_FRAME)
    depth = draw.uniform(0.05, 0.32)
    _stand(draw, puppet, drop=depth, lean=0.2 + 1.6 * depth)
    for side in SIDES:
        puppet.arm(
            side,
            lift=build.skeleton.clear_lift(side) + draw.uniform(0.12, 0.35),
            swing=draw.uniform(0.5, 1.3),
            turn=draw.uniform(0.0, 0.3),
            elbow=draw.uniform(0.3, 1.2),
        )
        puppet.hand(side, draw.uniform(0.1, 0.5))
    return _finish(draw, puppet)


# --- Body parts -----------------------------------------------------------------------------------


def _stand(draw: Draw, puppet: Puppet, *, calm: float = 1.0, drop: float = 0.0, lean: float = 0.0) -> None:
    """Put trunk, legs and head: weight on one leg or both, a foot ahead, the trunk turned a little."""
    skeleton = puppet.skeleton
    shift = calm * draw.uniform(-1, 1)
    puppet.pelvis += np.array([0.03 * shift, -drop, -0.35 * drop])
    twist = calm * draw.normal(0, 0.10)
    pelvis = (
        rotation_about("y", -0.05 * shift + 0.4 * twist)
        @ rotation_about("x", 0.5 * lean + draw.normal(0, 0.02))
        @ rotation_about("z", 0.045 * shift)
    )
    bend = (
        rotation_about("z", -0.06 * shift + calm * draw.normal(0, 0.02))
        @ rotation_about("y", twist)
        @ rotation_about("x", 0.5 * lean + calm * draw.normal(0.0, 0.04))
    )
    puppet.trunk(pelvis[None], bend[None])
    look = (
        rotation_about("y", calm * draw.normal(0, 0.22))
        @ rotation_about("x", draw.normal(0.02, 0.09))
        @ rotation_about("z", draw.normal(0, 0.05))
    )
    puppet.head(look[None])
    feet = []
    stride, wide = calm * draw.normal(0, 0.05), draw.uniform(-0.005, 0.09) + 0.1 * drop
    for i, side in enumerate(SIDES):
        s = 1 - 2 * i
        hip = skeleton.joints[1 + i]
        place = np.array([hip[0] + s * wide, hip[2] - 0.02 + s * stride])
        heading = s * draw.uniform(0.02, 0.30)
        feet.append(puppet.standing_foot(side, place, heading, heel=0.0))
    puppet.settle(feet[0], feet[1], 0.998 if drop == 0 else 0.9)
    if drop > 0:
        puppet.pelvis[:, 1] -= drop
    puppet.legs(feet[0], feet[1])


def _hang(draw: Draw, puppet: Puppet, build: Build, side: Side) -> None:
    """Let an arm hang, clear of wide clothes."""
    puppet.arm(
        side,
        lift=build.skeleton.clear_lift(side) + draw.uniform(0.04, 0.22),
        swing=draw.normal(0.02, 0.08),
        turn=draw.uniform(0.0, 0.35),
        elbow=draw.uniform(0.10, 0.5),
        pronation=draw.uniform(-0.35, 0.25),
        wrist=draw.normal(0.05, 0.06),
        shrug=draw.uniform(0, 0.03),
    )
    puppet.hand(side, draw.uniform(0.12, 0.45), spread=draw.uniform(-0.07, 0.05))


def _reach(draw: Draw, puppet: Puppet, build: Build, side: Side) -> None:
    """Bring a hand to a place: chin, chest, out in front, pointing, waving."""
    i = SIDES.index(side)
    s = 1 - 2 * i
    joints = build.skeleton.joints
    what = draw.pick(("chin", "chest", "out", "wave"), (0.6, 1, 1.4, 1))
    shoulder = joints[_SHOULDER[i]]
    front = float(np.interp(joints[6, 1], build.height, build.front))
    if what == "chin":
        place = joints[_HEAD] + np.array([s * 0.045, -0.135, 0.175])
        pole = np.array([s * 0.5, -1.0, 0.2])
    elif what == "chest":
        place = np.array([s * draw.uniform(0.05, 0.15), joints[6, 1] + draw.uniform(0.0, 0.18), front + 0.13])
        pole = np.array([s * 1.0, -0.8, -0.2])
    elif what == "out":
        away = (s * draw.uniform(-0.05, 0.3), draw.uniform(-0.35, 0.15), draw.uniform(0.25, 0.42))
        place = shoulder + np.array(away)
        pole = np.array([s * 0.6, -1.0, -0.3])
    else:
        away = (s * draw.uniform(0.16, 0.3), draw.uniform(0.10, 0.3), draw.uniform(0.02, 0.2))
        place = shoulder + np.array(away)
        pole = np.array([s * 1.0, -0.8, -0.1])
    turned = {"chin": -0.6, "chest": 0.2, "out": draw.uniform(-0.7, 0.3), "wave": 0.2}[what]
    _bring(build, puppet, side, place, pole, pronation=turned, wrist=draw.uniform(-0.2, 0.2), frame=_CHEST)
    puppet.hand(side, draw.pick((0.06, 0.3, 0.8)) + draw.uniform(0, 0.1), spread=draw.uniform(-0.05, 0.15))


def _bring(
    build: Build,
    puppet: Puppet,
    side: Side,
    place: np.ndarray,
    pole: np.ndarray,
    *,
    pronation: float,
    wrist: float,
    frame: int,
) -> None:
    """Bring a wrist to a place, the elbow towards `pole`; call it after the trunk is posed.

    Args:
        build: the body's.
        puppet: of one frame.
        side: which arm.
        place: [3], metres, where the wrist would be in the T-pose of the joint `frame`, which carries it.
        pole: [3], direction, likewise.
        pronation: turn of the hand about the forearm, radians.
        wrist: its bend towards the palm, radians.
        frame: joint.
    """
    i = SIDES.index(side)
    s = 1 - 2 * i
    joints = puppet.skeleton.joints
    puppet.rotations[:, _COLLAR[i]] = rotation_about("z", -s * 0.08)
    transforms = _chain(puppet, build.body.parents)
    target = transforms[frame, :3, :3] @ place + transforms[frame, :3, 3]
    pole = transforms[frame, :3, :3] @ pole
    carrier = transforms[_COLLAR[i]]
    start = carrier[:3, :3] @ joints[_SHOULDER[i]] + carrier[:3, 3]
    upper, lower = joints[_ELBOW[i]] - joints[_SHOULDER[i]], joints[_WRIST[i]] - joints[_ELBOW[i]]
    a, b = np.linalg.norm(upper), np.linalg.norm(lower)
    way = target - start
    reach = float(np.clip(np.linalg.norm(way), 1.05 * abs(a - b) + 0.02, 0.985 * (a + b)))
    straight = way / np.linalg.norm(way)
    out = pole - (pole @ straight) * straight
    out /= np.linalg.norm(out)
    cosine = (a * a + reach * reach - b * b) / (2 * a * reach)
    first = cosine * straight + np.sqrt(1 - cosine**2) * out
    second = (reach * straight - a * first) / b
    hinge = np.cross(first, second)
    hinge /= np.linalg.norm(hinge)
    rest_hinge = np.array([0.0, -s, 0.0])
    world_upper = _axes(first, hinge) @ _axes(upper, rest_hinge).T
    world_lower = _axes(second, hinge) @ _axes(lower, rest_hinge).T
    puppet.rotations[:, _SHOULDER[i]] = carrier[:3, :3].T @ world_upper
    puppet.rotations[:, _ELBOW[i]] = world_upper.T @ world_lower @ rotation_about("x", pronation)
    puppet.rotations[:, _WRIST[i]] = rotation_about("z", -s * wrist)


def _axes(along: np.ndarray, hinge: np.ndarray) -> np.ndarray:
    x = along / np.linalg.norm(along)
    y = hinge - (hinge @ x) * x
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def _chain(puppet: Puppet, parents: np.ndarray) -> np.ndarray:
    """T_world_rest of the puppet's joints, [55, 4, 4]."""
    joints = puppet.skeleton.joints
    transforms = joint_transforms(puppet.rotations[0], joints, parents)
    transforms[:, :3, 3] += puppet.pelvis[0] - joints[0]
    return transforms


def _finish(draw: Draw, puppet: Puppet) -> Pose:
    """Make a pose of a puppet, with a face and fingers of its own."""
    fingers = draw.normals((30, 3)).clip(-2, 2) * [0.02, 0.03, 0.06]
    rotations = axis_angle_from_matrix(puppet.rotations[0])
    rotations[25:] = axis_angle_from_matrix(matrix_from_axis_angle(fingers) @ puppet.rotations[0, 25:])
    expression, jaw, gaze = _face(draw)
    rotations[_JAW], rotations[list(_EYES)] = jaw, gaze
    translation = puppet.pelvis[0] - puppet.skeleton.joints[0]
    return Pose(rotations.astype(np.float32), translation.astype(np.float32), expression)


def _face(draw: Draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a face: expression [10], jaw [3] and eyes [2, 3]; most people look calm or friendly."""
    own = draw.child("face")
    expression = np.zeros(10, np.float32)
    mood = own.pick(("calm", "friendly", "laughing", "serious", "talking"), (4, 4, 1, 1, 1.5))
    jaw = 0.0
    if mood in ("friendly", "laughing"):
        expression[_SMILE] = own.uniform(0.2, 0.6) if mood == "friendly" else own.uniform(0.6, 1.0)
        jaw = 0.0 if mood == "friendly" else own.uniform(0.02, 0.12)
    elif mood == "serious":
        expression[_FROWN], expression[_BROWS_DOWN] = own.uniform(0, 0.4), own.uniform(0.1, 0.6)
    elif mood == "talking":
        expression[_PUCKER], expression[_MOUTH_WIDE] = own.uniform(0, 0.4), own.uniform(0, 0.3)
        jaw = own.uniform(0.02, 0.15)
    expression[_BROWS_UP] = max(own.normal(0.0, 0.2), 0.0)
    expression[_BLINK] = own.uniform(0.0, 0.18) if own.chance(0.95) else 0.8
    pitch, yaw = own.normal(0.0, 0.06), own.normal(0.0, 0.10)
    gaze = np.tile(np.array([pitch, yaw, 0.0], np.float32), (2, 1))
    return expression, np.array([jaw, 0, 0], np.float32), gaze


# --- Whether a pose is possible -------------------------------------------------------------------


def _is_clear(build: Build, pose: Pose, *, hands_rest: bool = False) -> bool:
    """Whether forearms and hands keep clear of trunk, head, thighs and each other.

    With `hands_rest` only the forearms have to, less the last piece before the wrist.
    """
    joints = build.skeleton.joints
    rotations = matrix_from_axis_angle(pose.rotations.astype(np.float64))
    transforms = joint_transforms(rotations, joints, build.body.parents)
    world = (transforms[:, :3, :3] @ joints[..., None])[..., 0] + transforms[:, :3, 3]
    kept, cloth = (slice(0, 4), 0.3 * _CLOTH) if hands_rest else (slice(None), _CLOTH)
    arms = [tuple(values[kept] for values in _arm_points(world, i)) for i in range(2)]
    for points, radius in arms:
        if _depth_in_trunk(build, transforms, points, radius + cloth):
            return False
        head = transforms[_HEAD, :3, :3] @ (joints[_HEAD] + [0, 0.075, 0.015]) + transforms[_HEAD, :3, 3]
        if (np.linalg.norm(points - head, axis=1) < 0.105 + radius).any():
            return False
        for hip, knee in ((1, 4), (2, 5)):
            away = _distance_to_bone(points, world[hip], world[knee])
            if (away < build.thigh + radius + cloth).any():
                return False
    (left, left_radius), (right, right_radius) = arms
    apart = np.linalg.norm(left[:, None] - right[None], axis=2)
    return bool((apart > left_radius[:, None] + right_radius[None]).all())


def _arm_points(world: np.ndarray, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Points along a forearm and a hand [P, 3] with their radii [P]."""
    elbow, wrist, knuckle = world[_ELBOW[i]], world[_WRIST[i]], world[_MIDDLE_FINGER[i]]
    tip = world[_MIDDLE_FINGER[i] + 2]
    share = np.linspace(0.25, 1, 5)[:, None]
    points = np.concatenate([elbow + share * (wrist - elbow), [(wrist + knuckle) / 2, knuckle, tip]])
    return points, np.array([_FOREARM] * 5 + [_HAND] * 2 + [0.5 * _HAND])


def _depth_in_trunk(build: Build, transforms: np.ndarray, points: np.ndarray, radius: np.ndarray) -> bool:
    """Whether points [P, 3] come closer than `radius` [P] to the trunk, an ellipse at each height."""
    for joint, low, high in ((0, 0, 7), (_CHEST, 6, 16)):
        T = transforms[joint]
        local = (points - T[:3, 3]) @ T[:3, :3]  # world => T-pose
        level = np.clip(local[:, 1], build.height[low], build.height[high - 1])
        inside = (local[:, 1] >= build.height[low]) & (local[:, 1] <= build.height[high - 1])
        width = np.interp(level, build.height, build.half_width) + radius
        front = np.interp(level, build.height, build.front) + radius
        back = np.interp(level, build.height, build.back) - radius
        middle, half = (front + back) / 2, (front - back) / 2
        power = 2.5  # a trunk is rounder than a box, squarer than an ellipse
        value = np.abs(local[:, 0] / width) ** power + np.abs((local[:, 2] - middle) / half) ** power
        if (inside & (value < 1)).any():
            return True
    return False


def _distance_to_bone(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    way = end - start
    share = np.clip((points - start) @ way / (way @ way), 0, 1)
    return np.linalg.norm(points - start - share[:, None] * way, axis=1)
