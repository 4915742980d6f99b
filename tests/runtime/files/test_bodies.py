"""Finding a body by its hash: which places, in which order. (What an avatar does with it: test_avatar.py.)"""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.runtime.files.bodies import (
    BodyNotFoundError,
    body_files,
    default_places,
    find_body,
    user_folder,
    vertex_count,
)
from dinar.runtime.files.npz import ArrayFileError


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_DATA_HOME", "data/dinar/bodies"),
        ("linux", None, "home/.local/share/dinar/bodies"),
        ("darwin", None, "home/Library/Application Support/dinar/bodies"),
        ("win32", "LOCALAPPDATA", "data/dinar/bodies"),
        ("win32", None, "home/AppData/Local/dinar/bodies"),
    ],
)
def test_each_system_has_its_users_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, variable: str | None, expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "data"))
    assert user_folder() == tmp_path / expected


def test_the_package_comes_first_then_the_variable_then_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DINAR_BODY_PATH", os.pathsep.join(["a", "", "~/b"]))
    assert default_places() == (open_body_path(), Path("a"), Path("~/b").expanduser(), user_folder())
    monkeypatch.delenv("DINAR_BODY_PATH")
    assert default_places() == (open_body_path(), user_folder())


def test_files_are_listed_once_and_in_order(tmp_path: Path) -> None:
    for name in ("b.npz", "a.npz", "notes.txt", "folder.npz/inner.npz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    places = [tmp_path / "b.npz", tmp_path, tmp_path / "nowhere", tmp_path / "a.npz"]
    assert [file.name for file in body_files(places)] == ["b.npz", "a.npz"]


def test_vertices_are_counted_from_the_header(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", v_template=np.zeros((12, 3)), other=np.array([None], object))
    assert vertex_count(tmp_path / "x.npz") == 12
    np.savez(tmp_path / "y.npz", other=np.zeros(3))
    with pytest.raises(ArrayFileError, match="v_template is missing"):
        vertex_count(tmp_path / "y.npz")


def test_the_open_body_is_found_without_a_word() -> None:
    body = load_body(open_body_path())
    assert find_body(body.hash, len(body.v_template)).hash == body.hash
    with pytest.raises(BodyNotFoundError, match="hash 000"):
        find_body("000", len(body.v_template))
