"""mmpose's inferencer and its demos: a file for each video, or for each picture.

A video is [{frame_id, instances}, ...], a picture [instance, ...], and an instance {keypoints:
[[x, y], ...], keypoint_scores: [c, ...]}. The demos put either under instance_info, beside
meta_info, which names the joints.
"""

from __future__ import annotations

import dataclasses
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
        layout = _layout(value.get("meta_info"), f"{where}: meta_info")
        value = value["instance_info"]
    entries = sequence([] if value is None else value, where)
    if not _entries.is_list_of(entries, "instances"):
        frame = _frame(entries, where)
        return [Video([frame], layout=layout, scores=True, picture=True)]
    frames: dict[Name, Frame] = {}
    for place, entry in enumerate(entries):
        here = f"{where}: entry {place}"
        number = whole(mapping(entry, here, "frame_id")["frame_id"], here)
        if number in frames:
            raise BadInput(f"{here}: frame {number} comes twice; leave one out")
        frames[number] = _frame(entry.get("instances") or [], here)
    return [
        dataclasses.replace(video, layout=layout, scores=True)
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


def _layout(meta: object, where: str) -> Layout | None:
    """The joints as the data set of the model has them. Raises BadInput for two that differ."""
    if not isinstance(meta, dict):
        return None
    skeleton = SETS.get(str(meta.get("dataset_name")))
    names = meta.get("keypoint_id2name")
    found = joints.named(_ordered(names, where)) if isinstance(names, dict) else None
    if found is None:
        return joints.only(skeleton) if skeleton else None
    if skeleton not in (None, found.skeleton):
        raise BadInput(
            f"{where}: dataset_name {meta['dataset_name']} is {skeleton}, and the joints are"
            f" named as those of {found.skeleton}; take out what is wrong"
        )
    return found


def _ordered(names: Mapping[Any, Any], where: str) -> list[Any]:
    """The names of joints in the order of their numbers, which are text in JSON.

    Raises BadInput for numbers that do not count from 0.
    """
    numbered = {whole(key, f"{where}, keypoint_id2name"): key for key in names}
    order = sorted(numbered)
    if order != list(range(len(names))):
        raise BadInput(
            f"{where}: keypoint_id2name with numbers {order[0]} to {order[-1]} for"
            f" {len(names)} joints came; 0 to {len(names) - 1} were due"
        )
    return [names[numbered[number]] for number in order]
