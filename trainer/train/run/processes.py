"""The processes that train together, one a GPU, opened with Lightning Fabric: one, or those of `torchrun`.

Networks are not wrapped: each process computes the gradients of its share of the batch, then they are
averaged in one piece (`Processes.average_gradients`), as in StyleGAN's own trainings. Second derivatives (R1)
and several passes through one discriminator stay as they are, and R processes learn what one with the whole
batch would.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from dinar.runtime.errors import DinarError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Precision = Literal["32", "bf16"]


@dataclass(frozen=True, eq=False)
class Processes:
    """This process among those that train together.

    Attributes:
        rank: its number, from 0.
        ranks: how many there are.
        device: where it computes.
        precision: of networks' activations: float32, or bfloat16 inside `autocast`.
        fabric: Lightning's.
    """

    rank: int
    ranks: int
    device: torch.device
    precision: Precision
    fabric: Fabric

    def autocast(self) -> AbstractContextManager[Any]:
        """Where networks run in the precision that was asked for; losses belong outside."""
        return self.fabric.autocast()

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Average a tensor over all processes; outside of autograd."""
        if self.ranks == 1:
            return values
        total = values.detach().clone()
        torch.distributed.all_reduce(total)
        return total / self.ranks

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace gradients by their averages over all processes: one transfer for all of them."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.ranks == 1 or not gradients:
            return
        flat = self.mean(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, average in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(average.view_as(gradient))


def open_processes(precision: Precision) -> Processes:
    """Open this process's device: the GPU of its local rank where there is one, else the CPU.

    Under `torchrun` all processes meet here (NCCL, or gloo on CPUs).

    Raises:
        DinarError: Lightning Fabric is missing; fewer GPUs than processes.
    """
    try:
        from lightning_fabric import Fabric
    except ModuleNotFoundError as error:
        raise DinarError(
            f"training needs {error.name}, which is not installed: pip install 'dinar[train]'"
        ) from error
    ranks, local = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    gpus = torch.cuda.device_count()
    if 0 < gpus < local:
        raise DinarError(f"torchrun started {local} processes, but there are {gpus} GPUs: start {gpus}")
    fabric = Fabric(
        accelerator="cuda" if gpus else "cpu",
        devices=local,
        num_nodes=ranks // local,
        strategy="ddp" if ranks > 1 else "auto",
        precision="bf16-mixed" if precision == "bf16" else "32-true",
    )
    fabric.launch()
    return Processes(fabric.global_rank, fabric.world_size, fabric.device, precision, fabric)
