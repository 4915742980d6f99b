"""`dinar data import scans`: textured scans with SMPL-X fits (as THuman2), drawn from around (Sec. 4.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import cv2
import numba
import numpy as np

from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera, framing
from dinar.runtime.cpu.rasterize import Rasterizer
from dinar.runtime.cpu.shade import shade
from dinar.runtime.errors import UsageError
from dinar.runtime.prepare.faces import gather_corner_uv
from dinar.runtime.prepare.mipmap import build_mipmaps, pack_atlas, used_texels
from dinar.runtime.prepare.surface import Surface, make_surface
from dinar.trainer.data.importers.fits import ENDINGS, Fit, FitReader, check_gender, read_hand_space
from dinar.trainer.data.importers.importer import (
    ImportConfig,
    ImportFailure,
    PersonSource,
    ShotSource,
    SourceBody,
    import_people,
    open_source_body,
)
from dinar.trainer.data.importers.obj import Material, ObjMesh, read_obj
from dinar.trainer.data.importers.shot import Shot
from dinar.trainer.data.importers.stills import read_rgb
from dinar.trainer.data.importers.vposer import read_vposer
from dinar.trainer.data.people.draw import Draw

_TEXTURE_SIDE = 4096  # texels; more are not seen in pictures of these sizes
_FIT_NAMES = ("smplx_param", "{}", "{}_smplx", "smplx")
_BACKGROUND = 255
_HEIGHTS = (0.3, 3.0)  # metres of a scan next to its body's


@dataclass(frozen=True)
class ScansConfig(ImportConfig):
    """Import textured scans (.obj, .mtl, a picture) with SMPL-X fits: each is rendered from around, unlit.

    The paper's 72 pictures a scan are --views 8 --variants 8.
    """

    fits: Path | None = None
    """Folder of the fits: NAME/smplx_param.pkl or NAME.pkl (.npz, .json); the scans' own when left out."""
    views: int = 8
    """Cameras around each scan."""
    variants: int = 0
    """Further pictures of each view, each with another camera angle and other colours."""
    size: int = 512
    """Width and height of the pictures, pixels."""
    jitter: float = 5.0
    """Degrees that the views' cameras are off their even places, at most, sideways and up or down."""
    angle: float = 20.0
    """Degrees that a variant's camera is off its view's place, at most, likewise."""
    colour: float = 0.1
    """Share that a variant's red, green and blue are raised or lowered by, at most."""
    seed: int = 0
    """Of all that is drawn by chance."""
    gender: Literal["neutral", "male", "female"] | None = None
    """Leave out what was fitted with another model than this."""
    flat_hands: bool = False
    """Hand parameters are relative to the flat hand (flat_hand_mean=True), not to the mean hand."""
    vposer: Path | None = None
    """VPoser's weights (.pt or .ckpt), where body poses are stored as its 32 numbers."""

    def check(self) -> None:
        """Raise UsageError for values that cannot be."""
        if self.views < 1 or self.variants < 0 or self.views * (1 + self.variants) > 9999:
            raise UsageError(
                "--views must be at least 1, --variants 0, and all pictures of a scan at most 9999"
            )
        if not 64 <= self.size <= 2048:
            raise UsageError(f"--size must lie between 64 and 2048 pixels, not {self.size}")
        if not (0 <= self.jitter <= 45 and 0 <= self.angle <= 60 and 0 <= self.colour <= 0.9):
            raise UsageError("--jitter must lie in 0 to 45, --angle in 0 to 60 degrees, --colour in 0 to 0.9")


def import_scans(config: ScansConfig) -> int:
    """Import; returns the exit status. Raises DinarError naming what is wrong."""
    config.check()
    body = open_source_body(config.body)
    vposer = read_vposer(config.vposer) if config.vposer else None
    reader = FitReader(read_hand_space(config.body), config.flat_hands, vposer)
    scans = _scan_files(config.source)
    return import_people(
        config,
        body,
        [PersonSource(_name(scan, config), partial(_open, scan, config, body, reader)) for scan in scans],
        about=f"renders of scans with SMPL-X fits, imported from {config.source.resolve().name}",
        licence="see the scans' owner",
    )


