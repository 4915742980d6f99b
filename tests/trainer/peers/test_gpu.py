"""Peers on a GPU: who is beside whom, and that what is missing is a reason and never a number."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from dinar.runtime.avatar import Avatar, RendererNetwork, default_avatar_path, open_avatar
from dinar.runtime.body import Pose
from dinar.runtime.camera import framing
from dinar.runtime.errors import DinarError
from dinar.runtime.measure.records import Peer
from dinar.trainer.peers import gpu as gpu_peers
from dinar.trainer.peers.gpu import Subject, Time, View
from dinar.trainer.peers.gpu_floor import Rates

CPU = torch.device("cpu")
RATES = Rates(flops=1e15, bytes=4e12)
LIVE = RendererNetwork("live", "fp32", b"")
VIEWS = [View(Pose.rest(), framing((-1, 0, -1), (1, 2, 1), width=64, height=64))]


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return open_avatar(default_avatar_path())


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_peers, "SECONDS", 0.01)
    monkeypatch.setattr(gpu_peers, "TURN_RUNS", 3)
    monkeypatch.setattr(gpu_peers, "MAX_RUNS", 12)


def ours(_: View) -> Time:
    return Time(wall_ms=0.2, gpu_ms=0.1)


def missing(peers: list[Peer]) -> dict[str, str]:
    assert all(peer.p50_ms is peer.ratio is peer.gpu_ms is None for peer in peers if peer.missing)
    return {peer.name: peer.missing for peer in peers if peer.missing}


def test_without_cuda_every_peer_is_missing_and_nothing_else_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu_peers", "--size", "512", "1024", "--engine", "torch"])
    gpu_peers.main()
    found = [Peer(**peer) for peer in json.loads(capsys.readouterr().out)]
    assert list(missing(found)) == [
        f"{what} at {size}"
        for size in (512, 1024)
        for what in (
            "usual way, eager: rgb",
            "usual way, compiled: rgb",
            "usual way, eager: live_fp32",
            "usual way, compiled: live_fp32",
            "floor: live_fp32",
        )
    ]
    assert all("has no CUDA" in reason for reason in missing(found).values())


def test_a_network_has_a_floor_as_well(avatar: Avatar) -> None:
    names = gpu_peers.peer_names(Subject(avatar, LIVE, 512, "cuda", "auto"))
    assert names == (
        "usual way, eager: live_fp32 at 512",
        "usual way, compiled: live_fp32 at 512",
        "floor: live_fp32 at 512",
    )


def test_where_ours_does_not_run_nothing_is_beside_it(
    avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Subject) -> None:
        raise DinarError("no driver")

    monkeypatch.setattr(gpu_peers, "open_ours", refuse)
    subject = Subject(avatar, LIVE, 512, "cuda", "auto")
    found = gpu_peers.measure_subject(subject, CPU, RATES)
    assert missing(found) == dict.fromkeys(gpu_peers.peer_names(subject), "ours beside it: no driver")


class TestWithoutNvdiffrast:
    @pytest.fixture(autouse=True)
    def machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One where ours runs in a moment, and frames the usual way are timed by the processor's clock."""

        def renderer(_: Subject) -> AbstractContextManager[Any]:
            return nullcontext(object())

        def draw_usual(frame: Any, view: View) -> Time:
            frame.render(view.pose, view.camera)
            return Time(wall_ms=3.0, gpu_ms=2.0)

        monkeypatch.setitem(sys.modules, "nvdiffrast.torch", None)
        monkeypatch.setattr(gpu_peers, "open_ours", renderer)
        monkeypatch.setattr(gpu_peers, "make_views", lambda _: VIEWS)
        monkeypatch.setattr(gpu_peers, "draw_ours", lambda _, view: ours(view))
        monkeypatch.setattr(gpu_peers, "draw_usual", draw_usual)
        monkeypatch.setattr(torch, "compile", lambda function, **_: function)

    def test_the_rest_is_measured_under_a_name_of_its_own(self, avatar: Avatar) -> None:
        found = gpu_peers.measure_subject(Subject(avatar, LIVE, 64, "cuda", "auto"), CPU, RATES)
        assert [peer.name for peer in found[:4]] == [
            "usual way, eager: live_fp32 at 64",
            "usual way, eager without rasterizing: live_fp32 at 64",
            "usual way, compiled: live_fp32 at 64",
            "usual way, compiled without rasterizing: live_fp32 at 64",
        ]
        assert set(missing(found)) == {found[0].name, found[2].name}
        assert all("nvdiffrast is not installed" in reason for reason in missing(found).values())
        assert (found[1].p50_ms, found[1].ours_p50_ms, found[1].ratio) == (3.0, 0.2, pytest.approx(15))
        assert (found[1].gpu_ms, found[1].ours_gpu_ms) == (2.0, 0.1)
        assert found[4].name.startswith("floor: live_fp32 at 64 (0.1 GFLOP at 1000 TFLOP/s")

    def test_a_frame_that_fails_is_missing_with_its_reason(
        self, avatar: Avatar, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("no working triton\nand much more")

        monkeypatch.setattr(gpu_peers, "draw_usual", fail)
        found = gpu_peers.measure_subject(Subject(avatar, None, 64, "cuda", "auto"), CPU, RATES)
        assert missing(found)["usual way, eager without rasterizing: rgb at 64"] == "no working triton"


def test_a_network_of_somebody_elses_has_no_peer(avatar: Avatar) -> None:
    other = RendererNetwork("other", "fp32", b"")
    with pytest.raises(DinarError, match="no preset other"):
        gpu_peers.fresh_network(other)
    subject = Subject(avatar, other, 64, "cuda", "auto")
    assert "no preset other" in gpu_peers.floor_peer("floor", "ours", subject, RATES, ours, VIEWS).missing


def test_both_take_turns_over_the_same_views() -> None:
    order: list[tuple[str, View]] = []

    def draw(name: str, wall: float) -> gpu_peers.Draw:
        def run(view: View) -> Time:
            order.append((name, view))
            return Time(wall, wall / 2)

        return run

    views = [*VIEWS, View(Pose.rest(), VIEWS[0].camera)]
    peer = gpu_peers.compare("a", "b", draw("theirs", 4.0), draw("ours", 2.0), views)
    after_warm_up = order[len(views) :]
    assert [name for name, _ in after_warm_up[:10]] == ["theirs"] * 5 + ["ours"] * 5
    assert [view for _, view in after_warm_up[:5]] == [view for _, view in after_warm_up[5:10]]
    assert (peer.p50_ms, peer.ours_p50_ms, peer.ratio) == (4.0, 2.0, 2.0)
    assert (peer.p99_ms, peer.ours_p99_ms, peer.gpu_ms, peer.ours_gpu_ms) == (4.0, 2.0, 2.0, 1.0)


def test_views_are_spread_over_the_dance(avatar: Avatar) -> None:
    views = gpu_peers.make_views(Subject(avatar, None, 64, "cuda", "auto"))
    assert gpu_peers.POSES <= len(views) < 2 * gpu_peers.POSES
    assert {(view.camera.width, view.camera.height) for view in views} == {(64, 64)}
    assert np.ptp([view.pose.rotations for view in views], axis=0).max() > 0.5
