"""Cameras: world (millimetres, z up) to camera (x right, y down, z forward) to pixels.

    X_camera = rotation @ X_world + translation
    pixel    = focal * distorted(X_camera[:2] / X_camera[2]) + centre

`distortion.py` has the lens; without coefficients a camera is a pinhole. `conventions.py` has
rotation and translation as other data sets write them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.data.geometry.distortion import Distortion
from models.errors import BadInput

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
ORTHONORMAL = 1e-5  # calibrations are published in single precision
# of a view's length: a smaller cross product is rounding, not a direction
LEAST_TURN = 1e-9


@dataclass(frozen=True, eq=False)
class Camera:
    """One calibrated camera.

    rotation (3, 3) world to camera, translation (3,) mm, focal and centre (2,) pixels, width and
    height pixels; radial (3,) and tangential (2,) are the lens's coefficients. `extrinsics` gives
    rotation and translation from other conventions. Raises BadInput when the rotation is not one,
    or a size is not positive.
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
            # the class is frozen, and lists are to become arrays all the same
            object.__setattr__(self, name, value)
        skew = np.abs(self.rotation @ self.rotation.T - np.eye(3)).max()
        # a reflection is orthonormal too, and would swap left and right unnoticed
        if skew > ORTHONORMAL or np.linalg.det(self.rotation) < 0:
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
    def distortion(self) -> Distortion:
        """The lens by its coefficients."""
        return Distortion(self.radial, self.tangential)

    @property
    def distorts(self) -> bool:
        """Whether the lens has any distortion."""
        return self.distortion.distorts


