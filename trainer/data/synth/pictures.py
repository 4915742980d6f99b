"""A person made ready for drawing, and the pictures that are taken of it with everything known about them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from dinar.runtime.body import Body, Pose
from dinar.runtime.camera import Camera
from dinar.trainer.data.dataset.truth import Keypoints
from dinar.trainer.data.importers.pose_library import PoseLibrary
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth.background import draw_background
from dinar.trainer.data.synth.draw_view import (
    Samples,
    filter_samples,
    light_samples,
    open_rasterizer,
    see,
)
from dinar.trainer.data.synth.keypoints import Landmarks, find_keypoints, load_landmarks
from dinar.trainer.data.synth.light import Light, cast_shadows
from dinar.trainer.data.synth.material import face_labels, face_materials
from dinar.trainer.data.synth.mesh import PersonMesh, join_parts
from dinar.trainer.data.synth.person import DressedPerson
from dinar.trainer.data.synth.pose_person import PoseSpace, pose_person, pose_space
from dinar.trainer.data.synth.poses import Build, measure, sample_pose
from dinar.trainer.data.synth.scene import Look, develop, sample_cameras, sample_look, sensor_noise, to_bytes
from dinar.trainer.data.synth.surroundings import Surroundings, sample_surroundings
from dinar.trainer.data.synth.textures import Textures, bake

_WELL_LIT = 0.85  # radiance of white in the mean over the person
_METERING = 0.65  # 1: every picture of a person is as bright as the others


@dataclass(frozen=True, eq=False)
class Studio:
    """What all people share: the body, what poses do to it, its landmarks. Make one a process."""

    body: Body
    space: PoseSpace
    landmarks: Landmarks


def open_studio(body: Body) -> Studio:
    """Prepare for drawing people with the open body."""
    return Studio(body, pose_space(body), load_landmarks())


@dataclass(frozen=True, eq=False)
class PaintedPerson:
    """A person with its textures painted; what `bake` and `join_parts` make of a `DressedPerson`.

    Attributes:
        person: who.
        mesh: all parts as one.
        textures: of all parts.
        labels: uint8 [m], see `material.LABELS`.
        materials: uint8 [m].
        build: the body's measures for posing.
    """

    person: DressedPerson
    mesh: PersonMesh
    textures: Textures
    labels: np.ndarray
    materials: np.ndarray
    build: Build


def paint_person(person: DressedPerson) -> PaintedPerson:
    """Paint a person once, for any number of pictures."""
    mesh = join_parts(person.parts)
    return PaintedPerson(
        person,
        mesh,
        bake(person.parts, mesh),
        face_labels(person.parts, mesh),
        face_materials(person.parts, mesh),
        measure(person.form.body, person.individual.betas, person.form.rest),
    )


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture and its truth.

    Attributes:
        rgb: uint8 [H, W, 3], sRGB: the person where it stands.
        rgba: uint8 [H, W, 4], sRGB, straight alpha: the person alone, in the same light and colours.
        labels: uint8 [H, W], the place in `material.LABELS` of what most of a pixel shows.
        keypoints: as OpenPose would find them.
        camera: the camera.
        pose: of the open body with the individual's betas.
    """

    rgb: np.ndarray
    rgba: np.ndarray
    labels: np.ndarray
    keypoints: Keypoints
    camera: Camera
    pose: Pose


@dataclass(frozen=True, eq=False)
class Shot:
    """A person in one pose at one place: what its pictures share.

    Attributes:
        pose: the pose.
        surroundings: the place.
        light: its light.
        cameras: N cameras of one size.
        looks: N colour shifts.
    """

    pose: Pose
    surroundings: Surroundings
    light: Light
    cameras: tuple[Camera, ...]
    looks: tuple[Look, ...]


def sample_shot(
    draw: Draw,
    painted: PaintedPerson,
    studio: Studio,
    *,
    views: int,
    size: int,
    library: PoseLibrary | None = None,
) -> Shot:
    """Draw a pose, a place, its light, and the cameras around it.

    Args:
        draw: chance.
        painted: the person.
        studio: what all people share.
        views: how many cameras.
        size: pixels a side of the pictures.
        library: recorded poses to draw from; None: poses are made up.
    """
    pose = _recorded(draw, library) if library else sample_pose(draw.child("pose"), painted.build)
    posed = pose_person(painted.mesh, studio.space, painted.person.form.joints, pose)
    surroundings, light = sample_surroundings(draw.child("surroundings"))
    cameras = sample_cameras(draw.child("cameras"), posed.vertices, posed.joints, views=views, size=size)
    looks = tuple(sample_look(draw.child("look", k)) for k in range(views))
    return Shot(pose, surroundings, light, cameras, looks)


