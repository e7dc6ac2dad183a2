"""Paths that are no plain file, and what data commands show of long lists."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from bench import data
from bench.__main__ import main
from bench.commands.data import _text
from bench.data.formats import json_file, mat_file, pickles, whole_file
from models.errors import BadInput
from tests.data.data_files import BUILDERS, dhp_npz
from tests.data.keypoint_files import keypoints_openpose


@pytest.mark.parametrize(
    "read",
    [
        json_file.read,
        mat_file.read,
        pickles.load_npz,
        pickles.load_npy,
        pickles.load_pickle,
    ],
)
def test_pipes_devices_and_folders_are_refused_before_they_are_opened(
    read: object, tmp_path: Path
) -> None:
    """A pipe that nobody writes to would hang, a device without an end would fill the memory."""
    assert callable(read)
    os.mkfifo(tmp_path / "pipe")
    for path, what in (
        (tmp_path / "pipe", "a pipe or device"),
        (Path("/dev/zero"), "a pipe or device"),
        (tmp_path, "a folder"),
    ):
        with pytest.raises(BadInput, match=f"cannot be read .{what}, and no file"):
            read(path)


@pytest.mark.parametrize(("name", "file"), [("bvh", "a.bvh"), ("cache", "clips.cache")])
def test_a_pipe_in_place_of_a_file_is_refused(
    name: str, file: str, tmp_path: Path
) -> None:
    source = BUILDERS[name](tmp_path)
    (tmp_path / file).unlink()
    os.mkfifo(tmp_path / file)
    with pytest.raises(BadInput, match="a pipe or device, and no file"):
        data.describe(source)


def test_links_are_followed_and_dead_ones_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"here")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "c").symlink_to("c")  # a ring
    assert whole_file.content(tmp_path / "b", "a file") == b"here"
    with pytest.raises(
        BadInput,
        match="c: cannot be read .Too many levels of symbolic links.; give a file",
    ):
        whole_file.content(tmp_path / "c", "a file")


@pytest.mark.parametrize(
    "kind", [kind for kind in data.sources() if kind != "synthetic"]
)
def test_a_path_that_the_system_refuses_is_one_line(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name is too long; a folder that may not be read fails in the same way."""
    assert main(("data", "info", f"{kind}:/tmp/{'a' * 300}")) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "cannot be read (File name too long" in said


def test_a_key_that_comes_twice_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": {"b": 1, "c": 2, "b": 3}}')
    with pytest.raises(
        BadInput, match="a.json: not JSON .key 'b' comes twice in one object"
    ):
        json_file.read(tmp_path / "a.json")


def test_a_missing_frame_of_openpose_is_named(tmp_path: Path) -> None:
    source = keypoints_openpose(tmp_path)
    (tmp_path / "walk_000000000002_keypoints.json").unlink()
    with pytest.raises(BadInput, match="frame 2 of walk_.* is missing"):
        data.describe(source)


def test_frames_that_are_not_scored_are_counted_apart(tmp_path: Path) -> None:
    source = dhp_npz(tmp_path)
    content = np.load(tmp_path / "data_test_3dhp.npz", allow_pickle=True)["data"]
    content.item()["TS1"]["valid"][1:] = 0  # only the first frame is scored
    np.savez(tmp_path / "data_test_3dhp.npz", data=content)
    due = len(content.item()["TS1"]["valid"]) - 1
    assert (
        data.describe(source)["frames_of_context_alone"]
        == data.statistics(source)["frames_of_context_alone"]
        == due
    )


def test_a_source_without_clips_is_refused(tmp_path: Path) -> None:
    dhp_npz(tmp_path)
    # an archive of no sequence is a whole file, and no clip comes of it
    np.savez(tmp_path / "data_test_3dhp.npz", data=np.array({}, dtype=object))
    source = f"3dhp:{tmp_path / 'data_test_3dhp.npz'}"
    for ask in (data.describe, data.statistics, data.load):
        with pytest.raises(BadInput, match="data_test_3dhp.npz: no clips in it"):
            ask(source)


def test_long_lists_are_cut_for_people_and_whole_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(30):  # a list for people ends after 24
        np.save(tmp_path / f"walk{number:02}.npy", np.arange(34.0).reshape(1, 17, 2))
    assert main(("data", "info", f"keypoints:{tmp_path}@99x99")) == 0
    assert "walk23, and 6 more (all with --json)" in " ".join(
        capsys.readouterr().out.split()
    )
    assert main(("data", "info", f"keypoints:{tmp_path}@99x99", "--json")) == 0
    assert len(json.loads(capsys.readouterr().out)["actions"]) == 30


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (77780.4, "77,780"),
        (12.3456, "12.35"),
        (1e-5, "1e-05"),
        ("a", "a"),
    ],
)
def test_numbers_are_shown_for_people(value: object, text: str) -> None:
    assert _text(value) == text
