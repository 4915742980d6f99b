"""Checkpoints: all that a training needs to go on as if it had never stopped, in one file.

    RUN/checkpoint.pt            {format, version, identity (JSON), step, parts: name => state_dict}
    RUN/checkpoint.previous.pt   the one before, in case the computer died while the disk still wrote

Read without running code (`weights_only`). A file appears whole or not at all.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.console import Console

from dinar.runtime.errors import DinarError

_FORMAT, _VERSION = "dinar-training", 1


class Stateful(Protocol):
    """A network, an average, an optimizer."""

    def state_dict(self) -> dict[str, Any]:
        """Everything, as tensors and numbers."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Become what `state_dict` returned."""


@dataclass(frozen=True, eq=False)
class Part:
    """One of the things that a checkpoint holds.

    Attributes:
        name: in the file.
        holder: of the state.
    """

    name: str
    holder: Stateful


class CheckpointStore:
    """The checkpoints of one run's folder."""

    def __init__(self, folder: Path, identity: str, console: Console) -> None:
        """Look nowhere yet.

        Args:
            folder: of the run.
            identity: JSON, a map; only a checkpoint of the same one is loaded.
            console: told when the latest checkpoint is damaged and the one before is used.
        """
        self._latest = folder / "checkpoint.pt"
        self._previous = folder / "checkpoint.previous.pt"
        self._identity = identity
        self._console = console

    def save(self, step: int, parts: tuple[Part, ...]) -> None:
        """Write a checkpoint; the one before is kept.

        Raises:
            DinarError: a weight is not a finite number; the disk is full or the like.
        """
        states = {part.name: part.holder.state_dict() for part in parts}
        bad = next((name for name, state in states.items() if not _finite(state)), None)
        if bad is not None:
            raise DinarError(
                f"step {step}: {bad} holds numbers that are not finite; training stops, "
                f"{self.describe()} stays as it is"
            )
        content = {
            "format": _FORMAT,
            "version": _VERSION,
            "identity": self._identity,
            "step": step,
            "parts": states,
        }
        try:
            write_whole(self._latest, content, keep=self._previous)
        except (OSError, RuntimeError) as error:  # torch.save reports a full disk as RuntimeError
            raise DinarError(f"{self._latest} cannot be written ({error}): make room, run again") from error

    def restore(self, parts: tuple[Part, ...]) -> int:
        """Bring all parts to where the run was; returns how many steps it had done, 0 without a checkpoint.

        Raises:
            DinarError: the checkpoint is of another run, or no checkpoint that is there can be read.
        """
        found = [path for path in (self._latest, self._previous) if path.exists()]
        for path in found:
            try:
                content = torch.load(path, map_location="cpu", weights_only=True)
                identity, step, states = content["identity"], int(content["step"]), content["parts"]
                known = content["format"] == _FORMAT and content["version"] == _VERSION
            except Exception as error:  # what damaged files raise in torch.load has no common class
                self._console.print(f"{path} is damaged ({_first_line(error)})", soft_wrap=True)
                continue
            if not known:
                raise DinarError(f"{path} was written by another version of dinar: name another --out")
            self._refuse_other(path, identity)
            for part in parts:
                part.holder.load_state_dict(states[part.name])
            return step
        if found:
            raise DinarError(f"no checkpoint in {self._latest.parent} can be read: remove them to begin anew")
        return 0

    def describe(self) -> str:
        """Name the last good checkpoint, for a message."""
        return f"the last good checkpoint ({self._latest})" if self._latest.exists() else "no checkpoint yet"

    def _refuse_other(self, path: Path, identity: str) -> None:
        """Raise DinarError naming the first thing in which a checkpoint's run differs from this one."""
        then, now = json.loads(identity), json.loads(self._identity)
        for name in sorted(then.keys() | now.keys()):
            if then.get(name) != now.get(name):
                raise DinarError(
                    f"{path} is of a run with {name} {_short(then.get(name))}, not {_short(now.get(name))}: "
                    "go on with it as it was, or name another --out"
                )


def write_whole(path: Path, content: dict[str, Any], *, keep: Path | None = None) -> None:
    """Save with torch, all or nothing; what was at `path` goes to `keep` if that is given."""
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as stream:
        torch.save(content, stream)
        stream.flush()
        os.fsync(stream.fileno())
    if keep is not None and path.exists():
        path.replace(keep)
    unfinished.replace(path)


def _finite(state: Any) -> bool:
    if isinstance(state, torch.Tensor):
        return not state.is_floating_point() or bool(torch.isfinite(state).all())
    if isinstance(state, dict):
        return all(_finite(value) for value in state.values())
    return all(_finite(value) for value in state) if isinstance(state, list | tuple) else True


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