def _scan_files(source: Path) -> list[Path]:
    """The scans: SOURCE/NAME/*.obj or SOURCE/NAME.obj. Raises ImportFailure: none, or several in a folder."""
    if not source.is_dir():
        raise ImportFailure(f"{source} is no folder")
    folders = sorted(folder for folder in source.iterdir() if folder.is_dir())
    files = sorted(source.glob("*.obj")) + [scan for folder in folders for scan in _scans_in(folder)]
    if not files:
        raise ImportFailure(f"{source} holds no scan (.obj), nor do the folders in it")
    return files


def _scans_in(folder: Path) -> list[Path]:
    """The scan of a folder, if it holds one; of several meshes (fits have some) the one of its name."""
    files = sorted(folder.glob("*.obj"))
    own = [file for file in files if file.stem == folder.name]
    if len(files) > 1 and not own:
        raise ImportFailure(f"{folder} holds several .obj files: which is the scan?")
    return own or files


def _name(scan: Path, config: ScansConfig) -> str:
    return scan.stem if scan.parent == config.source else scan.parent.name


def _fit_file(scan: Path, config: ScansConfig) -> Path:
    name = _name(scan, config)
    folders = [scan.parent] if config.fits is None else [config.fits / name, config.fits]
    names = [form.format(name) for form in _FIT_NAMES if config.fits is None or form != "smplx"]
    candidates = [folder / f"{n}{ending}" for folder in folders for n in names for ending in ENDINGS]
    file = next((file for file in candidates if file.is_file()), None)
    if file is None:
        raise ImportFailure(f"{candidates[0]} is missing (nor is there {name}.pkl, .npz or .json)")
    return file


def _open(scan: Path, config: ScansConfig, body: SourceBody, reader: FitReader) -> Sequence[ShotSource]:
    """Read a scan; its pictures are drawn one by one."""
    file = _fit_file(scan, config)
    fit = reader.read(file)
    check_gender(fit, config.gender, file)
    mesh = read_obj(scan)
    vertices = _in_body_space(mesh.vertices, fit, file)
    own = _height(vertices)
    joints = np.ptp(body.joints.joints(fit.betas, fit.pose), axis=0).max()
    if not _HEIGHTS[0] * joints < own < _HEIGHTS[1] * joints:
        raise ImportFailure(f"{scan} is {own:.2f} m large, its body {joints:.2f} m: has {file.name} a scale?")
    painter = ScanPainter(mesh, vertices, config.size)
    name = _name(scan, config)
    shots = []
    for view in range(config.views):
        for variant in range(1 + config.variants):
            draw = Draw("scan", config.seed, name, view, variant)
            load = partial(_draw, painter, fit, config, view, variant, draw)
            shots.append(ShotSource(f"{scan}, view {view}", load))
    return shots


def _draw(painter: ScanPainter, fit: Fit, config: ScansConfig, view: int, variant: int, draw: Draw) -> Shot:
    """Draw one picture: camera and colours by chance."""
    reach = math.radians(config.angle if variant else config.jitter)
    azimuth = 2 * math.pi * view / config.views + draw.uniform(-reach, reach)
    camera = painter.camera(azimuth, draw.uniform(-reach, reach))
    image, mask = painter.paint(camera)
    if variant:
        gain = 1 + draw.uniforms(-config.colour, config.colour, 3)
        image = shift_colours(image, mask, gain)
    pose = Pose(fit.pose.rotations, fit.pose.translation, fit.pose.expression)
    return Shot(image, mask, pose, fit.betas, camera)


