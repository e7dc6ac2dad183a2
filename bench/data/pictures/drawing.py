"""A person drawn as shaded capsules before a random background, behind random things.

Each bone is looked at in its own part of the picture: where a pixel lies beside its axis says how
far its surface bulges towards the camera, and the nearest surface is seen. Bodies are small
against their distance, so within a bone the view is taken for parallel. RGB from 0 to 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.pictures import body, scene
from bench.data.pictures.body import BONES, Body

Array = NDArray[np.floating]
NOBODY = -1
NEAREST = 100.0  # mm before the camera
FRONT = 0.2  # of a surface that is so far turned to a direction the front is seen
NOWHERE = np.zeros(3)
PALETTE = sorted(
    {bone.colour for bone in BONES} | {bone.front for bone in BONES} - {""}
)
COLOURS = np.array([PALETTE.index(bone.colour) for bone in BONES])
FRONTS = np.array([PALETTE.index(bone.front or bone.colour) for bone in BONES])


def draw(
    pose: Array,
    focal: Array,
    centre: Array,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """RGB (height, width, 3) of a pose (17, 3), mm in the camera's frame.

    `focal` and `centre` (2,) are the camera's, in pixels of this picture.
    """
    picture = scene.backdrop(rng, size)
    dress = scene.dress(rng)
    person = body.around(pose)
    flat = _flat(person, focal, centre)
    bones, seen = _nearest(flat, size)
    painted = _painted(person, flat, bones, seen, size, dress)
    picture.reshape(3, -1)[:, seen] = painted
    scene.occlude(rng, picture)
    scene.expose(rng, picture)
    scaled = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(scaled, 0, -1))


def _flat(person: Body, focal: Array, centre: Array) -> Array:
    """Each bone in the picture (bones, 9): x, y, radius, depth; how they change along it; scale.

    Pixels and mm, and at last mm for each pixel. Bones that cannot be seen are NaN.
    """
    depths = np.stack([person.starts[:, 2], person.ends[:, 2]])
    # a camera sees nothing that is in it
    depths = np.where(depths > NEAREST, depths, np.nan)
    places = np.stack([person.starts[:, :2], person.ends[:, :2]]) / depths[..., None]
    radii = focal[0] * person.radii / depths
    numbers = [*np.moveaxis(places * focal + centre, -1, 0), radii, depths]
    first, last = np.stack(numbers, axis=-1)
    scale = depths.mean(axis=0) / focal[0]
    return np.concatenate([first, last - first, scale[:, None]], axis=1)


def _nearest(
    flat: Array, size: tuple[int, int]
) -> tuple[NDArray[np.int8], NDArray[np.intp]]:
    """Which bone is seen at each pixel (height, width), and the pixels where one is, numbered."""
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
    return bones, np.flatnonzero(bones > NOBODY)


def _extent(bone: list[float], axis: int, length: int) -> slice:
    """The pixels along an axis that a bone may cover; none of one that cannot be seen."""
    first, radius, way, wider = bone[axis], bone[2], bone[4 + axis], bone[6]
    last = first + way
    low = min(first - radius, last - radius - wider)
    high = max(first + radius, last + radius + wider)
    if not low < high:  # NaN is not
        return slice(0)
    return slice(max(0, int(low)), max(0, min(length, int(high) + 1)))


def _surface(bone: list[float], columns: Array, rows: Array) -> Array:
    """The depth of a bone's surface (rows, columns) in mm; NaN beside it."""
    x, y, radius, depth, dx, dy, wider, deeper, scale = bone
    square = dx * dx + dy * dy + 1e-6
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
    person: Body,
    flat: Array,
    bones: NDArray[np.int8],
    seen: NDArray[np.intp],
    size: tuple[int, int],
    dress: scene.Dress,
) -> Array:
    """The colours (3, n) of the pixels that show a bone."""
    owners = bones.ravel()[seen]
    normals = _normals(flat.astype(np.float32)[owners], seen, size[1])
    facing = np.array([person.directions.get(bone.facing, NOWHERE) for bone in BONES])
    turned = np.einsum("ni,ni->n", normals, facing.astype(np.float32)[owners])
    colours = np.where(turned > FRONT, FRONTS[owners], COLOURS[owners])
    return dress.palette(PALETTE)[:, colours] * dress.shade(normals)


def _normals(bones: Array, seen: NDArray[np.intp], width: int) -> Array:
    """Where the surface of each pixel's bone (n, 9) faces (n, 3)."""
    x, y, radius, _, dx, dy, wider, _, _ = bones.T
    across, down = seen % width + 0.5 - x, seen // width + 0.5 - y
    square = dx * dx + dy * dy + 1e-6
    along = ((across * dx + down * dy) / square).clip(0.0, 1.0)
    radii = radius + along * wider
    across, down = (across - along * dx) / radii, (down - along * dy) / radii
    out = np.sqrt((1 - across * across - down * down).clip(0.0))
    return np.stack([across, down, -out], axis=1)
