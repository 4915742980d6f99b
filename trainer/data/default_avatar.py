"""The default avatar: dresses the open body, paints it, bakes soft light.

Run `python -m dinar.trainer.data.default_avatar --out runtime/assets/default.dinar` to build it again.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xatlas
from PIL import Image
from rich.progress import Progress

from dinar.runtime.avatar import Avatar, Shell, Texture, save_avatar
from dinar.runtime.body import forward, load_body, open_body_path
from dinar.runtime.camera import framing
from dinar.runtime.renderer import open_renderer
from dinar.trainer.data.people.bake import (
    Light,
    Texels,
    find_texels,
    irradiance,
    studio,
    to_image,
    vertex_normals,
)
from dinar.trainer.data.people.clothes.jeans import make_jeans
from dinar.trainer.data.people.clothes.sneakers import make_sneaker, with_socks
from dinar.trainer.data.people.clothes.sweatshirt import make_sweatshirt
from dinar.trainer.data.people.dress_form import DressForm, fitting_pose, stand
from dinar.trainer.data.people.hair.hair import make_hair
from dinar.trainer.data.people.part import Paint, Painter, Part, SurfacePoints
from dinar.trainer.data.people.skin.complexion import DEFAULT
from dinar.trainer.data.people.skin.skin import BETAS, paint_skin

_BODY_ATLAS = 2048  # texels a side
_SHELL_ATLAS = 1536
_ARMS_DOWN = 0.55  # share of the light that is baked with the arms down; the rest with the arms out
_BOUNCED = 0.09  # light that surfaces throw at each other: it reaches between lips and into hems
_KEPT_WEIGHTS = 6  # joints that move a shell vertex


@dataclass(frozen=True)
class Outfit:
    """All parts as one mesh (n vertices, m faces, T texture coordinates): `Shell` before rounding."""

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    joint_weights: np.ndarray
    anchor_vertex: np.ndarray
    anchor_weight: np.ndarray
    part_of_face: np.ndarray
    body_face_visible: np.ndarray


def build(progress: Progress) -> Avatar:
    """Build the default avatar from the open body. Deterministic; about two minutes on two cores."""
    body = load_body(open_body_path())
    betas = np.array(BETAS)
    form = stand(body, betas)
    sewing = progress.add_task("draping the sweatshirt", total=1.0)
    shirt = make_sweatshirt(form, lambda done: progress.update(sewing, completed=done))
    progress.update(sewing, completed=0.0, description="draping the jeans")
    jeans = make_jeans(form, lambda done: progress.update(sewing, completed=done))
    progress.update(sewing, completed=1.0, description="clothes draped")
    shoes = [make_sneaker(form, right=right) for right in (False, True)]
    skin = paint_skin(body, form.rest, DEFAULT)
    parts = [shirt, jeans, *shoes, make_hair(body, form.rest, skin)]
    outfit = assemble(form, parts)
    baking = progress.add_task("painting and lighting", total=2.0)
    light = _Baker(form, outfit, studio())
    shell_rgb = light.shell(parts)
    progress.update(baking, completed=1.0)
    body_rgb = light.body(with_socks(skin, form))
    progress.update(baking, completed=2.0)
    avatar = Avatar(
        name="default",
        body=body,
        betas=betas.astype(np.float32),
        texture=Texture(rgb=body_rgb),
        shell=to_shell(outfit, shell_rgb),
        provenance="Made by dinar.trainer.data.default_avatar from the open body; painted by code.",
        licence="CC0-1.0",
    )
    return replace(avatar, preview=_preview(avatar))


def _preview(avatar: Avatar) -> bytes:
    """A picture of the avatar in the fitting pose, PNG."""
    pose = fitting_pose()
    vertices = forward(avatar.body, avatar.betas, pose).vertices
    camera = framing(vertices.min(0), vertices.max(0), width=256, height=256, fill=0.92)
    with open_renderer(avatar) as renderer, io.BytesIO() as file:
        Image.fromarray(renderer.render(pose, [camera]).numpy()[0]).save(file, "PNG")
        return file.getvalue()


def assemble(form: DressForm, parts: list[Part]) -> Outfit:
    """Join the parts into one mesh with one atlas."""
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts])
    uv, uv_faces = _unwrap(parts)
    hidden = np.logical_or.reduce([part.hides for part in parts if part.hides is not None])
    return Outfit(
        vertices=np.concatenate([part.vertices for part in parts]),
        faces=np.concatenate(
            [part.faces + offset for part, offset in zip(parts, offsets, strict=False)]
        ).astype(np.int32),
        uv=uv,
        uv_faces=uv_faces,
        joint_weights=np.concatenate([_strongest(part.joint_weights) for part in parts]),
        anchor_vertex=np.concatenate([part.anchor_vertex for part in parts]).astype(np.int32),
        anchor_weight=np.concatenate([part.anchor_weight for part in parts]),
        part_of_face=np.repeat(np.arange(len(parts)), [len(part.faces) for part in parts]),
        body_face_visible=~hidden[form.body.faces].all(1),
    )


def _strongest(weights: np.ndarray) -> np.ndarray:
    """Keep the strongest weights of each vertex, rows summing to 1."""
    limit = np.sort(weights, axis=1)[:, -_KEPT_WEIGHTS][:, None]
    kept = np.where((weights >= limit) & (weights > 1e-4), weights, 0.0)
    return kept / kept.sum(1, keepdims=True)


def _unwrap(parts: list[Part]) -> tuple[np.ndarray, np.ndarray]:
    """Give all parts charts in one atlas: uv float64 [T, 2], uv_faces int32 [m, 3]."""
    atlas = xatlas.Atlas()
    for part in parts:
        scaled = (part.vertices * part.texel_density).astype(np.float32)
        atlas.add_mesh(scaled, part.faces.astype(np.uint32))
    charts = xatlas.ChartOptions()
    charts.max_iterations = 4
    charts.max_cost = 4.0
    packing = xatlas.PackOptions()
    packing.resolution = _SHELL_ATLAS
    packing.padding = 3
    packing.bilinear = True
    atlas.generate(charts, packing)
    uv, uv_faces, offset = [], [], 0
    for index, part in enumerate(parts):
        vertex, corners, coordinates = atlas[index]
        if not np.array_equal(vertex[corners], part.faces):
            raise AssertionError(f"xatlas reordered the faces of the {part.name}")
        uv.append(coordinates)
        uv_faces.append(corners + offset)
        offset += len(coordinates)
    return np.concatenate(uv).astype(np.float64), np.concatenate(uv_faces).astype(np.int32)


@dataclass(frozen=True)
class _Baker:
    """Paints and lights the body and its outfit as they stand together in the fitting pose."""

    form: DressForm
    outfit: Outfit
    lights: tuple[Light, ...]

    def shell(self, parts: list[Part]) -> np.ndarray:
        """Bake the outfit's atlas, uint8 [H, W, 3]."""
        outfit = self.outfit
        texels = find_texels(outfit.uv, outfit.uv_faces, height=_SHELL_ATLAS, width=_SHELL_ATLAS)
        points = _points(outfit.vertices, outfit.faces, texels)
        paint = _paint_parts(parts, outfit.part_of_face[texels.face], points)
        return to_image(texels, self._light(paint, texels, outfit.faces, points.position, self._dressed()))

    def body(self, painter: Painter) -> np.ndarray:
        """Bake the body's atlas, uint8 [H, W, 3]; what clothes cover takes the mean colour of the rest."""
        body = self.form.body
        texels = find_texels(body.uv, body.uv_faces, height=_BODY_ATLAS, width=_BODY_ATLAS)
        texels = texels.where(self.outfit.body_face_visible[texels.face])
        points = _points(self.form.rest, body.faces, texels)
        posed = _Posed(self.form.posed, body.weights)
        return to_image(texels, self._light(painter(points), texels, body.faces, points.position, posed))

    def _dressed(self) -> _Posed:
        """The outfit in the fitting pose."""
        outfit = self.outfit
        anchors = (outfit.anchor_vertex, outfit.anchor_weight)
        posed = self.form.pose(outfit.vertices, outfit.joint_weights, *anchors)
        return _Posed(posed, outfit.joint_weights)

    def _light(
        self, paint: Paint, texels: Texels, faces: np.ndarray, at_rest: np.ndarray, posed: _Posed
    ) -> np.ndarray:
        """Albedo times the light that arrives, linear RGB [M, 3].

        The light is the mean of what arrives with the arms down and with the arms out: a raised arm then
        does not show the darkness of a closed armpit.
        """
        outfit, body = self.outfit, self.form.body
        occluders = np.concatenate(
            [body.faces[outfit.body_face_visible], outfit.faces + len(self.form.posed)]
        )
        arms_down = irradiance(
            texels.interpolate(faces, posed.vertices),
            self.form.turn(paint.normal, texels.interpolate(faces, posed.joint_weights)),
            np.concatenate([self.form.posed, self._dressed().vertices]),
            occluders,
            self.lights,
        )
        arms_out = irradiance(
            at_rest,
            paint.normal,
            np.concatenate([self.form.rest, outfit.vertices]),
            occluders,
            self.lights,
        )
        light = _BOUNCED + (1 - _BOUNCED) * (_ARMS_DOWN * arms_down + (1 - _ARMS_DOWN) * arms_out)
        return paint.albedo * light * paint.cavity[:, None]


