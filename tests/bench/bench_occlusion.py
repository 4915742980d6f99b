"""How well occlusion outlines (Sec. 3.5) keep wrong colours out of the texture.

    python -m tests.bench.bench_occlusion [--people 50] [--sheet occlusion.png]

Synthetic people, seen from the front, with hands before the belly. What a pixel really shows is known: the
place on the skin that the cloth there lies over. The bare body has another place at that pixel, and that is
where its colour goes. A pixel is wrong when the two are more than 10 cm apart in the T-pose; a texel is wrong
when most of its pixels are. Counted are texels of 256 x 256 that show skin or clothes cut from the body's
surface (skirts, shoes and hair have no place on it).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from rich.console import Console
from rich.progress import track
from rich.table import Table

from dinar.runtime.body import Pose, rest_vertices
from dinar.runtime.cpu.rasterize import Rasterizer
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth.generate import Workshop, open_workshop
from dinar.trainer.data.synth.pictures import PaintedPerson, Shot, paint_person, take_pictures
from dinar.trainer.data.synth.pose_person import PosedPerson, pose_person
from dinar.trainer.data.synth.poses import hands_in_front
from dinar.trainer.data.synth.recipe import make_person, sample_person
from dinar.trainer.data.synth.scene import NEUTRAL_LOOK, frame
from dinar.trainer.data.synth.surroundings import sample_surroundings
from dinar.trainer.texture.body_view import BodyView, view_body
from dinar.trainer.texture.occlusion import limb_colours, occlusion_outline

SIZE, TEXELS = 512, 256
FIRST = 700_000  # people that nothing else uses
APART_M = 0.10
MISFITS = {"exact": 0.0, "2 degrees off": np.radians(2.0)}
"""Standard deviation of the error of every joint's rotation, radians: fits of real photos are never exact."""


@dataclass(frozen=True)
class Counts:
    """Texels of one person.

    Attributes:
        wrong: sampled with a wrong colour when nothing is left out.
        wrong_kept: of these, still sampled with the outlines left out.
        right: sampled with a right colour.
        right_kept: of these, still sampled.
    """

    wrong: int
    wrong_kept: int
    right: int
    right_kept: int


def count(view: BodyView, outline: np.ndarray, shown: np.ndarray, rest: np.ndarray) -> Counts:
    """Count texels.

    Args:
        view: the bare body, as it was fitted.
        outline: bool [H, W], pixels to leave out.
        shown: float32 [H, W, 3], place on the skin, T-pose, of what a pixel really shows; NaN: none.
        rest: float32 [V, 3], T-pose of the bare body.
    """
    known = view.coverage & np.isfinite(shown[..., 0])
    apart = np.linalg.norm(view.interpolate(rest) - np.nan_to_num(shown), axis=2) > APART_M
    cell = np.clip((view.uv * TEXELS).astype(int), 0, TEXELS - 1)
    index = cell[..., 1] * TEXELS + cell[..., 0]

    def per_texel(pixels: np.ndarray) -> np.ndarray:
        return np.bincount(index[pixels], minlength=TEXELS * TEXELS)

    wrong_pixels, right_pixels = per_texel(known & apart), per_texel(known & ~apart)
    wrong = wrong_pixels > right_pixels
    right = (right_pixels > 0) & ~wrong
    kept = per_texel(known & ~outline) > 0
    return Counts(int(wrong.sum()), int((wrong & kept).sum()), int(right.sum()), int((right & kept).sum()))


def shown_places(painted: PaintedPerson, posed: PosedPerson, shot: Shot) -> np.ndarray:
    """Place on the skin, T-pose, of what each pixel shows: float32 [H, W, 3], NaN for what has none there."""
    mesh, camera, skin = painted.mesh, shot.cameras[0], painted.person.form.rest
    rasterizer = Rasterizer(mesh.faces, len(mesh.vertices), camera.width, camera.height)
    seen = rasterizer.draw(posed.vertices, [camera], cull_back_faces=False)
    view = BodyView(
        camera,
        posed.vertices,
        mesh.faces,
        seen.triangle[0],
        _barycentric(posed.vertices, mesh.faces, seen.triangle[0], shot),
        np.zeros((*seen.triangle[0].shape, 2), np.float32),
        seen.triangle[0] >= 0,
    )
    places = view.interpolate((skin[mesh.anchor_vertex] * mesh.anchor_weight[..., None]).sum(1))
    of_body = np.array([part.uv is not None and part.uv.of_body for part in painted.person.parts])
    tied = view.coverage & of_body[mesh.part[np.maximum(seen.triangle[0], 0)]]
    return np.where(tied[..., None], places, np.nan).astype(np.float32)


