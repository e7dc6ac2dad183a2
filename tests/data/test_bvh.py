"""BVH as poses: forward kinematics against numbers done by hand, units, folders, labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import data
from bench.data.batches.windows import Windows
from bench.data.clip import UNITS
from bench.data.formats import bvh_text
from bench.data.readers import bvh
from bench.evaluation.baselines.predictors import baselines
from models.errors import BadInput
from tests.data.bvh_files import (
    HIERARCHIES,
    RIG,
    chain,
    joint,
    motion,
    person,
    rest,
    still,
    write,
)
from tests.paths import SHARED

REAL = SHARED / "data" / "bandai-namco-1"


def test_rest_pose_in_millimetres_z_up(tmp_path: Path) -> None:
    clip = bvh.load(str(write(tmp_path, person() + motion(still()))), rig=RIG)[0]
    pose = dict(zip(clip.skeleton.joints, clip.world_pose[0].tolist(), strict=True))
    assert clip.fps == 50.0
    assert len(clip.world_pose) == 3
    assert clip.action == "a"
    np.testing.assert_allclose(pose["Hip"], [0, 0, 880], atol=1e-3)
    np.testing.assert_allclose(pose["RFoot"], [-100, 0, 0], atol=1e-3)
    np.testing.assert_allclose(pose["LWrist"], [150, 0, 780], atol=1e-3)
    # between Neck and Head
    np.testing.assert_allclose(pose["Neck/Nose"], [0, 0, 1430], atol=1e-3)
    # z forward becomes -y
    np.testing.assert_allclose(clip.world_pose[2, 0], [0, -100, 880], atol=1e-3)


def test_position_channels_replace_the_offset_and_order_is_the_channels(
    tmp_path: Path,
) -> None:
    # the tip shows how the root is turned
    tip = joint("Tip", "0 0 7", channels="0")
    text = (
        "HIERARCHY\n"
        + joint(
            "Root",
            "9 9 9",
            tip,
            channels="5 Yposition Xposition Xrotation Zposition Yrotation",
            word="ROOT",
        )
        + "\n"
    )
    read = bvh_text.read(write(tmp_path, text + motion([[2, 1, 90, 3, 90]])))
    place = bvh.positions(read)[0]
    np.testing.assert_allclose(place[0], [1, 2, 3], atol=1e-12)
    # Rx Ry: z -> x, which Rx keeps; Ry Rx would give -y
    np.testing.assert_allclose(place[1] - place[0], [7, 0, 0], atol=1e-12)


def test_missing_position_channels_keep_the_offset(tmp_path: Path) -> None:
    text = (
        "HIERARCHY\n"
        + joint("Root", "4 5 6", channels="2 Xposition Zrotation", word="ROOT")
        + "\n"
    )
    np.testing.assert_allclose(
        bvh.positions(bvh_text.read(write(tmp_path, text + motion([[1, 30]]))))[0, 0],
        [1, 5, 6],
    )


def test_nested_turns_multiply(tmp_path: Path) -> None:
    text = (
        "HIERARCHY\n"
        + joint("A", "0 0 0", chain(("B", "1 0 0"), ("C", "1 0 0")), word="ROOT")
        + "\n"
    )
    place = bvh.positions(
        bvh_text.read(write(tmp_path, text + motion([[90, 0, 0, 90, 0, 0, 0, 0, 0]])))
    )[0]
    # B is a quarter turn away from A, and its own quarter turn takes C back
    np.testing.assert_allclose(place, [[0, 0, 0], [0, 1, 0], [-1, 1, 0]], atol=1e-12)


@pytest.mark.parametrize("unit", ["m", "inch", "cm", "mm"])
def test_unit_is_told_from_the_legs(tmp_path: Path, unit: str) -> None:
    scale = 10 / UNITS[unit]
    lines = [
        (
            "OFFSET " + " ".join(f"{float(v) * scale:.9g}" for v in line.split()[1:])
            if line.startswith("OFFSET")
            else line
        )
        for line in person().split("\n")
    ]
    clip = bvh.load(
        str(write(tmp_path, "\n".join(lines) + motion(still(scale=scale)))), rig=RIG
    )[0]
    assert abs(clip.world_pose[0, 0, 2] - 880) < 0.01


def test_the_unit_of_the_cmu_database(tmp_path: Path) -> None:
    # the database's unit is an inch over 0.45, and the person's a centimetre
    scale = 10 / 56.444444
    text = "\n".join(
        (
            "OFFSET " + " ".join(f"{float(v) * scale:.9g}" for v in line.split()[1:])
            if line.startswith("OFFSET")
            else line
        )
        for line in HIERARCHIES["CMU"].split("\n")
    )
    clip = bvh.load(str(write(tmp_path, rest(text))), rig=RIG)[0]
    leg = np.linalg.norm(np.diff(clip.world_pose[0, 1:4], axis=0), axis=1)
    np.testing.assert_allclose(leg, 440, rtol=1e-4)


def test_folders_in_the_folder_and_capital_endings(tmp_path: Path) -> None:
    for subject in ("01", "02"):
        write(tmp_path / subject, rest(HIERARCHIES["CMU"]), f"{subject}_01.BVH")
    clips = bvh.load(str(tmp_path), rig=RIG)
    assert sorted({(clip.name, clip.subject) for clip in clips}) == [
        ("01/01_01", "01"),
        ("02/02_01", "02"),
    ]


def test_mixed_skeletons_are_refused(tmp_path: Path) -> None:
    write(tmp_path, person() + motion(still()))
    write(tmp_path, person().replace("Hand_L", "Palm_L") + motion(still()), "b.bvh")
    with pytest.raises(
        BadInput, match=r"b\.bvh:2: another skeleton than a\.bvh \(Palm_L for Hand_L\)"
    ):
        bvh.load(str(tmp_path), rig=RIG)


def test_missing_path_and_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        bvh.load(str(tmp_path / "nowhere"), rig=RIG)
    with pytest.raises(BadInput, match=r"holds no \.bvh"):
        bvh.load(str(tmp_path), rig=RIG)


def test_real_motion_meets_the_published_yardstick() -> None:
    if not REAL.is_dir():
        pytest.skip(f"the Bandai-Namco motion data is not at {REAL}")
    split = data.load(f"bvh:{REAL}")
    train, test = (
        Windows(clips, frames=1, skeleton=split.protocol.skeleton)
        for clips in (split.train, split.test)
    )
    mean, linear = baselines(train, test, protocol=split.protocol)
    found = {
        baseline.name: next(m for m in baseline.metrics if m.name == "MPJPE").frame_wise
        for baseline in (mean, linear)
    }
    assert test.scored == 24720
    assert found["mean pose"] == pytest.approx(150.6, abs=0.1)
    assert found["least-squares linear map"] == pytest.approx(79.9, abs=0.1)
    assert set(linear.metrics[0].per_joint) == set(split.protocol.joints)
