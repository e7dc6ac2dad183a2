"""A person drawn as shaded capsules before a random background, behind random things.

Each bone is looked at in its own part of the picture: where a pixel lies beside its axis says how
far its surface bulges towards the camera, and the nearest surface is seen. Bodies are small
against their distance, so within a bone the view is taken for parallel. RGB from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.pictures import body, scene
from bench.data.pictures.body import BONES, Body

Array = NDArray[np.floating]
NOBODY = -1
NEAREST = 100.0  # mm before the camera
FRONT = 0.2  # of a surface that is so far turned to a direction the front is seen
NOWHERE = np.zeros(3)
NOT_ZERO = 1e-6
WIDE, DEEP = 175.0, 110.0  # mm, halves of a trunk's sides
BROAD = np.array([bone.facing == "forward" for bone in BONES])
PALETTE = sorted(
    {bone.colour for bone in BONES} | {bone.front for bone in BONES} - {""}
)
COLOURS = np.array([PALETTE.index(bone.colour) for bone in BONES])
FRONTS = np.array([PALETTE.index(bone.front or bone.colour) for bone in BONES])


@dataclass(frozen=True)
class Lens:
    """A camera in pixels of the picture that is drawn."""

    focal: float
    centre: tuple[float, float]


def draw(
    pose: Array, lens: Lens, size: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """RGB (3, height, width) of a pose (17, 3), mm in the camera's frame."""
    picture = scene.backdrop(rng, size)
    dress = scene.dress(rng)
    person = body.around(pose)
    flat = _flat(person, lens)
    depth, bones = _nearest(flat, size)
    seen = np.flatnonzero(bones > NOBODY)
    pixels = Pixels(
        bones=bones.ravel()[seen],
        columns=seen % size[1] + np.float32(0.5),
        rows=seen // size[1] + np.float32(0.5),
        depth=depth.ravel()[seen],
    )
    picture.reshape(3, -1)[:, seen] = _painted(person, flat, pixels, lens, dress)
    scene.occlude(rng, picture)
    scene.expose(rng, picture)
    # in place: so large an array is new memory each time
    picture *= 255
    np.clip(picture, 0, 255, out=picture)
    picture += 0.5
    return picture.astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Pixels:
    """Those that show somebody (n,): which bone, where in the picture, how far away in mm."""

    bones: NDArray[np.int8]
    columns: Array
    rows: Array
    depth: Array


def _flat(person: Body, lens: Lens) -> Array:
    """Each bone in the picture (bones, 9): x, y, radius, depth; how they change along it; scale.

    Pixels and mm, and at last mm for each pixel. Bones that cannot be seen are NaN.
    """
    depths = np.stack([person.starts[:, 2], person.ends[:, 2]])
    # a camera sees nothing that is in it
    depths = np.where(depths > NEAREST, depths, np.nan)
    places = np.stack([person.starts[:, :2], person.ends[:, :2]]) / depths[..., None]
    radii = lens.focal * person.radii / depths
    numbers = [*np.moveaxis(places * lens.focal + lens.centre, -1, 0), radii, depths]
    first, last = np.stack(numbers, axis=-1)
    scale = depths.mean(axis=0) / lens.focal
    return np.concatenate([first, last - first, scale[:, None]], axis=1)


def _nearest(flat: Array, size: tuple[int, int]) -> tuple[Array, NDArray[np.int8]]:
    """How far away in mm the nearest surface is (height, width), and which bone it is of."""
    depth = np.full(size, np.inf, np.float32)
    bones = np.full(size, NOBODY, np.int8)
    columns, rows = (np.arange(n, dtype=np.float32) + 0.5 for n in size[::-1])
    # beside a bone the root of its bulge is NaN, which is nearer than nothing
    with np.errstate(invalid="ignore"):
        for number, bone in enumerate(flat.astype(np.float32).tolist()):
            wide, high = _extent(bone, 0, size[1]), _extent(bone, 1, size[0])
            part = np.s_[high, wide]
            if not depth[part].size:
                continue
            near = _surface(bone, columns[wide], rows[high])
            nearer = near < depth[part]
            np.copyto(depth[part], near, where=nearer)
            np.copyto(bones[part], np.int8(number), where=nearer)
    return depth, bones


