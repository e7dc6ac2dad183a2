"""A body that moves, as binary glTF 2.0: skeleton, surface, skin weights, an animation a clip.

One file, metres, y up, for whatever draws or retargets characters. The surface follows the joints;
what a model itself makes of a surface is in the other formats. Each joint is a node that turns and
moves; the bone that ends in it is a node beneath, which is stretched along its first axis and which
the skin hangs on: so no stretch is handed down the chain, and the skin is `Skin.posed`'s.
https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry.skinning import Skin
from bench.evaluation.files import Poses
from bench.evaluation.files._buffer import Buffer, Kind

SKINNED = True  # it is written of joints and of the body that follows them
Array = NDArray[np.float64]
# what of `about` goes into the file; units and frame are glTF's own
KEPT = ("poseport", "run", "backend", "model", "protocol", "protocol_hash", "root")
JSON, BINARY = 0x4E4F534A, 0x004E4942  # names of the two chunks
TINY = 1e-12
SETS = (
    2  # of four bones a vertex: what the others would move is some hundredths of a mm
)
# half a turn about x: from the camera's frame (y down, z away) to y up
UPRIGHT = [1.0, 0.0, 0.0, 0.0]
CLAY = {"baseColorFactor": [0.86, 0.76, 0.68, 1.0], "metallicFactor": 0.0}


def write(path: Path, poses: Poses, about: Mapping[str, Any]) -> None:
    """Poses (frames, joints, 3), mm, of each clip; `skin` in `about` is the body, `fps` by clip."""
    skin: Skin = about["skin"]
    joints: Sequence[str] = about["joints"]
    buffer = Buffer()
    moves = {name: _moves(skin, pose / 1000.0) for name, pose in poses.items()}
    first = next(iter(moves.values()))
    content = {
        "asset": {
            "version": "2.0",
            "generator": "PosePort",
            "extras": {key: about[key] for key in KEPT if key in about},
        },
        "scene": 0,
        "scenes": [{"nodes": [0, 2 * len(joints) + 1]}],
        "nodes": _nodes(joints, skin.mesh.parents, first),
        "materials": [{"pbrMetallicRoughness": CLAY, "doubleSided": True}],
        "meshes": [{"name": skin.mesh.name, "primitives": [_surface(skin, buffer)]}],
        "skins": [_skin(skin, buffer)],
        "animations": [
            _animation(name, move, about["fps"][name], buffer)
            for name, move in moves.items()
        ],
    }
    content |= {
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }
    path.write_bytes(_packed(content, bytes(buffer.data)))


def _moves(skin: Skin, poses: Array) -> dict[tuple[int, str], Array]:
    """What each node does, by its number and property: (frames, 3), or (frames, 4) of turns."""
    parents = skin.mesh.parents
    count = len(parents)
    # R U diag(s, g, g): columns are the bone's own axes, turned and stretched
    linear = skin.maps(poses)[:, :, :3].swapaxes(2, 3) @ _axes(skin.along)
    sizes = np.linalg.norm(linear, axis=2)
    turns = linear / np.maximum(sizes, TINY)[:, :, None]
    # of a bone without length in the pose its own axis says nothing, and the others all
    turns[..., 0] = np.cross(turns[..., 1], turns[..., 2])
    found = {}
    for joint, above in enumerate(parents):
        place, start = poses[:, joint], poses[:, max(above, 0)]
        beneath = turns[:, joint].swapaxes(1, 2)
        turn, way = turns[:, joint], place
        if above >= 0:
            # as the joint above sees it
            back = turns[:, above].swapaxes(1, 2)
            turn = back @ turn
            way = (back @ (place - start)[..., None])[..., 0]
        else:
            start = place
        node, bone = 1 + joint, 1 + count + joint
        found[node, "translation"] = way
        found[node, "rotation"] = _steady(_quaternions(turn))
        found[bone, "translation"] = (beneath @ (start - place)[..., None])[..., 0]
        found[bone, "scale"] = sizes[:, joint]
    return found


def _axes(along: Array) -> Array:
    """(J, 3, 3): in columns three axes square to each other, the first along the bone."""
    # of a bone without length at rest any axis will do
    long = np.linalg.norm(along, axis=1, keepdims=True) > 0.5
    first = np.where(long, along, [1.0, 0.0, 0.0])
    # whatever is least along it
    other = np.eye(3)[np.abs(first).argmin(axis=1)]
    second = np.cross(first, other)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    return np.stack([first, second, np.cross(first, second)], axis=2)


def _quaternions(turns: Array) -> Array:
    """Turns (n, 3, 3) as (n, 4): x, y, z, w.

    SciPy's cannot be had where other frameworks are hidden from a process.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = np.moveaxis(turns, 0, -1)
    # four times the product of each entry with all: rows are the quaternion, longer or shorter
    products = np.array(
        [
            [1 + xx - yy - zz, xy + yx, xz + zx, zy - yz],
            [xy + yx, 1 - xx + yy - zz, yz + zy, xz - zx],
            [xz + zx, yz + zy, 1 - xx - yy + zz, yx - xy],
            [zy - yz, xz - zx, yx - xy, 1 + xx + yy + zz],
        ]
    )
    rows = np.moveaxis(products, -1, 0)
    lengths = np.linalg.norm(rows, axis=2)
    longest = lengths.argmax(axis=1)
    one = np.arange(len(rows))
    found: Array = rows[one, longest] / lengths[one, longest, None]
    return found


