"""How good few-shot avatars are on people and views that no network was trained on.

    dinar synth --people 20 --seed 900000 --out benchmark --views 6 --poses 3
    python -m tests.bench.bench_avatar benchmark --networks RUN/avatar.pt --sheet avatars.jpg

Each person's avatar is made from 1, 2 and 4 views of the first pose, and drawn as the cameras of all others
see it: as the bare body with the photos' colours (`rgb` mode), and by the network. Means over people, and
what the network gains over the bare body with the interval that 95 of 100 draws of so many people would give.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from rich.console import Console
from rich.progress import track
from rich.table import Table

from dinar.runtime.files.bodies import find_body
from dinar.trainer.data.dataset.layout import read_info, read_view
from dinar.trainer.data.prepared_views import ViewPreparer, ViewStore
from dinar.trainer.evaluation.bootstrap import bootstrap_mean
from dinar.trainer.evaluation.held_out import HeldOutCase, held_out_cases
from dinar.trainer.evaluation.judge import Drawn, Judge, ViewScore
from dinar.trainer.models.avatar_networks import load_avatar_networks
from dinar.trainer.picture import Picture

INPUTS = (1, 2, 4)
MEASURES: tuple[tuple[str, Callable[[ViewScore], float]], ...] = (
    ("PSNR, dB", lambda score: score.psnr),
    ("MS-SSIM", lambda score: score.ms_ssim),
    ("mask IoU, points", lambda score: 100 * score.mask_iou),
)
_TILE = 224  # pixels of the sheet
_SHOWN = 10  # people on it
_WHITE = 1.0


def per_person(
    scores: list[ViewScore], inputs: int, way: str, measure: Callable[[ViewScore], float]
) -> np.ndarray:
    """Mean over each person's views: float64 [P], people in the order they were judged."""
    people = list(dict.fromkeys(score.person for score in scores))
    chosen = [score for score in scores if score.inputs == inputs and score.way == way]
    return np.array([np.mean([measure(s) for s in chosen if s.person == person]) for person in people])


def print_table(scores: list[ViewScore], console: Console) -> None:
    """Print means, and gains with their intervals."""
    table = Table("made from", "measured", "bare body", "network", "gain [95 %]")
    for inputs in INPUTS:
        for name, measure in MEASURES:
            rgb, neural = (per_person(scores, inputs, way, measure) for way in ("rgb", "neural"))
            views = f"{inputs} view{'s' * (inputs > 1)}"
            gain = bootstrap_mean(neural - rgb)
            table.add_row(views, name, f"{rgb.mean():.3f}", f"{neural.mean():.3f}", str(gain))
    console.print(table)
    _, psnr = MEASURES[0]
    for fewer, more in pairwise(INPUTS):
        gain = bootstrap_mean(
            per_person(scores, more, "neural", psnr) - per_person(scores, fewer, "neural", psnr)
        )
        console.print(f"{more} views instead of {fewer}, network: {gain} dB PSNR", highlight=False)


def print_comparison(scores: list[ViewScore], others: list[ViewScore], console: Console) -> None:
    """Print what these networks gain over others, person by person the same views."""
    table = Table("made from", "measured", "others", "these", "gain [95 %]")
    for inputs in INPUTS:
        for name, measure in MEASURES:
            theirs, ours = (per_person(each, inputs, "neural", measure) for each in (others, scores))
            gain = bootstrap_mean(ours - theirs)
            table.add_row(str(inputs), name, f"{theirs.mean():.3f}", f"{ours.mean():.3f}", str(gain))
    console.print(table)


def read_scores(path: Path) -> list[ViewScore]:
    """What another run wrote with --json."""
    return [ViewScore(**entry) for entry in json.loads(path.read_text())]


def sheet_row(root: Path, case: HeldOutCase, drawn: list[Drawn]) -> Image.Image:
    """One person: the inputs, and for a turned and a moved view the photo, the bare body and the network."""
    most = max(INPUTS)
    inputs = [read_view(root, case.person, view).image for view in case.inputs[:most]]
    tiles = [_labelled(image, f"input {n + 1}") for n, image in enumerate(inputs)]
    for view in (case.turned[0], case.moved[1]):
        own = [d for d in drawn if d.score.view == view and d.score.inputs == most]
        tiles.append(_labelled(_pixels(own[0].photo), "photo"))
        for each in own:
            way = "bare body" if each.score.way == "rgb" else "network"
            tiles.append(_labelled(_pixels(each.picture), f"{way} {each.score.psnr:.1f} dB"))
    row = Image.new("RGB", (_TILE * len(tiles), _TILE), "white")
    for n, tile in enumerate(tiles):
        row.paste(tile, (n * _TILE, 0))
    return row


def _pixels(picture: Picture) -> np.ndarray:
    shown = picture.before(torch.full((1, 3, 1, 1), _WHITE))[0]
    return np.round(255 * shown.permute(1, 2, 0).numpy()).astype(np.uint8)


def _labelled(image: np.ndarray, label: str) -> Image.Image:
    tile = Image.fromarray(image).resize((_TILE, _TILE), Image.Resampling.LANCZOS)
    ImageDraw.Draw(tile).text((4, 2), label, fill="black", stroke_width=2, stroke_fill="white")
    return tile


def main() -> None:
    """Judge, print, and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path, help="the dataset of people to judge on")
    parser.add_argument("--networks", type=Path, required=True, help="avatar.pt of a training run")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--views", type=Path, help="folder to keep what is prepared of each view")
    parser.add_argument("--sheet", type=Path, help="picture to draw")
    parser.add_argument("--against", type=Path, help="scores of other networks on the same people, by --json")
    parser.add_argument("--json", type=Path, help="file for all scores")
    arguments = parser.parse_args()
    networks = load_avatar_networks(arguments.networks)
    info = read_info(arguments.root)
    body = find_body(info.body, info.body_vertices)
    side = networks.preset.texture_size
    views = ViewStore(ViewPreparer(body, side), arguments.root, arguments.views, f"{info.body} {side}")
    judge = Judge(arguments.root, body, networks, views)
    scores: list[ViewScore] = []
    rows: list[Image.Image] = []
    for case in track(held_out_cases(arguments.root, arguments.people, max(INPUTS)), "judging"):
        drawn = judge.judge(case, INPUTS)
        scores += [each.score for each in drawn]
        if len(rows) < _SHOWN:
            rows.append(sheet_row(arguments.root, case, drawn))
    print_table(scores, Console())
    if arguments.against:
        print_comparison(scores, read_scores(arguments.against), Console())
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(score) for score in scores], indent=1) + "\n")
    if arguments.sheet:
        sheet = Image.new("RGB", (rows[0].width, _TILE * len(rows)), "white")
        for n, row in enumerate(rows):
            sheet.paste(row, (0, n * _TILE))
        sheet.save(arguments.sheet, quality=88)


if __name__ == "__main__":
    main()
