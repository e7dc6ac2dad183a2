"""The clips of a run: what is kept is what was read, and it is read once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import data
from bench.config import Config
from bench.coordinator import checking, dataset
from bench.data import Split
from models.errors import BadInput

ARRAYS = ("keypoints", "confidence", "camera_pose", "world_pose", "counted")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """All that changes clips on the way: noise, a fraction, corruption."""
    steps = tmp_path / "steps.yaml"
    steps.write_text("steps: [mask_joints]")
    return Config(small=0.05, seed=3, noise=True, corrupt=steps)


def assert_same(came: Split, due: Split) -> None:
    assert came.protocol == due.protocol
    assert came.protocol.hash == due.protocol.hash
    for side in ("train", "test"):
        for one, other in zip(getattr(came, side), getattr(due, side), strict=True):
            assert (one.name, one.notes, one.fps) == (
                other.name,
                other.notes,
                other.fps,
            )
            assert repr(one.camera) == repr(other.camera)
            for field in ARRAYS:
                np.testing.assert_array_equal(
                    getattr(one, field), getattr(other, field)
                )


def test_what_is_kept_is_what_was_read(tmp_path: Path, config: Config) -> None:
    assert_same(dataset.of(config, tmp_path / "run"), dataset.read(config))


def test_clips_are_mapped_not_copied(tmp_path: Path, config: Config) -> None:
    (clip, *_) = dataset.of(config, tmp_path).train
    assert not clip.keypoints.flags.owndata
    assert not clip.keypoints.flags.writeable, "no cell can change what another reads"


def test_data_are_read_once_for_a_run(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    load = data.load
    monkeypatch.setattr(
        data, "load", lambda *a, **k: (reads.append(a), load(*a, **k))[1]
    )
    config = config.model_copy(update={"tasks": ("train", "evaluate")})
    clips = checking.check(config)
    assert clips is not None
    dataset.keep(tmp_path, clips, config)
    for _ in range(3):
        dataset.of(config, tmp_path)
    assert checking.check(config, resume=tmp_path) is None, "it has its clips"
    assert len(reads) == 1


def test_a_changed_file_of_steps_is_other_data(tmp_path: Path, config: Config) -> None:
    dataset.ensure(config, tmp_path)
    assert config.corrupt is not None
    config.corrupt.write_text("steps: [occlude]")
    assert not dataset.is_kept(tmp_path, config), (
        "the name is the same, what it says not"
    )


def test_other_data_are_not_taken_for_those_kept(
    tmp_path: Path, config: Config
) -> None:
    dataset.of(config, tmp_path)
    other = config.model_copy(update={"seed": 4})
    assert not dataset.is_kept(tmp_path, other)
    assert_same(dataset.of(other, tmp_path), dataset.read(other))


def test_a_damaged_file_is_read_anew_or_named(tmp_path: Path, config: Config) -> None:
    dataset.ensure(config, tmp_path)
    file = tmp_path / dataset.FILE
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    assert not dataset.is_kept(tmp_path, config)
    dataset.ensure(config, tmp_path)
    assert file.read_bytes() == whole
    # the header holds, a number does not
    file.write_bytes(whole[:-8] + bytes(8))
    with pytest.raises(BadInput, match="or delete the file, and --resume reads them"):
        dataset.of(config, tmp_path)


def test_what_is_allowed_joins_the_hash(tmp_path: Path) -> None:
    usual = Config(small=0.05)
    allowing = usual.model_copy(update={"allow_mismatch": True})
    assert dataset.read(usual).protocol.hash != dataset.read(allowing).protocol.hash
    dataset.ensure(usual, tmp_path)
    assert not dataset.is_kept(tmp_path, allowing)
