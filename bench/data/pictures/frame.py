"""The picture of one frame of a clip: read from the clip's file, else drawn."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.geometry.cameras import Camera
from bench.data.geometry.skeletons import H36M17
from bench.data.pictures import drawing, files
from bench.data.pictures.box import Array
from bench.data.pictures.drawing import Lens


def picture(
    clip: Clip, frame: int, box: Array, size: tuple[int, int], *, seed: int
) -> NDArray[np.uint8]:
    """RGB (3, height, width): what the clip's camera sees in a box, at `size` (height, width).

    The same for the same arguments, whatever else was drawn. Raises BadInput (`files`).
    """
    if clip.pictures is not None:
        stated = (clip.camera.width, clip.camera.height)
        return files.crop(clip.pictures[frame], box, size, stated)
    return drawn(clip, frame, lens(clip.camera, box, size), size, seed=seed)


def drawn(
    clip: Clip,
    frame: int,
    seen: Lens,
    size: tuple[int, int],
    *,
    seed: int,
) -> NDArray[np.uint8]:
    """The same of a clip without files, through a lens in the pixels of the picture."""
    assert clip.camera_pose is not None  # `crops.check` has looked
    pose = clip.camera_pose[frame]
    # by the pose and not by its number: a frame has another one in a piece of its clip
    posed = zlib.crc32(pose.tobytes())
    named = zlib.crc32(f"{clip.name} {clip.camera_name}".encode())
    draw = np.random.default_rng([seed, named, posed])
    person = pose[list(clip.skeleton.indices(H36M17.joints))]
    return drawing.draw(person, seen, size, draw)


def lens(
    camera: Camera,
    box: Array,
    size: tuple[int, int],
) -> Lens:
    """A camera in the pixels of a crop."""
    scale = size[1] / box[2]  # alike along both axes, as the shapes are
    x, y = (camera.centre - box[:2]) * scale
    return Lens(float(camera.focal[0] * scale), (x + size[1] / 2, y + size[0] / 2))
