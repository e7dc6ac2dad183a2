"""The text of BVH files: one line with file and line number for whatever is wrong."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from bench.data.formats import bvh_text
from bench.data.readers import bvh
from models.errors import BadInput
from tests.data.bvh_files import RIG, motion, person, still, write


def test_braces_on_one_line_and_windows_line_ends(tmp_path: Path) -> None:
    text = person().replace("\n{", " {") + motion(still())
    path = tmp_path / "a.bvh"
    path.write_bytes(text.replace("\n", "\r\n").encode())
    assert len(bvh_text.read(path).nodes) == 16


HEAD = person().count("\n")  # MOTION stands on the next line
# how the file is damaged, and what is said of it
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
    "no motion at all": (
        lambda t: t[: t.index("Frames:")],
        f"a.bvh:{HEAD + 1}: 'Frames:'",
    ),
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
    assert "\n" not in str(caught.value)
    assert "a.bvh" in str(caught.value)


def test_a_deep_hierarchy_takes_time_in_proportion_and_bounded_memory(
    tmp_path: Path,
) -> None:
    """A chain of joints without channels: short text, but a matrix for each in every frame."""
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
    start = time.process_time()  # of this process alone: others may be busy
    with pytest.raises(
        BadInput,
        match="a.bvh: 20001 joints and few channels that move them, in 3000 frames",
    ):
        bvh.load(str(tmp_path), rig=RIG)
    assert time.process_time() - start < 4, (
        "looking each name up among all others took fifteen seconds"
    )


def test_mutated_files_never_give_a_traceback(tmp_path: Path) -> None:
    # one to four changes: nothing, a character, a byte that is no text, or 30 characters gone
    good = (person() + motion(still())).encode()
    draw = random.Random(0)
    outcomes = {True: 0, False: 0}
    for _ in range(300):  # half a second
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
