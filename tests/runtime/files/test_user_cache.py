import sys
from pathlib import Path

import pytest

from dinar.runtime.files.user_cache import user_cache


@pytest.mark.parametrize(
    ("platform", "variable"), [("linux", "XDG_CACHE_HOME"), ("win32", "LOCALAPPDATA"), ("darwin", "HOME")]
)
def test_the_cache_is_where_the_operating_system_has_caches(
    platform: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DINAR_CACHE", raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    found = user_cache("networks")
    assert found is not None
    assert found.is_relative_to(tmp_path)
    assert found.parts[-2:] == ("dinar", "networks")


def test_the_variable_names_another_folder_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DINAR_CACHE", str(tmp_path))
    assert user_cache("engines") == tmp_path / "engines"
    monkeypatch.setenv("DINAR_CACHE", "")
    assert user_cache("engines") is None
