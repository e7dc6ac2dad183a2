"""Protocols: every file is valid, the hash follows the content, and a wrong one is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import data
from bench.data import protocols
from models.errors import BadInput, UnknownName

GOOD = (protocols.FOLDER / "synthetic.yaml").read_text()


@pytest.mark.parametrize("name", protocols.names())
def test_every_file_is_valid_and_says_what_it_is(name: str) -> None:
    protocol = protocols.load(name)
    assert protocol.name == name and protocol.source in data.sources()
    assert len(protocol.hash) == 12 and int(protocol.hash, 16) >= 0
    for part in (protocol.skeleton, protocol.root, protocol.split.by, "mm"):
        assert part in protocol.text
    assert "\n" not in protocol.text


def test_hashes_are_of_the_content_and_not_of_the_name(tmp_path: Path) -> None:
    assert len({protocols.load(name).hash for name in protocols.names()}) == len(protocols.names())
    copy = tmp_path / "other.yaml"
    copy.write_text(GOOD)
    assert protocols.read(copy).hash == protocols.load("synthetic").hash
    for old, new in (
        ("focal: 1145", "focal: 1146"),
        ("S11", "S8"),
        ("averaging: action", "averaging: frame"),
        ("target: 900", "target: 901"),
    ):
        copy.write_text(GOOD.replace(old, new))
        assert protocols.read(copy).hash != protocols.load("synthetic").hash


def test_hash_is_stable() -> None:
    code = "from bench.data import protocols; print(protocols.load('bandai-styles').hash)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
    assert other.stdout.strip() == protocols.load("bandai-styles").hash


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("focal: 1145", "focl: 1145", "rig.focl"),
        ("focal: 1145", "focal: far", "rig.focal"),
        ("source:", "sauce:", "sauce|source"),
        ("h36m17", "h36m71", "h36m71"),
        ("root: Hip", "root: Hipp", "did you mean"),
        ("by: subject", "by: mood", "split.by"),
        ("azimuths: [40, ", "azimuths: [", "one number per camera"),
        ("averaging: action", "averaging: [", "not a readable YAML"),
        (GOOD, "- 1", "keys and values were due"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(BadInput, match=message) as caught:
        protocols.read(path)
    assert "bad.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_unknown_names() -> None:
    with pytest.raises(UnknownName, match="did you mean bandai-styles"):
        protocols.load("bandai-style")
    with pytest.raises(UnknownName, match="known: bvh, synthetic"):
        data.load("amas:x")
    with pytest.raises(UnknownName, match="bvh, synthetic"):
        protocols.default("video")


def test_protocol_of_another_kind_is_refused() -> None:
    assert data.protocol_for("bvh:x").name == "bandai-styles"
    with pytest.raises(BadInput, match=r"is for bvh data .* take one of: synthetic"):
        data.protocol_for("synthetic", "bandai-clips")
    with pytest.raises(BadInput, match="is for bvh data"):
        data.load("synthetic", protocol=protocols.load("bandai-clips"))


def test_noise_and_fraction_change_the_hash_and_the_text() -> None:
    plain, noisy = data.load("synthetic", small=0.06), data.load("synthetic", small=0.06, noise=True)
    hashes = {split.protocol.hash for split in (plain, noisy)} | {protocols.load("synthetic").hash}
    assert len(hashes) == 3
    assert "noisy 2D" in noisy.protocol.text and "only the middle 0.06" in plain.protocol.text
    assert (plain.test[0].keypoints != noisy.test[0].keypoints).any()
    assert max(clip.frames for clip in plain.train) == 18


@pytest.mark.parametrize("small", [0.0, -1.0, 1.5])
def test_fraction_out_of_range(small: float) -> None:
    with pytest.raises(BadInput, match="fraction"):
        data.load("synthetic", small=small)


@pytest.mark.parametrize(("test", "side"), [((), "testing"), (tuple(f"S{n}" for n in (1, 5, 6, 7, 8, 9, 11)), "training")])
def test_an_empty_side_is_refused(test: tuple[str, ...], side: str) -> None:
    protocol = protocols.load("synthetic")
    empty = protocol.model_copy(update={"split": protocols.Rule(by="subject", test=test)})
    with pytest.raises(BadInput, match=f"leaves no clip for {side} .*S1"):
        data.load("synthetic", protocol=empty, small=0.06)


def test_every_nth_take_keeps_cameras_together() -> None:
    clips = data.load("synthetic", small=0.06).train
    train, test = protocols.Rule(by="clip", every=5).split(clips)
    assert {clip.name for clip in train}.isdisjoint({clip.name for clip in test})
    assert len(test) == len(clips) // 5


def test_describe() -> None:
    facts = data.describe("synthetic")
    assert facts["frames"] == 126_000 and facts["test_frames"] == 36_000 and facts["takes"] == 105
    assert facts["protocol_hash"] == protocols.load("synthetic").hash


def test_sources_are_listed_without_importing_them() -> None:
    code = "import sys; from bench import data; print(list(data.sources()), 'bench.data.bvh' in sys.modules, 'torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
    assert out.stdout.strip() == "['bvh', 'synthetic'] False False"
