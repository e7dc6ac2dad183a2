"""The cache: what comes out is what went in; it is whole or not there.

Damage is named, and looking at a cache reads no array.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from bench import data
from bench.data import protocols
from bench.data.batches.pages import give_back
from bench.data.clip import Clip
from bench.data.formats import header, mapped_file
from bench.data.geometry.cameras import Camera
from bench.data.geometry.skeletons import H36M17
from bench.data.readers import cache, synthetic
from models.errors import BadInput
from tests.data.cache_files import RIG, made, write
from tests.data.data_files import BUILDERS
from tests.paths import ROOT

REAL = ROOT.parent / "shared" / "data" / "bandai-namco-1"
ARRAYS = ("keypoints", "confidence", "camera_pose", "world_pose", "counted")


def flat(frames: int) -> Clip:
    """Keypoints alone, as detections are: no poses, every label and number odd."""
    # a third and 1e-7 have no short decimal form, and must come back to the bit
    draw = np.random.default_rng(frames)
    camera = dataclasses.replace(
        made()[0].camera, focal=np.array([1 / 3, 1e-7]), width=1919
    )
    parts = (
        draw.normal(0, 1e4, (frames, 17, 2)).astype(np.float32),
        draw.random((frames, 17), dtype=np.float32),
    )
    return Clip(
        'Ünï "x"',
        "",
        "a\nb",
        "",
        "0",
        29.97,
        H36M17,
        *parts,
        None,
        None,
        camera,
        ("cut by 3 frames", "second"),
        (np.arange(frames) % 2).astype(np.float32),
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path)


def assert_same(found: list[Clip], due: list[Clip]) -> None:
    assert len(found) == len(due)
    for a, b in zip(found, due, strict=True):
        for field in dataclasses.fields(Clip):
            here, there = getattr(a, field.name), getattr(b, field.name)
            if field.name in ARRAYS and there is not None:
                assert here.dtype == np.float32
                assert here.shape == there.shape
                np.testing.assert_array_equal(here, there)
            elif field.name == "camera":
                assert_same_camera(here, there)
            else:
                assert here == there and type(here) is type(there), field.name


def assert_same_camera(found: Camera, due: Camera) -> None:
    for field in dataclasses.fields(Camera):
        here, there = getattr(found, field.name), getattr(due, field.name)
        np.testing.assert_array_equal(here, there)
        assert np.asarray(here).dtype == np.asarray(there).dtype


def test_a_round_trip_changes_nothing(file: Path) -> None:
    assert_same(cache.load(str(file), rig=RIG), made())


def test_clips_without_poses_and_of_every_length(tmp_path: Path) -> None:
    due = [flat(1), made()[0], flat(300), flat(7)]
    cache.save(tmp_path / "a", due, kind="keypoints", rig=None, facts={})
    found = cache.load(str(tmp_path / "a"), rig=None)
    assert_same(found, due)
    cache.save(tmp_path / "b", found, kind="keypoints", rig=None, facts={})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_source_and_its_cache_give_the_same_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthetic, "FRAMES", 20)  # of 300, for time
    facts = data.convert("synthetic", tmp_path / "s")
    plain, cached = (
        data.load(source, noise=True)
        for source in ("synthetic", f"cache:{tmp_path / 's'}")
    )
    assert cached.protocol.hash == plain.protocol.hash
    assert_same(cached.train, plain.train)
    assert_same(cached.test, plain.test)
    direct = data.describe("synthetic")
    assert {key: facts[key] for key in direct if key != "source"} == {
        key: direct[key] for key in direct if key != "source"
    }
    assert facts["converted_from"] == "synthetic"
    assert (
        data.describe(f"cache:{tmp_path / 's'}", protocol=protocols.load("synthetic"))[
            "test_frames"
        ]
        == direct["test_frames"]
    )


def test_real_motion_comes_back(tmp_path: Path) -> None:
    if not REAL.is_dir():
        pytest.skip(f"the Bandai-Namco motion data is not at {REAL}")
    split = data.load(f"bvh:{REAL}")
    clips = split.train + split.test
    cache.save(tmp_path / "b", clips, kind="bvh", rig=split.protocol.rig, facts={})
    assert_same(cache.load(str(tmp_path / "b"), rig=split.protocol.rig), clips)


@pytest.mark.parametrize("name", [name for name in BUILDERS if name != "cache"])
def test_every_format_comes_back(name: str, tmp_path: Path) -> None:
    kind, _, location = BUILDERS[name](tmp_path).partition(":")
    clips = data.module(kind).load(location, rig=RIG)
    cache.save(tmp_path / "all.cache", clips, kind=kind, rig=RIG, facts={})
    assert_same(cache.load(str(tmp_path / "all.cache"), rig=RIG), clips)


def test_shared_arrays_are_stored_once(file: Path) -> None:
    rows = {name: shape[0] for name, shape in header.read(file).shapes.items()}
    # four cameras see a take: world and confidence are one array for all, 3 x 30 frames
    assert rows == {
        "h36m17.keypoints": 360,
        "h36m17.confidence": 90,
        "h36m17.camera_pose": 360,
        "h36m17.world_pose": 90,
    }


def test_any_safetensors_reader_opens_it(file: Path) -> None:
    with safe_open(file, framework="numpy") as found:
        np.testing.assert_array_equal(
            found.get_tensor("h36m17.keypoints")[:30], made()[0].keypoints
        )
        assert json.loads(found.metadata()["facts"]) == {"frames": 360}


def test_small_keeps_the_middle(file: Path) -> None:
    clips = cache.load(str(file), rig=RIG, small=0.6)
    assert {clip.frames for clip in clips} == {18}
    np.testing.assert_array_equal(clips[0].keypoints, made()[0].keypoints[6:24])


def test_arrays_are_mapped_and_read_only(file: Path) -> None:
    clip = cache.load(str(file), rig=RIG)[0]
    with pytest.raises(ValueError, match="read-only"):
        clip.keypoints[0, 0, 0] = 1
    # given back to the system, and read from the file again when it is looked at
    before = clip.keypoints.copy()
    give_back(clip)
    np.testing.assert_array_equal(clip.keypoints, before)
    assert clip.keypoints.base is not None
    assert not clip.keypoints.flags.owndata


def test_other_cameras_than_the_protocols_are_refused(file: Path) -> None:
    with pytest.raises(BadInput, match="filmed by other cameras"):
        cache.load(str(file), rig=dataclasses.replace(RIG, focal=900.0))
    with pytest.raises(BadInput, match="is for bvh data"):
        data.load(f"cache:{file}", protocol=protocols.load("bandai-styles"))


def test_every_bit_counts(file: Path) -> None:
    """A flip anywhere, in length, header, padding or arrays, is found."""
    good = file.read_bytes()
    draw = np.random.default_rng(0)
    # the length, the marks of our format, the page's rest and the last byte, and 60 drawn
    places = [
        0,
        3,
        7,
        8,
        20,
        60,
        100,
        *draw.integers(8, len(good), 60).tolist(),
        len(good) - 1,
    ]
    for place in places:
        bad = bytearray(good)
        bad[place] ^= 1 << int(draw.integers(8))
        file.write_bytes(bad)
        with pytest.raises(BadInput, match="clips.cache") as caught:
            cache.load(str(file), rig=RIG)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 200, 4096, 20_000, -1, -4096])
def test_truncation_is_found(file: Path, length: int) -> None:
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(BadInput, match="clips.cache"):
        cache.load(str(file), rig=RIG)


def test_damage_is_named(file: Path) -> None:
    start = header.read(file).start
    good = file.read_bytes()
    file.write_bytes(good[: start + 10] + b"x" + good[start + 11 :])
    header.read(file)  # what lies in the arrays is no matter of the header's
    with pytest.raises(BadInput, match=f"block at byte {start:,} is damaged"):
        cache.load(str(file), rig=RIG)
    file.write_bytes(good.replace(b'"version":"1"', b'"version":"2"', 1))
    with pytest.raises(BadInput, match="version 2; this PosePort reads version 1"):
        header.read(file)
    file.write_bytes(good + b"more")
    with pytest.raises(BadInput, match="truncated or damaged"):
        header.read(file)
    with pytest.raises(BadInput, match="cannot be read"):
        header.read(file.parent)


def test_a_cache_appears_whole_or_not_at_all(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = file.read_bytes()

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    # the disk is full when the last bytes go to it, and not before
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="No space left"):
        cache.save(file, made()[:1], kind="synthetic", rig=RIG, facts={})
    assert file.read_bytes() == good
    assert os.listdir(file.parent) == [file.name]


def test_a_mapped_cache_may_be_written_anew(file: Path) -> None:
    clips = cache.load(str(file), rig=RIG)
    # A new file under the old name: the old one is there as long as its arrays are.
    cache.save(file, clips[:4], kind="synthetic", rig=RIG, facts={})
    assert_same(clips, made())
    assert_same(cache.load(str(file), rig=RIG), made()[:4])


def test_what_is_no_cache_is_left_alone(tmp_path: Path) -> None:
    for name, content in (("poses.bvh", b"HIERARCHY"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInput, match="left as it is"):
            cache.save(tmp_path / name, made(), kind="synthetic", rig=RIG, facts={})
        assert (tmp_path / name).read_bytes() == content
    with pytest.raises(BadInput, match="left as it is"):
        cache.save(tmp_path, made(), kind="synthetic", rig=RIG, facts={})
    with pytest.raises(BadInput, match="cannot be written"):
        cache.save(
            tmp_path / "nowhere" / "a", made(), kind="synthetic", rig=RIG, facts={}
        )


def test_clips_that_no_cache_can_hold_are_refused(tmp_path: Path) -> None:
    clip = dataclasses.replace(made()[0], fps=1e12)  # an index takes up to 1e9
    with pytest.raises(
        BadInput, match=r"fps 1000000000000.0: .*correct the source"
    ) as caught:
        cache.save(tmp_path / "a", [clip], kind="synthetic", rig=RIG, facts={})
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_blocks_are_summed_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped_file, "BLOCK", 4096)  # many blocks of a small file
    path = tmp_path / "a"
    mapped_file.write(
        path,
        {
            "x": [np.zeros((3, 5), np.float32), np.ones((4000, 5), np.float32)],
            "y": [np.ones(7, np.float32)],
        },
        texts={},
    )
    found = header.read(path)
    assert len(found.sums) == 8 * -(-(4003 * 20 + 28) // 4096)
    mapped_file.verify(found)
    arrays = mapped_file.arrays(found)
    assert arrays["x"].shape == (4003, 5)
    assert arrays["x"].sum() == 20_000
    assert arrays["y"].tolist() == [1.0] * 7
