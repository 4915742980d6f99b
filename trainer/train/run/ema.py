"""An average of a network's weights over its last steps, which draws better than the network itself."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class Average(Generic[Network]):
    """Exponential moving average of a network's weights and statistics (Karras et al. 2018, Sec. 4).

    Its memory grows with the run, `decay` at most: the first steps, far from anything, are soon forgotten.

    Attributes:
        network: the averaged one, in evaluation mode, without gradients.
    """

    def __init__(self, network: Network, decay: float) -> None:
        """Start with a copy.

        Args:
            network: that is trained.
            decay: share of the average that stays in a step, below 1.
        """
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, network: Network, step: int) -> None:
        """Take in the network as it is after `step` (from 0)."""
        keep = min(self._decay, (1 + step) / (10 + step))
        ours, theirs = self.network.state_dict(), network.state_dict()
        floats = [name for name, value in ours.items() if value.is_floating_point()]
        torch._foreach_lerp_([ours[name] for name in floats], [theirs[name] for name in floats], 1 - keep)
        for name in ours.keys() - set(floats):  # counters of batch norm
            ours[name].copy_(theirs[name])
