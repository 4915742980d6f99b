"""One dressed person, simple and quick to make, for all tests of this folder."""

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.people.dress_form import stand
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.part import Paint, Part, PartUv
from dinar.trainer.data.synth.person import DressedPerson, skin_part
from dinar.trainer.data.synth.pictures import open_studio, paint_person

SKIN = np.array([0.5, 0.3, 0.2])
STRIPES = np.array([[0.7, 0.1, 0.1], [0.1, 0.1, 0.6]])  # of the shirt: front, back
SKIRT = np.array([0.1, 0.5, 0.2])


def paint(points, albedo):
    return Paint(albedo, points.normal, np.ones(len(albedo)))


def paint_skin(points):
    return paint(points, np.tile(SKIN, (len(points.position), 1)))


def paint_shirt(points):
    return paint(points, STRIPES[(points.normal[:, 2] < 0).astype(int)])


def paint_skirt(points):
    return paint(points, np.tile(SKIRT, (len(points.position), 1)))


def make_shirt(form):
    """The body's own surface from hips to neck without arms, a centimetre further out."""
    body, joints = form.body, form.joints
    inside = (form.rest[:, 1] > joints[0, 1]) & (form.rest[:, 1] < joints[12, 1])
    inside &= np.abs(form.rest[:, 0]) < abs(joints[16, 0])
    kept = inside[body.faces].all(1)
    skin = skin_part(form, paint_shirt)
    outward = form.normals
    vertices = form.rest + 0.01 * outward
    return Part(
        "shirt",
        vertices,
        body.faces[kept],
        skin.joint_weights,
        skin.anchor_vertex,
        skin.anchor_weight,
        paint_shirt,
        uv=PartUv(body.uv.astype(np.float64), body.uv_faces[kept], 256, of_body=True),
    )


def make_skirt(form):
    """A stiff tube around the thighs."""
    pelvis, knee = form.joints[0], form.joints[4]
    columns, heights = 48, np.linspace(knee[1] + 0.05, pelvis[1] - 0.02, 12)
    turn = np.linspace(0, 2 * np.pi, columns + 1)[:-1]
    ring = np.stack([0.30 * np.sin(turn), np.zeros(columns), 0.24 * np.cos(turn) + pelvis[2]], 1)
    vertices = np.concatenate([ring + np.array([0, h, 0]) for h in heights])
    r, c = np.meshgrid(np.arange(len(heights) - 1), np.arange(columns), indexing="ij")
    a, b = (r * columns + c).ravel(), (r * columns + (c + 1) % columns).ravel()
    faces = np.concatenate([np.stack([a, b, a + columns], 1), np.stack([b, b + columns, a + columns], 1)])
    weights = np.zeros((len(vertices), 55))
    weights[:, 0] = 1
    u, v = np.meshgrid(np.linspace(0.05, 0.95, columns), np.linspace(0.95, 0.05, len(heights)))
    uv = np.stack([u.ravel(), v.ravel()], 1)
    return Part(
        "skirt",
        vertices,
        faces.astype(np.int32),
        weights,
        np.zeros((len(vertices), 3), np.int32),
        np.zeros((len(vertices), 3)),
        paint_skirt,
        uv=PartUv(uv, faces.astype(np.int32), 64),
    )


@pytest.fixture(scope="session")
def body():
    return load_body(open_body_path())


@pytest.fixture(scope="session")
def studio(body):
    return open_studio(body)


@pytest.fixture(scope="session")
def person(body):
    betas = np.array([0.6, -0.3, 0.4, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0])
    form = stand(body, betas)
    parts = (skin_part(form, paint_skin, size=256), make_shirt(form), make_skirt(form))
    return DressedPerson(Individual(0.0, 30.0, (0, 0, 1), betas, np.zeros_like(form.rest)), form, parts)


@pytest.fixture(scope="session")
def painted(person):
    return paint_person(person)
