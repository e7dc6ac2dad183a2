"""The cache: what comes out is what went in; it is whole or not there; damage is named;
looking at it reads no array.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from bench import data
from bench.__main__ import main
from bench.data import protocols
from bench.data.batches.pages import give_back
from bench.data.clip import Clip, film
from bench.data.formats import header, mapped_file
from bench.data.geometry.cameras import Camera
from bench.data.geometry.skeletons import H36M17
from bench.data.readers import cache, synthetic
from models.errors import BadInput
from tests.data.data_files import BUILDERS
from tests.paths import ROOT

REAL = ROOT.parent / "shared" / "data" / "bandai-namco-1"
RIG = protocols.load("synthetic").rig
ARRAYS = ("keypoints", "confidence", "camera_pose", "world_pose", "counted")


def made() -> list[Clip]:
    """Three synthetic takes of 30 frames, four cameras each."""
    takes = [
        synthetic.make(subject, "Walking", frames=30) for subject in ("S1", "S5", "S9")
    ]
    return [clip for take in takes for clip in film(take, RIG.around(take.world[:, 0]))]


def flat(frames: int) -> Clip:
    """Keypoints alone, as detections are: no poses, every label and number odd."""
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
    path = tmp_path / "clips.cache"
    cache.save(path, made(), kind="synthetic", rig=RIG, facts={"frames": 360})
    return path


def assert_same(found: list[Clip], due: list[Clip]) -> None:
    assert len(found) == len(due)
    for a, b in zip(found, due, strict=True):
        for field in dataclasses.fields(Clip):
            here, there = getattr(a, field.name), getattr(b, field.name)
            if field.name in ARRAYS and there is not None:
                assert here.dtype == np.float32 and here.shape == there.shape
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
    monkeypatch.setattr(synthetic, "FRAMES", 20)
    facts = data.convert("synthetic", tmp_path / "s")
    plain, cached = (
        data.load(source, noise=True) for source in ("synthetic", f"cache:{tmp_path / 's'}")
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
    before = clip.keypoints.copy()
    give_back(clip)
    np.testing.assert_array_equal(clip.keypoints, before)
    assert clip.keypoints.base is not None and not clip.keypoints.flags.owndata


def test_other_cameras_than_the_protocols_are_refused(file: Path) -> None:
    with pytest.raises(BadInput, match="filmed by other cameras"):
        cache.load(str(file), rig=dataclasses.replace(RIG, focal=900.0))
    with pytest.raises(BadInput, match="is for bvh data"):
        data.load(f"cache:{file}", protocol=protocols.load("bandai-styles"))


def test_every_bit_counts(file: Path) -> None:
    """A flip anywhere, in length, header, padding or arrays, is found."""
    good = file.read_bytes()
    draw = np.random.default_rng(0)
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

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="No space left"):
        cache.save(file, made()[:1], kind="synthetic", rig=RIG, facts={})
    assert file.read_bytes() == good and os.listdir(file.parent) == [file.name]


def test_a_mapped_cache_may_be_written_anew(file: Path) -> None:
    clips = cache.load(str(file), rig=RIG)
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
        cache.save(tmp_path / "nowhere" / "a", made(), kind="synthetic", rig=RIG, facts={})


def test_clips_that_no_cache_can_hold_are_refused(tmp_path: Path) -> None:
    clip = dataclasses.replace(made()[0], fps=1e12)
    with pytest.raises(
        BadInput, match=r"fps 1000000000000.0: .*correct the source"
    ) as caught:
        cache.save(tmp_path / "a", [clip], kind="synthetic", rig=RIG, facts={})
    assert "\n" not in str(caught.value) and list(tmp_path.iterdir()) == []


def test_blocks_are_summed_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped_file, "BLOCK", 4096)
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
    assert (
        arrays["x"].shape == (4003, 5)
        and arrays["x"].sum() == 20_000
        and arrays["y"].tolist() == [1.0] * 7
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("convert", "synthetic"), "convert needs it"),
        (("info", "synthetic", "--to", "x"), "goes with convert"),
        (("info", "cache:nowhere"), "nowhere: cannot be read"),
        (("stats", "cache:"), "cannot be read"),
        (("convert", "bvh:nowhere", "--to", "x"), "no such file"),
        (("convert", "bvh:nowhere", "--to", "."), ".: cannot be written (a folder)"),
        # before minutes are spent on reading
        (("convert", "bvh:nowhere", "--to", "nowhere/x"), "cannot be written"),
    ],
)
def test_wrong_usage_is_one_line(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(("data", *arguments)) == 2
    said = capsys.readouterr()
    assert message in said.err and said.err.count("\n") == 1 and said.out == ""
    assert not Path("x").exists()


def test_commands(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("data", "stats", f"cache:{file}", "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert (
        found["frames"] == 360
        and found["clips"] == 12
        and found["reprojection_px"]["max"] < 0.01
    )
    assert (
        0
        < found["bone_change_within_clip_mm"]["max"]
        < 0.01
        < 300
        < found["bone_RHip-RKnee_mm"]["mean"]
        < 600
    )
    assert found["left_against_right_mm"]["max"] < 0.01
    assert main(("data", "info", f"cache:{file}")) == 0
    assert capsys.readouterr().out.startswith("frames  360")


def test_info_reads_the_header_alone(file: Path) -> None:
    """No framework, no NumPy, no protocol is imported to say what a cache holds."""
    code = (
        "import sys; from bench import data; print(data.describe(sys.argv[1])['frames'],"
        " [name for name in ('bench.data.protocols', 'bench.data.clip',"
        " 'bench.commands._measure', 'scipy') if name in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, f"cache:{file}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert out.stdout.strip() == "360 []"


RESIDENT = """
import sys
from bench.data.readers import cache
from bench.data.batches.windows import Windows
from pathlib import Path

def most():  # resident memory at its highest; getrusage would count the parent's from before exec
    return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

clips = cache.load(sys.argv[1], rig=None)
before = most()
windows = Windows(clips, frames=27, stride=1)
print(before, most() - before, windows.nbytes)
"""


def test_windows_of_a_cache_take_the_memory_of_their_arrays(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not say how much memory was resident at the most")
    clip = made()[0]
    draw = np.random.default_rng(0)
    frames = 3000
    parts = [
        draw.normal(0, 400, (frames, 17, width)).astype(np.float32) for width in (2, 3, 3)
    ]
    certain = np.ones((frames, 17), np.float32)
    labels = (clip.name, "S1", "", "", "0", 50.0, H36M17)
    clips = [
        Clip(*labels, parts[0] + n, certain + n, parts[1] + n, parts[2] + n, clip.camera)
        for n in range(20)
    ]
    cache.save(tmp_path / "big", clips, kind="x", rig=None, facts={})
    out = subprocess.run(
        [sys.executable, "-c", RESIDENT, str(tmp_path / "big")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    loaded, grown, arrays = map(int, out.stdout.split())
    # had the file's pages stayed, they would be seen
    assert (tmp_path / "big").stat().st_size > 1.3 * arrays
    assert grown < 1.5 * arrays
    assert loaded < 200e6
