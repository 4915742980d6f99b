"""The camera, and the only home of axis conventions.

A camera looks along +z with x right and y down (OpenCV); the centre of the top-left pixel is at (0.5, 0.5).
The world is SMPL-X's: metres, y up; a body in the zero pose faces +z, its left hand towards +x.
Matrices are row-major arrays that multiply column vectors: `p_camera = T_camera_world @ p_world`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

MAX_SIZE = 8192
"""Largest width and height of a picture, pixels."""

_RIGID_TOLERANCE = 1e-4  # float32 matrices off a wire pass; a scaled or mirrored one does not
_GL_FROM_CV = np.diag([1.0, -1.0, -1.0, 1.0])  # x right, y down, z forward <=> x right, y up, z backward


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera, checked when it is made: a wrong matrix or size raises ValueError with one sentence.

    Attributes:
        T_camera_world: float64 [4, 4], rigid, world metres => camera metres (x right, y down, z forward).
        K: float64 [3, 3], camera metres => pixels, [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0;
            pixel centres at .5.
        width: columns of the picture, 1 to 8192.
        height: rows of the picture, 1 to 8192.
    """

    T_camera_world: np.ndarray
    K: np.ndarray
    width: int
    height: int

    def __post_init__(self) -> None:
        """Check the values and keep read-only float64 copies of the matrices."""
        object.__setattr__(self, "T_camera_world", _rigid("T_camera_world", self.T_camera_world))
        object.__setattr__(self, "K", _intrinsics(self.K))
        object.__setattr__(self, "width", _size("width", self.width))
        object.__setattr__(self, "height", _size("height", self.height))


@dataclass(frozen=True, eq=False)
class OpenXRView:
    """A view as OpenXR's `XrView` holds it: `XrPosef` and `XrFovf`. Axes: x right, y up, z backward.

    Attributes:
        orientation: float64 [4], unit quaternion (x, y, z, w), rotates view axes into the world.
        position: float64 [3], metres, the eye in the world.
        angle_left: radians from the viewing direction to the left border, negative left of it.
        angle_right: radians to the right border, negative left of the viewing direction.
        angle_up: radians to the upper border, positive above the viewing direction.
        angle_down: radians to the lower border, positive above the viewing direction.
    """

    orientation: np.ndarray
    position: np.ndarray
    angle_left: float
    angle_right: float
    angle_up: float
    angle_down: float


def projection_matrix(camera: Camera) -> np.ndarray:
    """Return float64 [3, 4], K [R | t]: world metres => (column * depth, row * depth, depth)."""
    return np.ascontiguousarray(camera.K @ camera.T_camera_world[:3])


def look_at(
    eye: ArrayLike, target: ArrayLike, up: ArrayLike, fov_y: float, width: int, height: int
) -> Camera:
    """Return a camera at `eye` that looks at `target`, square pixels, principal point in the middle.

    Args:
        eye: [3], world metres.
        target: [3], world metres, not at `eye`.
        up: [3], world direction that points up in the picture, not along the viewing direction.
        fov_y: full vertical field of view, radians, in (0, pi).
        width: columns.
        height: rows.
    """
    eye, target, up = (np.asarray(a, np.float64).reshape(3) for a in (eye, target, up))
    forward = _unit(target - eye, "look_at expects target and eye to differ")
    right = _unit(np.cross(forward, up), "look_at expects up to be a direction across the viewing direction")
    R = np.stack([right, np.cross(forward, right), forward])
    T = np.eye(4)
    T[:3, :3] = R
    T[:3, 3] = -R @ eye
    return Camera(T, _centred_intrinsics(fov_y, width, height), width, height)


def orbit(
    target: ArrayLike,
    azimuth: float,
    elevation: float,
    distance: float,
    *,
    fov_y: float,
    width: int,
    height: int,
) -> Camera:
    """Return a camera that circles `target`.

    Args:
        target: [3], world metres, shown in the middle of the picture.
        azimuth: radians; 0 looks at a body's face (the eye is towards +z), pi / 2 sees its left side (+x).
        elevation: radians above the horizontal plane, in (-pi / 2, pi / 2).
        distance: metres from `target`, > 0.
        fov_y: full vertical field of view, radians, in (0, pi).
        width: columns.
        height: rows.
    """
    if not abs(elevation) < math.pi / 2:
        raise ValueError(f"orbit expects an elevation between -pi/2 and pi/2 radians, not {elevation}")
    if not distance > 0:
        raise ValueError(f"orbit expects a distance above 0 metres, not {distance}")
    eye = np.asarray(target, np.float64) + distance * _orbit_direction(azimuth, elevation)
    return look_at(eye, target, (0.0, 1.0, 0.0), fov_y, width, height)


