"""Parameter files mean what the `smplx` package makes of them."""

import pickle

import numpy as np
import pytest
import smplx
import torch

from dinar.runtime.body import forward
from dinar.trainer.data.dataset.plausibility import joint_model
from dinar.trainer.data.importers.fits import FitReader, moved, read_hand_space

from .small_sources import BODY, make_truth, open_body, smplify_entries


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("numbers", [6, 12, 45])
def test_a_file_poses_the_body_as_smplx_poses_it(tmp_path, numbers, flat):
    with np.load(BODY, allow_pickle=False) as file:
        arrays = dict(file) | {"weights": open_body().weights}  # smplx takes it that they sum to 1
    np.savez(tmp_path / "body.npz", **arrays)
    oracle = smplx.SMPLX(
        str(tmp_path / "body.npz"),
        use_pca=numbers < 45,
        num_pca_comps=min(numbers, 45),
        flat_hand_mean=flat,
        num_betas=10,
        num_expression_coeffs=10,
        dtype=torch.float64,
    )
    entries = smplify_entries(make_truth(4, focal=1.0, depth=1.0), hand_numbers=numbers)
    entries["transl"] = np.array([[0.3, -0.2, 0.1]], np.float32)
    names = [name for name in entries if not name.startswith("camera_")]
    with torch.no_grad():
        wanted = oracle(**{name: torch.tensor(entries[name], dtype=torch.float64) for name in names})
    (tmp_path / "fit.pkl").write_bytes(pickle.dumps(entries, protocol=2))
    fit = FitReader(read_hand_space(BODY), flat_hands=flat).read(tmp_path / "fit.pkl")
    vertices = forward(open_body(), fit.betas, fit.pose).vertices
    np.testing.assert_allclose(vertices, wanted.vertices[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(fit.camera.t, entries["camera_translation"][0])


def test_a_body_is_moved_with_all_its_vertices():
    truth, rng = make_truth(5, focal=1.0, depth=1.0), np.random.default_rng(0)
    R = np.linalg.qr(rng.normal(0, 1, (3, 3)))[0]
    R *= np.sign(np.linalg.det(R))
    t = rng.normal(0, 1, 3)
    there = moved(truth.pose, truth.betas, R, t, joint_model(open_body()))
    wanted = forward(open_body(), truth.betas, truth.pose).vertices @ R.T + t
    np.testing.assert_allclose(forward(open_body(), truth.betas, there).vertices, wanted, atol=2e-6)
