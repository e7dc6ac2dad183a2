"""The protocol that is taken when none is asked for: it fits any files, and its choice is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import data
from bench.data import protocols
from bench.data.protocols import Rule
from models.errors import BadInput
from tests.data.bvh_files import HIERARCHIES, motion, person, rest, still, write

BANDAI = [
    f"dataset-1_{content}_{style}_001"
    for content in ("bow", "punch")
    for style in ("old", "proud", "tired", "active", "sad")
]


def folder(path: Path, names: list[str], frames: int = 20) -> str:
    for name in names:
        write(path, person() + motion(still(frames)), f"{name}.bvh")
    return f"bvh:{path}"


@pytest.mark.parametrize(
    "names",
    [
        ["a"],
        ["a", "b"],
        ["walk1_subject5", "run2_subject1", "01_02"],
        # the data set's names, but not all styles of its test, or others beside them
        [name for name in BANDAI if "_old_" not in name],
        [name for name in BANDAI if "_active_" not in name],
        [*BANDAI, "mine"],
        BANDAI,
    ],
)
def test_the_default_fits_any_files(tmp_path: Path, names: list[str]) -> None:
    source = folder(tmp_path, names)
    split = data.load(source)
    assert split.train
    assert split.test
    told = data.describe(source)
    due = "bandai-styles" if names == BANDAI else "bvh-takes"
    assert split.protocol.name == told["protocol"] == due
    assert split.protocol.hash == protocols.load(due).hash


def test_which_protocol_and_why_is_said(tmp_path: Path) -> None:
    mine = data.describe(folder(tmp_path / "mine", ["a", "b"]))
    assert mine["protocol_chosen"] == "the default for such data"
    assert mine["other_protocols"] == []
    theirs = folder(tmp_path / "theirs", BANDAI)
    told = data.describe(theirs)
    assert told["protocol_chosen"] == "told by the names of the takes"
    assert told["other_protocols"] == ["bandai-clips", "bvh-takes"]
    asked = data.describe(theirs, protocol=protocols.load("bvh-takes"))
    assert asked["protocol_chosen"] == "asked for"
    counts = ("train_takes", "test_takes", "train_frames", "test_frames")
    assert [asked[count] for count in counts] == [8, 2, 640, 160]
    assert asked["train_subjects"] == asked["test_subjects"] == ["dataset-1"]
    assert asked["part_of_each_clip"] == 1.0


def test_a_cache_takes_the_protocol_of_the_files_it_was_made_from(
    tmp_path: Path,
) -> None:
    for name, names in {"theirs": BANDAI, "mine": ["a", "b"]}.items():
        source = folder(tmp_path / name, names)
        data.convert(source, tmp_path / f"{name}.cache")
        cached = data.protocol_for(f"cache:{tmp_path / name}.cache")
        assert cached == data.protocol_for(source)


def test_a_split_that_leaves_a_side_empty_names_those_that_do_not(
    tmp_path: Path,
) -> None:
    source = folder(tmp_path, ["a", "b"])
    styles = protocols.load("bandai-styles")
    message = (
        r"leaves no clip for testing .* here are \(none\)\); take --protocol bvh-takes$"
    )
    with pytest.raises(BadInput, match=message):
        data.load(source, protocol=styles)
    write(tmp_path / "one", rest(HIERARCHIES["CMU"], frames=1), "35_01.bvh")
    with pytest.raises(BadInput, match="no other divides them: give two takes or more"):
        data.load(f"bvh:{tmp_path / 'one'}")


def test_a_take_that_is_alone_is_cut(tmp_path: Path) -> None:
    split = data.load(folder(tmp_path, ["walk"], frames=22))
    for train, test in zip(split.train, split.test, strict=True):
        assert (train.frames, test.frames) == (17, 5)
        assert (train.name, test.name) == ("walk, first part", "walk, last part")
        whole = np.concatenate([train.world_pose, test.world_pose])
        # still() moves the hips by 5 cm a frame: no frame is on both sides, none is lost
        np.testing.assert_allclose(np.diff(whole[:, 0], axis=0)[:, 1], -50, atol=1e-3)
    assert "the last 0.2 of a take that is alone" in split.protocol.text


def test_two_takes_are_not_cut(tmp_path: Path) -> None:
    clips = data.load(folder(tmp_path, ["a", "b"], frames=22))
    assert {clip.name for clip in clips.train} == {"b"}
    assert {clip.name for clip in clips.test} == {"a"}
    assert {clip.frames for clip in (*clips.train, *clips.test)} == {22}


def test_the_names_are_no_part_of_the_hash() -> None:
    protocol = protocols.load("bandai-styles")
    assert protocol.hash == "7f07a7044d21"  # as it was published
    assert protocol.model_copy(update={"takes": ()}).hash == protocol.hash
    assert protocols.load("bvh-takes").split == Rule(by="clip", every=5)


def test_a_fraction_is_told_beside_the_hash(tmp_path: Path) -> None:
    split = data.load(folder(tmp_path, ["a", "b"], frames=50), small=0.4)
    assert split.protocol.fraction == 0.4
    assert split.protocol.hash != protocols.load("bvh-takes").hash
    assert "only the middle 0.4 of each clip" in split.protocol.text