def framing(
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    width: int,
    height: int,
    azimuth: float = 0.0,
    elevation: float = 0.0,
    fov_y: float = math.radians(30.0),
    fill: float = 0.9,
) -> Camera:
    """Return the nearest orbiting camera that shows the whole box, for example a standing person.

    Args:
        lower: [3], smallest world coordinates of the box, metres.
        upper: [3], largest world coordinates of the box, metres.
        width: columns.
        height: rows.
        azimuth: as for `orbit`, radians.
        elevation: as for `orbit`, radians.
        fov_y: full vertical field of view, radians.
        fill: share of the picture's width or height, whichever binds, that the box may take, in (0, 1].
    """
    lower, upper = np.asarray(lower, np.float64).reshape(3), np.asarray(upper, np.float64).reshape(3)
    if not (np.all(upper >= lower) and np.any(upper > lower)):
        raise ValueError(f"framing expects a box with upper above lower, not {lower} to {upper}")
    if not 0 < fill <= 1:
        raise ValueError(f"framing expects fill in (0, 1], not {fill}")
    centre = (lower + upper) / 2
    corners = np.stack(np.meshgrid(*np.stack([lower, upper], axis=1), indexing="ij"), axis=-1).reshape(8, 3)
    probe = orbit(centre, azimuth, elevation, 1.0, fov_y=fov_y, width=width, height=height)
    offset = (corners - centre) @ probe.T_camera_world[:3, :3].T  # [8, 3], camera axes
    half = fill * 0.5 * np.array([width, height]) / np.diag(probe.K)[:2]  # tangents of the usable half angles
    distance = float(np.max(np.abs(offset[:, :2]) / half - offset[:, 2:]))
    return orbit(centre, azimuth, elevation, distance, fov_y=fov_y, width=width, height=height)


def stereo_pair(camera: Camera, baseline_m: float) -> tuple[Camera, Camera]:
    """Return the left and the right eye: parallel, `baseline_m` metres apart, `camera` in their middle."""
    if not (math.isfinite(baseline_m) and baseline_m >= 0):
        raise ValueError(f"stereo_pair expects a baseline of 0 metres or more, not {baseline_m}")

    def moved(x: float) -> Camera:
        T = camera.T_camera_world.copy()
        T[0, 3] -= x
        return replace(camera, T_camera_world=T)

    return moved(-baseline_m / 2), moved(baseline_m / 2)


def scaled(camera: Camera, factor: float) -> Camera:
    """Return the same view with `factor` times as many columns and rows; both must come out whole."""
    width, height = camera.width * factor, camera.height * factor
    if width != int(width) or height != int(height):
        raise ValueError(
            f"scaled expects a factor that keeps {camera.width} x {camera.height} whole, not {factor}"
        )
    K = camera.K.copy()
    K[:2] *= factor
    return Camera(camera.T_camera_world, K, int(width), int(height))


def to_opengl(camera: Camera, near: float, far: float) -> tuple[np.ndarray, np.ndarray]:
    """Return OpenGL's view and projection matrices, float64 [4, 4] each: `clip = projection @ view @ world`.

    Eye axes: x right, y up, z backward; clip depth -w at `near` and +w at `far` (metres, 0 < near < far); the
    picture's top row is at y = +w.
    """
    if not 0 < near < far:
        raise ValueError(f"to_opengl expects 0 < near < far, not near {near} and far {far}")
    (fx, skew, cx), (_, fy, cy), _ = camera.K
    W, H = camera.width, camera.height
    projection = np.array(
        [
            [2 * fx / W, -2 * skew / W, 1 - 2 * cx / W, 0],
            [0, 2 * fy / H, 2 * cy / H - 1, 0],
            [0, 0, (near + far) / (near - far), 2 * near * far / (near - far)],
            [0, 0, -1, 0],
        ]
    )
    return _GL_FROM_CV @ camera.T_camera_world, projection


def from_opengl(view: ArrayLike, projection: ArrayLike, width: int, height: int) -> Camera:
    """Return the camera of OpenGL's view and perspective matrices (see `to_opengl`) and a viewport's size."""
    P = np.asarray(projection, np.float64)
    if P.shape != (4, 4) or not np.allclose(P[3], [0, 0, -1, 0]):
        raise ValueError("from_opengl expects a 4x4 perspective projection with last row 0 0 -1 0")
    W, H = width, height
    K = [
        [P[0, 0] * W / 2, -P[0, 1] * W / 2, (1 - P[0, 2]) * W / 2],
        [0, P[1, 1] * H / 2, (1 + P[1, 2]) * H / 2],
        [0, 0, 1],
    ]
    return Camera(_GL_FROM_CV @ _rigid("view", view), np.array(K), width, height)


