"""A publisher in a process of its own: `publish_child.py ENDPOINT POSES_PER_SECOND`, until it is killed.

The x of a pose's translation is the process's id / 1000, so that a test sees whose pose it got.
"""

import os
import sys

import numpy as np

from dinar.runtime.body import Pose
from dinar.runtime.pacing import ticks
from dinar.runtime.stream import PosePublisher


def main(endpoint: str, rate: float) -> None:
    translation = np.array([os.getpid() / 1000, 0, 0])
    pose = Pose(np.zeros((55, 3)), translation, np.zeros(0))
    with PosePublisher(endpoint) as publisher:
        print("ready", flush=True)
        for _ in ticks(rate):
            publisher.send(pose)


main(sys.argv[1], float(sys.argv[2]))
