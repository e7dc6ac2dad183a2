"""VideoPose3D's archives for tests: two subjects, two actions, four cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.data.geometry import h36m_cameras
from bench.data.geometry.cameras import project, world_to_camera
from bench.data.readers import synthetic

FRAMES = 20
# left and right joints by number, as the archives' metadata has them
SYMMETRY = {
    "h36m": ([4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]),
    "coco": ([1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]),
    "mpii": ([3, 4, 5, 13, 14, 15], [0, 1, 2, 10, 11, 12]),
}
# where the 17 that move stand among the 32 that were recorded
KEPT = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]


def world(subject: str, action: str, frames: int = FRAMES) -> np.ndarray:
    """Somebody moving about the studio's middle, (frames, 17, 3) mm."""
    return synthetic.make(subject, action, frames=frames).world


def positions(joints: int = 32) -> dict[str, dict[str, np.ndarray]]:
    """As data_3d_h36m.npz holds them, metres; the 15 joints that are left out hold nonsense."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for subject in ("S1", "S9"):
        found[subject] = {}
        for action in ("Walking", "Directions"):
            pose = np.full((FRAMES, joints, 3), 9.0, np.float32)
            pose[:, KEPT if joints == 32 else slice(None)] = (
                world(subject, action) / 1000
            )
            found[subject][f"{action} 1"] = pose
    return found


def keypoints(
    extra: int = 0, joints: int = 17, channels: int = 2
) -> dict[str, dict[str, list[np.ndarray]]]:
    """As data_2d_h36m_*.npz holds them: four cameras in their order, pixels.

    Here each number tells where it belongs.
    """
    draw = np.random.default_rng(0)
    shape, scale = (FRAMES + extra, joints, channels), [900, 900, 1][:channels]
    return {
        s: {
            a: [
                (draw.uniform(0.1, 1, shape) * scale).astype(np.float32)
                for _ in range(4)
            ]
            for a in actions
        }
        for s, actions in positions(17).items()
    }


def projected() -> dict[str, dict[str, list[np.ndarray]]]:
    """True keypoints, as the studio's cameras see the poses."""
    return {
        subject: {
            action: [
                project(camera, world_to_camera(camera, 1000.0 * pose)).astype(
                    np.float32
                )
                for camera in h36m_cameras.cameras(subject).values()
            ]
            for action, pose in actions.items()
        }
        for subject, actions in positions(17).items()
    }


def metadata(layout: str) -> dict[str, Any]:
    return {
        "layout_name": layout,
        "num_joints": 16 if layout == "mpii" else 17,
        "keypoints_symmetry": [list(s) for s in SYMMETRY[layout]],
    }


def write(
    folder: Path,
    poses: object = None,
    seen: object = None,
    *,
    name: str = "gt",
    layout: str = "h36m",
) -> Path:
    np.savez_compressed(
        folder / "data_3d_h36m.npz",
        positions_3d=np.array(positions() if poses is None else poses, dtype=object),
    )
    if seen is not None:
        arrays = {
            "positions_2d": np.array(seen, dtype=object),
            "metadata": np.array(metadata(layout), dtype=object),
        }
        np.savez_compressed(folder / f"data_2d_h36m_{name}.npz", **arrays)
    return folder
