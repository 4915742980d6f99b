"""The avatar that follows a stream: poses, and shape when it may. Real sockets, real pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from dinar.runtime.avatar import Avatar, Texture
from dinar.runtime.body import Pose, load_body, open_body_path
from dinar.runtime.renderer import open_renderer
from dinar.runtime.run import LiveAvatar
from dinar.runtime.show import frame_poses, stream_status
from dinar.runtime.stream import PosePublisher, PoseSubscriber

TALL = np.array([3, 0, 0, 0, 0, 0, 0, 0, 0, 0], np.float32)
WIDTH, HEIGHT = 48, 64


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    texture = Texture(rgb=np.full((16, 16, 3), 200, np.uint8))
    body = load_body(open_body_path())
    return Avatar("plain", body, np.zeros(10, np.float32), texture, None, "test", "CC0-1.0")


@contextmanager
def streaming(
    avatar: Avatar, *, accept_betas: bool
) -> Iterator[tuple[PosePublisher, LiveAvatar, PoseSubscriber]]:
    with (
        PosePublisher("tcp://127.0.0.1:0", bind=True) as publisher,
        PoseSubscriber(publisher.address) as subscriber,
        LiveAvatar(avatar, subscriber, "pose", open_renderer, accept_betas=accept_betas) as live,
    ):
        yield publisher, live, subscriber


def receive(
    publisher: PosePublisher, live: LiveAvatar, subscriber: PoseSubscriber, *, betas: np.ndarray | None
) -> Pose:
    """Send until something arrives: a subscriber that has just connected misses the first messages."""
    for _ in range(200):
        publisher.send(Pose.rest(), betas=betas)
        if subscriber.wait(0.05) and (pose := live.latest()) is not None:
            return pose
    pytest.fail("nothing arrived")


def silhouette(live: LiveAvatar, pose: Pose, avatar: Avatar) -> int:
    """Pixels of the person, seen as `avatar` would be framed."""
    camera = frame_poses(avatar, [pose], width=WIDTH, height=HEIGHT).camera(WIDTH, HEIGHT)
    return int((live.render(pose, [camera]).numpy()[0, ..., 3] > 128).sum())


def test_the_shape_in_the_stream_is_followed_when_it_may_be(avatar: Avatar) -> None:
    with streaming(avatar, accept_betas=True) as (publisher, live, subscriber):
        before = silhouette(live, Pose.rest(), avatar)
        pose = receive(publisher, live, subscriber, betas=TALL)
        np.testing.assert_array_equal(live.avatar.betas, TALL)
        assert silhouette(live, pose, avatar) != before


def test_shape_belongs_to_the_avatar_otherwise(avatar: Avatar) -> None:
    with streaming(avatar, accept_betas=False) as (publisher, live, subscriber):
        receive(publisher, live, subscriber, betas=TALL)
        assert live.avatar is avatar


def test_the_status_tells_what_the_stream_did(avatar: Avatar) -> None:
    with streaming(avatar, accept_betas=False) as (publisher, live, subscriber):
        assert stream_status(subscriber.stats()) == ["waiting for the first pose"]
        receive(publisher, live, subscriber, betas=None)
        (line,) = stream_status(subscriber.stats())
        assert "shown 1" in line
        assert "not synchronized" not in line, "both ends are on this computer"
