"""Scans: the mesh is read as it is, drawn as the runtime draws, and lies on its SMPL-X body."""

import pickle

import cv2
import numpy as np
import pytest

from dinar.runtime.body import Pose, forward
from dinar.runtime.cli import main
from dinar.runtime.cpu.rasterize import rasterize
from dinar.trainer.data.dataset.layout import encode, people_of, read_view, read_views
from dinar.trainer.data.importers.obj import ObjError, read_obj
from dinar.trainer.data.importers.scans import shift_colours

from .small_sources import BODY, make_truth, open_body, smplify_entries
from .test_stills import assert_joints_on_mask, assert_same_person

SCALE, OFFSET, NAME = 0.7, np.array([0.2, 1.5, -0.4]), "0525"


@pytest.fixture(scope="module")
def truth():
    found = make_truth(7, focal=1.0, depth=1.0)
    rotations = found.pose.rotations.copy()
    rotations[0] = (0, 0.6, 0)
    pose = Pose(rotations, np.array([0.1, 0.9, 0.2], np.float32), found.pose.expression)
    return type(found)(pose, found.betas, found.joints, found.K, found.image, found.mask)


def scan_entries(truth):
    """THuman2's: the body is scaled, then moved."""
    entries = smplify_entries(truth)
    del entries["camera_rotation"], entries["camera_translation"]
    transl = truth.pose.translation[None]
    return entries | {"transl": transl, "scale": np.array([SCALE]), "translation": OFFSET[None]}


def texture():
    """Red grows with u, green with v (down)."""
    v, u = np.mgrid[:256, :256].astype(np.uint8)
    return np.stack([u, v, np.full_like(u, 60)], axis=2)


def write_scan(folder, truth):
    folder.mkdir(parents=True)
    body = open_body()
    vertices = SCALE * forward(body, truth.betas, truth.pose).vertices + OFFSET
    lines = ["# a scan", "mtllib material0.mtl"]
    lines += [f"v {x:.6f} {y:.6f} {z:.6e}" for x, y, z in vertices]
    lines += [f"vt {u:.6f} {1 - v:.6f}" for u, v in body.uv]
    lines += ["usemtl material0"]
    corners = np.stack([body.faces + 1, body.uv_faces + 1], axis=-1)
    lines += ["f " + " ".join(f"{v}/{t}" for v, t in face) for face in corners]
    (folder / f"{folder.name}.obj").write_text("\n".join(lines))
    (folder / "material0.mtl").write_text("newmtl material0\nKd 1.0 1.0 1.0\nmap_Kd material0.jpeg")
    encode(folder / "material0.jpg", texture())
    (folder / "material0.jpg").rename(folder / "material0.jpeg")
    (folder / "smplx_param.pkl").write_bytes(pickle.dumps(scan_entries(truth)))
    return folder


@pytest.fixture
def scan(tmp_path, truth):
    return write_scan(tmp_path / "s" / NAME, truth)


def bring(source, out, *more):
    arguments = ["--size", "96", *more]
    return main(["data", "import", "scans", str(source), "--out", str(out), "--body", str(BODY), *arguments])


