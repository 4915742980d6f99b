"""Paint of collars, hoods and of pieces that are sewn on, such as lapels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.clothes.tailor import Tailored
from dinar.trainer.data.people.clothes.top_paint import RIB_PITCH, Layer
from dinar.trainer.data.people.clothes.top_recipe import TopRecipe
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.cloth_frame import cloth_points
from dinar.trainer.data.people.fabric.fabrics import paint_fabric
from dinar.trainer.data.people.part import Paint, SurfacePoints


@dataclass(frozen=True)
class CollarPainter:
    """Paints a collar or hood: a grid with so many columns around the neck and rows across it."""

    form: DressForm
    recipe: TopRecipe
    columns: int
    rows: int

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint points of the collar."""
        recipe = self.recipe
        frame = cloth_points(self.form, points.position, points.normal, "top")
        fabric = paint_fabric(recipe.fabric, frame)
        layer = Layer(fabric.albedo, fabric.slope, fabric.cavity)
        if recipe.trim is not None and recipe.collar != "hood":
            layer.cover(np.array(recipe.trim), np.ones(len(points.face)))
        across, around = self._place(points)
        folded = recipe.collar not in ("stand",)
        if recipe.collar in ("polo", "turtle") or (recipe.rib > 0 and not folded):
            phase = around * (0.46 * 2 * np.pi / RIB_PITCH)
            layer.cavity = layer.cavity * (1 - 0.2 * (0.5 + 0.5 * np.sin(phase)))
        elif folded:
            layer.line(1 - across, 0.02, 0.35)
            layer.line(0.90 - across, 0.012, 0.22)
        normal = points.normal - layer.slope
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        return Paint(np.clip(layer.albedo, 0, 1), normal, np.clip(layer.cavity, 0, 1))

    def _place(self, points: SurfacePoints) -> tuple[np.ndarray, np.ndarray]:
        """Where points lie: across the collar (0 inside to 1 at the outer edge) and around it, 0 to 1."""
        cells = (self.columns - 1) * (self.rows - 1)
        cell, second = points.face % cells, points.face >= cells
        weight = points.barycentric
        column = cell // (self.rows - 1) + np.where(second, weight[:, 2], weight[:, 1] + weight[:, 2])
        row = cell % (self.rows - 1) + np.where(second, weight[:, 1] + weight[:, 2], weight[:, 1])
        return row / (self.rows - 1), column / (self.columns - 1)


@dataclass(frozen=True)
class PatchPainter:
    """Paints a piece of the garment's fabric that is sewn on, such as a lapel."""

    form: DressForm
    recipe: TopRecipe
    cloth: Tailored
    edge: np.ndarray

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint points of the piece; `edge` [V] is the distance from its edges."""
        values = self.cloth.on_body(points, np.column_stack([self.form.rest, self.edge]))
        frame = cloth_points(self.form, np.ascontiguousarray(values[:, :3]), points.normal, "top")
        fabric = paint_fabric(self.recipe.fabric, frame)
        layer = Layer(fabric.albedo, fabric.slope, fabric.cavity.copy())
        layer.line(values[:, 3], 0.002, 0.35)
        layer.line(values[:, 3] - 0.006, 0.001, 0.18)
        normal = self.cloth.folded_normals(points) - layer.slope
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        return Paint(np.clip(layer.albedo, 0, 1), normal, np.clip(layer.cavity, 0, 1))
