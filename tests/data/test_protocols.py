"""Protocols: every file is valid, the hash follows the content, a wrong one is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import data, metrics
from bench.data import protocols
from models.errors import BadInput, UnknownName
from tests.paths import ROOT

GOOD = (protocols.FOLDER / "synthetic.yaml").read_text()


@pytest.mark.parametrize("name", protocols.names())
def test_every_file_is_valid_and_says_what_it_is(name: str) -> None:
    protocol = protocols.load(name)
    assert protocol.name == name
    assert {*protocol.sources, *protocol.trained_on} <= set(data.sources())
    assert protocol.headline in metrics.names()
    assert set(protocol.scored_for) <= set(metrics.names())
    assert len(protocol.hash) == 12
    # hexadecimal, or this raises
    assert int(protocol.hash, 16) >= 0
    # what a reader must know stands in the sentence itself
    for part in (
        protocol.skeleton,
        protocol.root,
        protocol.split.by,
        "mm",
        *protocol.sources,
        *protocol.exclude,
    ):
        assert part in protocol.text
    assert "\n" not in protocol.text


def test_hashes_are_of_the_content_and_not_of_the_name(tmp_path: Path) -> None:
    assert len({protocols.load(name).hash for name in protocols.names()}) == len(
        protocols.names()
    )
    copy = tmp_path / "other.yaml"
    # the same content under another name
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


@pytest.mark.parametrize(
    ("name", "hash"),
    [
        # they stand in reports: a hash that changed would part numbers that belong together
        ("synthetic", "cbcf0018679b"),
        ("bandai-clips", "6732a0d8407b"),
        ("bandai-styles", "7f07a7044d21"),
        ("h36m-p1", "c8d932a70494"),
        ("h36m-motionbert", "f215ce0040dc"),
        ("h36m-motionbert-2.5d", "b40bd8c86777"),
        ("3dhp", "5231fb1ea020"),
    ],
)
def test_published_hashes_stay_though_protocols_learn_more(
    name: str,
    hash: str,
) -> None:
    assert protocols.load(name).hash == hash


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trained_on", {"bvh": ("S1",)}),
        ("version", "2"),
        ("exclude", ("S9 *",)),
        ("scored_for", {"auc": ("Hip",)}),
        ("alignment", "rigid"),
        ("alignment", "similarity"),
        ("prediction_root", "zero"),
        ("lengths", "scaled"),
        ("lengths", "2.5d"),
        ("averaging", "subject"),
        *(("hypotheses", rule) for rule in protocols.HYPOTHESES),
    ],
)
def test_everything_a_number_depends_on_is_hashed_and_said(
    field: str,
    value: object,
) -> None:
    plain = protocols.load("synthetic")
    other = plain.model_copy(update={field: value})
    assert other.hash != plain.hash
    assert other.text != plain.text


def test_no_two_protocols_read_the_same() -> None:
    assert len({protocols.load(name).text for name in protocols.names()}) == len(
        protocols.names()
    )


def test_hash_is_stable() -> None:
    # in another process, where Python's own hashes are other ones
    code = (
        "from bench.data import protocols; print(protocols.load('bandai-styles').hash)"
    )
    other = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert other.stdout.strip() == protocols.load("bandai-styles").hash


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # deep inside the file, and named with its way there
        ("focal: 1145", "focl: 1145", "rig.focl"),
        ("focal: 1145", "focal: far", "rig.focal"),
        # either is wrong, the strange key or the one that is missing
        ("source:", "sauce:", "sauce|source"),
        ("h36m17", "h36m71", "h36m71"),
        ("root: Hip", "root: Hipp", "did you mean"),
        ("by: subject", "by: mood", "split.by"),
        ("averaging: action", "averaging: action\nscored_for: {auc: [Tail]}", "Tail"),
        ("averaging: action", "averaging: action\nalignment: affine", "alignment"),
        ("averaging: action", "averaging: action\nhypotheses: median", "hypotheses"),
        ("azimuths: [40, ", "azimuths: [", "one number per camera"),
        ("averaging: action", "averaging: [", "not a readable YAML"),
        (GOOD, "- 1", "keys and values were due"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(
    tmp_path: Path,
    old: str,
    new: str,
    message: str,
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(BadInput, match=message) as caught:
        protocols.read(path)
    assert "bad.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_names() -> None:
    with pytest.raises(UnknownName, match="did you mean bandai-styles"):
        protocols.load("bandai-style")
    with pytest.raises(UnknownName, match="known: .*bvh, .*synthetic"):
        data.load("amass2:x")
    with pytest.raises(UnknownName, match="bvh, .*synthetic"):
        protocols.default("video")


def test_a_pair_takes_the_protocol_across_and_keypoints_have_none() -> None:
    # nothing is read yet: x and y need not exist
    assert data.protocol_for("h36m-npz:x->3dhp:y").name == "h36m-to-3dhp"
    assert data.protocol_for("3dhp:y").name == "3dhp"
    with pytest.raises(
        BadInput,
        match=(
            "protocol h36m-p1 wants to train and test on one source and training data of"
            " kind 3dhp came"
        ),
    ):
        data.protocol_for("3dhp:y->h36m-npz:x")
    with pytest.raises(
        BadInput, match="keypoints:x@9x9: keypoints data have no 3D poses"
    ):
        data.load("keypoints:x@9x9")


def test_protocol_of_another_kind_is_refused() -> None:
    assert data.protocol_for("bvh:x").name == "bvh-takes"
    with pytest.raises(BadInput, match=r"is for bvh data .* take one of: synthetic"):
        data.protocol_for("synthetic", "bandai-clips")
    with pytest.raises(BadInput, match="is for bvh data"):
        data.load("synthetic", protocol=protocols.load("bandai-clips"))


def test_sources_are_listed_without_importing_them() -> None:
    code = (
        "import sys; from bench import data; print(list(data.sources()),"
        " 'bench.data.readers.bvh' in sys.modules, 'torch' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "'bvh'" in out.stdout
    assert "'synthetic'" in out.stdout
    assert out.stdout.strip().endswith("] False False")


def test_the_default_protocol_of_every_kind() -> None:
    expected = {
        "3dhp": "3dhp",
        "bvh": "bvh-takes",
        "h36m-coco": "h36m-p1",
        "h36m-npz": "h36m-p1",
        "h36m-pkl": "h36m-motionbert",
        "mmpose": "mmpose",
        "synthetic": "synthetic",
    }
    assert {kind: protocols.default(kind).name for kind in expected} == expected


def test_h36m_protocols_say_what_they_are() -> None:
    first = protocols.load("h36m-p1")
    second = protocols.load("h36m-p2")
    assert (
        first.headline,
        second.headline,
        protocols.load("h36m-integral").headline,
    ) == (
        "mpjpe",
        "pa_mpjpe",
        "pa_mpjpe_rigid",
    )
    # what papers call protocol 1: two subjects, the mean over actions, all 17 joints
    assert first.split.test == ("S9", "S11")
    assert first.averaging == "action"
    assert first.rig is None
    assert not first.scored
    assert len(protocols.load("h36m-pose2mesh").scored) == 14
    assert len(protocols.load("h36m-16").joints) == 16
    assert protocols.load("h36m-motionbert-2.5d").lengths == "2.5d"
    for name in ("3dhp", "3dhp-sequences", "h36m-to-3dhp"):
        protocol = protocols.load(name)
        assert (
            len(protocol.joints_for("pck150")) == len(protocol.joints_for("auc")) == 14
        )
        assert not protocol.joints_for("mpjpe")
        # 3DHP's PCK and AUC leave out what is at the root
        assert not {"Pelvis", "Spine", "Hip"} & set(protocol.joints_for("auc"))