def _extent(
    bone: list[float],
    axis: int,
    length: int,
) -> slice:
    """The pixels along an axis that a bone may cover; none of one that cannot be seen."""
    first, radius, way, wider = bone[axis], bone[2], bone[4 + axis], bone[6]
    last = first + way
    low = min(first - radius, last - radius - wider)
    high = max(first + radius, last + radius + wider)
    if not low < high:  # NaN is not
        return slice(0)
    return slice(max(0, int(low)), max(0, min(length, int(high) + 1)))


def _surface(
    bone: list[float],
    columns: Array,
    rows: Array,
) -> Array:
    """The depth of a bone's surface (rows, columns) in mm; NaN beside it."""
    x, y, radius, depth, dx, dy, wider, deeper, scale = bone
    square = dx * dx + dy * dy + NOT_ZERO
    across, down = columns - x, (rows - y)[:, None]
    along = across * (dx / square) + down * (dy / square)
    np.maximum(along, 0.0, out=along)
    np.minimum(along, 1.0, out=along)
    radii = along * wider
    radii += radius
    radii *= radii
    across = across - along * dx
    across *= across
    down = down - along * dy
    down *= down
    radii -= across
    radii -= down
    bulge = np.sqrt(radii, out=radii)
    bulge *= -scale
    along *= deeper
    bulge += along
    bulge += depth
    return bulge


def _painted(
    person: Body, flat: Array, pixels: Pixels, lens: Lens, dress: scene.Dress
) -> Array:
    """The colours (3, n) of pixels."""
    normals = _normals(flat, pixels)
    broad = np.flatnonzero(BROAD[pixels.bones])
    normals[:, broad] = _trunk(person, pixels, broad, lens)
    towards = [person.directions.get(bone.facing, NOWHERE) for bone in BONES]
    facing = np.array(towards, np.float32).T[:, pixels.bones]
    turned = (normals * facing).sum(axis=0)
    colours = np.where(turned > FRONT, FRONTS[pixels.bones], COLOURS[pixels.bones])
    return dress.palette(PALETTE)[:, colours] * dress.shade(normals)


def _normals(flat: Array, pixels: Pixels) -> Array:
    """Where the surface of each pixel's bone faces (3, n)."""
    bones = flat.T.astype(np.float32)[:, pixels.bones]
    x, y, radius, _, dx, dy, wider, _, _ = bones
    across, down = pixels.columns - x, pixels.rows - y
    along = (across * dx + down * dy) / (dx * dx + dy * dy + NOT_ZERO)
    along = np.clip(along, 0.0, 1.0, out=along)
    radii = radius + along * wider
    across, down = (across - along * dx) / radii, (down - along * dy) / radii
    out = np.sqrt(np.maximum(1 - across * across - down * down, 0.0))
    return np.stack([across, down, -out])


def _trunk(
    person: Body,
    pixels: Pixels,
    broad: NDArray[np.intp],
    lens: Lens,
) -> Array:
    """Where a trunk faces (3, n), which is one smooth, flat surface and not some bones."""
    depth = pixels.depth[broad]
    points = np.stack(
        [
            (pixels.columns[broad] - lens.centre[0]) / lens.focal * depth,
            (pixels.rows[broad] - lens.centre[1]) / lens.focal * depth,
            depth,
        ]
    )
    off = points - person.trunk[:, None]
    forward, across = person.directions["forward"], person.directions["right"]
    # an ellipse about the spine, of these halves of its sides
    normals = np.outer(forward, forward @ off / DEEP**2)
    normals += np.outer(across, across @ off / WIDE**2)
    return normals / np.sqrt((normals * normals).sum(axis=0) + NOT_ZERO)
