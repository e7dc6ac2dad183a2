"""Surfaces as Wavefront OBJ, a file for each frame: what nearly every program of meshes opens.

Metres, y up: x is the camera's, y and z are negated, as if the camera stood level. One clip of one
frame is one file; else there is a folder of that name, with a numbered file for each frame in a
numbered folder for each clip. The first lines say what the surface is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.files import Poses
from models.errors import visible

SURFACES = True  # it is written of vertices, and not of joints
UPRIGHT = np.array([1.0, -1.0, -1.0])  # camera (x right, y down, z away) to y up


def write(
    path: Path,
    poses: Poses,
    about: Mapping[str, Any],
) -> None:
    """Vertices (frames, V, 3), mm, of each clip, and `faces` (F, 3) in `about`."""
    faces, every = about["faces"], about.get("every", 1)
    alone = sum(map(len, poses.values())) == 1
    if not alone:
        path.mkdir()
    for number, (name, clip) in enumerate(poses.items(), 1):
        # a clip is called as its file was, which may be anything
        plain = re.sub(r"[^\w.-]+", "-", name)[:80]
        folder = path / f"{number:03}-{plain}"
        if not alone:
            folder.mkdir()
        for place, vertices in enumerate(clip):
            # as the clip counts them, where they are every n-th
            frame = place * every
            said = (*_said(about), f"clip {name}, frame {frame}")
            file = path if alone else folder / f"{frame:06}.obj"
            whole = text(vertices * UPRIGHT / 1000, faces, said)
            file.write_text(whole, encoding="utf-8")


def _said(about: Mapping[str, Any]) -> tuple[str, ...]:
    """What a surface is, and of which model's poses."""
    known = ("model", "backend", "run", "relative_to")
    listed = [f"{name} {about[name]}" for name in known if name in about]
    whose = f"surface: {about['surface']}" if "surface" in about else "a surface"
    return (f"{whose}; metres, y up", *listed)


def text(
    vertices: NDArray[np.floating],
    faces: NDArray[np.int64],
    said: Sequence[str] = (),
) -> str:
    """One mesh: vertices (V, 3) in their own unit, faces (F, 3), which OBJ counts from 1."""
    # names are others', and a line that they break would be one of the mesh
    lines = [f"# {visible(each)}" for each in said]
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (faces + 1).tolist()]
    return "\n".join(lines) + "\n"
