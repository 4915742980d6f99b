"""The .dinar file: what is saved opens the same; any other is refused in one sentence that names it."""

import contextlib
import hashlib
import io
import json
import os
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dinar.runtime.avatar import (
    Avatar,
    AvatarError,
    RendererNetwork,
    Shell,
    Texture,
    default_avatar_path,
    open_avatar,
    save_avatar,
)
from dinar.runtime.body import Body, load_body, open_body_path

VERTICES, FACES = 60, 80


def write_body(path: Path, seed: int, *, vertices: int = VERTICES) -> Path:
    """A small random body in the SMPL-X schema."""
    rng = np.random.default_rng(seed)
    regressor = rng.random((55, vertices))
    weights = rng.random((vertices, 55))
    np.savez_compressed(
        path,
        v_template=rng.standard_normal((vertices, 3)),
        f=rng.integers(0, vertices, (FACES, 3)),
        shapedirs=rng.standard_normal((vertices, 3, 20)),
        posedirs=np.zeros((vertices, 3, 486)),
        J_regressor=regressor / regressor.sum(axis=1, keepdims=True),
        kintree_table=np.array([[-1, *range(54)], range(55)]),
        weights=weights / weights.sum(axis=1, keepdims=True),
        vt=rng.random((90, 2)),
        ft=rng.integers(0, 90, (FACES, 3)),
    )
    return path


@pytest.fixture(scope="module")
def body_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_body(tmp_path_factory.mktemp("bodies") / "small.npz", seed=1)


@pytest.fixture(scope="module")
def body(body_file: Path) -> Body:
    return load_body(body_file)


@pytest.fixture(autouse=True)
def empty_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No body of this computer's user takes part; returns the folder that stands for theirs."""
    monkeypatch.delenv("DINAR_BODY_PATH", raising=False)
    for variable in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    data = tmp_path / "home" / ("Library/Application Support" if sys.platform == "darwin" else "")
    return data / "dinar" / "bodies"


def make_shell(rng: np.random.Generator) -> Shell:
    joint_weight = rng.random((30, 4)).astype(np.float32)
    anchor_weight = rng.random((30, 3)).astype(np.float32)
    anchor_weight /= anchor_weight.sum(axis=1, keepdims=True)
    anchor_weight[5] = 0
    return Shell(
        vertices=rng.standard_normal((30, 3)).astype(np.float32),
        faces=rng.integers(0, 30, (40, 3), dtype=np.int32),
        uv=rng.random((35, 2)).astype(np.float32),
        uv_faces=rng.integers(0, 35, (40, 3), dtype=np.int32),
        joint_index=rng.integers(0, 55, (30, 4), dtype=np.uint8),
        joint_weight=joint_weight / joint_weight.sum(axis=1, keepdims=True),
        anchor_vertex=rng.integers(0, VERTICES, (30, 3), dtype=np.int32),
        anchor_weight=anchor_weight,
        rgb=rng.integers(0, 256, (12, 20, 3), dtype=np.uint8),
        body_face_visible=rng.random(FACES) < 0.5,
    )


@pytest.fixture(scope="module")
def avatar(body: Body) -> Avatar:
    rng = np.random.default_rng(2)
    preview = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (8, 8, 4), dtype=np.uint8)).save(preview, "PNG")
    return Avatar(
        name="Zoë",
        body=body,
        betas=rng.standard_normal(10).astype(np.float32),
        texture=Texture(
            rgb=rng.integers(0, 256, (32, 24, 3), dtype=np.uint8),
            gen=rng.standard_normal((16, 16, 16)).astype(np.float16),
            smp=rng.integers(0, 2, (16, 16), dtype=np.uint8),
            fill=rng.integers(0, 2, (16, 16), dtype=np.uint8),
            photo=rng.integers(0, 256, (16, 16, 3), dtype=np.uint8),
        ),
        shell=make_shell(rng),
        provenance="random numbers",
        licence="CC0-1.0",
        preview=preview.getvalue(),
        networks=(
            RendererNetwork("live", "int8", rng.bytes(2000)),
            RendererNetwork("live", "fp32", rng.bytes(3000)),
        ),
    )


