"""A person drawn as shaded capsules before a random background, behind random things.

Each bone is looked at in its own part of the picture: where a pixel lies beside its axis says how
far its surface bulges towards the camera, and the nearest surface is seen. Bodies are small
against their distance, so within a bone the view is taken for parallel. RGB from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.data.pictures import capsules, scene
from bench.data.pictures.capsules import BONES, Capsules

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
    person = capsules.around(pose)
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


class Flat(NamedTuple):
    """Bones in the picture: where they begin, and what is added until they end."""

    x: Any  # pixels, as all up to the radius
    y: Any
    radius: Any
    depth: Any  # mm
    dx: Any
    dy: Any
    wider: Any
    deeper: Any
    scale: Any  # mm for each pixel, in the middle


def _flat(person: Capsules, lens: Lens) -> Array:
    """Each bone in the picture (bones, 9), as `Flat`; those that cannot be seen are NaN."""
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
        for number, row in enumerate(flat.astype(np.float32).tolist()):
            bone = Flat(*row)
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
    bone: Flat,
    axis: int,
    length: int,
) -> slice:
    """The pixels along an axis that a bone may cover; none of one that cannot be seen."""
    first, way = ((bone.x, bone.dx), (bone.y, bone.dy))[axis]
    last = first + way
    end = bone.radius + bone.wider
    low = min(first - bone.radius, last - end)
    high = max(first + bone.radius, last + end)
    if not low < high:  # NaN is not
        return slice(0)
    return slice(max(0, int(low)), max(0, min(length, int(high) + 1)))


def _surface(
    bone: Flat,
    columns: Array,
    rows: Array,
) -> Array:
    """The depth of a bone's surface (rows, columns) in mm; NaN beside it.

    depth + share * deeper - scale * sqrt(r^2 - d^2), with the share of the bone's length at which
    a pixel lies beside it, the radius r there, and the pixel's distance d from the axis. In
    place: new memory would take longer than the sums.
    """
    square = bone.dx * bone.dx + bone.dy * bone.dy + NOT_ZERO
    across, down = columns - bone.x, (rows - bone.y)[:, None]
    share = across * (bone.dx / square) + down * (bone.dy / square)
    np.maximum(share, 0.0, out=share)
    np.minimum(share, 1.0, out=share)
    bulge = share * bone.wider
    bulge += bone.radius
    bulge *= bulge
    across = across - share * bone.dx
    across *= across
    bulge -= across
    down = down - share * bone.dy
    down *= down
    bulge -= down
    np.sqrt(bulge, out=bulge)
    bulge *= -bone.scale
    share *= bone.deeper
    bulge += share
    bulge += bone.depth
    return bulge


def _painted(
    person: Capsules, flat: Array, pixels: Pixels, lens: Lens, dress: scene.Dress
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
    bone = Flat(*flat.T.astype(np.float32)[:, pixels.bones])
    across, down = pixels.columns - bone.x, pixels.rows - bone.y
    square = bone.dx * bone.dx + bone.dy * bone.dy + NOT_ZERO
    share = (across * bone.dx + down * bone.dy) / square
    share = np.clip(share, 0.0, 1.0, out=share)
    radius = bone.radius + share * bone.wider
    # of a ball of that radius about the axis
    across = (across - share * bone.dx) / radius
    down = (down - share * bone.dy) / radius
    out = np.sqrt(np.maximum(1 - across * across - down * down, 0.0))
    return np.stack([across, down, -out])


def _trunk(
    person: Capsules,
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
