"""Whose joints are which in a BVH file, told from their names or from a table beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.data.formats import bvh_text
from bench.data.geometry import bvh_maps
from bench.data.readers import bvh
from models.errors import BadInput
from tests.data.bvh_files import HIERARCHIES, RIG, SIX, joint, rest, write


@pytest.mark.parametrize("name", HIERARCHIES)
def test_joint_maps_are_told_from_the_names(tmp_path: Path, name: str) -> None:
    text = HIERARCHIES[name]
    path = write(tmp_path, rest(text))
    names = bvh_maps.plain([node.name for node in bvh_text.read(path).nodes])
    assert bvh_maps.fitting(names, path).name == name.split()[0]
    clip = bvh.load(str(path), rig=RIG)[0]
    pose = dict(zip(clip.skeleton.joints, clip.world_pose[0].tolist(), strict=True))
    # left-right and up, mm; front and back are the same in all four trunks
    due = {
        "Hip": [0, 880],
        "LHip": [100, 880],
        "RKnee": [-100, 440],
        "LFoot": [100, 0],
        "Spine": [0, 1080],
        "Thorax": [0, 1330],
    }
    due |= {
        "LShoulder": [150, 1310],
        "RElbow": [-150, 1030],
        "LWrist": [150, 780],
        "Head": [0, 1430],
    }
    for part, (x, z) in due.items():
        np.testing.assert_allclose(
            [pose[part][0], pose[part][2]], [x, z], atol=1e-2, err_msg=part
        )
    # the nose is the mean of two joints in some tables and one of its own in CMU's
    assert due["Thorax"][1] < pose["Neck/Nose"][2] < pose["Head"][2]


@pytest.mark.parametrize(
    ("name", "file", "labels"),
    [
        ("CMU", "35_07.bvh", ("35", "35_07", "")),
        ("LaFAN", "walk1_subject5.bvh", ("subject5", "walk", "")),
        ("Mixamo", "Walking.bvh", ("actor", "Walking", "")),
    ],
)
def test_labels_come_from_the_file_name(
    tmp_path: Path, name: str, file: str, labels: tuple[str, str, str]
) -> None:
    clip = bvh.load(
        str(write(tmp_path / "actor", rest(HIERARCHIES[name]), file)), rig=RIG
    )[0]
    assert (clip.subject, clip.action, clip.style) == labels
    assert clip.name == file[:-4]


def foreign(folder: Path) -> Path:
    """LaFAN's hierarchy under a root of another name, which no table of ours knows."""
    return write(folder, rest(HIERARCHIES["LaFAN"].replace("Hips", "Bip01")))


def own_map() -> str:
    """LaFAN's table as `joints.yaml`, with the name of the foreign file's root."""
    lines = []
    for ours, parts in bvh_maps.MAPS[2].joints.items():
        names = [part.replace("Hips", "Bip01") for part in parts]
        # one name may stand without brackets
        lines.append(f"{ours}: {names if len(names) > 1 else names[0]}")
    return "\n".join(lines)


def test_an_own_joint_map_beside_the_files(tmp_path: Path) -> None:
    path = foreign(tmp_path)
    message = r"the nearest, LaFAN, lacks Hips: lay a joints\.yaml beside the file"
    with pytest.raises(BadInput, match=rf"a\.bvh:2: .*{message}"):
        bvh.load(str(path), rig=RIG)
    (tmp_path / "joints.yaml").write_text(own_map())
    height = bvh.load(str(path), rig=RIG)[0].world_pose[0, 0, 2]
    assert height == pytest.approx(880, abs=0.01)


def test_a_wrong_joint_map_is_one_line(tmp_path: Path) -> None:
    path, good = foreign(tmp_path), own_map()
    hook = good.replace("LWrist: LeftHand", "LWrist: Hook")
    number = good.replace("Hip: Bip01", "Hip: 3", 1)
    wrong = {
        "Tail: x": "Tail is missing or no joint",
        number: r"joints\.yaml: Hip: 3 came; the name of a joint",
        good.replace("LWrist: LeftHand\n", ""): "LWrist is missing",
        hook: r"the nearest, joints\.yaml, lacks Hook",
        "[": "not a readable YAML file",
    }
    for text, message in wrong.items():
        (tmp_path / "joints.yaml").write_text(text)
        with pytest.raises(BadInput, match=message):
            bvh.load(str(path), rig=RIG)


def test_an_unknown_hierarchy_names_the_first_joints_that_lack(tmp_path: Path) -> None:
    text = "HIERARCHY\n" + joint("Rig", "0 0 0", channels=SIX, word="ROOT") + "\n"
    with pytest.raises(
        BadInput,
        match=(
            r"no joint map fits \(root Rig, 1 joints\); the nearest, .*, lacks Hips, .* and"
            r" \d+ more"
        ),
    ):
        bvh.load(str(write(tmp_path, rest(text))), rig=RIG)
