"""What a BVH file leaves open: shown by its rest pose, stated after the path, or guessed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bench.data.clip import Clip
from bench.data.geometry import up_axis
from bench.data.readers import bvh
from models.errors import BadInput
from tests.data.bvh_files import RIG, motion, person, still, write
from tests.paths import SHARED

FIELD = SHARED / "field"
TURNED = 51  # columns of `person()`; the hips' turns about z, x, y are numbers 3, 4, 5


def frames(*hips: float, count: int = 3) -> str:
    """The person's motion, hips at a place and turned: x y z, then degrees about z x y."""
    return motion([[*hips] + [0] * (TURNED - len(hips))] * count)


def loaded(path: Path, stated: str = "") -> list[Clip]:
    """One clip for each take."""
    return bvh.load(f"{path}{stated}", rig=RIG)[:: len(RIG.azimuths)]


def heights(clip: Clip) -> tuple[float, float]:
    """Of head and right foot above the floor in the first frame, mm."""
    joints = clip.skeleton.indices(("Head", "RFoot"))
    head, foot = clip.world_pose[0, joints, 2].tolist()
    return head, foot


def turned(text: str, axis: str) -> str:
    """A y-up text in another world, by OFFSETs and positions: its y becomes that axis."""
    # to z as up_axis does, and back along the other axis
    turn = np.array(up_axis.TURNS[axis]).T @ np.array(up_axis.TURNS["y-up"])

    def offset(match: re.Match[str]) -> str:
        moved = turn @ [float(value) for value in match[1].split()]
        return "OFFSET " + " ".join(f"{value:g}" for value in moved)

    return re.sub(r"OFFSET (.*)", offset, text)


@pytest.mark.parametrize("axis", up_axis.TURNS)
def test_no_turn_mirrors_and_each_brings_its_axis_up(axis: str) -> None:
    assert np.linalg.det(up_axis.TURNS[axis]) == 1
    sign = 1 if axis.endswith("up") else -1
    along = sign * np.eye(3)["xyz".index(axis[0])]
    np.testing.assert_array_equal(up_axis.z_up(along, axis), [0, 0, 1])


@pytest.mark.parametrize("axis", up_axis.TURNS)
def test_the_rest_pose_says_which_axis_is_up(tmp_path: Path, axis: str) -> None:
    turn = np.array(up_axis.TURNS[axis]).T @ np.array(up_axis.TURNS["y-up"])
    hips = turn @ [0, 88, 5]
    text = turned(person(), axis) + frames(*hips)
    (clip,) = loaded(write(tmp_path, text))
    np.testing.assert_allclose(heights(clip), [1530, 0], atol=1e-2)
    (plain,) = loaded(write(tmp_path, person() + frames(0, 88, 5), "plain.bvh"))
    np.testing.assert_allclose(clip.world_pose, plain.world_pose, atol=1e-2)
    assert not [note for note in clip.notes if "axis" in note or "rest" in note]


@pytest.mark.parametrize("axis", ["x-up", "y-up", "z-up", "z-down"])
def test_who_hangs_hangs_and_a_note_says_so(tmp_path: Path, axis: str) -> None:
    turn = np.array(up_axis.TURNS[axis]).T @ np.array(up_axis.TURNS["y-up"])
    # half a turn about an axis that lies level
    half = (180, 0, 0) if axis[0] in "xy" else (0, 180, 0)
    text = turned(person(), axis) + frames(*(turn @ [0, 150, 0]), *half)
    (clip,) = loaded(write(tmp_path, text))
    head, foot = heights(clip)
    assert foot - head > 1300
    other = axis[:2] + ("down" if axis.endswith("up") else "up")
    assert [n for n in clip.notes if f"@{other} states it" in n]
    # as stated: the same motion, of somebody who stands
    (stated,) = loaded(tmp_path / "a.bvh", f"@{other}")
    head, foot = heights(stated)
    assert head - foot > 1300
    assert not [note for note in stated.notes if "axis" in note or "rest" in note]


