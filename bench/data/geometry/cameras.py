"""Cameras: world (millimetres, z up) to camera (x right, y down, z forward) to pixels.

X_camera = rotation @ X_world + translation          pixel = focal * distorted(X_camera[:2]
/ X_camera[2]) + centre

distorted(x) = x (1 + k1 r2 + k2 r4 + k3 r6 + <p, x>) + p r2, r2 = <x, x>, is Human3.6M's
lens: the tangential term has factor 1 where OpenCV's has 2 on the diagonal, and
`tangential` is stored as VideoPose3D has it, p[0] going with x. Human3.6M's own files and
mmpose store the two numbers the other way round. Without coefficients a camera is a
pinhole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import BadInput, UnknownName

Array = NDArray[np.floating]
Float = NDArray[np.float64]

SHAPES = {
    "rotation": (3, 3),
    "translation": (3,),
    "focal": (2,),
    "centre": (2,),
    "radial": (3,),
    "tangential": (2,),
}
STEPS = 20  # of Newton's method in `undistort`; a real lens takes 3 or 4


@dataclass(frozen=True, eq=False)
class Camera:
    """One calibrated camera. rotation (3, 3) world to camera, translation (3,) mm, focal
    and centre (2,) pixels, width and height pixels.

    radial (3,) and tangential (2,) are the lens's coefficients. `extrinsics` gives rotation
    and translation from other conventions. Raises BadInput when the rotation is not one, or
    a size is not positive.
    """

    rotation: Float
    translation: Float
    focal: Float
    centre: Float
    width: int
    height: int
    radial: Float = field(default_factory=lambda: np.zeros(3))
    tangential: Float = field(default_factory=lambda: np.zeros(2))

    def __post_init__(self) -> None:
        for name, shape in SHAPES.items():
            value = np.asarray(getattr(self, name), dtype=np.float64)
            if value.shape != shape or not np.isfinite(value).all():
                raise BadInput(
                    f"camera: {name} has shape {value.shape} or is not finite; give finite"
                    f" numbers of shape {shape}"
                )
            object.__setattr__(self, name, value)
        if (
            np.abs(self.rotation @ self.rotation.T - np.eye(3)).max() > 1e-5
            or np.linalg.det(self.rotation) < 0
        ):
            raise BadInput(
                "camera: the rotation is not a proper rotation matrix; give an orthonormal"
                " 3x3 matrix with determinant 1"
            )
        if min(self.width, self.height, *self.focal) <= 0:
            raise BadInput(
                f"camera: width {self.width}, height {self.height}, focal"
                f" {self.focal.tolist()} must all be positive"
            )

    @property
    def position(self) -> Float:
        """Where the camera stands, world millimetres (3,)."""
        return -self.rotation.T @ self.translation

    @property
    def distorts(self) -> bool:
        """Whether the lens has any distortion."""
        return bool(self.radial.any() or self.tangential.any())


@dataclass(frozen=True)
class Rig:
    """Virtual cameras around a subject, all looking at one point; lengths in millimetres,
    azimuths in degrees.

    `radius` is the horizontal distance from the point, `stand` the height of the cameras
    above the floor, and `target` the height of the point. The point lies above the clip's
    mean root position (`centre: clip`, `target` above the floor; `centre: root`, `target`
    above the mean root) or above the world's origin (`centre: world`).
    """

    azimuths: tuple[float, ...]
    radius: tuple[float, ...]
    stand: tuple[float, ...]
    target: float
    centre: str
    focal: float
    width: int
    height: int

    # a misspelt key in a protocol file is an error
    __pydantic_config__: ClassVar = {"extra": "forbid"}

    def __post_init__(self) -> None:
        if not len(self.azimuths) == len(self.radius) == len(self.stand) > 0:
            raise BadInput(
                "rig: azimuths, radius and stand must hold one number per camera, and at"
                " least one"
            )
        if self.centre not in ("clip", "root", "world"):
            raise BadInput(f"rig: centre {self.centre!r} is none of clip, root, world")

    def around(self, roots: Array) -> dict[str, Camera]:
        """The cameras of a clip by name, from its root positions (frames, 3) in world
        millimetres.
        """
        mean = (
            np.zeros(3) if self.centre == "world" else roots.mean(axis=0, dtype=np.float64)
        )
        floor = mean[2] if self.centre == "root" else 0.0
        point = np.array([mean[0], mean[1], floor + self.target])
        cameras = rig_around(
            point,
            azimuths=self.azimuths,
            radius=self.radius,
            height=self.stand,
            focal=self.focal,
            size=(self.width, self.height),
        )
        return {f"cam{number}": camera for number, camera in enumerate(cameras)}


def look_at(
    position: ArrayLike,
    target: ArrayLike,
    *,
    up: ArrayLike = (0, 0, 1),
    focal: float,
    size: tuple[int, int],
) -> Camera:
    """A camera at `position` with `target` (both world mm) in the middle of its picture and
    `up` pointing up in it.

    Raises BadInput when target and position coincide or the view is parallel to `up`.
    """
    start = np.asarray(position, dtype=np.float64)
    forward = np.asarray(target, dtype=np.float64) - start
    right = _cross(forward, np.asarray(up, dtype=np.float64))
    if np.linalg.norm(right) < 1e-9 * max(1.0, float(np.linalg.norm(forward))):
        raise BadInput(
            f"look_at: the view from {start.tolist()} has no direction or is parallel to"
            " up; move the camera"
        )
    # y points down: forward x right
    rows = np.stack([right, _cross(forward, right), forward])
    rotation = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    middle = np.array(size, dtype=np.float64) / 2
    return Camera(
        rotation, -rotation @ start, np.array([focal, focal]), middle, size[0], size[1]
    )


def _cross(one: Float, other: Float) -> Float:
    """The cross product of two vectors (3,); NumPy's costs ten times as much for so few
    numbers.
    """
    (a, b, c), (x, y, z) = one.tolist(), other.tolist()
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x])


def rig_around(
    point: ArrayLike,
    *,
    azimuths: tuple[float, ...],
    radius: tuple[float, ...],
    height: tuple[float, ...],
    focal: float,
    size: tuple[int, int],
) -> tuple[Camera, ...]:
    """Cameras on a ring: each stands `radius` away horizontally at an azimuth (degrees from
    +x), `height` above z = 0, facing `point`.
    """
    centre = np.asarray(point, dtype=np.float64)
    cameras = []
    for azimuth, distance, stand in zip(azimuths, radius, height, strict=True):
        angle = math.radians(azimuth)
        position = (
            centre[0] + distance * math.cos(angle),
            centre[1] + distance * math.sin(angle),
            stand,
        )
        cameras.append(look_at(position, centre, focal=focal, size=size))
    return tuple(cameras)


def world_to_camera(camera: Camera, points: Array) -> Array:
    """World points (..., 3) mm to the camera frame."""
    return points @ camera.rotation.T + camera.translation


def camera_to_world(camera: Camera, points: Array) -> Array:
    """Camera-frame points (..., 3) mm to the world."""
    return (points - camera.translation) @ camera.rotation


def project(camera: Camera, points: Array) -> Array:
    """Camera-frame points (..., 3) mm to pixels (..., 2), lens included.

    Raises BadInput for a point at, behind or nowhere near the camera (NaN), with its place
    in the array.
    """
    depth = points[..., 2:]
    if not (depth > 0).all():
        raise BadInput(
            f"project: {_hidden(depth[..., 0])}; move the camera back or the subject"
            " forward"
        )
    return distort(camera, points[..., :2] / depth) * camera.focal + camera.centre


def back_project(camera: Camera, pixels: Array, depth: Array) -> Array:
    """Pixels (..., 2) as the lens shows them, and their depth (...) in mm, back to
    camera-frame points (..., 3).

    Raises BadInput for a depth that is not positive, and as `undistort` does.
    """
    if not (depth > 0).all():
        raise BadInput(f"back_project: {_hidden(depth)}; depths above 0 mm were due")
    rays = (undistort(camera, pixels) - camera.centre) / camera.focal
    return np.concatenate([rays * depth[..., None], depth[..., None]], axis=-1)


def distort(camera: Camera, rays: Array) -> Array:
    """What the lens makes of ideal rays (..., 2), x/z and y/z."""
    if not camera.distorts:
        return rays
    square = (rays**2).sum(axis=-1, keepdims=True)
    stretch = (
        1 + _radial(camera, square) + (rays * camera.tangential).sum(axis=-1, keepdims=True)
    )
    return rays * stretch + camera.tangential * square


def undistort(camera: Camera, pixels: Array) -> Array:
    """Pixels (..., 2) to where a pinhole camera with the same focal length and centre would
    show them, by Newton's method.

    Raises BadInput for a pixel that no ray reaches: it lies outside the picture for which
    the coefficients were measured.
    """
    if not camera.distorts:
        return pixels
    seen = ((pixels - camera.centre) / camera.focal).astype(np.float64)
    rays = seen.copy()
    for _ in range(STEPS):
        error = distort(camera, rays) - seen
        if np.abs(error).max(initial=0.0) < 1e-14:
            break
        rays -= _solve(_slope(camera, rays), error)
    missed = ~(np.abs(distort(camera, rays) - seen).max(axis=-1) < 1e-9) | ~(
        np.linalg.det(_slope(camera, rays)) > 0
    )
    if missed.any():
        pixel = np.round(pixels[missed][0], 1).tolist()
        raise BadInput(
            f"undistort: pixel {pixel} is outside what the lens can show; check the"
            " distortion coefficients and the pixels"
        )
    return rays * camera.focal + camera.centre


def to_screen(pixels: Array, *, width: int, height: int) -> Array:
    """Pixels (..., 2) to x in [-1, 1] and y in the same scale: (2x/w - 1, 2y/w - h/w), as
    VideoPose3D normalises.
    """
    return pixels * (2 / width) - np.array([1.0, height / width])


def extrinsics(
    convention: str, rotation: ArrayLike, translation: ArrayLike
) -> tuple[Float, Float]:
    """World-to-camera rotation (3, 3) and translation (3,) from a convention of
    `CONVENTIONS`: `Camera(*extrinsics(...), focal, ...)`.

    `rotation` is a quaternion (4,), real part first, for videopose3d and (3, 3) otherwise;
    lengths in millimetres in and out. Raises UnknownName for a convention and BadInput for
    a wrong shape.
    """
    if convention not in CONVENTIONS:
        raise UnknownName("extrinsics convention", convention, CONVENTIONS)
    turn, move = (
        np.asarray(rotation, dtype=np.float64),
        np.asarray(translation, dtype=np.float64).reshape(-1),
    )
    due = (4,) if convention == "videopose3d" else (3, 3)
    if turn.shape != due or move.shape != (3,):
        raise BadInput(
            f"{convention} extrinsics: shapes {turn.shape} and {move.shape}; {due} and (3,)"
            " were due"
        )
    return CONVENTIONS[convention](turn, move)


def _to_camera(turn: Float, move: Float) -> tuple[Float, Float]:
    """X_camera = R X + t."""
    return turn, move


def _about_position(turn: Float, move: Float) -> tuple[Float, Float]:
    """X_camera = R (X - T)."""
    return turn, -turn @ move


def _to_world(turn: Float, move: Float) -> tuple[Float, Float]:
    """X_world = R X_camera + T."""
    return turn.T, -turn.T @ move


def _quaternion(turn: Float, move: Float) -> tuple[Float, Float]:
    """X_camera = q^-1 (X - T): the quaternion is the camera's orientation in the world."""
    return _to_world(matrix_of(turn), move)