def to_openxr(camera: Camera) -> OpenXRView:
    """Return the camera as an OpenXR view. Raises ValueError for a skewed camera, which OpenXR cannot say."""
    (fx, skew, cx), (_, fy, cy), _ = camera.K
    if skew != 0:
        raise ValueError(f"to_openxr expects a camera without skew, not skew {skew}")
    T_world_view = np.linalg.inv(_GL_FROM_CV @ camera.T_camera_world)
    return OpenXRView(
        orientation=_quaternion_from_rotation(T_world_view[:3, :3]),
        position=T_world_view[:3, 3].copy(),
        angle_left=math.atan2(-cx, fx),
        angle_right=math.atan2(camera.width - cx, fx),
        angle_up=math.atan2(cy, fy),
        angle_down=math.atan2(cy - camera.height, fy),
    )


def from_openxr(view: OpenXRView, width: int, height: int) -> Camera:
    """Return the camera of an OpenXR view drawn on `width` x `height` pixels."""
    left, right = math.tan(view.angle_left), math.tan(view.angle_right)
    up, down = math.tan(view.angle_up), math.tan(view.angle_down)
    if not (left < right and down < up):
        raise ValueError("from_openxr expects angle_left < angle_right and angle_down < angle_up")
    fx, fy = width / (right - left), height / (up - down)
    T_world_view = np.eye(4)
    T_world_view[:3, :3] = _rotation_from_quaternion(view.orientation)
    T_world_view[:3, 3] = view.position
    K = np.array([[fx, 0, -left * fx], [0, fy, up * fy], [0, 0, 1]])
    return Camera(_GL_FROM_CV @ np.linalg.inv(_rigid("pose", T_world_view)), K, width, height)


def _orbit_direction(azimuth: float, elevation: float) -> np.ndarray:
    """Return float64 [3], the unit vector from the target to the eye."""
    return np.array(
        [
            math.sin(azimuth) * math.cos(elevation),
            math.sin(elevation),
            math.cos(azimuth) * math.cos(elevation),
        ]
    )


def _centred_intrinsics(fov_y: float, width: int, height: int) -> np.ndarray:
    if not 0 < fov_y < math.pi:
        raise ValueError(f"a camera expects a field of view between 0 and pi radians, not {fov_y}")
    focal = 0.5 * height / math.tan(0.5 * fov_y)
    return np.array([[focal, 0, 0.5 * width], [0, focal, 0.5 * height], [0, 0, 1]])


def _unit(v: np.ndarray, expectation: str) -> np.ndarray:
    length = float(np.linalg.norm(v))
    if not (math.isfinite(length) and length > 1e-12):
        raise ValueError(expectation)
    return v / length


def _matrix(name: str, value: ArrayLike, shape: tuple[int, int]) -> np.ndarray:
    matrix = np.array(value, np.float64)
    if matrix.shape != shape or not np.all(np.isfinite(matrix)):
        raise ValueError(f"a camera expects {name} as {shape[0]}x{shape[1]} finite numbers, not {value!r}")
    matrix.setflags(write=False)
    return matrix


def _rigid(name: str, value: ArrayLike) -> np.ndarray:
    T = _matrix(name, value, (4, 4))
    R = T[:3, :3]
    orthonormal = np.abs(R @ R.T - np.eye(3)).max() <= _RIGID_TOLERANCE
    if not orthonormal or np.linalg.det(R) < 0 or not np.array_equal(T[3], [0, 0, 0, 1]):
        raise ValueError(
            f"a camera expects {name} to be rigid (rotation, translation, last row 0 0 0 1), not {value!r}"
        )
    return T


def _intrinsics(value: ArrayLike) -> np.ndarray:
    K = _matrix("K", value, (3, 3))
    if not (K[0, 0] > 0 and K[1, 1] > 0 and K[1, 0] == 0 and np.array_equal(K[2], [0, 0, 1])):
        raise ValueError(f"a camera expects K as [[fx, skew, cx], [0, fy, cy], [0, 0, 1]], not {value!r}")
    return K


def _size(name: str, value: int) -> int:
    if isinstance(value, bool) or not 1 <= value <= MAX_SIZE or int(value) != value:
        raise ValueError(f"a camera expects {name} as a whole number from 1 to {MAX_SIZE}, not {value!r}")
    return int(value)


def _quaternion_from_rotation(R: np.ndarray) -> np.ndarray:
    """Return float64 [4] (x, y, z, w), w >= 0, by Bar-Itzhack's eigenvector: stable for every rotation."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = R
    M = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    q = np.linalg.eigh(M)[1][:, -1]
    return q if q[3] >= 0 else -q


def _rotation_from_quaternion(orientation: ArrayLike) -> np.ndarray:
    q = np.asarray(orientation, np.float64)
    if q.shape != (4,):
        raise ValueError(
            f"from_openxr expects the orientation as 4 numbers (x, y, z, w), not {orientation!r}"
        )
    x, y, z, w = _unit(q, "from_openxr expects an orientation that is not zero")
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
