"""Native code comes back as it was saved, or not at all."""

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dinar.runtime.engines import EngineCache, EngineKey, list_engines

KEY = EngineKey("tensorrt", "ab" * 32, "NVIDIA H200 sm_90", "11.4.0", (("views", "1"), ("height", "512")))
CODE = bytes(range(256)) * 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "engines"


@pytest.fixture
def cache(folder: Path) -> EngineCache:
    return EngineCache(folder)


def saved_file(folder: Path) -> Path:
    (file,) = folder.glob("*.native")
    return file


def test_what_was_saved_comes_back_in_every_process(cache: EngineCache, folder: Path) -> None:
    assert cache.load(KEY) is None
    cache.save(KEY, CODE)
    assert cache.load(KEY) == CODE
    assert EngineCache(folder).load(KEY) == CODE
    cache.save(KEY, b"newer")
    assert cache.load(KEY) == b"newer"
    cache.save(KEY, b"")
    assert cache.load(KEY) == b""


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, kind="kernels"),
        replace(KEY, source_sha256="cd" * 32),
        replace(KEY, device="NVIDIA H100 sm_90"),
        replace(KEY, version="11.5.0"),
        replace(KEY, settings=(("views", "2"), ("height", "512"))),
        replace(KEY, settings=()),
    ],
)
def test_what_was_made_for_something_else_is_not_found(cache: EngineCache, other: EngineKey) -> None:
    cache.save(KEY, CODE)
    assert cache.load(other) is None
    cache.save(other, b"other")
    assert (cache.load(KEY), cache.load(other)) == (CODE, b"other")


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: flip(file, len(file) - 1),
        lambda file: flip(file, len(file) - len(CODE)),
        lambda file: flip(file, len(file) - len(CODE) - 1),  # the signature
        lambda file: flip(file, file.index(b"11.4.0")),
        lambda file: flip(file, file.index(b"sha256")),
        lambda file: flip(file, 0),
        lambda file: flip(file, 23),  # the description's length
        lambda file: file[:-1],
        lambda file: file[: len(file) - len(CODE)],
        lambda file: file[:40],
        lambda file: file[:21],
        lambda _: b"",
        lambda file: file + b"\0",
        lambda file: file.replace(b'"key"', b'"yek"'),
        lambda file: file[:20] + (2).to_bytes(4, "little") + b"[]" + file[24:],
    ],
)
def test_what_was_changed_is_not_loaded(
    cache: EngineCache, folder: Path, damage: Callable[[bytes], bytes]
) -> None:
    cache.save(KEY, CODE)
    file = saved_file(folder)
    file.write_bytes(damage(file.read_bytes()))
    assert cache.load(KEY) is None
    cache.save(KEY, CODE)
    assert cache.load(KEY) == CODE


def test_code_in_place_of_other_code_is_not_loaded(cache: EngineCache, folder: Path) -> None:
    cache.save(KEY, CODE)
    file = saved_file(folder)
    cache.save(replace(KEY, version="evil"), b"evil")
    (other,) = (found for found in folder.glob("*.native") if found != file)
    other.replace(file)
    assert cache.load(KEY) is None


def test_somebody_who_knows_the_format_but_not_the_secret_is_not_believed(
    cache: EngineCache, folder: Path
) -> None:
    cache.save(KEY, CODE)
    file, evil = saved_file(folder), b"evil"
    content = file.read_bytes().replace(
        hashlib.sha256(CODE).hexdigest().encode(), hashlib.sha256(evil).hexdigest().encode()
    )
    file.write_bytes(content[: -len(CODE)] + evil)
    assert cache.load(KEY) is None