def test_takes_of_one_skeleton_share_the_axis(tmp_path: Path) -> None:
    write(tmp_path, person() + frames(0, 88, 0), "1_standing.bvh")
    write(tmp_path, person() + frames(0, 15, 0, 0, 90, 0), "2_lying.bvh")
    standing, lying = loaded(tmp_path)
    assert heights(standing)[0] > 1300
    np.testing.assert_allclose(heights(lying), [150, 150], atol=101)
    assert standing.notes == lying.notes
    assert not [note for note in lying.notes if "rest pose" in note]
    # alone it lies as well, and what its motion would have told is said
    (alone,) = loaded(tmp_path / "2_lying.bvh")
    np.testing.assert_array_equal(alone.world_pose, lying.world_pose)
    assert [note for note in alone.notes if "@z-" in note]


def silent(text: str) -> str:
    """A rest pose whose bones all lie along x, as in LaFAN1; its joints' turns raise them."""
    return re.sub(
        r"OFFSET (\S+) (\S+) (\S+)",
        lambda m: f"OFFSET {np.linalg.norm([float(v) for v in m.groups()]):g} 0 0",
        text,
    )


def raised() -> list[list[float]]:
    """One frame of `silent`, in which trunk points along y and legs against it."""
    names = re.findall(r"(?:ROOT|JOINT) (\S+)", person())
    row = [0.0, 88.0, 0.0]
    turns = {"Spine": 90.0, "UpperLeg_L": -90.0, "UpperLeg_R": -90.0, "Hips": 0.0}
    for name in names:
        # about z: x -> y, and thighs the other way, where the hip sockets stay
        row += [turns.get(name, 0.0), 0.0, 0.0]
    return [row] * 3


def test_a_rest_pose_that_does_not_say_is_a_guess_that_is_said(tmp_path: Path) -> None:
    text = silent(person()) + motion(raised())
    (clip,) = loaded(write(tmp_path, text))
    assert heights(clip)[0] > heights(clip)[1] + 1000
    assert [n for n in clip.notes if "y-up guessed" in n and "@y-up" in n]
    (stated,) = loaded(tmp_path / "a.bvh", "@x-up")
    assert not [note for note in stated.notes if "guessed" in note]
    # x is up now: what was y is level
    np.testing.assert_allclose(
        stated.world_pose[..., 2], clip.world_pose[..., 0], atol=1e-3
    )


def test_a_silent_rest_pose_takes_the_axis_of_all_takes_together(
    tmp_path: Path,
) -> None:
    lying = [[*row[:3], 0, 90, 0, *row[6:]] for row in raised()]
    write(tmp_path, silent(person()) + motion(raised() * 3), "1.bvh")
    write(tmp_path, silent(person()) + motion(lying), "2.bvh")
    standing, level = loaded(tmp_path)
    assert heights(standing)[0] > heights(standing)[1] + 1000
    assert abs(np.subtract(*heights(level))) < 300


def test_six_channels_of_zeros_leave_the_bones(tmp_path: Path) -> None:
    text = person().replace("CHANNELS 3 ", "CHANNELS 6 Xposition Yposition Zposition ")
    columns = sum(int(n) for n in re.findall(r"CHANNELS (\d)", text))
    row = [0.0, 88.0, 5.0] + [0.0] * (columns - 3)
    (clip,) = loaded(write(tmp_path, text + motion([row] * 3)))
    (plain,) = loaded(write(tmp_path, person() + frames(0, 88, 5), "plain.bvh"))
    np.testing.assert_allclose(clip.world_pose, plain.world_pose, atol=1e-3)
    assert [note for note in clip.notes if "the OFFSETs stand" in note]
    assert not [note for note in plain.notes if "OFFSET" in note]


def test_six_channels_that_hold_the_bones_replace_the_offsets(tmp_path: Path) -> None:
    text = person().replace("CHANNELS 3 ", "CHANNELS 6 Xposition Yposition Zposition ")
    row = [0.0, 88.0, 5.0, 0, 0, 0]
    for offset in re.findall(r"JOINT \S+\n\{\nOFFSET (.*)", text):
        row += [float(value) for value in offset.split()] + [0, 0, 0]
    # OFFSETs of nothing: then the positions are all that is known of the rest pose
    empty = re.sub(r"OFFSET .*", "OFFSET 0 0 0", text)
    (plain,) = loaded(write(tmp_path, person() + frames(0, 88, 5), "plain.bvh"))
    for name, changed in {"full": text, "empty": empty}.items():
        (clip,) = loaded(write(tmp_path, changed + motion([row] * 3), f"{name}.bvh"))
        np.testing.assert_allclose(clip.world_pose, plain.world_pose, atol=1e-3)
        assert clip.notes == plain.notes


