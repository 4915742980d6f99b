"""Zip archives without trust: a plain one is read, any other is refused in one sentence that names it."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dinar.runtime.files.archive import Archive, ArrayFileError

LIMIT = 1 << 20


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=compression)
    return file.getvalue()


def opened(data: bytes, limit_bytes: int = LIMIT) -> Archive:
    return Archive(io.BytesIO(data), limit_bytes=limit_bytes, name="some.zip")


def read_all(data: bytes, limit_bytes: int) -> None:
    with opened(data, limit_bytes) as archive:
        for member in archive.members:
            archive.read(member)


def refusal(data: bytes, limit_bytes: int = LIMIT) -> str:
    """The sentence with which opening the archive and reading all of it ends."""
    with pytest.raises(ArrayFileError) as caught:
        read_all(data, limit_bytes)
    text = str(caught.value)
    assert text.startswith("some.zip: ")
    assert "\n" not in text
    return text


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_whole(compression: int) -> None:
    members = {"a.bin": bytes(range(256)) * 5000, "folder/b.bin": b"", "c": b"text"}
    with opened(zipped(members, compression), 2 << 20) as archive:
        assert archive.members == tuple(members)
        assert {m: archive.read(m) for m in archive.members} == members
        assert archive.size("a.bin") == 256 * 5000


def test_a_path_is_opened_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(zipped({"a": b"1"}))
    with Archive(path, limit_bytes=LIMIT) as archive:
        assert archive.name == str(path)
        assert archive.read("a") == b"1"
    path.unlink()


def test_a_file_object_stays_open() -> None:
    file = io.BytesIO(zipped({"a": b"1"}))
    Archive(file, limit_bytes=LIMIT).close()
    assert not file.closed


def test_a_missing_member_is_named() -> None:
    with (
        opened(zipped({"a": b"1"})) as archive,
        pytest.raises(ArrayFileError, match=r"some\.zip: b is missing"),
    ):
        archive.read("b")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"PK", "another kind of file, or it is cut off"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "another kind of file"),
        (zipped({"a": b"1" * 1000})[:-1], "cut off"),
        (zipped({"a": b"1" * 1000})[:40], "cut off"),
        (zipped({"../a": b"1"}), "leaves the archive"),
        (zipped({"x/../../a": b"1"}), "leaves the archive"),
        (zipped({"/etc/a": b"1"}), "not a plain relative path"),
        (zipped({"c:\\a": b"1"}), "not a plain relative path"),
        (zipped({"a\nb": b"1"}), "not a plain relative path"),
        (zipped({"a": b"1"}, zipfile.ZIP_BZIP2), "compression method 12"),
        (zipped({"a": b"1"}, zipfile.ZIP_LZMA), "compression method 14"),
        (zipped({f"{i}": b"" for i in range(1025)}), "larger than 1024 members"),
        (zipped({"x" * 300 + f"{i}": b"" for i in range(1000)}), "larger than 1024 members"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_what_is_no_plain_archive_is_refused(data: bytes, reason: str) -> None:
    assert reason in refusal(data)


def test_a_name_that_is_there_twice_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", b"2")
    assert "is there twice" in refusal(file.getvalue())


def test_a_symbolic_link_is_refused() -> None:
    link = zipfile.ZipInfo("a")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "symbolic link" in refusal(file.getvalue())


def in_directory(data: bytes, offset: int, value: bytes) -> bytes:
    """`data` with `value` at `offset` of the first entry of the zip's central directory."""
    at = data.index(b"PK\x01\x02") + offset
    return data[:at] + value + data[at + len(value) :]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: in_directory(data, 8, b"\x01\x00"), "is encrypted"),
        (lambda data: in_directory(data, 24, struct.pack("<I", 5000)), "a ends after 1,000 of 5,000 bytes"),
        (lambda data: in_directory(data, 24, struct.pack("<I", 900)), "a is damaged"),
        (lambda data: in_directory(data, 24, b"\xff\xff\xff\x7f"), "a would take 2,147,483,647 bytes"),
        (lambda data: in_directory(data, 16, b"\0\0\0\0"), "a is damaged (Bad CRC-32"),
        (lambda data: in_directory(data, 42, b"\xff\xff\xff\x7f"), "a is damaged"),
        (lambda data: data[:-2] + b"\x04\x00note", "another kind of file"),
        (lambda data: data[:33] + b"\xff\xff" + data[35:], "a is damaged"),
    ],
)
def test_an_archive_that_contradicts_itself_is_refused(change: Callable[[bytes], bytes], reason: str) -> None:
    assert reason in refusal(change(zipped({"a": b"1" * 1000})))


def test_a_member_that_inflates_past_its_declared_size_is_not_inflated_further() -> None:
    bomb = in_directory(zipped({"a": bytes(100 << 20)}), 24, struct.pack("<I", 1000))
    assert "a is damaged" in refusal(bomb)


def test_the_limit_holds_for_all_reads_together() -> None:
    data = zipped({"a": bytes(600), "b": bytes(600)})
    assert "b would take 600 bytes of memory; 400 are left" in refusal(data, limit_bytes=1000)


def test_a_file_above_the_limit_is_refused_before_it_is_read() -> None:
    assert "at most 1,000 are allowed" in refusal(
        zipped({"a": bytes(2000)}, zipfile.ZIP_STORED), limit_bytes=1000
    )