def test_code_of_another_users_cache_is_not_loaded(cache: EngineCache, folder: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    EngineCache(theirs).save(KEY, CODE)
    cache.save(KEY, CODE)
    assert (theirs / "secret").read_bytes() != (folder / "secret").read_bytes()
    saved_file(folder).write_bytes(saved_file(theirs).read_bytes())
    assert cache.load(KEY) is None


@pytest.mark.parametrize("secret", [None, b"", b"short", bytes(33)])
def test_without_its_secret_nothing_is_loaded_until_it_is_made_again(
    cache: EngineCache, folder: Path, secret: bytes | None
) -> None:
    cache.save(KEY, CODE)
    if secret is None:
        (folder / "secret").unlink()
    else:
        (folder / "secret").write_bytes(secret)
    assert cache.load(KEY) is None
    cache.save(KEY, CODE)
    assert cache.load(KEY) == CODE
    assert len((folder / "secret").read_bytes()) == 32


def test_folder_and_files_are_for_the_user_alone(cache: EngineCache, folder: Path) -> None:
    before = os.umask(0)
    try:
        cache.save(KEY, CODE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert {file.name for file in folder.iterdir()} == {"secret", saved_file(folder).name}


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_is_not_used(cache: EngineCache, folder: Path, mode: int) -> None:
    cache.save(KEY, CODE)
    folder.chmod(mode)
    assert cache.load(KEY) is None
    other = replace(KEY, version="12")
    cache.save(other, CODE)
    folder.chmod(0o700)
    assert (cache.load(KEY), cache.load(other)) == (CODE, None)


@pytest.mark.parametrize("name", ["secret", "code"])
def test_a_file_that_others_may_write_is_not_used(cache: EngineCache, folder: Path, name: str) -> None:
    cache.save(KEY, CODE)
    (folder / "secret" if name == "secret" else saved_file(folder)).chmod(0o622)
    assert cache.load(KEY) is None


@pytest.mark.parametrize("name", ["secret", "code", "folder"])
def test_a_link_is_not_followed(cache: EngineCache, folder: Path, tmp_path: Path, name: str) -> None:
    cache.save(KEY, CODE)
    path = {"secret": folder / "secret", "code": saved_file(folder), "folder": folder}[name]
    elsewhere = path.rename(tmp_path / "elsewhere")
    path.symlink_to(elsewhere)
    assert cache.load(KEY) is None


def test_what_cannot_be_kept_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in (None, tmp_path / "file", tmp_path / "file" / "below"):
        cache = EngineCache(folder)
        cache.save(KEY, CODE)
        assert cache.load(KEY) is None


def test_what_was_not_used_for_longest_makes_room(folder: Path) -> None:
    cache = EngineCache(folder, max_bytes=3 * len(CODE))
    keys = [replace(KEY, version=str(i)) for i in range(3)]
    for age, key in enumerate(keys[:2]):
        cache.save(key, CODE)
        newest = max(folder.glob("*.native"), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, (1e9 + age, 1e9 + age))
    (folder / "something_else").write_bytes(bytes(4 * len(CODE)))
    assert cache.load(keys[0]) == CODE  # used now
    cache.save(keys[2], CODE)
    assert [cache.load(key) is not None for key in keys] == [True, False, True]
    assert (folder / "something_else").is_file()


def test_what_is_larger_than_all_that_is_kept_is_not(folder: Path) -> None:
    cache = EngineCache(folder, max_bytes=len(CODE))
    cache.save(KEY, CODE + b"\0")
    assert cache.load(KEY) is None
    assert not list(folder.glob("*.native"))


SAVER = """
import sys
from pathlib import Path
from dinar.runtime.engines import EngineCache, EngineKey
cache = EngineCache(Path(sys.argv[1]))
for i in range(40):
    key = EngineKey("kernels", "00", "sm_90", str(i), ())
    cache.save(key, bytes([i]) * 10_000)
    found = cache.load(key)
    assert found == bytes([i]) * 10_000, (i, found and len(found))
"""


def test_processes_may_save_at_once(folder: Path) -> None:
    savers = [
        subprocess.Popen([sys.executable, "-c", SAVER, str(folder)], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [saver.communicate(timeout=60)[1] for saver in savers] == ["", "", ""]
    assert len(list(folder.glob("*.native"))) == 40
    assert not list(folder.glob(".*"))


def test_a_cache_tells_people_what_it_holds(cache: EngineCache, folder: Path) -> None:
    assert list_engines(folder) == []
    cache.save(KEY, CODE)
    (folder / "broken.native").write_bytes(b"broken")
    (folder / "strange.native").write_bytes(b"dinar native code 1\n\2\0\0\0[]")
    ((words, size),) = list_engines(folder)
    assert words == "tensorrt 11.4.0 for NVIDIA H200 sm_90: views 1, height 512, source abababababab"
    assert size > len(CODE)
    cache.save(EngineKey("timings", "", "sm_90", "11", ()), b"")
    assert {words for words, _ in list_engines(folder)} == {words, "timings 11 for sm_90"}


def test_the_description_is_json(cache: EngineCache, folder: Path) -> None:
    cache.save(KEY, CODE)
    content = saved_file(folder).read_bytes()
    length = int.from_bytes(content[20:24], "little")
    description = json.loads(content[24 : 24 + length])
    assert description["sha256"] == hashlib.sha256(CODE).hexdigest()
    assert description["key"]["settings"] == [["views", "1"], ["height", "512"]]
