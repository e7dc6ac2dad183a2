"""BVH: forward kinematics against numbers done by hand, and one line with file and line number for whatever is wrong."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from bench import data
from bench.baselines import baselines
from bench.data import bvh, protocols
from bench.data.windows import Windows
from models.errors import BadInput

REAL = Path(__file__).parent.parent.parent / "shared" / "data" / "bandai-namco-1"
ROTATION = "Zrotation Xrotation Yrotation"
SIX = f"6 Xposition Yposition Zposition {ROTATION}"


def joint(name: str, offset: str, *children: str, channels: str = f"3 {ROTATION}", word: str = "JOINT") -> str:
    inside = "\n".join(children) or "End Site\n{\nOFFSET 0 1 0\n}"
    return f"{word} {name}\n{{\nOFFSET {offset}\nCHANNELS {channels}\n{inside}\n}}"


def chain(*parts: tuple[str, str]) -> str:
    (name, offset), *rest = parts
    return joint(name, offset, *([chain(*rest)] if rest else []))


def person() -> str:
    """The joints of the Bandai-Namco map, y up, centimetres; 16 joints with 51 channels."""
    arms = [
        chain((f"UpperArm_{s}", f"{x} -2 0"), (f"LowerArm_{s}", "0 -28 0"), (f"Hand_{s}", "0 -25 0")) for s, x in (("L", 15), ("R", -15))
    ]
    legs = [
        chain((f"UpperLeg_{s}", f"{x} 0 0"), (f"LowerLeg_{s}", "0 -44 0"), (f"Foot_{s}", "0 -44 0")) for s, x in (("L", 10), ("R", -10))
    ]
    neck = joint("Neck", "0 25 0", chain(("Head", "0 20 0")), *arms)
    return "HIERARCHY\n" + joint("Hips", "0 0 0", joint("Spine", "0 20 0", neck), *legs, channels=SIX, word="ROOT") + "\n"


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
    np.testing.assert_allclose(pose["Neck/Nose"], [0, 0, 1430], atol=1e-3)  # between Neck and Head
    np.testing.assert_allclose(clip.world_pose[2, 0], [0, -100, 880], atol=1e-3)  # z forward becomes -y


def test_position_channels_replace_the_offset_and_order_is_the_channels(tmp_path: Path) -> None:
    tip = joint("Tip", "0 0 7", channels="0")
    text = "HIERARCHY\n" + joint("Root", "9 9 9", tip, channels="5 Yposition Xposition Xrotation Zposition Yrotation", word="ROOT") + "\n"
    read = bvh.read(write(tmp_path, text + motion([[2, 1, 90, 3, 90]])))
    place = bvh.positions(read)[0]
    np.testing.assert_allclose(place[0], [1, 2, 3], atol=1e-12)
    np.testing.assert_allclose(place[1] - place[0], [7, 0, 0], atol=1e-12)  # Rx Ry: z -> x, which Rx keeps; Ry Rx would give -y


def test_missing_position_channels_keep_the_offset(tmp_path: Path) -> None:
    text = "HIERARCHY\n" + joint("Root", "4 5 6", channels="2 Xposition Zrotation", word="ROOT") + "\n"
    np.testing.assert_allclose(bvh.positions(bvh.read(write(tmp_path, text + motion([[1, 30]]))))[0, 0], [1, 5, 6])


def test_nested_turns_multiply(tmp_path: Path) -> None:
    text = "HIERARCHY\n" + joint("A", "0 0 0", chain(("B", "1 0 0"), ("C", "1 0 0")), word="ROOT") + "\n"
    place = bvh.positions(bvh.read(write(tmp_path, text + motion([[90, 0, 0, 90, 0, 0, 0, 0, 0]]))))[0]
    np.testing.assert_allclose(place, [[0, 0, 0], [0, 1, 0], [-1, 1, 0]], atol=1e-12)


@pytest.mark.parametrize("unit", ["m", "inch", "cm", "mm"])
def test_unit_is_told_from_the_legs(tmp_path: Path, unit: str) -> None:
    scale = 10 / bvh.UNITS[unit]
    lines = [
        "OFFSET " + " ".join(f"{float(v) * scale:.9g}" for v in line.split()[1:]) if line.startswith("OFFSET") else line
        for line in person().split("\n")
    ]
    clip = bvh.load(str(write(tmp_path, "\n".join(lines) + motion(still(scale=scale)))), rig=RIG)[0]
    assert abs(clip.world_pose[0, 0, 2] - 880) < 0.01


def test_braces_on_one_line_and_windows_line_ends(tmp_path: Path) -> None:
    text = person().replace("\n{", " {") + motion(still())
    path = tmp_path / "a.bvh"
    path.write_bytes(text.replace("\n", "\r\n").encode())
    assert len(bvh.read(path).nodes) == 16


HEAD = person().count("\n")  # MOTION stands on the next line
DAMAGE = {
    "truncated in the hierarchy": (lambda t: t[: t.index("Foot_R")], "truncated or not a BVH file"),
    "truncated in the motion": (lambda t: t[:-60], f"a.bvh:{HEAD + 6}: .* values where the hierarchy has 51 channels"),
    "a line missing": (lambda t: t[: t[:-1].rindex("\n") + 1], "2 lines of motion where Frames says 3"),
    "no motion at all": (lambda t: t[: t.index("Frames:")], f"a.bvh:{HEAD + 1}: 'Frames:'"),
    "no frame time": (lambda t: t.replace("Frame Time", "Frame Tim"), f"a.bvh:{HEAD + 2}: 'Frame Time:'"),
    "too many values": (lambda t: t.replace("\n0 88 5", "\n0 88 5 1"), f"a.bvh:{HEAD + 5}: 52 values"),
    "NaN": (lambda t: t.replace("\n0 88 5", "\n0 nan 5"), f"a.bvh:{HEAD + 5}: 'nan' in column 2"),
    "a word": (lambda t: t.replace("\n0 88 5", "\n0 x8 5"), f"a.bvh:{HEAD + 5}: 'x8' in column 2"),
    "huge": (lambda t: t.replace("\n0 88 5", "\n0 1e300 5"), f"a.bvh:{HEAD + 5}: '1e300' in column 2"),
    "zero frames": (lambda t: t.replace("Frames: 3", "Frames: 0"), f"a.bvh:{HEAD + 2}: Frames is 0"),
    "frames no number": (lambda t: t.replace("Frames: 3", "Frames: many"), f"a.bvh:{HEAD + 2}: 'many'"),
    "no time": (lambda t: t.replace("Time: 0.02", "Time: 0"), f"a.bvh:{HEAD + 3}: Frame Time is 0"),
    "unknown channel": (lambda t: t.replace("Zrotation", "Wrotation", 1), "a.bvh:5: 'Wrotation'"),
    "channel count": (lambda t: t.replace("CHANNELS 6", "CHANNELS 7", 1), "a.bvh:5: 7 channels"),
    "offset": (lambda t: t.replace("OFFSET 0 0 0", "OFFSET 0 zero 0", 1), "a.bvh:4: 'zero'"),
    "brace missing": (lambda t: t.replace("}\nMOTION", "MOTION"), "the hierarchy ends where"),
    "brace too many": (lambda t: t.replace("}\nMOTION", "}\n}\nMOTION"), "after the root's last brace"),
    "same name twice": (lambda t: t.replace("Foot_R", "Foot_L"), "a second joint named 'Foot_L'"),
    "other names": (lambda t: t.replace("Spine", "Backbone"), "a.bvh:2: no joint map fits .* lacks Spine"),
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


def test_mixed_skeletons_are_refused(tmp_path: Path) -> None:
    write(tmp_path, person() + motion(still()))
    write(tmp_path, person().replace("Hand_L", "Palm_L") + motion(still()), "b.bvh")
    with pytest.raises(BadInput, match=r"b\.bvh:2: another skeleton than a\.bvh \(Palm_L for Hand_L\)"):
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
                draw.choice([b"", b"\x00", b"\n", b"9", b"-", b"\xff", b"{", b"e308", b"nan "])
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
    train, test = (Windows(clips, frames=1, skeleton=split.protocol.skeleton) for clips in (split.train, split.test))
    mean, linear = baselines(train, test, protocol=split.protocol)
    found = {baseline.name: next(m for m in baseline.metrics if m.name == "MPJPE").frame_wise for baseline in (mean, linear)}
    assert test.scored == 24720
    assert found["mean pose"] == pytest.approx(150.6, abs=0.1)
    assert found["least-squares linear map"] == pytest.approx(79.9, abs=0.1)
    assert set(linear.metrics[0].per_joint) == set(split.protocol.joints)
