"""Pinhole cameras: world (millimetres, z up) to camera (x right, y down, z forward) to pixels.

X_camera = rotation @ X_world + translation          pixel = focal * X_camera[:2] / X_camera[2] + centre
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import BadInput

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Camera:
    """One calibrated camera. rotation (3, 3) world to camera, translation (3,) mm, focal and centre (2,) pixels.

    Raises BadInput when the rotation is not one, or a size is not positive.
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    focal: NDArray[np.float64]
    centre: NDArray[np.float64]
    width: int
    height: int

    def __post_init__(self) -> None:
        for name, shape in (("rotation", (3, 3)), ("translation", (3,)), ("focal", (2,)), ("centre", (2,))):
            value = np.asarray(getattr(self, name), dtype=np.float64)
            if value.shape != shape or not np.isfinite(value).all():
                raise BadInput(f"camera: {name} has shape {value.shape} or is not finite; give finite numbers of shape {shape}")
            object.__setattr__(self, name, value)
        if np.abs(self.rotation @ self.rotation.T - np.eye(3)).max() > 1e-5 or np.linalg.det(self.rotation) < 0:
            raise BadInput("camera: the rotation is not a proper rotation matrix; give an orthonormal 3x3 matrix with determinant 1")
        if min(self.width, self.height, *self.focal) <= 0:
            raise BadInput(f"camera: width {self.width}, height {self.height}, focal {self.focal.tolist()} must all be positive")

    @property
    def position(self) -> NDArray[np.float64]:
        """Where the camera stands, world millimetres (3,)."""
        return -self.rotation.T @ self.translation


@dataclass(frozen=True)
class Rig:
    """Virtual cameras around a subject, all looking at one point; lengths in millimetres, azimuths in degrees.

    `radius` is the horizontal distance from the point, `stand` the height of the cameras above the floor, and `target` the
    height of the point. The point lies above the clip's mean root position (`centre: clip`, `target` above the floor;
    `centre: root`, `target` above the mean root) or above the world's origin (`centre: world`).
    """

    azimuths: tuple[float, ...]
    radius: tuple[float, ...]
    stand: tuple[float, ...]
    target: float
    centre: str
    focal: float
    width: int
    height: int

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # a misspelt key in a protocol file is an error

    def __post_init__(self) -> None:
        if not len(self.azimuths) == len(self.radius) == len(self.stand) > 0:
            raise BadInput("rig: azimuths, radius and stand must hold one number per camera, and at least one")
        if self.centre not in ("clip", "root", "world"):
            raise BadInput(f"rig: centre {self.centre!r} is none of clip, root, world")

    def around(self, roots: Array) -> dict[str, Camera]:
        """The cameras of a clip by name, from its root positions (frames, 3) in world millimetres."""
        mean = np.zeros(3) if self.centre == "world" else roots.mean(axis=0, dtype=np.float64)
        floor = mean[2] if self.centre == "root" else 0.0
        point = np.array([mean[0], mean[1], floor + self.target])
        cameras = rig_around(
            point, azimuths=self.azimuths, radius=self.radius, height=self.stand, focal=self.focal, size=(self.width, self.height)
        )
        return {f"cam{number}": camera for number, camera in enumerate(cameras)}


def look_at(position: ArrayLike, target: ArrayLike, *, up: ArrayLike = (0, 0, 1), focal: float, size: tuple[int, int]) -> Camera:
    """A camera at `position` with `target` (both world mm) in the middle of its picture and `up` pointing up in it.

    Raises BadInput when target and position coincide or the view is parallel to `up`.
    """
    start = np.asarray(position, dtype=np.float64)
    forward = np.asarray(target, dtype=np.float64) - start
    right = np.cross(forward, np.asarray(up, dtype=np.float64))
    if np.linalg.norm(right) < 1e-9 * max(1.0, float(np.linalg.norm(forward))):
        raise BadInput(f"look_at: the view from {start.tolist()} has no direction or is parallel to up; move the camera")
    rows = np.stack([right, np.cross(forward, right), forward])  # y points down: forward x right
    rotation = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    middle = np.array(size, dtype=np.float64) / 2
    return Camera(rotation, -rotation @ start, np.array([focal, focal]), middle, size[0], size[1])


def rig_around(
    point: ArrayLike,
    *,
    azimuths: tuple[float, ...],
    radius: tuple[float, ...],
    height: tuple[float, ...],
    focal: float,
    size: tuple[int, int],
) -> tuple[Camera, ...]:
    """Cameras on a ring: each stands `radius` away horizontally at an azimuth (degrees from +x), `height` above z = 0, facing `point`."""
    centre = np.asarray(point, dtype=np.float64)
    cameras = []
    for azimuth, distance, stand in zip(azimuths, radius, height, strict=True):
        angle = math.radians(azimuth)
        position = (centre[0] + distance * math.cos(angle), centre[1] + distance * math.sin(angle), stand)
        cameras.append(look_at(position, centre, focal=focal, size=size))
    return tuple(cameras)


def world_to_camera(camera: Camera, points: Array) -> Array:
    """World points (..., 3) mm to the camera frame."""
    return points @ camera.rotation.T + camera.translation


def camera_to_world(camera: Camera, points: Array) -> Array:
    """Camera-frame points (..., 3) mm to the world."""
    return (points - camera.translation) @ camera.rotation


def project(camera: Camera, points: Array) -> Array:
    """Camera-frame points (..., 3) to pixels (..., 2). Raises BadInput for a point at or behind the camera."""
    depth = points[..., 2:]
    if depth.size and depth.min() <= 0:
        raise BadInput(f"project: a point lies {-float(depth.min()):.0f} mm behind the camera; move the camera back or the subject forward")
    return points[..., :2] / depth * camera.focal + camera.centre


def back_project(camera: Camera, pixels: Array, depth: Array) -> Array:
    """Pixels (..., 2) and their depth (...) in mm back to camera-frame points (..., 3)."""
    rays = (pixels - camera.centre) / camera.focal
    return np.concatenate([rays * depth[..., None], depth[..., None]], axis=-1)


def to_screen(pixels: Array, *, width: int, height: int) -> Array:
    """Pixels (..., 2) to x in [-1, 1] and y in the same scale: (2x/w - 1, 2y/w - h/w), as VideoPose3D normalises."""
    return pixels * (2 / width) - np.array([1.0, height / width])
