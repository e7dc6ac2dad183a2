"""mmpose's inferencer and its demos: a file for each video, or for each picture.

A video is [{frame_id, instances}, ...], a picture [instance, ...], and an instance {keypoints:
[[x, y], ...], keypoint_scores: [c, ...]}. The demos put either under instance_info, beside
meta_info, which names the joints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.data.detections import joints
from bench.data.detections.formats import _entries
from bench.data.detections.names import Name
from bench.data.detections.video import Frame, Layout, Person, Video, track
from bench.data.formats.checks import array, mapping, sequence, whole
from models.errors import BadInput

FORMAT = "mmpose's predictions ({instance_info}, or [{frame_id, instances}, ...])"

SETS = {"coco": "coco17", "h36m": "h36m17", "mpii": "mpii16"}  # `dataset_name`


def fits(value: object) -> bool:
    """Whether a value is of this format."""
    if isinstance(value, dict):
        return "instance_info" in value
    # an empty list is a picture of nobody
    nobody = isinstance(value, list) and not value
    return nobody or _entries.is_list_of(value, "instances", "keypoint_scores")


def read(value: Any, where: str) -> list[Video]:
    """The picture of the file, or its video. Raises BadInput."""
    layout = None
    if isinstance(value, dict):
        layout = _layout(value.get("meta_info"))
        value = value["instance_info"]
    entries = sequence([] if value is None else value, where)
    if not _entries.is_list_of(entries, "instances"):
        return [Video([_frame(entries, where)], layout=layout, picture=True)]
    frames: dict[Name, Frame] = {}
    for place, entry in enumerate(entries):
        here = f"{where}: entry {place}"
        number = whole(mapping(entry, here, "frame_id")["frame_id"], here)
        if number in frames:
            raise BadInput(f"{here}: frame {number} comes twice; leave one out")
        frames[number] = _frame(entry.get("instances") or [], here)
    return [
        Video(video.frames, layout=layout, notes=video.notes)
        for video in _entries.videos(frames)
    ]


def _frame(instances: object, where: str) -> Frame:
    frame: Frame = []
    for instance in sequence(instances, where):
        person = mapping(instance, where, "keypoints")
        if person["keypoints"]:
            frame.append(Person(_points(person, where), track(person, "track_id")))
    return frame


def _points(person: Mapping[str, Any], where: str) -> np.ndarray:
    """x, y, confidence (joints, 3)."""
    places = array(person["keypoints"], (-1, -1), f"{where}, keypoints")
    if places.shape[1] != 2:
        raise BadInput(
            f"{where}: keypoints of {places.shape[1]} numbers came; x and y in pixels were"
            " due (poses in 3D are what a model here gives)"
        )
    scores = person.get("keypoint_scores")
    if scores is None:
        return np.c_[places, np.ones(len(places))]
    return np.c_[places, array(scores, (len(places),), f"{where}, keypoint_scores")]


def _layout(meta: object) -> Layout | None:
    """The joints as the data set of the model has them."""
    if not isinstance(meta, dict):
        return None
    names = meta.get("keypoint_id2name")
    if isinstance(names, dict) and (found := joints.named(names.values())):
        return found
    skeleton = SETS.get(str(meta.get("dataset_name")))
    return joints.whole_of(skeleton) if skeleton else None