def test_unit_and_rate_are_said_or_stated(tmp_path: Path) -> None:
    path = write(tmp_path, person() + motion(still()))
    (guessed,) = loaded(path)
    assert "lengths taken for cm, by the legs; @cm states it" in guessed.notes
    (stated,) = loaded(path, "@cm@50fps")
    np.testing.assert_array_equal(stated.world_pose, guessed.world_pose)
    assert stated.fps == guessed.fps
    assert len(stated.notes) == len(guessed.notes) - 1
    (small,) = loaded(path, "@25fps@5mm@y-up")
    np.testing.assert_allclose(small.world_pose, guessed.world_pose / 2, atol=1e-3)
    assert small.fps == 25.0
    assert "50 frames a second in the file, 25 stated" in small.notes
    with pytest.raises(
        BadInput, match=r"88 units long, which in units of 1000 mm is no"
    ):
        loaded(path, "@m")


@pytest.mark.parametrize("seconds", ["33.3333", "0.00002", "50000"])
def test_a_rate_that_nobody_records_at_is_said(tmp_path: Path, seconds: str) -> None:
    text = person() + motion(still()).replace("0.02", seconds)
    (clip,) = loaded(write(tmp_path, text))
    assert [note for note in clip.notes if "such as @30fps" in note]


def test_a_path_may_hold_an_at_and_a_strange_word_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "me@home", person() + motion(still()), "a@b.bvh")
    assert loaded(path)[0].action == "a@b"
    assert loaded(path, "@y-up@cm")[0].action == "a@b"
    # a folder may be called as a unit is
    named = write(tmp_path / "walk@m", person() + motion(still())).parent
    assert loaded(named)[0].subject == "walk@m"
    assert "lengths taken" not in str(loaded(named, "@cm")[0].notes)
    with pytest.raises(BadInput, match="@w-up is none of what can be stated: .*y-up"):
        loaded(path, "@w-up")
    for nothing in ("", "@cm"):
        with pytest.raises(BadInput, match="no path after the colon"):
            bvh.load(nothing, rig=RIG)


# where the hips are in the first frame, and the height of the head above that of the right foot
READ = {
    "bvh-upside-down.bvh": (900, -1500),
    "bvh-one-actor/1_standing.bvh": (900, 1500),
    "bvh-one-actor/2_lying-on-the-back.bvh": (150, 0),
    "bvh-end-site-lowercase.bvh": (900, 1500),
    "bvh-channel-names-lowercase.bvh": (900, 1500),
}


@pytest.mark.parametrize("name", READ)
def test_files_that_people_have(name: str) -> None:
    if not (FIELD / name).is_file():
        pytest.skip(f"the files that people have in hand are not at {FIELD}")
    (clip,) = loaded(FIELD / name)
    hips, above = READ[name]
    head, foot = heights(clip)
    assert clip.frames == 12
    assert clip.world_pose[0, 0, 2] == pytest.approx(hips, abs=0.01)
    assert head - foot == pytest.approx(above, abs=120)


def test_every_bvh_of_the_field_has_its_reading() -> None:
    if not FIELD.is_dir():
        pytest.skip(f"the files that people have in hand are not at {FIELD}")
    found = {path.relative_to(FIELD).as_posix() for path in FIELD.rglob("*.bvh")}
    assert found == set(READ)


@pytest.mark.parametrize(("turn", "said"), [(0.0, 0), (1.2, 1), (40.0, 0)])
def test_rotations_that_may_be_radians_are_noted(
    tmp_path: Path, turn: float, said: int
) -> None:
    rows = [[*row[:-1], turn] for row in still()]
    (clip,) = loaded(write(tmp_path, person() + motion(rows)))
    assert sum("no rotation is above 6.3" in note for note in clip.notes) == said
