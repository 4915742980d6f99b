"""Built-in motions: computed for a body's proportions, on the spot, facing +z, soles on the ground y = 0,
looping.

Each is a short choreography for a `Puppet`. All curves are smooth and periodic, so a loop closes in
position and in velocity by construction. Lengths are metres, angles radians, times seconds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dinar.runtime.body import Body
from dinar.runtime.motion import Motion
from dinar.runtime.motions.curves import TAU, ease
from dinar.runtime.motions.dance import dance
from dinar.runtime.motions.gait import Gait
from dinar.runtime.motions.puppet import FPS, SIDES, FootPath, Puppet, Side, Skeleton
from dinar.runtime.rotations import axis_angle_from_matrix, rotation_about

_SMPLX_VERTICES = 10_475


def builtin_motion(name: str, body: Body, betas: np.ndarray | None = None) -> Motion:
    """Compute a built-in motion.

    Args:
        name: one of `dinar.runtime.motion.BUILTIN_MOTIONS`.
        body: the body that will move. Faces blink and smile with the open body's expressions; those of
            the licensed SMPL-X are unnamed principal components and stay neutral.
        betas: float [S'], the avatar's shape; zeros when left out.

    Raises:
        KeyError: no such motion.
    """
    puppet = _CHOREOGRAPHIES[name](Skeleton.of(body, betas))
    named = len(body.v_template) != _SMPLX_VERTICES and body.exprdirs.shape[2] >= puppet.expression.shape[1]
    expression = puppet.expression if named else puppet.expression[:, :0]
    rotations = axis_angle_from_matrix(puppet.rotations)
    return Motion(rotations, puppet.pelvis - puppet.skeleton.joints[0], expression, FPS, name, loops=True)


def idle(skeleton: Skeleton) -> Puppet:
    """Stand at ease for 12 s: three breaths, the weight goes to one leg and the other, the head wanders."""
    puppet = Puppet(skeleton, seconds=12.0)
    turn = puppet.turn
    _stand(puppet, shift=np.tanh(2.2 * np.sin(turn)) / np.tanh(2.2))
    for side in SIDES:
        _hang(puppet, side)
    puppet.blink(1.1, 4.3, 5.0, 8.6)
    puppet.smile(0.1)
    return puppet


def walk(skeleton: Skeleton) -> Puppet:
    """Walk on a treadmill for four strides of 1.1 s; the belt runs to -z.

    Timing and joint angles follow level human walking (Perry 1992, Gait Analysis): stance takes 62% of a
    stride, the pelvis is lowest at each heel strike and leads with the swinging leg, shoulders and arms go
    against it.
    """
    strides, seconds = 4, 1.1
    puppet = Puppet(skeleton, strides * seconds)
    turn = puppet.turn
    phase = strides * turn  # of the left leg, 0 at its heel strike
    gait = Gait(skeleton)
    feet = gait.foot("left", phase / TAU % 1), gait.foot("right", (phase / TAU + 0.5) % 1)

    sway = 0.020 * np.cos(phase - TAU * 0.31)
    bob = 0.020 * skeleton.leg_length * np.cos(2 * (phase - TAU * 0.28))
    surge = 0.014 * skeleton.leg_length * np.cos(2 * (phase - TAU * 0.436))
    puppet.pelvis += np.stack([sway, bob, surge], axis=1)
    pelvis_yaw = -0.09 * np.cos(phase)
    chest_yaw = 0.10 * np.cos(phase - 0.15)
    pelvis_roll = 0.06 * np.cos(phase - TAU * 0.14)
    pitch = 0.04 + 0.012 * np.cos(2 * phase)
    pelvis = rotation_about("y", pelvis_yaw) @ rotation_about("x", pitch) @ rotation_about("z", pelvis_roll)
    bend = rotation_about("y", chest_yaw - pelvis_yaw) @ rotation_about("z", -1.25 * pelvis_roll)
    puppet.trunk(pelvis, bend)
    look = 0.06 * np.sin(turn) + 0.02 * np.sin(2 * turn + 1)
    puppet.head(rotation_about("y", look) @ rotation_about("x", 0.02 - 0.015 * np.cos(2 * phase)))
    puppet.settle(*feet, 0.9975)
    puppet.legs(*feet)

    for i, side in enumerate(SIDES):
        forward = -np.cos(phase + np.pi * i - 0.12)  # 1: arm in front, at the other foot's heel strike
        late = -np.cos(phase + np.pi * i - 0.55)
        puppet.arm(
            side,
            lift=skeleton.clear_lift(side) + 0.04,
            swing=0.02 + 0.36 * forward,
            turn=0.06 + 0.08 * forward,
            elbow=0.36 + 0.20 * late,
            pronation=0.0,
            wrist=0.05 - 0.08 * late,
        )
        puppet.hand(side, 0.27 + 0.02 * late, spread=-0.06)
    puppet.blink(0.9, 3.4)
    puppet.smile(0.1)
    return puppet


def wave(skeleton: Skeleton) -> Puppet:
    """Raise the right arm, wave five times, let it sink; 6 s."""
    puppet = Puppet(skeleton, seconds=6.0)
    turn, clock = puppet.turn, puppet.clock
    _stand(puppet, shift=0.75 - 0.25 * np.cos(turn - 1.2))
    _hang(puppet, "left")

    up = ease(clock, 0.3, 1.2) - ease(clock, 3.9, 5.1)
    bent = ease(clock, 0.2, 1.0) - ease(clock, 4.0, 5.2)  # the elbow goes ahead
    waving = ease(clock, 0.9, 1.4) - ease(clock, 3.6, 4.1)
    swing = waving * np.sin(TAU * 1.9 * (clock - 1.0))
    follow = waving * np.sin(TAU * 1.9 * (clock - 1.0) - 0.7)
    hanging = skeleton.clear_lift("right")
    puppet.arm(
        "right",
        lift=hanging + (1.15 - hanging) * up,
        forward=0.45 * up,
        swing=0.03,
        turn=0.20 - 1.65 * up,
        elbow=0.26 + 1.64 * bent + 0.34 * swing,
        pronation=-0.15 * (1 - up),
        wrist=0.06 - 0.2 * up,
        deviation=0.22 * follow,
        shrug=0.12 * up,
    )
    puppet.hand("right", 0.24 - 0.18 * up, spread=0.18 * up - 0.06)
    look = rotation_about("z", 0.07 * up) @ rotation_about("x", 0.02 - 0.04 * up)
    puppet.head(look @ rotation_about("y", 0.04 * np.sin(turn)))
    puppet.blink(0.4, 4.2)
    puppet.smile(0.18 + 0.25 * up)
    return puppet


def a_pose_turn(skeleton: Skeleton) -> Puppet:
    """Stand in A-pose, arms 45 degrees down, and turn once to the left in 8 s, as on a turntable."""
    puppet = Puppet(skeleton, seconds=8.0)
    puppet.rotations[:, 0] = rotation_about("y", puppet.turn)
    for side in SIDES:
        puppet.arm(side, lift=np.pi / 4, elbow=0.08, turn=0.1)
        puppet.hand(side, 0.12)
    return puppet


def _stand(puppet: Puppet, shift: np.ndarray) -> None:
    """Stand and breathe, the weight on one leg or both: `shift` [T] goes from -1, right, to 1, left."""
    turn = puppet.turn
    breath = np.sin(3 * turn)
    puppet.pelvis += np.stack([0.032 * shift, -0.006 * shift**2, 0.004 * np.sin(2 * turn)], axis=1)
    pelvis = rotation_about("y", -0.05 * shift) @ rotation_about("z", 0.045 * shift)
    bend = (
        rotation_about("z", -0.06 * shift)
        @ rotation_about("y", 0.03 * shift)
        @ rotation_about("x", -0.012 * breath)
    )
    puppet.trunk(pelvis, bend)
    look = rotation_about("y", 0.10 * np.sin(turn + 0.6) + 0.04 * np.sin(3 * turn))
    puppet.head(
        look @ rotation_about("x", 0.03 + 0.02 * np.sin(2 * turn + 1)) @ rotation_about("z", -0.02 * shift)
    )
    feet = _standing(puppet, "left"), _standing(puppet, "right")
    puppet.settle(*feet, 0.998)
    puppet.legs(*feet)


def _standing(puppet: Puppet, side: Side) -> FootPath:
    """Stand with the feet a little wider than the hips, toes out."""
    i = SIDES.index(side)
    s = 1 - 2 * i
    hip = puppet.skeleton.joints[1 + i]
    return puppet.standing_foot(side, np.array([hip[0] + 0.012 * s, hip[2] - 0.02]), 0.08 * s)


def _hang(puppet: Puppet, side: Side) -> None:
    """Let an arm hang, with the breath in the shoulder and a little sway."""
    breath = np.sin(3 * puppet.turn)
    sway = np.sin(puppet.turn + (0.4 if side == "left" else 1.3))
    puppet.arm(
        side,
        lift=puppet.skeleton.clear_lift(side) + 0.01 * breath,
        swing=0.03 + 0.015 * sway,
        turn=0.20 + 0.02 * sway,
        elbow=0.26 + 0.02 * sway,
        pronation=-0.15,
        wrist=0.06,
        shrug=0.012 * breath,
    )
    puppet.hand(side, 0.24 + 0.01 * sway, spread=-0.06)


_CHOREOGRAPHIES: dict[str, Callable[[Skeleton], Puppet]] = {
    "idle": idle,
    "walk": walk,
    "wave": wave,
    "dance": dance,
    "a_pose_turn": a_pose_turn,
}