def test_a_scan_is_drawn_from_around(scan, truth, tmp_path, capsys):
    out, body = tmp_path / "d", open_body()
    assert bring(scan.parent, out, "--views", "4") == 0, capsys.readouterr().err
    assert people_of(out) == (NAME,)
    assert len(read_views(out, NAME)) == 4
    vertices = forward(body, truth.betas, truth.pose).vertices.astype(np.float32)
    azimuths = []
    for number in range(4):
        view = read_view(out, NAME, number)
        assert_same_person(view, truth)
        np.testing.assert_allclose(view.pose.translation, truth.pose.translation, atol=1e-6)
        assert_joints_on_mask(view)
        seen = rasterize(vertices, body.faces, body.uv, body.uv_faces, [view.camera], cull_back_faces=False)
        inside = cv2.erode(seen.coverage[0], np.ones((3, 3), np.uint8)) > 0
        assert (view.mask[inside] == 255).mean() > 0.98
        assert view.mask[cv2.dilate(seen.coverage[0], np.ones((3, 3), np.uint8)) == 0].max() == 0
        wanted = 255 * np.concatenate([seen.uv[0], np.full((96, 96, 1), 60 / 255)], axis=2)
        off = np.abs(view.image[inside] - wanted[inside]).max(axis=1)
        assert np.median(off) < 4
        assert (view.image[view.mask == 0] == 255).all()
        eye = -view.camera.T_camera_world[:3, :3].T @ view.camera.T_camera_world[:3, 3]
        middle = (vertices.min(0) + vertices.max(0)) / 2
        azimuths.append(np.degrees(np.arctan2(*(eye - middle)[[0, 2]])))
    off = (np.array(azimuths) - [0, 90, 180, 270] + 180) % 360 - 180
    assert np.abs(off).max() < 5.01
    assert np.ptp(off) > 0.1
    assert main(["data", "check", str(out)]) == 0


def test_variants_have_other_cameras_and_colours_and_repeat(scan, tmp_path):
    arguments = ["--views", "1", "--variants", "2"]
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert bring(scan.parent, tmp_path / name, *arguments, "--seed", seed) == 0
    a, b, c = ([read_view(tmp_path / n, NAME, k) for k in range(3)] for n in "abc")
    for first, second, other in zip(a, b, c, strict=True):
        np.testing.assert_array_equal(first.image, second.image)
        assert not np.array_equal(first.camera.T_camera_world, other.camera.T_camera_world)
    blue = [np.median(view.image[view.mask == 255][:, 2]) for view in a]
    assert abs(blue[0] - 60) <= 2
    assert len(set(blue)) > 1
    assert max(abs(x - 60) for x in blue) <= 0.1 * 60 + 3


def test_colours_are_shifted_on_the_person_alone():
    image, mask = np.full((1, 2, 3), 200, np.uint8), np.array([[255, 0]], np.uint8)
    shifted = shift_colours(image, mask, np.array([1.1, 0.5, 2.0]))
    assert shifted.tolist() == [[[220, 100, 255], [200, 200, 200]]]


def test_fits_may_lie_in_a_folder_of_their_own(scan, tmp_path):
    fits = tmp_path / "fits"
    fits.mkdir()
    (scan / "smplx_param.pkl").rename(fits / f"{NAME}.pkl")
    assert bring(scan.parent, tmp_path / "d", "--views", "1", "--fits", str(fits)) == 0
    assert_joints_on_mask(read_view(tmp_path / "d", NAME, 0))


def rewrite(change):
    def spoil(folder, truth):
        entries = change(scan_entries(truth))
        (folder / "smplx_param.pkl").write_bytes(pickle.dumps(entries))

    return spoil


def replace_text(name, old, new):
    def spoil(folder, _):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f, _: (f / "smplx_param.pkl").unlink(), "smplx_param.pkl is missing"),
        (rewrite(lambda e: e | {"scale": np.array([0.0])}), "scale must lie between"),
        (rewrite(lambda e: e | {"scale": np.array([0.01])}), "m large, its body"),
        (
            rewrite(lambda e: e | {"translation": np.array([[3.0, 0, 0]])}),
            "the body lies outside the picture",
        ),
        (rewrite(lambda e: e | {"translation": OFFSET[None] + 0.3}), "the mask does not meet the body"),
        (lambda f, _: (f / "material0.jpeg").unlink(), "'material0.jpeg', which is not in its folder"),
        (lambda f, _: (f / "material0.jpeg").write_bytes(b"x"), "the file is neither PNG nor JPEG"),
        (replace_text("material0.mtl", "material0.jpeg", "../../x.png"), "which is not in its folder"),
        (
            replace_text("material0.mtl", "newmtl material0", "newmtl other"),
            "which its .mtl does not describe",
        ),
        (replace_text(f"{NAME}.obj", "mtllib material0.mtl", "mtllib /etc/passwd"), "not in its folder"),
    ],
)
def test_a_bad_scan_is_one_sentence(scan, truth, tmp_path, spoil, sentence, capsys):
    spoil(scan, truth)
    assert bring(scan.parent, tmp_path / "d", "--views", "1") == 1
    told = capsys.readouterr().err.splitlines()
    assert sentence in told[0], told
    assert len(told) == 2


