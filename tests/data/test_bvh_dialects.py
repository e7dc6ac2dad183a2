"""BVH as many programs write it: the same body, whatever the text looks like."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.data.formats import bvh_text
from bench.data.readers import bvh
from models.errors import BadInput
from tests.data.bvh_files import HIERARCHIES, RIG, motion, person, rest, still, write

PLAIN = person() + motion(still())


def trailing(text: str) -> str:
    """A comment behind the numbers and channels of a line, and behind opening braces."""
    text = re.sub(r"^(OFFSET.*|CHANNELS.*|\{)$", r"\1  # said", text, flags=re.M)
    return re.sub(r"^(JOINT.*|Frames.*)$", r"\1 // said", text, flags=re.M)


def spaced(text: str) -> str:
    """Names of several words, in a case of their own: LowerArm_L -> lower Arm L."""
    return re.sub(r"(Upper|Lower)(Leg|Arm)_", lambda m: f"{m[1].lower()} {m[2]} ", text)


def lined(text: str) -> str:
    """Comments on lines of their own, before the hierarchy and among the frames."""
    heads = text.replace("JOINT", "# MOTION\nJOINT").replace("OFFSET", "; x\nOFFSET")
    return "// HIERARCHY\n" + re.sub(r"(?m)^(0 88)", r"\t# frame { }\n\1", heads)


DIALECTS: dict[str, Callable[[str], str]] = {
    "End site": lambda t: t.replace("End Site", "End site"),
    "END SITE": lambda t: t.replace("End Site", "END SITE"),
    "EndSite": lambda t: t.replace("End Site", "EndSite"),
    "end site and brace": lambda t: t.replace("End Site\n{", "end site {"),
    "named end site": lambda t: t.replace("End Site", "End Site Tip of it"),
    "named EndSite": lambda t: t.replace("End Site", "endsite Tip"),
    "Joint": lambda t: t.replace("JOINT", "Joint"),
    "Root": lambda t: t.replace("ROOT", "root").replace("HIERARCHY", "Hierarchy"),
    "Offset": lambda t: t.replace("OFFSET", "Offset").replace("CHANNELS", "channels"),
    "Motion": lambda t: t.replace("MOTION", "Motion"),
    "motion with blanks": lambda t: t.replace("MOTION", " \tmotion \t"),
    "Frame time": lambda t: t.replace("Frame Time:", "Frame time:"),
    "Frame Time :": lambda t: t.replace("Frame Time:", "Frame Time :"),
    "FRAME TIME": lambda t: t.replace("Frame Time:", "FRAME TIME:"),
    "FrameTime": lambda t: t.replace("Frame Time:", "FrameTime:"),
    "frames": lambda t: t.replace("Frames:", "frames:"),
    "Frames :": lambda t: t.replace("Frames:", "Frames :\t"),
    "no colons": lambda t: t.replace("Frames:", "Frames").replace("Time:", "Time"),
    "lower channels": lambda t: re.sub(r"[XYZ](pos|rot)", lambda m: m[0].lower(), t),
    "upper channels": lambda t: re.sub(r"CHANNELS.*", lambda m: m[0].upper(), t),
    "channels in capitals": lambda t: t.replace("rotation", "Rotation"),
    "comment lines": lined,
    "comments behind": trailing,
    "names with blanks": spaced,
    "names and braces": lambda t: spaced(t).replace("\n{", " {"),
    "tabs": lambda t: t.replace(" ", "\t").replace("End\tSite", "End Site"),
    "indented": lambda t: re.sub(r"(?m)^", "\t  ", t),
    "Windows": lambda t: t.replace("\n", "\r\n"),
    "old Macintosh": lambda t: t.replace("\n", "\r"),
    "byte order mark": lambda t: "\ufeff" + t,
    "blank lines at the end": lambda t: t + "\n \n\t\n",
    "blank lines between": lambda t: t.replace("\n", "\n\n"),
    "no end of the last line": lambda t: t.rstrip("\n"),
    "scientific": lambda t: t.replace("0 88 ", "0.0e0 +8.8E+1 "),
    "frames as 3.0": lambda t: t.replace("Frames: 3", "Frames: 3.0"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_is_the_same_body(tmp_path: Path, dialect: str) -> None:
    text = DIALECTS[dialect](PLAIN)
    assert text != PLAIN
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a.bvh").write_bytes(text.encode())
    plain = bvh.load(str(write(tmp_path, PLAIN)), rig=RIG)
    found = bvh.load(str(tmp_path / "b"), rig=RIG)
    assert [clip.fps for clip in found] == [clip.fps for clip in plain]
    for ours, theirs in zip(found, plain, strict=True):
        np.testing.assert_array_equal(ours.world_pose, theirs.world_pose)


@pytest.mark.parametrize("name", HIERARCHIES)
@pytest.mark.parametrize("change", [str.lower, str.upper])
def test_names_in_any_case_fit_the_same_map(
    tmp_path: Path, name: str, change: Callable[[str], str]
) -> None:
    text = re.sub(
        r"(JOINT|ROOT) (mixamorig\d?[:_])?(\S+)",
        lambda m: f"{m[1]} {m[2] or ''}{change(m[3])}",
        HIERARCHIES[name],
    )
    notes = bvh.load(str(write(tmp_path, rest(text))), rig=RIG)[0].notes
    assert f"as {name.split()[0]}'s" in notes[0]


def test_two_names_that_differ_in_case_alone_are_two_joints(tmp_path: Path) -> None:
    # a second Head, as some rigs have for its end, is not taken for the first
    text = PLAIN.replace("End Site\n{\nOFFSET 0 1 0\n}", "JOINT HEAD {\nOFFSET 0 9 0\n"
                         "CHANNELS 0\n}", 1)  # fmt: skip
    clip = bvh.load(str(write(tmp_path, text)), rig=RIG)[0]
    head = clip.world_pose[0, clip.skeleton.index("Head")]
    np.testing.assert_allclose(head, [0, 0, 1530], atol=1e-3)


def test_names_keep_what_is_no_comment(tmp_path: Path) -> None:
    text = PLAIN.replace("JOINT Spine", "JOINT Spine #1 of; it")
    names = [node.name for node in bvh_text.read(write(tmp_path, text)).nodes]
    assert names[1] == "Spine #1 of; it"


def test_lines_are_counted_as_in_the_file(tmp_path: Path) -> None:
    text = DIALECTS["comment lines"](PLAIN).replace("\n", "\r\n")
    bad = text.replace("0 88 5", "0 88 x")
    line = bad[: bad.index("0 88 x")].count("\n") + 1
    with pytest.raises(BadInput, match=rf"a\.bvh:{line}: 'x' in column 3"):
        bvh.load(str(write(tmp_path, bad.replace("\r\n", "\n"))), rig=RIG)


WRONG = {
    "no name": (lambda t: t.replace("JOINT Spine", "JOINT"), "no name where a joint's"),
    "End alone": (lambda t: t.replace("End Site", "End"), "where Site was due"),
    "NaN in OFFSET": (lambda t: t.replace("OFFSET 0 20 0", "OFFSET 0 nan 0"), "'nan'"),
    "infinite OFFSET": (lambda t: t.replace("OFFSET 0 20", "OFFSET 0 inf"), "'inf'"),
    "infinite motion": (lambda t: t.replace("\n0 88 5", "\n0 88 inf"), "'inf' in colu"),
    "time below zero": (lambda t: t.replace("Time: 0.02", "Time: -0.02"), "is -0.02"),
    "giant count": (
        lambda t: t.replace("Frames: 3", "Frames: 900000000000"),
        "3 lines of motion where Frames says 900000000000",
    ),
    "one frame too many": (
        lambda t: t.replace("Frames: 3", "Frames: 2"),
        "3 lines of motion where Frames says 2",
    ),
    "commented out": (lambda t: t.replace("MOTION", "# MOTION"), "without a MOTION"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_dialect_is_one_line(tmp_path: Path, case: str) -> None:
    change, message = WRONG[case]
    path = write(tmp_path, change(PLAIN))
    with pytest.raises(BadInput, match=message) as caught:
        bvh.load(str(path), rig=RIG)
    assert "\n" not in str(caught.value)
    assert "a.bvh:" in str(caught.value)


def test_a_folder_of_the_name_of_a_file_is_looked_into(tmp_path: Path) -> None:
    folder = tmp_path / "walk.bvh"
    folder.mkdir()
    with pytest.raises(BadInput, match=r"holds no \.bvh file"):
        bvh.load(str(folder), rig=RIG)
    inside = tmp_path / "take"
    inside.mkdir()
    (inside / "b.bvh").mkdir()
    with pytest.raises(BadInput, match=r"b\.bvh"):
        bvh.load(str(inside), rig=RIG)


def test_a_channel_that_comes_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    text = person().replace("Zrotation Xrotation", "Zrotation Zrotation", 1)
    with pytest.raises(BadInput, match="a.bvh:5: a channel that comes twice"):
        bvh_text.read(write(tmp_path, text + motion(still())))
