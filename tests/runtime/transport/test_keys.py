"""CURVE key files: written once, readable by their owner alone, and checked when read."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from dinar.runtime.transport.keys import (
    CurveClient,
    CurveServer,
    KeyFileError,
    KeysConfig,
    load_client,
    load_server,
    make_keys,
    open_curve,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_keys(KeysConfig(tmp_path / "keys", clients=("anna", "bob")))
    return tmp_path / "keys"


def test_the_server_knows_its_clients_and_the_clients_their_server(folder: Path) -> None:
    server = load_server(folder / "server.secret.json")
    clients = [
        load_client(folder / f"{n}.secret.json", folder / "server.public.json") for n in ("anna", "bob")
    ]
    assert server.clients == {client.public for client in clients}
    assert {client.server for client in clients} == {server.public}
    secrets = [server.secret, *(client.secret for client in clients)]
    assert len(set(secrets)) == 3
    assert server.secret not in (folder / "server.public.json").read_text()
    assert all(secret not in repr([server, *clients]) for secret in secrets)


@pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")
def test_only_the_owner_can_read_the_files(folder: Path) -> None:
    files = list(folder.iterdir())
    assert len(files) == 4
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_keys_are_overwritten_only_by_force(folder: Path) -> None:
    config = KeysConfig(folder, clients=("anna", "bob"))
    before = load_server(folder / "server.secret.json")
    with pytest.raises(KeyFileError, match="--force"):
        make_keys(config)
    assert load_server(folder / "server.secret.json") == before
    make_keys(KeysConfig(folder, clients=("anna", "bob"), force=True))
    after = load_server(folder / "server.secret.json")
    assert after.public != before.public
    assert not after.clients & before.clients


@pytest.mark.parametrize("names", [("",), ("a/b",), ("..",), ("a\n",), ("server",), ("anna", "anna")])
def test_names_that_cannot_be_files_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(KeyFileError):
        make_keys(KeysConfig(tmp_path, clients=names))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_gives_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError, match="cannot write keys"):
        make_keys(KeysConfig(tmp_path / "file" / "keys"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({"role": "server secret", "public": "short", "secret": "short"}).encode(),
        json.dumps({"role": "server secret", "public": "x" * 40, "secret": '"' * 40}).encode(),
        json.dumps({"role": "server secret", "public": "#" * 40, "secret": "#" * 40}).encode(),  # above 2^32
        json.dumps({"role": "server secret", "public": "x" * 40}).encode(),
        b" " * 2_000_000,
    ],
)
def test_what_is_no_key_file_gives_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.json"
    path.write_bytes(content)
    with pytest.raises(KeyFileError) as caught:
        load_server(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_file_of_another_role_are_named(folder: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot read"):
        load_server(folder / "nobody.secret.json")
    with pytest.raises(KeyFileError, match="holds a client secret key, a server secret key is needed"):
        load_server(folder / "anna.secret.json")
    with pytest.raises(KeyFileError, match="holds a server public key, a client secret key is needed"):
        load_client(folder / "server.public.json", folder / "server.public.json")


def test_each_side_takes_its_own_files(folder: Path) -> None:
    secret, public, anna = (folder / f"{n}.json" for n in ("server.secret", "server.public", "anna.secret"))
    assert open_curve(bind=True, secret=None, server=None, client=None) is None
    assert isinstance(open_curve(bind=True, secret=secret, server=None, client=None), CurveServer)
    assert isinstance(open_curve(bind=False, secret=None, server=public, client=anna), CurveClient)
    for bind, files in (
        (True, (None, public, anna)),
        (True, (secret, public, None)),
        (False, (secret, None, None)),
        (False, (None, public, None)),
        (False, (None, None, anna)),
    ):
        with pytest.raises(KeyFileError, match="the side that"):
            open_curve(bind=bind, secret=files[0], server=files[1], client=files[2])
