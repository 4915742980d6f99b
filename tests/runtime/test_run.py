"""The avatar that follows a stream: poses, and shape when it may. Real sockets, real pictures."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dinar.runtime.avatar import Avatar, Texture
from dinar.runtime.body import Pose, load_body, open_body_path
from dinar.runtime.camera import Camera
from dinar.runtime.live_avatar import AS_THEY_COME, FollowingRenderer, LivePoses, Steadiness
from dinar.runtime.renderer import open_renderer
from dinar.runtime.run import NoPoseError, RunConfig, run
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
    avatar: Avatar, *, accept_betas: bool, steadiness: Steadiness = AS_THEY_COME
) -> Iterator[tuple[PosePublisher, LivePoses, PoseSubscriber]]:
    with (
        PosePublisher("tcp://127.0.0.1:0", bind=True) as publisher,
        PoseSubscriber(publisher.address) as subscriber,
    ):
        live = LivePoses(avatar, subscriber, "pose", accept_betas=accept_betas, steadiness=steadiness)
        yield publisher, live, subscriber


def receive(
    publisher: PosePublisher, live: LivePoses, subscriber: PoseSubscriber, *, betas: np.ndarray | None
) -> Pose:
    """Send until something arrives: a subscriber that has just connected misses the first messages."""
    for _ in range(200):
        publisher.send(Pose.rest(), betas=betas)
        if subscriber.wait(0.05) and (pose := live.latest()) is not None:
            return pose
    pytest.fail("nothing arrived")


def silhouette(renderer: FollowingRenderer, pose: Pose, avatar: Avatar) -> int:
    """Pixels of the person, seen as `avatar` would be framed."""
    camera = frame_poses(avatar, [pose], width=WIDTH, height=HEIGHT).camera(WIDTH, HEIGHT)
    return int((renderer.render(pose, [camera]).numpy()[0, ..., 3] > 128).sum())


def test_the_shape_in_the_stream_is_followed_when_it_may_be(avatar: Avatar) -> None:
    with (
        streaming(avatar, accept_betas=True) as (publisher, live, subscriber),
        FollowingRenderer(lambda: live.avatar, open_renderer) as renderer,
    ):
        before = silhouette(renderer, Pose.rest(), avatar)
        pose = receive(publisher, live, subscriber, betas=TALL)
        np.testing.assert_array_equal(live.avatar.betas, TALL)
        assert silhouette(renderer, pose, avatar) != before


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


@contextmanager
def sending(publisher: PosePublisher, views: list[Camera]) -> Iterator[None]:
    """Publish the T-pose and cameras, over and over."""
    done = threading.Event()

    def send() -> None:
        while not done.wait(0.02):
            publisher.send(Pose.rest())
            if views:
                publisher.send_cameras(views)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_the_cameras_in_the_stream_are_drawn_side_by_side(avatar: Avatar, tmp_path: Path) -> None:
    front = frame_poses(avatar, [Pose.rest()], width=80, height=64)
    views = [front.camera(80, 64), front.turned(np.pi / 2).camera(80, 64)]
    out = tmp_path / "pair.png"
    with PosePublisher("tcp://127.0.0.1:0", bind=True) as publisher, sending(publisher, views):
        config = RunConfig(
            poses=publisher.address, out=out, seconds=0.2, follow_cameras=True, background="transparent"
        )
        assert run(config) == 0
    picture = np.asarray(Image.open(out))
    assert picture.shape == (64, 160, 4)
    left, right = (picture[:, half, 3] > 128 for half in (slice(0, 80), slice(80, 160)))
    assert left.sum() > 1.5 * right.sum() > 0, (
        "arms stretched out to the sides are wide in front, narrow beside"
    )


def test_without_cameras_in_the_stream_one_sentence_says_so(tmp_path: Path) -> None:
    with PosePublisher("tcp://127.0.0.1:0", bind=True) as publisher, sending(publisher, []):
        config = RunConfig(
            poses=publisher.address, out=tmp_path / "x.png", seconds=0.2, follow_cameras=True, patience=0.5
        )
        with pytest.raises(NoPoseError, match="no camera came"):
            run(config)