@dataclass(frozen=True)
class Rig:
    """Virtual cameras around a subject, all looking at one point; mm and degrees.

    `radius` is the horizontal distance from the point, `stand` the height of the cameras above the
    floor, and `target` the height of the point. The point lies above the clip's mean root position
    (`centre: clip`, `target` above the floor; `centre: root`, `target` above the mean root) or
    above the world's origin (`centre: world`).
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
        """The cameras of a clip by name, from its root positions (frames, 3) in world mm.

        Frames without a root, NaN, play no part. Raises BadInput where none has one.
        """
        lacks = np.isnan(roots).any(axis=1)
        if lacks.any() and self.centre != "world":
            roots = roots[~lacks]
            if not len(roots):
                raise BadInput(
                    "rig: no frame has a root to set cameras around; leave the take out"
                )
        if self.centre == "world":
            mean = np.zeros(3)
        else:
            # float64: a sum of a long clip's positions outgrows float32
            mean = roots.mean(axis=0, dtype=np.float64)
        floor = mean[2] if self.centre == "root" else 0.0
        cameras = rig_around(
            np.array([mean[0], mean[1], floor + self.target]),
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
    """A camera at `position` with `target` in the middle of its picture, both world mm.

    `up` points up in the picture. Raises BadInput when target and position coincide or the view is
    parallel to `up`.
    """
    start = np.asarray(position, dtype=np.float64)
    forward = np.asarray(target, dtype=np.float64) - start
    right = _cross(forward, np.asarray(up, dtype=np.float64))
    distance = float(np.linalg.norm(forward))
    if np.linalg.norm(right) < LEAST_TURN * max(1.0, distance):
        raise BadInput(
            f"look_at: the view from {start.tolist()} has no direction or is parallel to"
            " up; move the camera"
        )
    # y points down: forward x right
    rows = np.stack([right, _cross(forward, right), forward])
    rotation = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return Camera(
        rotation=rotation,
        translation=-rotation @ start,
        focal=np.array([focal, focal]),
        centre=np.array(size, dtype=np.float64) / 2,
        width=size[0],
        height=size[1],
    )


def _cross(one: Float, other: Float) -> Float:
    """The cross product of two vectors (3,)."""
    # NumPy's costs ten times as much for so few numbers, and every view of a take asks for two
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
    """Cameras on a ring, all facing `point`.

    Each stands `radius` away horizontally at an azimuth (degrees from +x), `height` above z = 0.
    """
    centre = np.asarray(point, dtype=np.float64)
    cameras = []
    for azimuth, distance, stand in zip(azimuths, radius, height, strict=True):
        angle = math.radians(azimuth)
        x = centre[0] + distance * math.cos(angle)
        y = centre[1] + distance * math.sin(angle)
        cameras.append(look_at((x, y, stand), centre, focal=focal, size=size))
    return tuple(cameras)


def world_to_camera(camera: Camera, points: Array) -> Array:
    """World points (..., 3) mm to the camera frame."""
    # points are rows, so the matrix that turns columns comes transposed
    return points @ camera.rotation.T + camera.translation


def camera_to_world(camera: Camera, points: Array) -> Array:
    """Camera-frame points (..., 3) mm to the world."""
    return (points - camera.translation) @ camera.rotation


def project(camera: Camera, points: Array) -> Array:
    """Camera-frame points (..., 3) mm to pixels (..., 2), lens included.

    Raises BadInput for a point at, behind or nowhere near the camera (NaN), with its place in the
    array.
    """
    depth = points[..., 2:]
    # `not all above` and not `any below`: NaN is neither
    if not (depth > 0).all():
        raise BadInput(
            f"project: {_hidden(depth[..., 0])}; move the camera back or the subject"
            " forward"
        )
    return distort(camera, points[..., :2] / depth) * camera.focal + camera.centre


def back_project(camera: Camera, pixels: Array, depth: Array) -> Array:
    """Pixels (..., 2) as the lens shows them, with depth (...) mm, to camera points (..., 3).

    Raises BadInput for a depth that is not positive, and as `undistort` does.
    """
    if not (depth > 0).all():
        raise BadInput(f"back_project: {_hidden(depth)}; depths above 0 mm were due")
    rays = (undistort(camera, pixels) - camera.centre) / camera.focal
    return np.concatenate([rays * depth[..., None], depth[..., None]], axis=-1)


def distort(camera: Camera, rays: Array) -> Array:
    """What the lens makes of ideal rays (..., 2), x/z and y/z."""
    return camera.distortion.distort(rays) if camera.distorts else rays


def undistort(camera: Camera, pixels: Array) -> Array:
    """Pixels (..., 2) to where a pinhole camera of this focal length and centre would show them.

    Raises BadInput for a pixel that no ray reaches: it lies outside the picture for which the
    coefficients were measured.
    """
    if not camera.distorts:
        return pixels
    # float32 pixels would stop Newton's method far short of its bound
    seen = ((pixels - camera.centre) / camera.focal).astype(np.float64)
    rays, missed = camera.distortion.undistort(seen)
    if missed.any():
        pixel = np.round(pixels[missed][0], 1).tolist()
        raise BadInput(
            f"undistort: pixel {pixel} is outside what the lens can show; check the"
            " distortion coefficients and the pixels"
        )
    return rays * camera.focal + camera.centre


def to_screen(pixels: Array, *, width: int, height: int) -> Array:
    """Pixels (..., 2) as VideoPose3D normalises them: (2x/w - 1, 2y/w - h/w).

    x runs from -1 to 1, and y keeps its scale, so that nothing is stretched.
    """
    return pixels * (2 / width) - np.array([1.0, height / width])


def uncalibrated(width: int, height: int) -> Camera:
    """The camera of a picture of which only the size is known.

    It stands at the world's origin, and its focal length (the width) is a guess.
    """
    return Camera(
        rotation=np.eye(3),
        translation=np.zeros(3),
        focal=np.full(2, float(width)),
        centre=np.array([width / 2, height / 2]),
        width=width,
        height=height,
    )


def _hidden(depth: Array) -> str:
    """The first point without a positive depth, the deepest behind first, in words."""
    # NaN counts as the deepest of all: argmin would else pass over it
    worst = np.unravel_index(np.nan_to_num(depth, nan=-np.inf).argmin(), depth.shape)
    value = float(depth[worst])
    place = f" (index {', '.join(map(str, worst))})" if depth.ndim else ""
    if value < 0:
        return f"a point lies {-value:.0f} mm behind the camera{place}"
    return f"a point has depth {value:g} mm{place}"