CONVENTIONS = {
    "pose2mesh": _to_camera,
    "integral": _about_position,
    "mmpose": _to_world,
    "videopose3d": _quaternion,
}


def matrix_of(quaternion: ArrayLike) -> Float:
    """The rotation matrix (3, 3) of a quaternion (4,), real part first, of any length above
    0. Raises BadInput for a zero one.
    """
    given = np.asarray(quaternion, dtype=np.float64)
    length = np.linalg.norm(given)
    if not length > 0 or not np.isfinite(length):
        raise BadInput(
            f"camera: quaternion {given.tolist()} is no rotation; four numbers, not all"
            " zero, were due"
        )
    w, x, y, z = given / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def uncalibrated(width: int, height: int) -> Camera:
    """The camera of a picture of which only the size is known: at the world's origin, its
    focal length (the width) a guess.
    """
    return Camera(
        np.eye(3),
        np.zeros(3),
        np.full(2, float(width)),
        np.array([width / 2, height / 2]),
        width,
        height,
    )


def _hidden(depth: Array) -> str:
    """The first point without a positive depth, the deepest behind first, in words."""
    worst = np.unravel_index(np.nan_to_num(depth, nan=-np.inf).argmin(), depth.shape)
    value, place = (
        float(depth[worst]),
        (f" (index {', '.join(map(str, worst))})" if depth.ndim else ""),
    )
    return (
        f"a point has depth {value:g} mm{place}"
        if not value < 0
        else f"a point lies {-value:.0f} mm behind the camera{place}"
    )


def _radial(camera: Camera, square: Array) -> Array:
    k1, k2, k3 = camera.radial
    return square * (k1 + square * (k2 + square * k3))


def _slope(camera: Camera, rays: Float) -> Float:
    """(..., 2, 2): how `distort` changes with the rays."""
    k1, k2, k3 = camera.radial
    p = camera.tangential
    square = (rays**2).sum(axis=-1)
    stretch = 1 + _radial(camera, square) + rays @ p
    # d stretch / d ray = growth * ray + p
    growth = 2 * (k1 + square * (2 * k2 + square * 3 * k3))
    outer = rays[..., :, None] * (growth[..., None, None] * rays[..., None, :] + p)
    return (
        outer + 2 * p[:, None] * rays[..., None, :] + stretch[..., None, None] * np.eye(2)
    )


def _solve(matrix: Float, right: Float) -> Float:
    """matrix^-1 @ right for 2 x 2 matrices, by Cramer's rule."""
    (a, b), (c, d) = np.moveaxis(matrix, (-2, -1), (0, 1))
    x, y = right[..., 0], right[..., 1]
    return np.stack([d * x - b * y, a * y - c * x], axis=-1) / (a * d - b * c)[..., None]