@dataclass(frozen=True)
class _Posed:
    """A mesh in the fitting pose: vertices [V, 3] and the joints [V, 55] that moved them."""

    vertices: np.ndarray
    joint_weights: np.ndarray


def _points(vertices: np.ndarray, faces: np.ndarray, texels: Texels) -> SurfacePoints:
    normals = texels.interpolate(faces, vertex_normals(vertices, faces))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return SurfacePoints(texels.interpolate(faces, vertices), normals, texels.face, texels.barycentric)


def _paint_parts(parts: list[Part], part_of_point: np.ndarray, points: SurfacePoints) -> Paint:
    """Let each part paint its own points; face ids become the part's own."""
    albedo, normal, cavity = (
        np.empty((len(part_of_point), 3)),
        points.normal.copy(),
        np.ones(len(part_of_point)),
    )
    first_face = 0
    for index, part in enumerate(parts):
        own = part_of_point == index
        paint = part.painter(
            SurfacePoints(
                points.position[own],
                points.normal[own],
                points.face[own] - first_face,
                points.barycentric[own],
            )
        )
        albedo[own], normal[own], cavity[own] = paint.albedo, paint.normal, paint.cavity
        first_face += len(part.faces)
    return Paint(albedo, normal, cavity)


def to_shell(outfit: Outfit, rgb: np.ndarray) -> Shell:
    """Round an outfit to what the avatar file stores."""
    order = np.argsort(-outfit.joint_weights, axis=1)[:, :_KEPT_WEIGHTS]
    return Shell(
        vertices=outfit.vertices.astype(np.float32),
        faces=outfit.faces,
        uv=np.clip(outfit.uv, 0, 1).astype(np.float32),
        uv_faces=outfit.uv_faces,
        joint_index=order.astype(np.uint8),
        joint_weight=np.take_along_axis(outfit.joint_weights, order, axis=1).astype(np.float32),
        anchor_vertex=outfit.anchor_vertex,
        anchor_weight=outfit.anchor_weight.astype(np.float32),
        rgb=rgb,
        body_face_visible=outfit.body_face_visible,
    )


def main() -> None:
    """Build the avatar file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the .dinar file to write")
    arguments = parser.parse_args()
    with Progress() as progress:
        avatar = build(progress)
    save_avatar(arguments.out, avatar)


if __name__ == "__main__":
    main()
