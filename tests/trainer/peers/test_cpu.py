"""Other software beside ours: each pair really runs, and what is missing is said."""

from __future__ import annotations

import dataclasses
import json
import sys

import numpy as np
import pytest
import torch

from dinar.export.to_onnx import to_onnx
from dinar.runtime.avatar import Avatar, RendererNetwork, default_avatar_path, open_avatar
from dinar.runtime.measure.records import Peer
from dinar.trainer.models.renderer import LIVE, NeuralRenderer
from dinar.trainer.peers import cpu as peers


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "SECONDS", 0.2)
    monkeypatch.setattr(peers, "TURN_RUNS", 2)


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return dataclasses.replace(open_avatar(default_avatar_path()), networks=())


@pytest.fixture(scope="module")
def live() -> RendererNetwork:
    torch.manual_seed(0)
    return RendererNetwork("live", "fp32", to_onnx(NeuralRenderer(LIVE)))


def assert_measured(peer: Peer) -> None:
    assert peer.missing == ""
    assert peer.p50_ms is not None
    assert peer.ours_p50_ms is not None
    assert min(peer.p50_ms, peer.ours_p50_ms) > 0
    assert peer.ratio == pytest.approx(peer.p50_ms / peer.ours_p50_ms)


def test_smplx_poses_the_body_beside_skinning(avatar: Avatar) -> None:
    peer = peers.smplx_forward(avatar)
    assert_measured(peer)
    assert (peer.name, peer.ours) == ("smplx forward", "skinning")


def test_another_body_than_the_open_one_is_not_measured(avatar: Avatar) -> None:
    other = dataclasses.replace(avatar, body=dataclasses.replace(avatar.body, hash="0" * 64))
    peer = peers.smplx_forward(other)
    assert peer.ratio is None
    assert "another body" in peer.missing


def test_onnx_runtime_runs_the_same_network(live: RendererNetwork) -> None:
    peer = peers.onnx_runtime(live, 64, (32, 64))
    assert_measured(peer)
    assert peer.ours == "live_fp32 on 32 x 64"


def test_the_paper_network_needs_one_of_ours_beside_it(avatar: Avatar, live: RendererNetwork) -> None:
    assert "name one with --network" in peers.eager_paper(avatar, 32, (32, 32)).missing
    assert_measured(peers.eager_paper(dataclasses.replace(avatar, networks=(live,)), 32, (32, 32)))


def test_the_program_prints_json_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["peers", "--size", "64"])
    peers.main()
    found = json.loads(capsys.readouterr().out)
    assert [peer["name"] for peer in found] == [
        "smplx forward",
        "live_fp32 in ONNX Runtime, whole picture",
        "live_int8 in ONNX Runtime, whole picture",
        "paper in eager torch, whole picture",
    ]
    assert np.isfinite(found[0]["ratio"])
