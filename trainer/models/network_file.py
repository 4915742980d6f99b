"""Files of trained networks: their sizes as JSON, weights, and the number of steps they were trained for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from dinar.runtime.errors import DinarError
from dinar.runtime.files.whole_file import whole_file

Network = TypeVar("Network", bound=nn.Module)


def save_network(path: Path, kind: str, sizes: dict[str, Any], network: nn.Module, step: int) -> None:
    """Write a file, all or nothing.

    Args:
        path: of the file.
        kind: under which name the sizes stand in it.
        sizes: what the network is built from, as JSON can hold it.
        network: whose weights are kept.
        step: how long it was trained.
    """
    _write(path, {kind: json.dumps(sizes), "step": step, "networks": network.state_dict()})


def halve_network_file(source: Path, target: Path) -> None:
    """Copy a file that `save_network` wrote, in half the bytes: `load_network` reads it as any other.

    Matrices and kernels become float16, vectors and numbers (biases, statistics) stay as they are.

    Raises:
        DinarError: a weight is beyond what float16 holds (65504).
    """
    content = torch.load(source, map_location="cpu", weights_only=True)
    for name, values in content["networks"].items():
        if values.is_floating_point() and values.dim() > 1:
            half = values.to(torch.float16)
            if not half.isfinite().all():
                raise DinarError(f"{source}: {name} does not fit into half precision; train again")
            content["networks"][name] = half
    _write(target, content)


def _write(path: Path, content: dict[str, Any]) -> None:
    """All or nothing; the same content gives the same bytes (torch would put a path's name into the file)."""
    with whole_file(path) as part, part.open("wb") as stream:
        torch.save(content, stream)


def load_network(path: Path, kind: str, build: Callable[[dict[str, Any]], Network], expected: str) -> Network:
    """Read what `save_network` wrote, on the CPU and in evaluation mode; no code in it is run.

    Args:
        path: of the file.
        kind: as it was written.
        build: makes the network of the sizes.
        expected: what the file should hold, for the sentence when it does not.

    Raises:
        DinarError: the file cannot be read, holds something else or weights that are no finite numbers; what
            `build` raises.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        network = build(json.loads(content[kind]))
        network.load_state_dict(content["networks"])
    except DinarError:
        raise
    except OSError as error:
        raise DinarError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # what damaged files raise in torch.load has no common class
        raise DinarError(f"{path}: expected {expected}; train again") from error
    for name, values in network.state_dict().items():
        if not values.isfinite().all():
            raise DinarError(f"{path}: {name} holds numbers that are not finite; train again")
    return network.eval()
