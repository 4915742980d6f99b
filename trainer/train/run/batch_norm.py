"""Batch norm over the batch of all processes: R of them learn what one with the whole batch would.

Otherwise each process would normalize by the statistics of its own two or four pictures. `torch` has this for
GPUs alone (SyncBatchNorm); this one runs anywhere, and so do its tests. It is a batch norm with the same
weights and statistics: it folds into convolutions at export as any other.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class _SumOverProcesses(torch.autograd.Function):
    """The sum of all processes' tensors; every process's loss sends its gradient back to each of them."""

    @staticmethod
    def forward(_: Any, values: torch.Tensor) -> torch.Tensor:
        total = values.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, *gradients: torch.Tensor) -> torch.Tensor:
        total = gradients[0].contiguous().clone()
        torch.distributed.all_reduce(total)
        return total


class SharedBatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d` whose mean and variance are those of all processes' pictures together."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, h, w] to the same; B, h and w are the same in all processes."""
        if not self.training:
            return super().forward(x)
        ranks = torch.distributed.get_world_size()
        values = x.float()
        mean = _SumOverProcesses.apply(values.mean((0, 2, 3))) / ranks  # [C]
        centred = values - mean[:, None, None]
        variance = _SumOverProcesses.apply(centred.square().mean((0, 2, 3))) / ranks
        self._remember(mean.detach(), variance.detach(), ranks * x.numel() // x.shape[1])
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: torch.Tensor, variance: torch.Tensor, count: int) -> None:
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / max(count - 1, 1)), self.momentum)
        self.num_batches_tracked.add_(1)


def share_batch_norm(network: nn.Module) -> None:
    """Put `SharedBatchNorm2d` with the same weights in the place of every batch norm of a network."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.BatchNorm2d:
                shared = SharedBatchNorm2d(child.num_features, child.eps, child.momentum)
                shared.load_state_dict(child.state_dict())
                setattr(parent, name, shared.to(child.weight.device).train(child.training))
