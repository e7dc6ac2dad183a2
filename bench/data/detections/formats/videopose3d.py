"""VideoPose3D's archives of 2D keypoints, of one's own videos or of Human3.6M.

positions_2d: {video: {custom: [(frames, joints, 2 or 3) of each camera]}}, metadata: {layout_name,
keypoints_symmetry: [left, right], video_metadata: {video: {w, h, fps}}}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bench.data.detections import joints
from bench.data.detections.formats import plain
from bench.data.detections.video import Layout, Video, size, stated_fps
from bench.data.formats.checks import mapping
from models.errors import BadInput

FORMAT = "VideoPose3D's archive (.npz with positions_2d)"

OWN = "custom"  # the action of all one's own videos
NAMES = {"coco": "coco17", "h36m": "h36m17", "mpii": "mpii16"}


def fits(value: object) -> bool:
    """Whether a value is of this format."""
    return isinstance(value, dict) and "positions_2d" in value


def read(value: Mapping[str, Any], where: str) -> list[Video]:
    """The videos of the archive. Raises BadInput."""
    facts = (
        _saved(value["metadata"], f"{where}: metadata") if "metadata" in value else {}
    )
    stated = facts.get("video_metadata")
    layout = _layout(facts, f"{where}: metadata")
    videos = []
    positions = _saved(value["positions_2d"], f"{where}: positions_2d")
    for name, subject, points in _views(positions, where):
        video = plain.video(points, f"{where}: {name}")
        known = stated.get(subject) if isinstance(stated, dict) else None
        known = known if isinstance(known, dict) else {}
        videos.append(
            Video(
                video.frames,
                name=name,
                size=_size(known, f"{where}: {name}"),
                fps=stated_fps(known, f"{where}: {name}"),
                layout=layout,
                shares=video.shares,
                notes=video.notes,
            )
        )
    return videos


def _saved(value: object, where: str) -> Mapping[str, Any]:
    """A dictionary, which numpy.savez puts into an array of shape ()."""
    if isinstance(value, np.ndarray) and value.shape == ():
        value = value.item()
    return mapping(value, where)


def _views(
    positions: Mapping[str, Any], where: str
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Name, subject and keypoints of each video, camera by camera."""
    for subject, actions in positions.items():
        here = f"{where}: positions_2d, {subject!s:.40}"
        for action, cameras in mapping(actions, here).items():
            own = subject if action == OWN else f"{subject} {action}"
            if not isinstance(cameras, list | tuple | np.ndarray) or not len(cameras):
                raise BadInput(
                    f"{here}: no list of cameras came; an array for each was due"
                )
            for place, points in enumerate(cameras):
                several = f" {place}" if len(cameras) > 1 else ""
                yield f"{own}{several}", subject, points


def _size(known: Mapping[str, Any], where: str) -> tuple[int, int] | None:
    if not {"w", "h"} <= set(known):
        return None
    return size(known["w"], known["h"], where)


def _layout(facts: Mapping[str, Any], where: str) -> Layout | None:
    """The skeleton by its sides, or by the name it goes by. Raises BadInput where they differ."""
    sides = facts.get("keypoints_symmetry")
    by_sides = joints.by_sides(sides)
    by_name = NAMES.get(str(facts.get("layout_name")))
    if by_name and sides is not None and by_sides != by_name:
        raise BadInput(
            f"{where}: layout_name {facts['layout_name']} is {by_name}; keypoints_symmetry"
            f" has the left and right joints of {by_sides or 'another'}; take out what is"
            " wrong"
        )
    skeleton = by_sides or by_name
    return joints.only(skeleton) if skeleton else None
