"""Individuals by chance: sex, age, ancestry and build as phenotypes, from them body shape and face."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dinar.runtime.files.npz import open_arrays
from dinar.trainer.data.body.makehuman import Phenotype, target_weights
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.individual import Individual

YOUNG, OLD = 25.0, 85.0  # years at MakeHuman's ages 2/3 and 1
BETA_LIMIT = 3.0


@dataclass(frozen=True)
class Population:
    """How phenotypes become shapes: K shape targets, D facial details, C face directions, H head vertices.

    Built by `dinar.trainer.data.population`.

    Attributes:
        target_names: K names of MakeHuman's macro targets.
        target_betas: float64 [K, 10], what each target in full adds to the open body's betas.
        target_faces: float64 [K, C], what it adds to the face's coefficients.
        base_betas: float64 [10], betas of no target at all.
        base_face: float64 [C].
        detail_faces: float64 [D, C], one standard deviation of each facial detail (nose, chin, eyes ...).
        face_vertices: int [H], the open body's vertices that faces move.
        face_directions: float64 [C, H, 3], metres.
        vertex_count: V, vertices of the open body.
    """

    target_names: tuple[str, ...]
    target_betas: np.ndarray
    target_faces: np.ndarray
    base_betas: np.ndarray
    base_face: np.ndarray
    detail_faces: np.ndarray
    face_vertices: np.ndarray
    face_directions: np.ndarray
    vertex_count: int

    def betas(self, phenotype: Phenotype) -> np.ndarray:
        """The open body's betas of a phenotype: float64 [10]."""
        return self.base_betas + self._weights(phenotype) @ self.target_betas

    def face(self, phenotype: Phenotype, details: np.ndarray) -> np.ndarray:
        """What the face adds to the T-pose of the betas: float64 [V, 3], metres.

        Args:
            phenotype: gives the part of the face that goes with sex, age and ancestry.
            details: float64 [D], deviations of the facial details from their mean.
        """
        coefficients = self.base_face + self._weights(phenotype) @ self.target_faces
        coefficients = coefficients + details @ self.detail_faces
        offsets = np.zeros((self.vertex_count, 3))
        offsets[self.face_vertices] = np.tensordot(coefficients, self.face_directions, 1)
        return offsets

    def _weights(self, phenotype: Phenotype) -> np.ndarray:
        weights = target_weights(phenotype)
        return np.array([weights.get(name, 0.0) for name in self.target_names])


def population_path() -> Path:
    """The population that comes with the package."""
    return Path(__file__).parents[2] / "assets" / "population.npz"


def load_population() -> Population:
    """Read the population that comes with the package."""
    with open_arrays(population_path()) as arrays:
        directions = arrays.read("face_directions").astype(np.float64)
        return Population(
            target_names=tuple(arrays.read("target_names").tobytes().decode("ascii").split("\n")),
            target_betas=arrays.read("target_betas").astype(np.float64),
            target_faces=arrays.read("target_faces").astype(np.float64),
            base_betas=arrays.read("base_betas").astype(np.float64),
            base_face=arrays.read("base_face").astype(np.float64),
            detail_faces=arrays.read("detail_faces").astype(np.float64),
            face_vertices=arrays.read("face_vertices"),
            face_directions=directions,
            vertex_count=int(arrays.read("vertex_count")),
        )


def sample_individual(draw: Draw, population: Population) -> Individual:
    """Draw one adult; women and men alike often, builds and ages as on a street."""
    femininity = float(np.clip(draw.pick((0.0, 1.0)) + draw.normal(0, 0.10), 0, 1))
    age = 18 + 62 * draw.uniform(0, 1) ** 1.5
    ancestry = _ancestry(draw)
    phenotype = sample_phenotype(draw.child("build"), femininity, age, ancestry)
    details = np.clip(draw.child("face").normals(len(population.detail_faces)), -2.2, 2.2)
    betas = np.clip(population.betas(phenotype), -BETA_LIMIT, BETA_LIMIT)
    return Individual(femininity, age, ancestry, betas, population.face(phenotype, details))


def _ancestry(draw: Draw) -> tuple[float, float, float]:
    """Shares of one main ancestry and some of the others (african, asian, european)."""
    main = draw.pick((0, 1, 2), (0.28, 0.32, 0.40))
    shares = draw.uniforms(0, 1, 3) ** 3
    mixed = 0.35 * draw.uniform(0, 1) ** 2 * shares / shares.sum()
    mixed[main] += 1 - mixed.sum()
    return float(mixed[0]), float(mixed[1]), float(mixed[2])


def sample_phenotype(
    draw: Draw, femininity: float, age: float, ancestry: tuple[float, float, float]
) -> Phenotype:
    """Draw the build of somebody of this sex, age in years and ancestry.

    Height stays near the middle of MakeHuman's range, whose ends are giants and dwarfs; people gain weight
    and lose muscle with age.
    """
    years = np.clip((age - YOUNG) / (OLD - YOUNG), 0, 1)

    def share(mean: float, deviation: float) -> float:
        return float(np.clip(draw.normal(mean, deviation, clip=2.2), 0, 1))

    return Phenotype(
        gender=1 - femininity,
        age=min(2 / 3 + years / 3, 1.0),
        muscle=share(0.56 - 0.10 * years, 0.14),
        weight=share(0.50 + 0.10 * years, 0.21),
        height=share(0.53, 0.06),
        proportions=share(0.65, 0.15),
        cup=share(0.5, 0.16),
        firmness=share(0.55 - 0.15 * years, 0.12),
        african=ancestry[0],
        asian=min(ancestry[1], 1 - ancestry[0]),
    )
