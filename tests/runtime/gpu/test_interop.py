"""Frames of a GPU in the window: written by CUDA into a buffer of OpenGL's, or copied where that cannot be.

Under Xvfb, with the software driver, whose work is done only when somebody waits for it. All scenes of
interop_child.py are played in one process; each test looks at what one of them told.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..xvfb import Display, run_child
from .software_cuda.handle import SoftwareCuda

ROOT = Path(__file__).parents[3]
FALLBACKS = {
    "304": ("CUDA_ERROR_OPERATING_SYSTEM", 0),
    "999": ("CUDA_ERROR_UNKNOWN", 0),
    "219": ("CUDA_ERROR_INVALID_GRAPHICS_CONTEXT", 0),
    "never maps": ("CUDA_ERROR_OPERATING_SYSTEM", 0),
    "maps but once": ("CUDA_ERROR_MAP_FAILED", 1),
    "registers but once": ("CUDA_ERROR_OUT_OF_MEMORY", 2),
    "unmaps but once": ("GLException", 1),
}
"""What fails, as it is told, and how many pictures were written by CUDA before."""


@pytest.fixture(scope="module")
def scenes(display: Display, software_cuda: SoftwareCuda) -> dict[str, dict[str, Any]]:
    cuda = software_cuda.environment()
    environment = {**display.environment(), "LD_LIBRARY_PATH": cuda["LD_LIBRARY_PATH"]}
    return run_child(["-m", f"{__package__}.interop_child"], environment, cwd=ROOT)


@pytest.fixture
def told(scenes: dict[str, dict[str, Any]], request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the scene of a test told; one that failed fails its test."""
    scene = scenes[request.param]
    assert "failed" not in scene, scene["failed"]
    return scene


def of(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("told", names, indirect=True)


@of("one view", "two views", "text")
def test_the_window_shows_what_the_gpu_drew_and_nothing_is_copied_to_the_host(told: dict[str, Any]) -> None:
    assert all(told["same"]), "as the same pictures from the host"
    assert all(told["lit"])
    assert all(told["changed"]), "another pose, another size, other text"
    assert (told["copied"], told["messages"]) == (0, [])
    assert (told["resources"], told["left"]) == (1, 0)


@pytest.mark.parametrize(("told", "name"), [(name, name) for name in FALLBACKS], indirect=["told"])
def test_where_cuda_cannot_write_pictures_are_copied_and_that_is_said_once(
    told: dict[str, Any], name: str
) -> None:
    reason, written = FALLBACKS[name]
    assert all(told["same"])
    assert told["copied"] == told["pictures"] - written
    (message,) = told["messages"]
    before = "the GPU Software CUDA 0 no longer writes into the window"
    if not written:
        renderer = message.removeprefix("the window's OpenGL runs on ").partition(", the person on ")[0]
        assert "llvmpipe" in renderer or "softpipe" in renderer or "SWR" in renderer
        before = f"the window's OpenGL runs on {renderer}, the person on Software CUDA 0"
    assert message == f"{before} ({reason}): pictures are copied through the computer's memory"
    assert (told["resources"], told["left"]) == (0, 0)


@of("does not unregister")
def test_a_buffer_that_cannot_be_given_back_stops_nothing(told: dict[str, Any]) -> None:
    assert all(told["same"])
    assert (told["copied"], told["messages"]) == (0, [])


@of("files")
def test_pictures_are_copied_to_the_host_only_for_screenshots_and_recordings(told: dict[str, Any]) -> None:
    (_, before), (_, screenshot), (drawn, recording), (drawn_more, after) = told["counts"]
    assert (before, screenshot) == (0, 1)
    assert recording - screenshot == 1 + 3, "that shown when V was pressed, and each that followed"
    assert drawn_more > drawn
    assert after - recording <= 1
    assert told["files"] == [".mp4", ".png"]


@of("times")
def test_times_are_read_only_while_they_are_shown(told: dict[str, Any]) -> None:
    assert told["before"]["timed"] == 0
    assert told["after"]["timed"] == 1
    assert told["after"]["pictures"] > told["before"]["pictures"]
    assert [line.split("\t")[0] for line in told["lines"]] == ["mode", "pictures", "submit", "gpu", "total"]


@of("modes")
def test_a_window_goes_from_the_host_to_a_gpu_and_back(told: dict[str, Any]) -> None:
    assert told == {"copied": 0, "red": True, "back": True}


@of("Escape", "close button")
def test_the_buffer_is_given_back_when_the_display_closes_the_window(told: dict[str, Any]) -> None:
    assert told == {"before": 1, "after": 0, "windows": 0}


@of("lost")
def test_a_gpu_lost_while_a_picture_is_taken_is_told_in_one_sentence(told: dict[str, Any]) -> None:
    assert told["raised"].startswith(
        "the GPU Software CUDA 0 stopped working (CUDA_ERROR_ILLEGAL_ADDRESS): start again"
    )


@of("bench")
def test_the_bench_presents_without_a_copy(told: dict[str, Any]) -> None:
    assert (told["copied"], told["left"]) == (0, 0)
    assert all(told["timed"])
    assert told["name"].endswith("without vertical sync")


@of("bench, 999")
def test_the_bench_says_when_it_presents_copies(told: dict[str, Any]) -> None:
    assert (told["copied"], told["left"]) == (2, 0)
    assert told["name"].endswith("(CUDA_ERROR_UNKNOWN): pictures are copied through the computer's memory")


@of("renderer")
def test_a_picture_goes_from_the_renderer_to_the_window_by_one_copy_on_the_gpu(told: dict[str, Any]) -> None:
    assert told == {"same": True, "lit": True, "copies_of_pictures": 1}