# --- OBJ ------------------------------------------------------------------------------------------

PLAIN = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"


def obj(tmp_path, text):
    file = tmp_path / "a.obj"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_polygons_become_triangles_with_all_kinds_of_corners(tmp_path):
    text = (
        PLAIN + "vn 0 0 1\nf 1/1/1 2/2/1 3/3/1 4/4/1\r\n  f -4/-4 -3/-3\t-2/-2\ng x\n# f 9/9\nf 1/4 2/4 3/4"
    )
    mesh = read_obj(obj(tmp_path, text))
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2], [0, 1, 2]]
    assert mesh.uv_faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2], [3, 3, 3]]


@pytest.mark.parametrize(
    "text", ["-1.25e-3", "+.5", "5.", "1E2", "12345678901234567890", "0.1", "1e-320", "-0"]
)
def test_numbers_are_read_as_python_reads_them(tmp_path, text):
    mesh = read_obj(obj(tmp_path, PLAIN.replace("v 0 0 0", f"v {text} 0 0", 1) + "f 1/1 2/2 3/3\n"))
    assert mesh.vertices[0, 0] == pytest.approx(float(text), rel=1e-6, abs=1e-30)


def test_faces_keep_their_materials(tmp_path):
    for name in ("a.png", "b c.png"):
        encode(tmp_path / name, np.zeros((2, 2, 3), np.uint8))
    (tmp_path / "m.mtl").write_text(
        "newmtl one\nmap_Kd -clamp on a.png\nnewmtl two\nmap_Kd b c.png\nnewmtl three\nKd 0.5 0.25 0\n"
    )
    face = "f 1/1 2/2 3/3\n"
    text = f"mtllib m.mtl\n{PLAIN}usemtl two\n{face}usemtl three\n{face}usemtl two\n{face}usemtl one\n{face}"
    mesh = read_obj(obj(tmp_path, text))
    found = [mesh.materials[m] for m in mesh.material]
    assert [m.texture and m.texture.name for m in found] == ["b c.png", None, "b c.png", "a.png"]
    assert found[1].colour.tolist() == [0.5, 0.25, 0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no mesh"),
        (PLAIN, "holds no mesh"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "has no texture coordinates"),
        (PLAIN + "f 1/1 2/2 5/3\n", "line 9: a face with vertices that are not there"),
        (PLAIN + "f 1/1 2/2 3/9\n", "line 9: a face with vertices that are not there"),
        (PLAIN + "f 1/1 2/2 -5/3\n", "line 9: a face"),
        (PLAIN + "f 1/1 2/2 0/3\n", "line 9: a face"),
        (PLAIN + "f 1/1 2/2 x\n", "line 9: a face"),
        (PLAIN + "f 1/1 2/2 99999999999999999999/1\n", "line 9: a face"),
        ("v 0 0\n" + PLAIN + "f 1/1 2/2 3/3\n", "line 1: a number is expected"),
        ("v 0 nan 0\n" + PLAIN + "f 1/1 2/2 3/3\n", "line 1: a number is expected"),
        ("v 0 1e999 0\n" + PLAIN + "f 1/1 2/2 3/3\n", "not finite"),
        (b"\xff\xfe\x00v" * 50, "holds no mesh"),
        ("v", "holds no mesh"),
        ("mtllib none.mtl\n" + PLAIN + "f 1/1 2/2 3/3\n", "'none.mtl', which is not in its folder"),
    ],
)
def test_a_bad_mesh_is_one_sentence(tmp_path, text, sentence):
    with pytest.raises(ObjError, match=r"a\.obj") as caught:
        read_obj(obj(tmp_path, text))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
