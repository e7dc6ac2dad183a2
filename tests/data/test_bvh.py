"""BVH: forward kinematics against numbers done by hand, and one line with file and line
number for whatever is wrong.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np
import pytest

from bench import data
from bench.data import protocols
from bench.data.batches.windows import Windows
from bench.data.geometry import bvh_maps
from bench.data.readers import bvh
from bench.evaluation.baselines.predictors import baselines
from models.errors import BadInput
from tests.paths import SHARED

REAL = SHARED / "data" / "bandai-namco-1"
ROTATION = "Zrotation Xrotation Yrotation"
SIX = f"6 Xposition Yposition Zposition {ROTATION}"


def joint(
    name: str,
    offset: str,
    *children: str,
    channels: str = f"3 {ROTATION}",
    word: str = "JOINT",
) -> str:
    inside = "\n".join(children) or "End Site\n{\nOFFSET 0 1 0\n}"
    return f"{word} {name}\n{{\nOFFSET {offset}\nCHANNELS {channels}\n{inside}\n}}"


def chain(*parts: tuple[str, str]) -> str:
    (name, offset), *rest = parts
    return joint(name, offset, *([chain(*rest)] if rest else []))


def person() -> str:
    """The joints of the Bandai-Namco map, y up, centimetres; 16 joints with 51 channels."""
    arms = [
        chain(
            (f"UpperArm_{s}", f"{x} -2 0"),
            (f"LowerArm_{s}", "0 -28 0"),
            (f"Hand_{s}", "0 -25 0"),
        )
        for s, x in (("L", 15), ("R", -15))
    ]
    legs = [
        chain(
            (f"UpperLeg_{s}", f"{x} 0 0"),
            (f"LowerLeg_{s}", "0 -44 0"),
            (f"Foot_{s}", "0 -44 0"),
        )
        for s, x in (("L", 10), ("R", -10))
    ]
    neck = joint("Neck", "0 25 0", chain(("Head", "0 20 0")), *arms)
    return (
        "HIERARCHY\n"
        + joint(
            "Hips",
            "0 0 0",
            joint("Spine", "0 20 0", neck),
            *legs,
            channels=SIX,
            word="ROOT",
        )
        + "\n"
    )


def motion(rows: list[list[float]], frame_time: float = 0.02) -> str:
    lines = "\n".join(" ".join(f"{value:g}" for value in row) for row in rows)
    return f"MOTION\nFrames: {len(rows)}\nFrame Time: {frame_time}\n{lines}\n"


def still(frames: int = 3, scale: float = 1.0) -> list[list[float]]:
    return [[0, 88 * scale, 5 * frame] + [0] * 48 for frame in range(frames)]


def write(folder: Path, text: str, name: str = "a.bvh") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


RIG = protocols.load("bandai-styles").rig


def test_rest_pose_in_millimetres_z_up(tmp_path: Path) -> None:
    clip = bvh.load(str(write(tmp_path, person() + motion(still()))), rig=RIG)[0]
    pose = dict(zip(clip.skeleton.joints, clip.world_pose[0].tolist(), strict=True))
    assert clip.fps == 50.0 and len(clip.world_pose) == 3 and clip.action == "a"
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
    read = bvh.read(write(tmp_path, text + motion([[2, 1, 90, 3, 90]])))
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
        bvh.positions(bvh.read(write(tmp_path, text + motion([[1, 30]]))))[0, 0], [1, 5, 6]
    )


def test_nested_turns_multiply(tmp_path: Path) -> None:
    text = (
        "HIERARCHY\n"
        + joint("A", "0 0 0", chain(("B", "1 0 0"), ("C", "1 0 0")), word="ROOT")
        + "\n"
    )
    place = bvh.positions(
        bvh.read(write(tmp_path, text + motion([[90, 0, 0, 90, 0, 0, 0, 0, 0]])))
    )[0]
    np.testing.assert_allclose(place, [[0, 0, 0], [0, 1, 0], [-1, 1, 0]], atol=1e-12)


@pytest.mark.parametrize("unit", ["m", "inch", "cm", "mm"])
def test_unit_is_told_from_the_legs(tmp_path: Path, unit: str) -> None:
    scale = 10 / bvh.UNITS[unit]
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


def test_braces_on_one_line_and_windows_line_ends(tmp_path: Path) -> None:
    text = person().replace("\n{", " {") + motion(still())
    path = tmp_path / "a.bvh"
    path.write_bytes(text.replace("\n", "\r\n").encode())
    assert len(bvh.read(path).nodes) == 16


HEAD = person().count("\n")  # MOTION stands on the next line
DAMAGE = {
    "truncated in the hierarchy": (
        lambda t: t[: t.index("Foot_R")],
        "truncated or not a BVH file",
    ),
    "truncated in the motion": (
        lambda t: t[:-60],
        f"a.bvh:{HEAD + 6}: .* values where the hierarchy has 51 channels",
    ),
    "a line missing": (
        lambda t: t[: t[:-1].rindex("\n") + 1],
        "2 lines of motion where Frames says 3",
    ),
    "no motion at all": (lambda t: t[: t.index("Frames:")], f"a.bvh:{HEAD + 1}: 'Frames:'"),
    "no frame time": (
        lambda t: t.replace("Frame Time", "Frame Tim"),
        f"a.bvh:{HEAD + 2}: 'Frame Time:'",
    ),
    "too many values": (
        lambda t: t.replace("\n0 88 5", "\n0 88 5 1"),
        f"a.bvh:{HEAD + 5}: 52 values",
    ),
    "NaN": (
        lambda t: t.replace("\n0 88 5", "\n0 nan 5"),
        f"a.bvh:{HEAD + 5}: 'nan' in column 2",
    ),
    "a word": (
        lambda t: t.replace("\n0 88 5", "\n0 x8 5"),
        f"a.bvh:{HEAD + 5}: 'x8' in column 2",
    ),
    "huge": (
        lambda t: t.replace("\n0 88 5", "\n0 1e300 5"),
        f"a.bvh:{HEAD + 5}: '1e300' in column 2",
    ),
    "no number of frames": (
        lambda t: t.replace("Frames: 3", "Frames: nan"),
        f"a.bvh:{HEAD + 2}: Frames is nan",
    ),
    "endless frames": (
        lambda t: t.replace("Frames: 3", "Frames: inf"),
        f"a.bvh:{HEAD + 2}: Frames is inf",
    ),
    "zero frames": (
        lambda t: t.replace("Frames: 3", "Frames: 0"),
        f"a.bvh:{HEAD + 2}: Frames is 0",
    ),
    "frames no number": (
        lambda t: t.replace("Frames: 3", "Frames: many"),
        f"a.bvh:{HEAD + 2}: 'many'",
    ),
    "no time": (
        lambda t: t.replace("Time: 0.02", "Time: 0"),
        f"a.bvh:{HEAD + 3}: Frame Time is 0",
    ),
    "unknown channel": (
        lambda t: t.replace("Zrotation", "Wrotation", 1),
        "a.bvh:5: 'Wrotation'",
    ),
    "channel count": (
        lambda t: t.replace("CHANNELS 6", "CHANNELS 7", 1),
        "a.bvh:5: 7 channels",
    ),
    "offset": (
        lambda t: t.replace("OFFSET 0 0 0", "OFFSET 0 zero 0", 1),
        "a.bvh:4: 'zero'",
    ),
    "brace missing": (
        lambda t: t.replace("}\nMOTION", "MOTION"),
        "the hierarchy ends where",
    ),
    "brace too many": (
        lambda t: t.replace("}\nMOTION", "}\n}\nMOTION"),
        "after the root's last brace",
    ),
    "same name twice": (
        lambda t: t.replace("Foot_R", "Foot_L"),
        "a second joint named 'Foot_L'",
    ),
    "other names": (
        lambda t: t.replace("Spine", "Backbone"),
        "a.bvh:2: no joint map fits .* lacks Spine",
    ),
    "a giant": (lambda t: t.replace("-44", "-4400"), "no person's"),
    "not a BVH": (lambda t: "hello", "a.bvh:1: .* not a BVH file"),
    "empty": (lambda t: "", "a.bvh:1: .* truncated"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_one_line_with_file_and_line(tmp_path: Path, case: str) -> None:
    change, message = DAMAGE[case]
    path = write(tmp_path, change(person() + motion(still())))
    with pytest.raises(BadInput, match=message) as caught:
        bvh.load(str(path), rig=RIG)
    assert "\n" not in str(caught.value) and "a.bvh" in str(caught.value)


def usual(
    trunk: dict[str, str], *, toe: str, prefix: str = "", sockets: tuple[str, ...] = ()
) -> str:
    """The person of `person()` with names of the LeftUpLeg kind; `trunk` is the chain above
    the hips with offsets, arms at its neck.
    """
    arms, legs = [], []
    for side, x in (("Left", 10), ("Right", -10)):
        arm = (("Arm", f"{1.5 * x} -2 0"), ("ForeArm", "0 -28 0"), ("Hand", "0 -25 0"))
        leg = (
            ("UpLeg", f"{x} 0 0"),
            ("Leg", "0 -44 0"),
            ("Foot", "0 -44 0"),
            (toe, "0 0 10"),
        )
        arms.append(chain(*((f"{prefix}{side}{name}", offset) for name, offset in arm)))
        legs.append(chain(*((f"{prefix}{side}{name}", offset) for name, offset in leg)))
    legs = (
        [joint(name, "0 0 0", leg) for name, leg in zip(sockets, legs, strict=True)]
        if sockets
        else legs
    )
    above: list[str] = []
    for name, offset in reversed(trunk.items()):
        above = [joint(prefix + name, offset, *above, *(arms if name == "Neck" else ()))]
    return (
        "HIERARCHY\n"
        + joint(f"{prefix}Hips", "0 0 0", *above, *legs, channels=SIX, word="ROOT")
        + "\n"
    )


CMU = {
    "LowerBack": "0 0 0",
    "Spine": "0 20 0",
    "Spine1": "0 10 0",
    "Neck": "0 15 0",
    "Neck1": "0 5 0",
    "Head": "0 5 0",
}
SPINE2 = {
    "Spine": "0 10 0",
    "Spine1": "0 10 0",
    "Spine2": "0 10 0",
    "Neck": "0 15 0",
    "Head": "0 10 0",
}
HIERARCHIES = {
    "CMU": usual(CMU, toe="ToeBase", sockets=("LHipJoint", "RHipJoint")),
    "LaFAN": usual(SPINE2, toe="Toe"),
    "Mixamo": usual(SPINE2, toe="ToeBase", prefix="mixamorig:"),
    "Mixamo 2": usual(
        SPINE2 | {"HeadTop_End": "0 15 0"}, toe="ToeBase", prefix="mixamorig1_"
    ),
}


def rest(text: str, frames: int = 2) -> str:
    """The hierarchy at rest, its hips 88 cm up."""
    columns = sum(
        int(line.split()[1]) for line in text.splitlines() if line.startswith("CHANNELS")
    )
    return text + motion([[0, 88, 5] + [0] * (columns - 3)] * frames)


@pytest.mark.parametrize("name", HIERARCHIES)
def test_joint_maps_are_told_from_the_names(tmp_path: Path, name: str) -> None:
    text = HIERARCHIES[name]
    path = write(tmp_path, rest(text))
    names = bvh_maps.plain([node.name for node in bvh.read(path).nodes])
    assert bvh_maps.fitting(names, path).name == name.split()[0]
    clip = bvh.load(str(path), rig=RIG)[0]
    pose = dict(zip(clip.skeleton.joints, clip.world_pose[0].tolist(), strict=True))
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
    assert due["Thorax"][1] < pose["Neck/Nose"][2] < pose["Head"][2]


def test_the_unit_of_the_cmu_database(tmp_path: Path) -> None:
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
    clip = bvh.load(str(write(tmp_path / "actor", rest(HIERARCHIES[name]), file)), rig=RIG)[
        0
    ]
    assert (clip.subject, clip.action, clip.style) == labels and clip.name == file[:-4]


def test_a_deep_hierarchy_takes_time_in_proportion_and_bounded_memory(
    tmp_path: Path,
) -> None:
    """A chain of joints without channels: short text, but a matrix for each of them in each
    frame.
    """
    joints, frames = 20_000, 3000
    chain = "".join(
        f"JOINT j{joint} {{ OFFSET 0 0 0 CHANNELS 0\n" for joint in range(joints)
    )
    root = "ROOT Hips { OFFSET 0 0 0 CHANNELS 1 Xposition\n"
    end = (
        f"End Site {{ OFFSET 0 0 0 }}\n{'}' * (joints + 1)}\nMOTION\nFrames:"
        f" {frames}\nFrame Time: 0.1\n"
    )
    (tmp_path / "a.bvh").write_text(f"HIERARCHY\n{root}{chain}{end}" + "0\n" * frames)
    start = time.process_time()
    with pytest.raises(
        BadInput,
        match="a.bvh: 20001 joints and few channels that move them, in 3000 frames",
    ):
        bvh.load(str(tmp_path), rig=RIG)
    assert time.process_time() - start < 4, (
        "looking each name up among all others took fifteen seconds"
    )


def test_folders_in_the_folder_and_capital_endings(tmp_path: Path) -> None:
    for subject in ("01", "02"):
        write(tmp_path / subject, rest(HIERARCHIES["CMU"]), f"{subject}_01.BVH")
    clips = bvh.load(str(tmp_path), rig=RIG)
    assert sorted({(clip.name, clip.subject) for clip in clips}) == [
        ("01/01_01", "01"),
        ("02/02_01", "02"),
    ]


def test_an_own_joint_map_beside_the_files(tmp_path: Path) -> None:
    text = HIERARCHIES["LaFAN"].replace("Hips", "Bip01")
    path = write(tmp_path, rest(text))
    with pytest.raises(
        BadInput,
        match=(
            r"a\.bvh:2: .*the nearest, LaFAN, lacks Hips: lay a joints\.yaml beside the"
            r" file"
        ),
    ):
        bvh.load(str(path), rig=RIG)
    names = {
        joint: [part.replace("Hips", "Bip01") for part in parts]
        for joint, parts in bvh_maps.MAPS[2].joints.items()
    }
    own = tmp_path / "joints.yaml"
    own.write_text(
        "\n".join(
            f"{joint}: {parts if len(parts) > 1 else parts[0]}"
            for joint, parts in names.items()
        )
    )
    assert bvh.load(str(path), rig=RIG)[0].world_pose[0, 0, 2] == pytest.approx(
        880, abs=0.01
    )
    good = own.read_text()
    for text, message in (
        ("Tail: x", "Tail is missing or no joint"),
        (
            good.replace("Hip: Bip01", "Hip: 3", 1),
            r"joints\.yaml: Hip: 3 came; the name of a joint",
        ),
        (good.replace("LWrist: LeftHand\n", ""), "LWrist is missing"),
        (
            good.replace("LWrist: LeftHand", "LWrist: Hook"),
            r"the nearest, joints\.yaml, lacks Hook",
        ),
        ("[", "not a readable YAML file"),
    ):
        own.write_text(text)
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


def test_mutated_files_never_give_a_traceback(tmp_path: Path) -> None:
    good = (person() + motion(still())).encode()
    draw = random.Random(0)
    outcomes = {True: 0, False: 0}
    for _ in range(300):
        text = bytearray(good)
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(text))
            text[place : place + draw.choice([0, 1, 1, 30])] = bytes(
                draw.choice(
                    [b"", b"\x00", b"\n", b"9", b"-", b"\xff", b"{", b"e308", b"nan "]
                )
            )
        path = tmp_path / "a.bvh"
        path.write_bytes(bytes(text))
        try:
            outcomes[bool(bvh.load(str(path), rig=RIG))] += 1
        except BadInput as error:
            outcomes[False] += 1
            assert "\n" not in str(error)
    assert outcomes[False] > 100


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
