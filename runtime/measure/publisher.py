"""The process that sends the bench its poses, and what of them arrived."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dinar.runtime.errors import DinarError
from dinar.runtime.measure.records import Stream
from dinar.runtime.stream import PoseSubscriber, StreamStats

LOOPBACK = "tcp://127.0.0.1:0"
PATIENCE_SECONDS = 60.0
"""For the first pose: the publisher has to start, and may share the processor with others."""
SILENCE_SECONDS = 5.0


class BenchError(DinarError):
    """What was to be measured did not run."""


@contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a publisher in a process of its own, and end it."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def wait_for_first_pose(subscriber: PoseSubscriber, publisher: subprocess.Popen[bytes]) -> None:
    """Wait until the publisher has started and sent something; raises BenchError."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not subscriber.wait(0.1):
        if publisher.poll() is not None or time.monotonic() > end:
            raise BenchError(
                f"no pose came to {subscriber.address}: does `dinar play` work on this computer?"
            )


def wait_for_pose(subscriber: PoseSubscriber) -> None:
    """Wait for the next pose; raises BenchError when none comes any more."""
    if not subscriber.wait(SILENCE_SECONDS):
        raise BenchError(f"the publisher fell silent for {SILENCE_SECONDS:.0f} s")


def arrived_since(
    before: StreamStats, subscriber: PoseSubscriber, publisher: subprocess.Popen[bytes]
) -> Stream:
    """What arrived since `before`."""
    now = subscriber.stats()
    dropped = now.stale - before.stale + sum(now.malformed.values()) - sum(before.malformed.values())
    return Stream(
        endpoint=subscriber.address,
        publisher_pid=publisher.pid,
        received=now.received - before.received,
        taken=now.taken - before.taken,
        replaced=now.replaced - before.replaced,
        dropped=dropped,
    )