def _steady(turns: Array) -> Array:
    """Quaternions (frames, 4) of which no two neighbours are a turn the long way round."""
    near = (turns[1:] * turns[:-1]).sum(axis=1)
    signs = np.where(near < 0, -1.0, 1.0).cumprod()
    return np.concatenate([turns[:1], turns[1:] * signs[:, None]])


def _nodes(
    joints: Sequence[str],
    parents: Sequence[int],
    first: Mapping[tuple[int, str], Array],
) -> list[dict[str, Any]]:
    """The scene: what turns the camera's frame up, joints, bones, surface; in the first pose."""
    count = len(joints)
    nodes: list[dict[str, Any]] = [
        {"name": "person", "rotation": UPRIGHT, "children": [1 + parents.index(-1)]}
    ]
    for joint, name in enumerate(joints):
        below = [1 + child for child, above in enumerate(parents) if above == joint]
        nodes.append({"name": name, "children": [*below, 1 + count + joint]})
    nodes += [{"name": f"bone to {name}"} for name in joints]
    nodes.append({"name": "surface", "mesh": 0, "skin": 0})
    for (node, key), values in first.items():
        nodes[node][key] = np.float32(values[0]).tolist()
    return nodes


def _surface(skin: Skin, buffer: Buffer) -> dict[str, Any]:
    """The mesh at rest, and how much each vertex goes with which bones."""
    mesh = skin.mesh
    most = 4 * SETS
    order = np.argsort(-mesh.weights, axis=1, kind="stable")[:, :most]
    shares = np.take_along_axis(mesh.weights, order, axis=1)
    shares /= shares.sum(axis=1, keepdims=True)
    # fewer joints than there are places: the rest is nobody's
    lacking = ((0, 0), (0, most - order.shape[1]))
    order, shares = np.pad(order, lacking), np.pad(shares, lacking)
    # a bone without a share is called 0
    order = np.where(shares > 0, order, 0).astype(np.uint16)
    vertices = buffer.add(mesh.vertices, "VEC3", target="vertices", bounded=True)
    attributes = {"POSITION": vertices}
    for number in range(SETS):
        four = slice(4 * number, 4 * number + 4)
        attributes[f"JOINTS_{number}"] = buffer.add(
            order[:, four], "VEC4", target="vertices"
        )
        attributes[f"WEIGHTS_{number}"] = buffer.add(
            shares[:, four], "VEC4", target="vertices"
        )
    corners = mesh.faces.reshape(-1).astype(np.uint32)
    indices = buffer.add(corners, "SCALAR", target="corners")
    return {"attributes": attributes, "indices": indices, "material": 0}


def _skin(skin: Skin, buffer: Buffer) -> dict[str, Any]:
    """Bones, and what takes the surface at rest into the axes of each."""
    parents = np.array(skin.mesh.parents)
    starts = np.where(parents < 0, np.arange(len(parents)), parents)
    back = _axes(skin.along).swapaxes(1, 2)
    matrices = np.tile(np.eye(4), (len(parents), 1, 1))
    matrices[:, :3, :3] = back
    matrices[:, :3, 3] = -(back @ skin.mesh.joints[starts][..., None])[..., 0]
    # column after column, as glTF has them
    columns = matrices.swapaxes(1, 2).reshape(-1, 16)
    count = len(parents)
    bones = list(range(1 + count, 1 + 2 * count))
    bound = buffer.add(columns, "MAT4")
    return {"joints": bones, "inverseBindMatrices": bound, "skeleton": 0}


def _animation(
    name: str, moves: Mapping[tuple[int, str], Array], fps: float, buffer: Buffer
) -> dict[str, Any]:
    frames = len(next(iter(moves.values())))
    times = buffer.add(np.arange(frames) / fps, "SCALAR", bounded=True)
    channels, samplers = [], []
    for number, ((node, key), values) in enumerate(moves.items()):
        kind: Kind = "VEC4" if key == "rotation" else "VEC3"
        samplers.append({"input": times, "output": buffer.add(values, kind)})
        channels.append({"sampler": number, "target": {"node": node, "path": key}})
    return {"name": name, "channels": channels, "samplers": samplers}


def _packed(content: Mapping[str, Any], binary: bytes) -> bytes:
    """The two chunks behind a header, each filled up to four bytes."""
    text = json.dumps(content, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), JSON) + text
    chunks += struct.pack("<II", len(binary), BINARY) + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