@pytest.fixture(scope="module")
def good(avatar: Avatar, body_file: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a valid file that carries its body."""
    path = tmp_path_factory.mktemp("good") / "good.dinar"
    save_avatar(path, avatar, body_file=body_file)
    return path.read_bytes()


def assert_same(found: Any, expected: Any) -> None:
    """Equal in every field, with the same types and shapes of arrays."""
    for field in fields(expected):
        a, b = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(b, np.ndarray):
            assert (a.dtype, a.shape) == (b.dtype, b.shape), field.name
            np.testing.assert_array_equal(a, b)
        elif isinstance(b, Body | Shell | Texture):
            assert_same(a, b)
        else:
            assert a == b


# --- Round trips --------------------------------------------------------------------------------------------


def test_what_is_saved_opens_the_same(tmp_path: Path, good: bytes, avatar: Avatar) -> None:
    path = tmp_path / "x.dinar"
    path.write_bytes(good)
    assert_same(open_avatar(path), avatar)


def test_the_least_avatar_is_a_body_and_its_rgb(tmp_path: Path, avatar: Avatar, body_file: Path) -> None:
    texture = Texture(rgb=avatar.texture.rgb)
    least = replace(
        avatar, betas=np.zeros(0, np.float32), texture=texture, shell=None, preview=None, networks=()
    )
    save_avatar(tmp_path / "x.dinar", least, body_file=body_file)
    assert_same(open_avatar(tmp_path / "x.dinar"), least)


def test_the_same_avatar_gives_the_same_bytes(
    tmp_path: Path, avatar: Avatar, body_file: Path, good: bytes
) -> None:
    save_avatar(tmp_path / "again.dinar", avatar, body_file=body_file)
    assert (tmp_path / "again.dinar").read_bytes() == good


def test_arrays_in_any_memory_order_can_be_saved(tmp_path: Path, avatar: Avatar, body_file: Path) -> None:
    assert avatar.texture.gen is not None
    texture = replace(
        avatar.texture, rgb=np.asfortranarray(avatar.texture.rgb), gen=avatar.texture.gen.copy("F")
    )
    save_avatar(tmp_path / "x.dinar", replace(avatar, texture=texture), body_file=body_file)
    assert_same(open_avatar(tmp_path / "x.dinar"), avatar)


def test_saving_replaces_a_file_whole_or_not_at_all(tmp_path: Path, avatar: Avatar, good: bytes) -> None:
    path = tmp_path / "x.dinar"
    path.write_bytes(good)
    with pytest.raises(AvatarError, match="name must be"):
        save_avatar(path, replace(avatar, name=""))
    assert path.read_bytes() == good
    save_avatar(path, avatar)
    assert path.read_bytes() != good
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, avatar: Avatar) -> None:
    path = tmp_path / "no such folder" / "x.dinar"
    with pytest.raises(AvatarError, match=rf"{re.escape(str(path))}: cannot be written \(No such file"):
        save_avatar(path, avatar)


def test_unknown_members_and_fields_of_the_same_format_are_left_alone(
    tmp_path: Path, good: bytes, avatar: Avatar
) -> None:
    def add(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
        members["renderer/live.onnx"] = b"weights"
        manifest["renderer"] = {"live": "renderer/live.onnx"}
        manifest["texture"]["hair"] = {"file": "hair.exr", "shape": [1], "dtype": "float8"}

    path = tmp_path / "x.dinar"
    path.write_bytes(changed(good, add))
    assert_same(open_avatar(path), avatar)


def test_a_file_from_before_there_were_networks_opens(tmp_path: Path, good: bytes, avatar: Avatar) -> None:
    def leave_out_networks(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
        for network in manifest.pop("networks"):
            del members[network["file"]]

    path = tmp_path / "x.dinar"
    path.write_bytes(changed(good, leave_out_networks))
    assert_same(open_avatar(path), replace(avatar, networks=()))


def test_networks_are_members_that_say_what_they_are(good: bytes, avatar: Avatar) -> None:
    members = unzipped(good)
    assert json.loads(members["manifest.json"])["networks"] == [
        {
            "file": f"renderer/live_{network.precision}.onnx",
            "preset": "live",
            "precision": network.precision,
            "input_channels": 22,
        }
        for network in avatar.networks
    ]
    assert members["renderer/live_int8.onnx"] == avatar.networks[0].onnx


def test_the_default_avatar_opens_on_the_open_body() -> None:
    avatar = open_avatar(default_avatar_path())
    assert avatar.body.hash == load_body(open_body_path()).hash
    assert avatar.shell is not None


# --- The body -----------------------------------------------------------------------------------------------


@pytest.fixture
def bodiless(tmp_path: Path, avatar: Avatar) -> Path:
    """A file that names its body by hash."""
    path = tmp_path / "bodiless.dinar"
    save_avatar(path, avatar)
    return path


def test_a_body_is_found_where_the_caller_says(bodiless: Path, avatar: Avatar, body_file: Path) -> None:
    assert_same(open_avatar(bodiless, bodies=[body_file]), avatar)
    assert_same(open_avatar(bodiless, bodies=[body_file.parent]), avatar)


def test_a_body_is_found_by_the_environment_variable(
    bodiless: Path, avatar: Avatar, body_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DINAR_BODY_PATH", os.pathsep.join(["/nowhere", str(body_file.parent)]))
    assert_same(open_avatar(bodiless), avatar)


def test_a_body_is_found_in_the_users_folder_among_others(
    bodiless: Path, avatar: Avatar, body_file: Path, empty_search_path: Path
) -> None:
    empty_search_path.mkdir(parents=True)
    (empty_search_path / "a broken.npz").write_bytes(b"not a zip")
    write_body(empty_search_path / "b another.npz", seed=7)
    (empty_search_path / "c wanted.npz").write_bytes(body_file.read_bytes())
    assert_same(open_avatar(bodiless), avatar)


def test_a_missing_body_is_asked_for_with_its_hash_and_place(
    bodiless: Path, avatar: Avatar, empty_search_path: Path
) -> None:
    empty_search_path.mkdir(parents=True)
    (empty_search_path / "broken.npz").write_bytes(b"not a zip")
    with pytest.raises(AvatarError) as caught:
        open_avatar(bodiless)
    text = str(caught.value)
    assert text.startswith(
        f"{bodiless}: the body model with 60 vertices and hash {avatar.body.hash} is not on"
    )
    assert f"put its .npz file into {empty_search_path}, or name its folder in DINAR_BODY_PATH" in text
    assert "could not read" in text
    assert "\n" not in text


def test_a_missing_licensed_body_is_asked_for_by_its_file_name(tmp_path: Path, good: bytes) -> None:
    def ask_for_smplx(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
        del members["body.npz"]
        manifest["body"] |= {"file": None, "vertex_count": 10_475}

    assert "licensed SMPL-X model (SMPLX_NEUTRAL.npz, " in refusal(tmp_path, changed(good, ask_for_smplx))


def test_the_licensed_body_is_never_copied(tmp_path: Path, avatar: Avatar) -> None:
    path = write_body(tmp_path / "SMPLX_NEUTRAL.npz", seed=3, vertices=10_475)
    licensed = replace(avatar, body=load_body(path))
    with pytest.raises(AvatarError, match="licence of SMPL-X forbids copies"):
        save_avatar(tmp_path / "x.dinar", licensed, body_file=path)
    assert not (tmp_path / "x.dinar").exists()


def test_only_the_avatars_own_body_is_copied(tmp_path: Path, avatar: Avatar) -> None:
    other = write_body(tmp_path / "other.npz", seed=9)
    with pytest.raises(AvatarError, match=r"other\.npz: is body [0-9a-f]{64}, the avatar's is"):
        save_avatar(tmp_path / "x.dinar", avatar, body_file=other)


# --- Bad avatars are not saved ------------------------------------------------------------------------------


def with_value(array: np.ndarray, value: float) -> np.ndarray:
    """A copy whose first element is `value`."""
    copy = array.copy()
    copy.flat[0] = value
    return copy


SHELL_FAULTS: list[tuple[str, Callable[[np.ndarray], np.ndarray], str]] = [
    ("vertices", lambda a: with_value(a, np.nan), "expected finite numbers"),
    ("vertices", lambda a: with_value(a, np.inf), "expected finite numbers"),
    ("vertices", lambda a: a.astype(np.float64), r"expected float32 \[V, 3\], got float64 \[30, 3\]"),
    ("vertices", lambda a: a.astype(">f4"), "got >f4"),
    ("vertices", lambda a: a[:-1], r"got .* \[30, 4\]"),
    ("faces", lambda a: with_value(a, 30), "expected 0 to 29, got 0 to 30"),
    ("faces", lambda a: with_value(a, -1), "expected 0 to 29, got -1 to 29"),
    ("faces", lambda a: a[:0], r"got int32 \[0, 3\]"),
    ("uv", lambda a: with_value(a, 1.5), r"texture coordinates in \[0, 1\]"),
    ("uv", lambda a: with_value(a, np.nan), r"texture coordinates in \[0, 1\]"),
    ("uv_faces", lambda a: with_value(a, 35), "expected 0 to 34"),
    ("uv_faces", lambda a: a[:-1], r"expected int32 \[F = 40, 3\], got int32 \[39, 3\]"),
    ("joint_index", lambda a: with_value(a, 55), "expected 0 to 54"),
    ("joint_weight", lambda a: a * 2, "rows that sum to 1"),
    ("joint_weight", lambda a: with_value(a, np.nan), "rows that sum to 1"),
    ("joint_weight", lambda a: a[:, :3], r"expected float32 \[V = 30, K = 4\]"),
    ("anchor_vertex", lambda a: with_value(a, VERTICES), "expected 0 to 59"),
    ("anchor_weight", lambda a: a * 0.5, "rows that sum to 0 or 1"),
    ("rgb", lambda a: a[..., 0], r"expected uint8 \[H, W, 3\], got uint8 \[12, 20\]"),
    ("body_face_visible", lambda a: a[:-1], r"expected bool \[B = 80\], got bool \[79\]"),
]


@pytest.mark.parametrize(
    ("name", "spoil", "reason"), SHELL_FAULTS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_faulty_shell_is_neither_saved_nor_opened(
    tmp_path: Path, avatar: Avatar, good: bytes, name: str, spoil: Callable, reason: str
) -> None:
    assert avatar.shell is not None
    faulty = replace(avatar.shell, **{name: spoil(getattr(avatar.shell, name))})
    with pytest.raises(AvatarError, match=rf"x\.dinar: shell .*{reason}"):
        save_avatar(tmp_path / "x.dinar", replace(avatar, shell=faulty))

    def put(members: dict[str, bytes], _: dict[str, Any]) -> None:
        members["shell.npz"] = npz(**{n: getattr(faulty, n) for n in npz_names(members["shell.npz"])})

    if name != "rgb":
        assert re.search(rf"shell .*({reason}|big-endian|float32)", refusal(tmp_path, changed(good, put)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": ""}, "the name must be"),
        ({"name": "\x1b[2J"}, "the name must be"),
        ({"licence": "x" * 10_001}, "at most 10,000 characters"),
        ({"betas": np.zeros(11, np.float32)}, r"betas: expected float32 \[10\] or less"),
        ({"betas": np.zeros(10)}, "betas: expected float32"),
        ({"betas": np.full(3, np.nan, np.float32)}, "betas: expected finite numbers"),
        ({"preview": b"GIF89a" + bytes(40)}, "preview is not a PNG"),
        ({"networks": (RendererNetwork("../x", "fp32", b"x"),)}, "network: expected a preset of"),
        ({"networks": (RendererNetwork("live", "fp16", b"x"),)}, "network: expected precision fp32 or int8"),
        ({"networks": (RendererNetwork("live", "fp32", b""),)}, "network live: .* got no bytes"),
        ({"networks": (RendererNetwork("live", "fp32", b"x"),) * 2}, "two networks share"),
        (
            {"networks": (RendererNetwork("live", "fp32", bytes((96 << 20) + 1)),)},
            "more than 100,663,296 bytes",
        ),
    ],
)
def test_faulty_fields_are_not_saved(
    tmp_path: Path, avatar: Avatar, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(AvatarError, match=rf"x\.dinar: .*{reason}"):
        save_avatar(tmp_path / "x.dinar", replace(avatar, **change))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rgb": np.zeros((4, 4, 4), np.uint8)}, r"rgb: expected uint8 \[H, W, 3\]"),
        (
            {"rgb": np.zeros((4097, 1, 3), np.uint8)},
            r"rgb: expected uint8 \[H, W, 3\], got uint8 \[4097, 1, 3\]",
        ),
        ({"rgb": np.zeros((4, 4, 3), np.float32)}, r"rgb: expected uint8"),
        ({"gen": np.zeros((4, 4, 16), np.float32)}, "gen: expected float16"),
        ({"gen": np.full((4, 4, 16), np.inf, np.float16)}, "gen: expected finite"),
        ({"smp": np.full((4, 4), 255, np.uint8)}, "smp: expected a mask of 0 and 1, got 255"),
        ({"fill": np.zeros((4, 4), bool)}, "fill: expected uint8"),
    ],
)
def test_faulty_textures_are_not_saved(
    tmp_path: Path, avatar: Avatar, change: dict[str, np.ndarray], reason: str
) -> None:
    with pytest.raises(AvatarError, match=rf"x\.dinar: texture {reason}"):
        save_avatar(tmp_path / "x.dinar", replace(avatar, texture=replace(avatar.texture, **change)))


# --- Bad files are not opened -------------------------------------------------------------------------------


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def npz_names(data: bytes) -> list[str]:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return list(arrays.files)


def unzipped(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


Change = Callable[[dict[str, bytes], dict[str, Any]], object]


def changed(good: bytes, change: Change) -> bytes:
    """The file with members or manifest changed, and the manifest's hashes made right again."""
    members = unzipped(good)
    manifest = json.loads(members.pop("manifest.json"))
    change(members, manifest)
    manifest["sha256"] = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    return zipped({"manifest.json": json.dumps(manifest).encode(), **members})


def with_manifest(good: bytes, manifest: bytes) -> bytes:
    return zipped(unzipped(good) | {"manifest.json": manifest})


def refusal(folder: Path, data: bytes) -> str:
    """The one sentence, naming the file, with which opening `data` ends."""
    path = folder / "bad.dinar"
    path.write_bytes(data)
    with pytest.raises(AvatarError) as caught:
        open_avatar(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (lambda _: b"", "the file is empty"),
        (lambda good: good[: len(good) // 2], "cut off"),
        (lambda _: b"#!/bin/sh\n" * 100, "another kind of file"),
        (lambda _: zipped({"a.txt": b"hello"}), "manifest.json is missing"),
        (lambda good: zipped(unzipped(good) | {"../evil": b""}), "leaves the archive"),
        (
            lambda good: zipped({n: d for n, d in unzipped(good).items() if n != "texture.npz"}),
            "texture.npz is missing",
        ),
        (
            lambda good: zipped(unzipped(good) | {"shell.npz": b"other"}),
            "shell.npz is not what the manifest says",
        ),
        (lambda good: with_manifest(good, b""), "not an avatar's manifest"),
        (lambda good: with_manifest(good, b"not json"), "not an avatar's manifest"),
        (lambda good: with_manifest(good, b"\xff\xfe"), "not an avatar's manifest"),
        (lambda good: with_manifest(good, b"[" * 60_000), "not an avatar's manifest"),
        (
            lambda good: with_manifest(good, b'{"format_version":1,"x":' + b"[" * 60_000),
            "not an avatar's manifest",
        ),
        (lambda good: with_manifest(good, b" " * 70_000), "larger than 65,536 bytes"),
        (lambda good: with_manifest(good, b'{"format_version": 1}'), "not an avatar's manifest"),
        (lambda good: with_manifest(good, b'{"format_version": NaN}'), "not an avatar's manifest"),
        (lambda good: with_manifest(good, b'{"format_version": "1"}'), "not an avatar's manifest"),
        (
            lambda good: with_manifest(good, b'{"format_version": 2, "new": 1}'),
            "format version 2, this program reads 1",
        ),
    ],
    ids=range(17),
)
def test_files_that_are_no_avatar(
    tmp_path: Path, good: bytes, data: Callable[[bytes], bytes], reason: str
) -> None:
    assert reason in refusal(tmp_path, data(good))


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match=r"no\.dinar: cannot be opened \(No such file"):
        open_avatar(tmp_path / "no.dinar")
    with pytest.raises(AvatarError, match=r"cannot be opened"):
        open_avatar(tmp_path)


def png(width: int, height: int, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, "PNG")
    return file.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    return (
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02" + bytes(40)
    )


def set_body(members: dict[str, bytes], **arrays: np.ndarray) -> None:
    with np.load(io.BytesIO(members["body.npz"]), allow_pickle=False) as body:
        members["body.npz"] = npz(**(dict(body) | arrays))


FILE_FAULTS: dict[str, tuple[Change, str]] = {
    "beta as NaN": (lambda _, m: m.update(betas=[float("nan")]), "not an avatar's manifest"),
    "beta beyond float32": (lambda _, m: m.update(betas=[1e300]), "betas: expected finite"),
    "beta as text": (lambda _, m: m.update(betas=["1"]), "not an avatar's manifest"),
    "no rgb": (lambda _, m: m["texture"].pop("rgb"), "no texture group rgb"),
    "rgb of another shape": (lambda _, m: m["texture"]["rgb"].update(shape=[8, 8, 3]), "expected (8, 8, 3)"),
    "rgb of a huge shape": (
        lambda _, m: m["texture"]["rgb"].update(shape=[10**9, 10**9, 3]),
        "got uint8 [1000000000, 1000000000, 3]",
    ),
    "rgb of negative shape": (
        lambda _, m: m["texture"]["rgb"].update(shape=[-1, 4, 3]),
        "got uint8 [-1, 4, 3]",
    ),
    "rgb of another type": (lambda _, m: m["texture"]["rgb"].update(dtype="float32"), "expected uint8"),
    "rgb is no PNG": (lambda f, _: f.update({"texture/rgb.png": b"x" * 99}), "rgb.png is not a PNG"),
    "rgb is a grey PNG": (lambda f, _: f.update({"texture/rgb.png": png(24, 32, "L")}), "not an 8-bit RGB"),
    "rgb is cut off": (lambda f, _: f.update({"texture/rgb.png": png(24, 32)[:50]}), "rgb.png is damaged"),
    "rgb is a bomb": (
        lambda f, _: f.update({"texture/rgb.png": png_that_claims(60_000, 60_000)}),
        "has shape (60000, 60000, 3), expected (32, 24, 3)",
    ),
    "rgb outside the archive": (lambda _, m: m["texture"]["rgb"].update(file="/etc/passwd"), "is missing"),
    "gen pickled": (
        lambda f, _: f.update({"texture.npz": npz(gen=np.array([{}], object), smp=0, fill=0)}),
        "disagree about shape or type",
    ),
    "gen announced otherwise": (
        lambda _, m: m["texture"]["gen"].update(shape=[8, 8, 16]),
        "disagree about shape",
    ),
    "gen in a missing array": (lambda f, _: f.update({"texture.npz": npz(other=0)}), "array gen is missing"),
    "texture.npz is no zip": (
        lambda f, _: f.update({"texture.npz": b"PK" * 99}),
        "texture.npz: expected a zip",
    ),
    "mask of 2": (
        lambda f, _: f.update(
            {
                "texture.npz": npz(
                    gen=np.zeros((16, 16, 16), np.float16),
                    smp=np.full((16, 16), 2, np.uint8),
                    fill=np.zeros((16, 16), np.uint8),
                    photo=np.zeros((16, 16, 3), np.uint8),
                )
            }
        ),
        "smp: expected a mask of 0 and 1",
    ),
    "preview is no PNG": (lambda f, _: f.update({"preview.png": b"GIF"}), "preview.png is not a PNG"),
    "preview is a bomb": (
        lambda f, _: f.update({"preview.png": png_that_claims(60_000, 9)}),
        "4096 pixels a side",
    ),
    "network is missing": (lambda f, _: f.pop("renderer/live_int8.onnx"), "live_int8.onnx is missing"),
    "network is empty": (lambda f, _: f.update({"renderer/live_int8.onnx": b""}), "got no bytes"),
    "network is huge": (
        lambda f, _: f.update({"renderer/live_int8.onnx": bytes((96 << 20) + 1)}),
        "live_int8.onnx is larger than 100,663,296 bytes",
    ),
    "network with other channels": (
        lambda _, m: m["networks"][0].update(input_channels=24),
        "reads 24 channels, this program draws 22",
    ),
    "network of a wild name": (lambda _, m: m["networks"][0].update(preset="a b"), "expected a preset of"),
    "network of unknown precision": (
        lambda _, m: m["networks"][0].update(precision="fp4"),
        "not an avatar's manifest",
    ),
    "networks are twins": (lambda _, m: m.update(networks=m["networks"][:1] * 2), "two networks share"),
    "body is another": (lambda _, m: m["body"].update(sha256="0" * 64), "another than the manifest names"),
    "UV is another": (lambda _, m: m["body"].update(uv_sha256="0" * 64), "another than the manifest names"),
    "body is no zip": (lambda f, _: f.update({"body.npz": b"x" * 50}), "body.npz: expected a zip"),
    "body with NaN": (
        lambda f, _: set_body(f, v_template=np.full((VERTICES, 3), np.nan)),
        "v_template: expected",
    ),
    "body with a wild face": (
        lambda f, _: set_body(f, f=np.full((FACES, 3), VERTICES)),
        "f: expected whole",
    ),
    "body of huge arrays": (
        lambda f, _: set_body(f, huge=np.zeros(50 << 20, np.uint8)),
        "body.npz would take",
    ),
}


@pytest.mark.parametrize("fault", FILE_FAULTS)
def test_faulty_contents_are_refused(tmp_path: Path, good: bytes, fault: str) -> None:
    change, reason = FILE_FAULTS[fault]
    assert reason in refusal(tmp_path, changed(good, change))


# --- Whatever the bytes -------------------------------------------------------------------------------------


def damaged(rng: random.Random, data: bytes) -> bytes:
    """`data` with a few bytes changed, or cut, or with a piece doubled."""
    copy = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        copy[rng.randrange(len(copy))] = rng.randrange(256)
    at = rng.randrange(len(copy))
    match rng.randrange(6):
        case 0:
            del copy[at:]
        case 1:
            copy[at:at] = copy[at : at + 20]
    return bytes(copy)


def put(name: str, data: bytes) -> Change:
    return lambda members, _: members.update({name: data})


def damage(name: str, rng: random.Random) -> Change:
    return lambda members, _: members.update({name: damaged(rng, members[name])})


def test_damaged_files_give_nothing_but_avatar_errors(tmp_path: Path, good: bytes) -> None:
    rng, path, refused = random.Random(4), tmp_path / "x.dinar", 0
    for _ in range(300):
        path.write_bytes(damaged(rng, good))
        try:
            open_avatar(path)
        except AvatarError:
            refused += 1
    assert refused > 200


def test_damaged_members_with_right_hashes_give_nothing_but_avatar_errors(
    tmp_path: Path, good: bytes
) -> None:
    """What an attacker would do: past the hashes, every parser sees the damage."""
    rng, path = random.Random(5), tmp_path / "x.dinar"
    names = sorted(set(unzipped(good)) - {"manifest.json"})
    for turn in range(300):
        name = names[turn % len(names)]
        path.write_bytes(changed(good, damage(name, rng)))
        with contextlib.suppress(AvatarError):
            open_avatar(path)


def write_bombs(good: bytes, folder: Path) -> list[Path]:
    """Small files that unpack to 128 MB: a member of zeros, and members whose array is all zeros."""
    zeros = bytes(128 << 20)
    array = npz(vertices=np.frombuffer(zeros, np.float32))
    contents = {"manifest.json": zeros, "texture/rgb.png": zeros, "shell.npz": array, "body.npz": array}
    contents["renderer/live_int8.onnx"] = zeros
    paths: list[Path] = []
    for name, data in contents.items():
        path = folder / f"{len(paths)}.dinar"
        if name == "manifest.json":
            path.write_bytes(with_manifest(good, data))
        else:
            path.write_bytes(changed(good, put(name, data)))
        assert path.stat().st_size < 2 << 20
        paths.append(path)
    return paths


OPEN_ALL = """
import resource, sys
from dinar.runtime.avatar import AvatarError, open_avatar

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        open_avatar(path)
    except AvatarError as error:
        print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux only")
def test_bombs_take_no_memory(tmp_path: Path, good: bytes) -> None:
    bombs = write_bombs(good, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", OPEN_ALL, *map(str, bombs)], capture_output=True, text=True, timeout=120
    )
    *sentences, growth = done.stdout.splitlines()
    assert len(sentences) == len(bombs), done.stderr
    assert int(growth) < 100  # MB more than before
