"""What files state of their joints: taken by name, number and category, and no further."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.data.geometry import skeletons
from bench.data.readers import keypoints
from models.errors import BadInput
from tests.data.detections.walker import SIZE, dataset, instance, same, video, write


def test_joints_are_taken_by_their_names(tmp_path: Path) -> None:
    order = "root right_hip right_knee right_foot left_hip left_knee left_foot spine"
    order += " thorax neck_base head left_shoulder left_elbow left_wrist right_shoulder"
    names = f"{order} right_elbow right_wrist".split()
    stated = {
        "a data set": dataset(categories=[{"keypoints": names}]),
        "mmpose": {
            "meta_info": {"keypoint_id2name": dict(enumerate(names))},
            "instance_info": video([]),
        },
        "mmpose by name": {
            "meta_info": {"dataset_name": "h36m"},
            "instance_info": video([]),
        },
    }
    for case, content in stated.items():
        (clip,) = keypoints.load(write(tmp_path, content) + SIZE)
        assert clip.skeleton.name == "h36m17", case
        assert not any("joints" in note for note in clip.notes), case


def test_names_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    names = {str(i): name for i, name in enumerate(skeletons.load("coco17").joints)}
    # as text, 10 is before 2
    numbered = dict(sorted(names.items()))
    content = {
        "meta_info": {"keypoint_id2name": numbered},
        "instance_info": video([]),
    }
    (clip,) = keypoints.load(write(tmp_path, content) + SIZE)
    same(clip)
    del numbered["3"]
    with pytest.raises(BadInput, match="numbers 0 to 16 for 16 joints"):
        keypoints.load(write(tmp_path, content) + SIZE)


def test_a_skeleton_of_fewer_joints_than_came_is_refused(tmp_path: Path) -> None:
    more = [{"frame_id": 0, "instances": [{"keypoints": [[500, 400]] * 25}]}]
    stated: dict[str, Any] = {
        "mmpose": {"meta_info": {"dataset_name": "coco"}, "instance_info": more},
        "plain": {"keypoints": [[[500, 400, 1]] * 25] * 3, "skeleton": "coco17"},
    }
    for content in stated.values():
        with pytest.raises(BadInput, match="25 joints came; 17 were due for .* coco17"):
            keypoints.load(write(tmp_path, content) + SIZE)


def test_joints_are_those_of_the_peoples_category(tmp_path: Path) -> None:
    h36m, coco = (list(skeletons.load(name).joints) for name in ("h36m17", "coco17"))
    categories = [{"id": 2, "keypoints": h36m}, {"id": 1, "keypoints": coco}]
    content = dataset(categories=categories)
    for person in content["annotations"]:
        person["category_id"] = 1
    (clip,) = keypoints.load(write(tmp_path, content))
    same(clip)
    assert clip.skeleton.name == "coco17"
    content["annotations"][0]["category_id"] = 2
    with pytest.raises(BadInput, match="people of categories with other joints"):
        keypoints.load(write(tmp_path, content))
    content["annotations"][0]["category_id"] = 3
    with pytest.raises(BadInput, match="category 3 of a person is none"):
        keypoints.load(write(tmp_path, content))


def test_files_of_one_video_name_the_same_joints(tmp_path: Path) -> None:
    for frame, name in enumerate(("coco", "h36m")):
        content = {"meta_info": {"dataset_name": name}, "instance_info": [instance(0)]}
        write(tmp_path, content, f"walk_{frame}.json")
    with pytest.raises(BadInput, match="name other joints in one frame"):
        keypoints.load(f"{tmp_path}{SIZE}")


def test_names_of_more_joints_than_came_are_refused(tmp_path: Path) -> None:
    names = [*skeletons.load("coco17").joints, "tail", "left_wing", "right_wing"]
    more = dataset(categories=[{"keypoints": [*names[17:], *names[:17]]}])
    with pytest.raises(BadInput, match="17 joints came; the file names 20 or more"):
        keypoints.load(write(tmp_path, more) + SIZE)