def _barycentric(vertices: np.ndarray, faces: np.ndarray, triangle: np.ndarray, shot: Shot) -> np.ndarray:
    """Perspective-correct weights of the corners at pixel centres: float32 [H, W, 3]."""
    camera = shot.cameras[0]
    points = vertices @ camera.T_camera_world[:3, :3].T + camera.T_camera_world[:3, 3]
    weights = np.zeros((*triangle.shape, 3), np.float32)
    row, column = np.nonzero(triangle >= 0)
    rays = np.stack([column + 0.5, row + 0.5, np.ones(len(row))], 1) @ np.linalg.inv(camera.K).T
    a, b, c = (points[faces[triangle[row, column]][:, k]] for k in range(3))
    volumes = np.stack([np.einsum("na,na->n", rays, np.cross(p, q)) for p, q in ((b, c), (c, a), (a, b))], 1)
    weights[row, column] = volumes / volumes.sum(1, keepdims=True)
    return weights


@dataclass(frozen=True, eq=False)
class Case:
    """One person: how it was counted for each misfit, and a picture of the first misfit's outlines."""

    counts: dict[str, Counts]
    picture: np.ndarray


def cases(workshop: Workshop, people: int) -> Iterator[Case]:
    """Make people with their hands before them and count."""
    body = workshop.studio.body
    for number in range(FIRST, FIRST + people):
        recipe = sample_person(number, workshop.population)
        painted = paint_person(make_person(recipe, body))
        draw = Draw(number, "occlusion")
        pose = hands_in_front(draw.child("pose"), painted.build)
        posed = pose_person(painted.mesh, workshop.studio.space, painted.person.form.joints, pose)
        camera = frame(posed.vertices, draw.normal(0, 0.15), 0.05, fov_y=np.radians(30), fill=0.92, size=SIZE)
        shot = Shot(pose, *sample_surroundings(draw.child("place")), (camera,), (NEUTRAL_LOOK,))
        shown = shown_places(painted, posed, shot)
        betas = recipe.individual.betas
        rest, colours = rest_vertices(body, betas).astype(np.float32), limb_colours(body, betas)
        found = {}
        for name, error in MISFITS.items():
            fitted = view_body(body, betas, _misfit(pose, error, draw.child(name)), camera)
            outline = occlusion_outline(fitted, colours)
            found[name] = count(fitted, outline, shown, rest)
            if error == 0:
                picture = take_pictures(painted, workshop.studio, shot)[0].rgb.copy()
                picture[outline & fitted.coverage] = (255, 0, 0)
        yield Case(found, picture)


def _misfit(pose: Pose, deviation: float, draw: Draw) -> Pose:
    """Turn every body joint by a small random rotation."""
    error = np.zeros((55, 3))
    error[:22] = deviation * draw.normals((22, 3))
    return replace(pose, rotations=(pose.rotations + error).astype(np.float32))


def main() -> None:
    """Count over many people and print shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--sheet", type=Path, help="PNG of what was left out, in red")
    arguments = parser.parse_args()
    console = Console()
    found = list(
        track(cases(open_workshop(), arguments.people), "making people", arguments.people, console=console)
    )
    table = Table("fit", "wrong texels a person", "removed", "right texels a person", "lost")
    for name in MISFITS:
        total = np.array([list(vars(case.counts[name]).values()) for case in found]).sum(0)
        wrong, wrong_kept, right, right_kept = (int(n) for n in total)
        table.add_row(
            name,
            f"{wrong / len(found):.0f}",
            f"{1 - wrong_kept / max(wrong, 1):.1%}",
            f"{right / len(found):.0f}",
            f"{1 - right_kept / max(right, 1):.1%}",
        )
    console.print(table)
    if arguments.sheet:
        pictures = [case.picture for case in found[:24]]
        rows = [np.concatenate(pictures[i : i + 6], 1) for i in range(0, len(pictures) - 5, 6)]
        sheet = Image.fromarray(np.concatenate(rows or [pictures[0]], 0))
        ImageDraw.Draw(sheet).text((8, 8), "red: not sampled", fill=(255, 0, 0))
        sheet.save(arguments.sheet)


if __name__ == "__main__":
    main()
