"""The last stage: keypoints, priors and the photo's mask together (the segmentation loss of Sec. 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from dinar.trainer.fit.optimize import ALL, PARTS, Attempt, KeypointFit
from dinar.trainer.fit.silhouette import SilhouetteLoss
from dinar.trainer.fit.torch_body import TorchBody

STEPS = 60
WEIGHT = 3000.0
"""Of the silhouette's loss, beside energies of keypoints and priors (half squares of deviations)."""

_RATE, _LAST_RATE = 0.05, 0.005  # of codes, which have about unit size


def refine(
    fit: KeypointFit,
    body: TorchBody,
    silhouette: SilhouetteLoss,
    attempt: Attempt,
    steps: int,
    on_step: Callable[[], None],
) -> Attempt:
    """Move all unknowns towards the mask by Adam: its gradients are an integral, which L-BFGS's search minds.

    Args:
        fit: the keypoints.
        body: with all vertices.
        silhouette: the mask.
        attempt: fitted to the keypoints.
        steps: how many.
        on_step: called after each.
    """
    unknowns = attempt.unknowns.copied()
    free = [getattr(unknowns, name).requires_grad_() for name in ALL]
    contour = fit.contour(unknowns, attempt.start)
    optimizer = torch.optim.Adam(free, lr=_RATE, betas=(0.8, 0.99))
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=_LAST_RATE)
    for _ in range(steps):
        optimizer.zero_grad()
        energy = fit.energy(unknowns, attempt.start, PARTS, contour)
        parameters = fit.space.parameters(unknowns, attempt.start)
        posed = body(*(value.to(body.dtype) for value in vars(parameters).values()))
        (energy + WEIGHT * silhouette(posed.vertices)).backward()
        optimizer.step()
        rates.step()
        on_step()
    return replace(attempt, unknowns=unknowns.copied())
