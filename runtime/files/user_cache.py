"""Where what can be made again is kept, so that it is made once: the user's own cache folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

CACHE_VARIABLE = "DINAR_CACHE"
"""Environment variable that names another folder; empty: nothing is kept."""


def user_cache(kind: str) -> Path | None:
    """Folder for one kind of thing: in $DINAR_CACHE, or where the operating system has caches; or None."""
    named = os.environ.get(CACHE_VARIABLE)
    if named is not None:
        return Path(named).expanduser() / kind if named else None
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "dinar" / kind
