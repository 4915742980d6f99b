"""The command that gives the default avatar its neural half: what it refuses before its half hour begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from dinar.export.default_avatar import DefaultAvatarConfig
from dinar.runtime.errors import UsageError


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"out": Path("missing/me.dinar")},
            "--out missing/me.dinar cannot be written: give a file in a folder",
        ),
        ({"out": Path("me.zip")}, "--out must name a .dinar file, not me.zip"),
        ({"picture": Path("missing/me.jpg")}, "--picture missing/me.jpg cannot be written"),
        ({"picture": Path("me.png")}, "--picture must name a .jpg file"),
        ({"photos": 0}, "--photos must be at least 1, not 0"),
        ({"steps": 0}, "--steps must be at least 1, not 0"),
    ],
)
def test_flags_that_cannot_be_are_refused(
    changes: dict[str, object], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"avatar": Path("a.dinar"), "networks": Path("avatar.pt"), "out": Path("b.dinar")}
    DefaultAvatarConfig(**given)
    with pytest.raises(UsageError, match=sentence):
        DefaultAvatarConfig(**given | changes)