def shift_colours(image: np.ndarray, mask: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Scale red, green and blue of the person, uint8 [H, W, 3] sRGB, by `gain` [3]."""
    shifted = np.clip(np.rint(image * gain), 0, 255).astype(np.uint8)
    return np.where(mask[..., None] > 0, shifted, image)


def _in_body_space(vertices: np.ndarray, fit: Fit, file: Path) -> np.ndarray:
    """Bring a scan to its body: p_scan = scale * p + offset, float32 [V, 3]."""
    if not 1e-3 < fit.scale < 1e3:
        raise ImportFailure(f"{file}: scale must lie between 0.001 and 1000, not {fit.scale:g}")
    return np.ascontiguousarray((vertices - fit.offset) / fit.scale, np.float32)


def _height(vertices: np.ndarray) -> float:
    return float(np.ptp(vertices, axis=0).max())


class ScanPainter:
    """Draws a textured scan without light, four samples a pixel."""

    def __init__(self, mesh: ObjMesh, vertices: np.ndarray, size: int) -> None:
        """Read the pictures and prepare.

        Args:
            mesh: the scan.
            vertices: float32 [V, 3], metres, where the scan's vertices are.
            size: width and height of the pictures.

        Raises:
            DinarError: a picture is missing or damaged.
        """
        self._vertices, self._size = vertices, size
        self._surface = _surface(mesh)
        self._rasterizer = Rasterizer(mesh.faces, len(vertices), size, size, samples=4)

    def camera(self, azimuth: float, elevation: float) -> Camera:
        """A camera that shows all of the scan, see `orbit`."""
        lower, upper = self._vertices.min(0), self._vertices.max(0)
        return framing(
            lower, upper, width=self._size, height=self._size, azimuth=azimuth, elevation=elevation
        )

    def paint(self, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Draw: uint8 [S, S, 3] sRGB on white, not mixed with it, and uint8 [S, S], the share covered."""
        seen = self._rasterizer.draw(self._vertices, [camera], cull_back_faces=False)
        rgba = np.zeros((self._size, self._size, 4), np.uint8)
        whole = np.array([0, 0, self._size, self._size], np.int64)
        shade(
            self._surface,
            seen.homogeneous[0],
            seen.triangle[0],
            4,
            whole,
            numba.get_num_threads(),
            rgba.view("<u4")[..., 0],
        )
        mask = np.ascontiguousarray(rgba[..., 3])
        return np.where(mask[..., None] > 0, rgba[..., :3], np.uint8(_BACKGROUND)), mask


def _surface(mesh: ObjMesh) -> Surface:
    corner_uv = _unwrapped(gather_corner_uv(mesh.uv, mesh.uv_faces, len(mesh.faces)))
    textures = []
    for number, material in enumerate(mesh.materials):
        rgb = _texture(material)
        used = used_texels(corner_uv[mesh.material == number], rgb.shape[1], rgb.shape[0])
        textures.append(build_mipmaps(rgb, used))
    return make_surface(mesh.faces, corner_uv, mesh.material, pack_atlas(textures))


def _unwrapped(corner_uv: np.ndarray) -> np.ndarray:
    """Bring each face's coordinates [F, 3, 2] into [0, 1], whole tiles at once, and turn v down."""
    middle = corner_uv.mean(axis=1, keepdims=True)
    tile = np.where((corner_uv < 0) | (corner_uv > 1), np.floor(middle), 0).max(axis=1, keepdims=True)
    corner_uv = np.clip(corner_uv - tile, 0, 1).astype(np.float32)
    corner_uv[..., 1] = 1 - corner_uv[..., 1]
    return corner_uv


def _texture(material: Material) -> np.ndarray:
    """The picture of a material, uint8 [H, W, 3] sRGB, at most 4096 texels a side."""
    if material.texture is None:
        return np.full((4, 4, 3), np.rint(255 * material.colour), np.uint8)
    rgb = read_rgb(material.texture)
    share = _TEXTURE_SIDE / max(rgb.shape[:2])
    if share < 1:
        rgb = np.asarray(cv2.resize(rgb, None, fx=share, fy=share, interpolation=cv2.INTER_AREA))
    return rgb
