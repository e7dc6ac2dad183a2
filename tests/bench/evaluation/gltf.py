"""A reader of binary glTF 2.0, small and strict: what tests hold a written file against."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

Array = np.ndarray
TYPES = {5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass
class Read:
    """The JSON of a file, and the arrays that its accessors name."""

    content: dict[str, Any]
    arrays: list[Array]

    def posed(self, animation: int, frame: int) -> Array:
        """Vertices (V, 3) where the skin has them, in metres, y up."""
        worlds = self._worlds(self._local(animation, frame))
        (skin,) = self.content["skins"]
        bound = self.arrays[skin["inverseBindMatrices"]].reshape(-1, 4, 4)
        # columns one after the other
        maps = np.stack([worlds[node] for node in skin["joints"]]) @ bound.swapaxes(
            1, 2
        )
        (primitive,) = self.content["meshes"][0]["primitives"]
        names = primitive["attributes"]
        places = self.arrays[names["POSITION"]].astype(float)
        whole = np.concatenate([places, np.ones((len(places), 1))], axis=1)
        found = np.zeros_like(places)
        for number in range(len(names) // 2):
            joints = self.arrays[names[f"JOINTS_{number}"]]
            weights = self.arrays[names[f"WEIGHTS_{number}"]]
            moved = np.einsum("vkij,vj->vki", maps[joints], whole)[..., :3]
            found += (weights[..., None] * moved).sum(axis=1)
        return found

    def places(self, animation: int, frame: int) -> dict[str, Array]:
        """Where the nodes are, by name."""
        worlds = self._worlds(self._local(animation, frame))
        nodes = self.content["nodes"]
        return {
            node["name"]: world[:3, 3]
            for node, world in zip(nodes, worlds, strict=True)
        }

    def _local(self, animation: int, frame: int) -> list[dict[str, Any]]:
        nodes = [dict(node) for node in self.content["nodes"]]
        chosen = self.content["animations"][animation]
        for channel in chosen["channels"]:
            sampler = chosen["samplers"][channel["sampler"]]
            target = channel["target"]
            nodes[target["node"]][target["path"]] = self.arrays[sampler["output"]][
                frame
            ]
        return nodes

    def _worlds(self, nodes: list[dict[str, Any]]) -> list[Array]:
        found: list[Array] = [np.eye(4)] * len(nodes)

        def go(number: int, above: Array) -> None:
            found[number] = above @ _matrix(nodes[number])
            for child in nodes[number].get("children", ()):
                go(child, found[number])

        for root in self.content["scenes"][0]["nodes"]:
            go(root, np.eye(4))
        return found


def _matrix(node: dict[str, Any]) -> Array:
    matrix = np.eye(4)
    turn = Rotation.from_quat(node.get("rotation", (0, 0, 0, 1))).as_matrix()
    matrix[:3, :3] = turn * np.asarray(node.get("scale", (1, 1, 1)))
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def read(path: Path) -> Read:
    """A file, held to the rules of the specification that a writer can break."""
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON" and size % 4 == 0
    content = json.loads(data[20 : 20 + size])
    rest = data[20 + size :]
    amount, kind = struct.unpack_from("<I4s", rest)
    assert kind == b"BIN\0" and amount % 4 == 0 and len(rest) == 8 + amount
    (buffer,) = content["buffers"]
    assert amount - 3 <= buffer["byteLength"] <= amount
    arrays = [_array(content, each, rest[8:]) for each in content["accessors"]]
    for animation in content["animations"]:
        targets = [
            (channel["target"]["node"], channel["target"]["path"])
            for channel in animation["channels"]
        ]
        assert len(set(targets)) == len(targets)
        for sampler in animation["samplers"]:
            times = content["accessors"][sampler["input"]]
            assert {"min", "max"} <= times.keys()
            assert (np.diff(arrays[sampler["input"]]) > 0).all()
            assert times["count"] == content["accessors"][sampler["output"]]["count"]
    return Read(content, arrays)


def _array(content: dict[str, Any], accessor: dict[str, Any], binary: bytes) -> Array:
    view = content["bufferViews"][accessor["bufferView"]]
    dtype = np.dtype(TYPES[accessor["componentType"]])
    assert view["byteOffset"] % max(4, dtype.itemsize) == 0
    width = WIDTHS[accessor["type"]]
    assert view["byteLength"] == accessor["count"] * width * dtype.itemsize
    # a row of a vertex attribute begins at a multiple of four
    assert view.get("target") != 34962 or width * dtype.itemsize % 4 == 0
    found = np.frombuffer(
        binary, dtype, accessor["count"] * width, view["byteOffset"]
    ).reshape(accessor["count"], width)
    if "min" in accessor:
        assert found.min(0).tolist() == accessor["min"]
        assert found.max(0).tolist() == accessor["max"]
    return found[:, 0] if width == 1 else found
