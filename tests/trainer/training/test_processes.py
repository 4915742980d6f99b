"""Two processes learn what one with the whole batch would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[3]


def start(folder: Path, processes: int) -> subprocess.Popen[str]:
    module = ["-m", "tests.trainer.training.toy", str(folder), "5"]
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [sys.executable, *(launch if processes > 1 else []), *module]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ)


def test_two_processes_equal_one_with_the_whole_batch(tmp_path: Path) -> None:
    children = [start(tmp_path / str(n), n) for n in (1, 2)]
    for child in children:
        _, error = child.communicate(timeout=120)
        assert child.returncode == 0, error
    one, two = (torch.load(tmp_path / str(n) / "checkpoint.pt", weights_only=True)["parts"] for n in (1, 2))
    for part in ("line", "average"):
        for name, value in one[part].items():
            torch.testing.assert_close(two[part][name], value, atol=1e-6, rtol=1e-5, msg=f"{part} {name}")
