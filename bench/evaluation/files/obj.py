"""Surfaces as Wavefront OBJ, a file for each frame: what nearly every program of meshes opens.

Metres, y up: x is the camera's, y and z are negated, as if the camera stood level. One clip of one
frame is one file; else there is a folder of that name, with a numbered file for each frame in a
numbered folder for each clip.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.files import Poses

SURFACES = True  # it is written of vertices, and not of joints
UPRIGHT = np.array([1.0, -1.0, -1.0])  # camera (x right, y down, z away) to y up


def write(path: Path, poses: Poses, about: Mapping[str, Any]) -> None:
    """Vertices (frames, V, 3), mm, of each clip, and `faces` (F, 3) in `about`."""
    faces = about["faces"]
    frames = [vertices for clip in poses.values() for vertices in clip]
    if len(frames) == 1:
        path.write_text(text(frames[0] * UPRIGHT / 1000, faces), encoding="utf-8")
        return
    path.mkdir()
    for number, (name, clip) in enumerate(poses.items(), 1):
        # a clip is called as its file was, which may be anything
        plain = re.sub(r"[^\w.-]+", "-", name)[:80]
        folder = path / f"{number:03}-{plain}"
        folder.mkdir()
        for frame, vertices in enumerate(clip):
            file = folder / f"{frame:06}.obj"
            file.write_text(text(vertices * UPRIGHT / 1000, faces), encoding="utf-8")


def text(vertices: NDArray[np.floating], faces: NDArray[np.int64]) -> str:
    """One mesh: vertices (V, 3) in their own unit, faces (F, 3), which OBJ counts from 1."""
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (faces + 1).tolist()]
    return "\n".join(lines) + "\n"