def _recorded(draw: Draw, library: PoseLibrary) -> Pose:
    """Draw one of recorded poses: any place and heading, as the cameras stand around it."""
    number = draw.child("recorded").integer(0, len(library) - 1)
    return Pose(library.rotations[number], np.zeros(3, np.float32), np.zeros(0, np.float32))


def take_pictures(painted: PaintedPerson, studio: Studio, shot: Shot) -> list[Picture]:
    """Draw all pictures of a shot.

    Args:
        painted: the person.
        studio: what all people share.
        shot: what to draw.
    """
    mesh, form = painted.mesh, painted.person.form
    posed = pose_person(mesh, studio.space, form.joints, shot.pose)
    shadows = cast_shadows(shot.light, posed.vertices, mesh.faces)
    low, high = posed.vertices.min(0).astype(np.float64), posed.vertices.max(0).astype(np.float64)
    ground = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    height, width = shot.cameras[0].height, shot.cameras[0].width
    rasterizer = open_rasterizer(mesh, width, height, 1)
    pictures = []
    for camera, look in zip(shot.cameras, shot.looks, strict=True):
        seen = rasterizer.draw(posed.vertices, [camera], cull_back_faces=False)
        samples = see(mesh, posed, painted.textures, painted.materials, seen, 0, camera)
        colour = light_samples(samples, shot.light, shadows)
        look = replace(look, exposure=look.exposure * _metered(samples, colour))
        drawn = filter_samples(samples, colour, width, height)
        alpha = np.clip(drawn.coverage, 0, 1)[..., None]
        behind = draw_background(shot.surroundings, shot.light, shadows, ground, camera)
        noise = sensor_noise(look, height, width)
        alone = develop(drawn.colour / np.maximum(drawn.coverage, 1e-6)[..., None], look) + noise
        mask = to_bytes(alpha)
        keypoints = find_keypoints(
            studio.landmarks,
            studio.body.faces,
            posed.vertices[: len(form.rest)],
            posed.joints,
            posed.head_turn,
            camera,
            seen.inverse_depth[0],
        )
        labels = np.zeros((height, width), np.uint8)
        _most(seen.triangle[0], painted.labels, labels)
        pictures.append(
            Picture(
                to_bytes(develop(drawn.colour + (1 - alpha) * behind, look) + noise),
                np.concatenate([np.where(mask > 0, to_bytes(alone), 0).astype(np.uint8), mask], axis=-1),
                labels,
                keypoints,
                camera,
                shot.pose,
            )
        )
    return pictures


def _metered(samples: Samples, colour: np.ndarray) -> float:
    """Return the exposure that a camera would choose, the person lit by the sun or against it.

    It makes up for part of how much light falls on what the camera sees; dark clothes stay dark.
    """
    albedo = float(samples.albedo.sum(dtype=np.float64))
    if albedo == 0:
        return 1.0
    lit = float(colour.sum(dtype=np.float64)) / albedo
    return float(np.clip((_WELL_LIT / max(lit, 1e-3)) ** _METERING, 0.7, 2.0))


@njit(cache=True, nogil=True)
def _most(triangle: np.ndarray, label: np.ndarray, labels: np.ndarray) -> None:
    """Give each pixel the label that most of its four samples see; the person wins a tie."""
    count = np.zeros(256, np.int64)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            for dy in range(2):
                for dx in range(2):
                    t = triangle[2 * y + dy, 2 * x + dx]
                    count[label[t] if t >= 0 else 0] += 1
            best = 0
            for dy in range(2):
                for dx in range(2):
                    t = triangle[2 * y + dy, 2 * x + dx]
                    k = label[t] if t >= 0 else 0
                    if count[k] > count[best] or (count[k] == count[best] and k != 0 and best == 0):
                        best = k
            for dy in range(2):
                for dx in range(2):
                    t = triangle[2 * y + dy, 2 * x + dx]
                    count[label[t] if t >= 0 else 0] = 0
            labels[y, x] = best
