"""Files that appear whole: nobody ever finds half of one, and nothing is left lying about."""

from __future__ import annotations

from pathlib import Path

import pytest

from dinar.runtime.errors import DinarError
from dinar.runtime.files.whole_file import whole_file, write_file


def test_the_old_file_stands_until_the_new_one_is_complete(tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    file.write_text("old")
    with whole_file(file) as part:
        part.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_what_fails_halfway_leaves_the_old_file_and_nothing_else(
    failure: type[BaseException], tmp_path: Path
) -> None:
    file = tmp_path / "numbers"
    file.write_text("old")
    with pytest.raises(failure):
        _half(file, failure)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def _half(file: Path, failure: type[BaseException]) -> None:
    with whole_file(file) as part:
        part.write_text("ne")
        raise failure


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DinarError, match="nowhere/numbers cannot be written"):
        write_file(tmp_path / "nowhere" / "numbers", b"1")


def test_a_folder_in_the_way_stays(tmp_path: Path) -> None:
    (tmp_path / "numbers").mkdir()
    with pytest.raises(DinarError, match="cannot be written"):
        write_file(tmp_path / "numbers", b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["numbers"]
