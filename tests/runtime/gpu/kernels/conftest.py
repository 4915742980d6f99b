"""The default avatar, dancing, for tests of kernels."""

from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.avatar import Avatar, default_avatar_path, open_avatar
from dinar.runtime.body import Pose
from dinar.runtime.cpu.skin import Skinner
from dinar.runtime.motion import load_motion
from dinar.runtime.prepare.mesh import CPU_LANES
from dinar.runtime.prepare.surface import DrawnSurface, draw_surface


@pytest.fixture(scope="session")
def avatar() -> Avatar:
    return open_avatar(default_avatar_path())


@pytest.fixture(scope="session")
def drawn(avatar: Avatar) -> DrawnSurface:
    """Body and clothes as `rgb` shows them."""
    return draw_surface(avatar, lanes=CPU_LANES)


@pytest.fixture(scope="session")
def poses(avatar: Avatar) -> list[Pose]:
    motion = load_motion("dance", avatar.body, betas=avatar.betas)
    return [motion.sample(at) for at in (0.0, 0.7, 1.9, 3.1)]


@pytest.fixture(scope="session")
def dance(drawn: DrawnSurface, poses: list[Pose]) -> list[np.ndarray]:
    """Vertices float32 [V, 3] in each of the poses."""
    skinner = Skinner(drawn.mesh)
    return [skinner(pose).copy() for pose in poses]
