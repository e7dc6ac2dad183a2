"""Protocols: every file is valid, the hash follows the content, a wrong one is named, and
no number goes without one.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError

from bench import data, metrics, records
from bench.commands._summary import summary
from bench.config import Config
from bench.coordinator import run
from bench.data import protocols
from bench.data.batches.windows import Windows
from bench.data.clip import Clip
from bench.data.detector import fitted_noise
from bench.data.detector.fitted_noise import FittedNoise
from bench.data.geometry.skeletons import H36M17
from bench.data.readers import synthetic
from bench.evaluation import baselines
from bench.evaluation import task as evaluate
from models.errors import BadInput, UnknownName
from tests.paths import ROOT
from tests.reports import sample_run

GOOD = (protocols.FOLDER / "synthetic.yaml").read_text()


@pytest.mark.parametrize("name", protocols.names())
def test_every_file_is_valid_and_says_what_it_is(name: str) -> None:
    protocol = protocols.load(name)
    assert protocol.name == name and {*protocol.sources, *protocol.trained_on} <= set(
        data.sources()
    )
    assert protocol.headline in metrics.names() and set(protocol.scored_for) <= set(
        metrics.names()
    )
    assert len(protocol.hash) == 12 and int(protocol.hash, 16) >= 0
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
        ("synthetic", "cbcf0018679b"),
        ("bandai-clips", "6732a0d8407b"),
        ("bandai-styles", "7f07a7044d21"),
        ("h36m-p1", "c8d932a70494"),
        ("h36m-motionbert", "f215ce0040dc"),
        ("h36m-motionbert-2.5d", "b40bd8c86777"),
        ("3dhp", "5231fb1ea020"),
    ],
)
def test_published_hashes_stay_though_protocols_learn_more(name: str, hash: str) -> None:
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
    field: str, value: object
) -> None:
    plain = protocols.load("synthetic")
    other = plain.model_copy(update={field: value})
    assert other.hash != plain.hash and other.text != plain.text


def test_no_two_protocols_read_the_same() -> None:
    assert len({protocols.load(name).text for name in protocols.names()}) == len(
        protocols.names()
    )


def test_hash_is_stable() -> None:
    code = "from bench.data import protocols; print(protocols.load('bandai-styles').hash)"
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
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
        ("averaging: action", "averaging: action\nscored_for: {auc: [Tail]}", "Tail"),
        ("averaging: action", "averaging: action\nalignment: affine", "alignment"),
        ("averaging: action", "averaging: action\nhypotheses: median", "hypotheses"),
        ("azimuths: [40, ", "azimuths: [", "one number per camera"),
        ("averaging: action", "averaging: [", "not a readable YAML"),
        (GOOD, "- 1", "keys and values were due"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(BadInput, match=message) as caught:
        protocols.read(path)
    assert "bad.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_unknown_names() -> None:
    with pytest.raises(UnknownName, match="did you mean bandai-styles"):
        protocols.load("bandai-style")
    with pytest.raises(UnknownName, match="known: .*bvh, .*synthetic"):
        data.load("amass2:x")
    with pytest.raises(UnknownName, match="bvh, .*synthetic"):
        protocols.default("video")


def test_a_pair_takes_the_protocol_across_and_keypoints_have_none() -> None:
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
    with pytest.raises(BadInput, match="keypoints:x@9x9: keypoints data have no 3D poses"):
        data.load("keypoints:x@9x9")


def test_protocol_of_another_kind_is_refused() -> None:
    assert data.protocol_for("bvh:x").name == "bandai-styles"
    with pytest.raises(BadInput, match=r"is for bvh data .* take one of: synthetic"):
        data.protocol_for("synthetic", "bandai-clips")
    with pytest.raises(BadInput, match="is for bvh data"):
        data.load("synthetic", protocol=protocols.load("bandai-clips"))


def test_noise_and_fraction_change_the_hash_and_the_text() -> None:
    plain, noisy = (
        data.load("synthetic", small=0.06),
        data.load("synthetic", small=0.06, noise=True),
    )
    hashes = {split.protocol.hash for split in (plain, noisy)} | {
        protocols.load("synthetic").hash
    }
    assert len(hashes) == 3
    assert (
        "noisy 2D" in noisy.protocol.text and "only the middle 0.06" in plain.protocol.text
    )
    assert (plain.test[0].keypoints != noisy.test[0].keypoints).any()
    assert max(clip.frames for clip in plain.train) == 18


def test_corruption_is_done_to_both_sides_and_changes_the_hash(tmp_path: Path) -> None:
    file, splits = tmp_path / "steps.yaml", []
    for share in (0.25, 0.5):
        file.write_text(f"steps: [{{mask_joints: {{share: {share}}}}}]")
        splits.append(data.load("synthetic", small=0.06, corrupt=file))
    plain = data.load("synthetic", small=0.06)
    assert len({split.protocol.hash for split in (plain, *splits)}) == 3
    assert (
        splits[0].protocol.text.count(
            "exact 2D keypoints, all clips after mask_joints (share 0.25);"
        )
        == 1
    )
    for side in ("train", "test"):
        missed = np.mean(
            [(clip.confidence == 0).mean() for clip in getattr(splits[1], side)]
        )
        assert missed == pytest.approx(0.5, abs=0.01)


def test_a_fitted_detector_is_told_from_another_by_the_hash(tmp_path: Path) -> None:
    names = protocols.load("synthetic").joints
    zeros = np.zeros(len(names))
    hashes = set()
    for size in (1.0, 2.0):
        spread = np.broadcast_to(np.eye(2) * size, (len(names), 2, 2))
        model = FittedNoise(
            names,
            np.zeros((len(names), 2)),
            spread,
            zeros,
            zeros,
            zeros,
            zeros,
            np.ones((len(names), 2)),
        )
        fitted_noise.save(model, tmp_path / "detector.json")
        (tmp_path / "steps.yaml").write_text("steps: [{fitted: {file: detector.json}}]")
        hashes.add(
            data.load(
                "synthetic", small=0.06, corrupt=tmp_path / "steps.yaml"
            ).protocol.hash
        )
    assert len(hashes) == 2


@pytest.mark.parametrize("small", [0.0, -1.0, 1.5])
def test_fraction_out_of_range(small: float) -> None:
    with pytest.raises(BadInput, match="fraction"):
        data.load("synthetic", small=small)


@pytest.mark.parametrize(
    ("test", "side"),
    [((), "testing"), (tuple(f"S{n}" for n in (1, 5, 6, 7, 8, 9, 11)), "training")],
)
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
    assert (
        facts["frames"] == 126_000
        and facts["test_frames"] == 36_000
        and facts["takes"] == 105
    )
    assert facts["protocol_hash"] == protocols.load("synthetic").hash


def test_sources_are_listed_without_importing_them() -> None:
    code = (
        "import sys; from bench import data; print(list(data.sources()),"
        " 'bench.data.readers.bvh' in sys.modules, 'torch' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert (
        "'bvh'" in out.stdout
        and "'synthetic'" in out.stdout
        and out.stdout.strip().endswith("] False False")
    )


def test_the_default_protocol_of_every_kind() -> None:
    expected = {
        "3dhp": "3dhp",
        "bvh": "bandai-styles",
        "h36m-coco": "h36m-p1",
        "h36m-npz": "h36m-p1",
        "h36m-pkl": "h36m-motionbert",
        "mmpose": "mmpose",
        "synthetic": "synthetic",
    }
    assert {kind: protocols.default(kind).name for kind in expected} == expected


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return synthetic.load(rig=protocols.load("synthetic").rig, small=0.06)  # type: ignore[arg-type]


def test_takes_are_left_out_of_the_test(clips: list[Clip]) -> None:
    protocol = protocols.load("synthetic").model_copy(
        update={"exclude": ("S9 Greet*", "S11 Walking", "S9_act_05*", "S1 *")}
    )
    protocol.check(clips)
    train, test = protocol.divide(clips)
    left = {clip.name for clip in protocols.load("synthetic").divide(clips)[1]} - {
        clip.name for clip in test
    }
    assert left == {"S9 Greeting", "S11 Walking"}
    assert len(train) == 5 * 15 * 4  # patterns are for test takes alone
    assert "without S9 Greet*, S11 Walking" in protocol.text


def test_patterns_that_leave_nothing_out_are_refused(clips: list[Clip]) -> None:
    protocol = protocols.load("synthetic").model_copy(update={"exclude": ("s_09_act_05*",)})
    with pytest.raises(
        BadInput,
        match=(
            r"leaves out s_09_act_05\*, and no test take has such a name \(they are"
            r" like S11"
        ),
    ):
        protocol.check(clips)
    with pytest.raises(BadInput, match="leaves out"):
        data.load("synthetic", protocol=protocol, small=0.06)


def test_another_version_of_the_data_is_refused(clips: list[Clip]) -> None:
    protocol = protocols.load("synthetic").model_copy(update={"version": "annot3"})
    with pytest.raises(
        BadInput, match=r"version annot3 of the data and clip S1 Directions is of none"
    ):
        protocol.check(clips)
    protocol.check([dataclasses.replace(clip, style="annot3") for clip in clips])


def test_training_on_one_data_set_and_testing_on_another() -> None:
    protocol = protocols.load("synthetic").model_copy(
        update={"trained_on": {"synthetic": ("S1", "S5")}}
    )
    split = data.load("synthetic->synthetic", protocol=protocol, small=0.06)
    assert {clip.subject for clip in split.train} == {"S1", "S5"} and {
        clip.subject for clip in split.test
    } == {"S9", "S11"}
    assert "synthetic (trained on synthetic S1, S5)" in split.protocol.text
    everything = protocol.model_copy(update={"trained_on": {"synthetic": ()}})
    assert (
        len(
            {
                clip.subject
                for clip in data.load(
                    "synthetic->synthetic", protocol=everything, small=0.06
                ).train
            }
        )
        == 7
    )
    for source, used, message in (
        ("synthetic", protocol, "wants to train on synthetic data .* and one source came"),
        (
            "synthetic->synthetic",
            protocols.load("synthetic"),
            "wants to train and test on one source and training data of kind synthetic",
        ),
        (
            "synthetic->synthetic",
            protocol.model_copy(update={"trained_on": {"bvh": ()}}),
            "wants to train on bvh data",
        ),
    ):
        with pytest.raises(BadInput, match=message):
            data.load(source, protocol=used, small=0.06)


def test_clips_of_another_skeleton_are_converted() -> None:
    protocol = protocols.load("synthetic").model_copy(
        update={"skeleton": "dhp17", "root": "Pelvis"}
    )
    clip = data.load("synthetic", protocol=protocol, small=0.06).test[0]
    assert clip.skeleton.name == "dhp17"
    same = next(
        each
        for each in synthetic.load(rig=protocol.rig, small=0.06)
        if (each.name, each.camera_name) == (clip.name, clip.camera_name)
    )  # type: ignore[arg-type]
    assert (
        clip.keypoints[:, clip.skeleton.index("LWrist")]
        == same.keypoints[:, H36M17.index("LWrist")]
    ).all()


def test_h36m_protocols_say_what_they_are() -> None:
    first, second = protocols.load("h36m-p1"), protocols.load("h36m-p2")
    assert (first.headline, second.headline, protocols.load("h36m-integral").headline) == (
        "mpjpe",
        "pa_mpjpe",
        "pa_mpjpe_rigid",
    )
    assert (
        first.split.test == ("S9", "S11")
        and first.averaging == "action"
        and first.rig is None
        and not first.scored
    )
    assert (
        len(protocols.load("h36m-pose2mesh").scored) == 14
        and len(protocols.load("h36m-16").joints) == 16
    )
    assert protocols.load("h36m-motionbert-2.5d").lengths == "2.5d"
    for name in ("3dhp", "3dhp-sequences", "h36m-to-3dhp"):
        protocol = protocols.load(name)
        assert len(protocol.joints_for("pck150")) == len(
            protocol.joints_for("auc")
        ) == 14 and not protocol.joints_for("mpjpe")
        assert not {"Pelvis", "Spine", "Hip"} & set(protocol.joints_for("auc"))


@pytest.mark.parametrize("field", ["protocol", "protocol_hash", "protocol_text"])
def test_no_accuracy_is_recorded_without_its_protocol(field: str) -> None:
    content = sample_run.evaluation().model_dump()
    for bad in (
        {**content, field: ""},
        {key: value for key, value in content.items() if key != field},
    ):
        with pytest.raises(ValidationError, match=field):
            records.Evaluation.model_validate(bad)


def test_no_accuracy_is_printed_without_its_protocol() -> None:
    for payload in (sample_run.evaluation(), sample_run.training()):
        said = summary(sample_run.record(payload))
        assert " mm" in said and payload.protocol in said and payload.protocol_hash in said


@pytest.mark.parametrize(
    ("headline", "averaging", "said"),
    [
        ("MPJPE", "frame", "MPJPE 71.2 mm frame-wise (mean pose 230.5 mm"),
        ("MPJPE", "action", "MPJPE 72.2 mm action-wise (mean pose 231.5 mm"),
        ("MPJPE", "subject", "MPJPE not measured subject-wise"),
        ("PA-MPJPE", "frame", "PA-MPJPE not measured"),
    ],
)
def test_the_headline_is_the_protocols(headline: str, averaging: str, said: str) -> None:
    payload = sample_run.evaluation().model_copy(
        update={"headline": headline, "averaging": averaging}
    )
    assert summary(sample_run.record(payload)).startswith(said)


def test_the_headline_is_always_scored() -> None:
    split = data.load("synthetic", small=0.06)
    test = Windows(split.test, frames=1)
    pred = 1000.0 * test.truth()
    for alignment in ("root", "rigid", "similarity"):
        protocol = split.protocol.model_copy(update={"alignment": alignment})
        found = [
            metric.name
            for metric in baselines.score(pred, test, protocol=protocol, chosen=["auc"])
        ]
        assert set(found) == {"MPJPE", "AUC", metrics.load(protocol.headline).NAME}
        assert {
            metric.name for metric in baselines.score(pred, test, protocol=protocol)
        } > set(found)


def test_a_run_refuses_protocols_for_other_predictions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    several = protocols.load("synthetic").model_copy(update={"hypotheses": "mean"})
    monkeypatch.setattr("bench.data.protocol_for", lambda source, name: several)
    with pytest.raises(
        BadInput,
        match=(
            r"protocol synthetic scores several poses for a frame, and models here give one"
        ),
    ):
        run.check(Config())


def test_flip_averaging_mirrors_there_and_back() -> None:
    split = data.load("synthetic", small=0.06)
    windows = Windows(split.test[:2], frames=1)

    # the right arm is always 1 m out
    def lopsided(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        pose = np.concatenate(
            [inputs["keypoints"], 0 * inputs["keypoints"][..., :1]], axis=-1
        )
        pose[..., H36M17.index("RWrist"), 0] += 1
        return {"pose": pose}

    def predicted(flip: bool) -> np.ndarray:
        protocol = split.protocol.model_copy(update={"flip_tta": flip})
        feed = SimpleNamespace(
            protocol=protocol,
            joints=17,
            inputs=lambda keypoints: {"keypoints": keypoints},
            poses=lambda pose: pose,
        )
        return evaluate.predict(lopsided, feed, windows, lambda *_: None)  # type: ignore[arg-type]

    plain, flipped = predicted(False), predicted(True)
    left, right = H36M17.indices(("LWrist", "RWrist"))
    np.testing.assert_allclose(
        (plain - flipped)[:, [left, right], 0],
        np.tile([0.5, 0.5], (len(plain), 1)),
        atol=1e-6,
    )
    rest = [joint for joint in range(17) if joint not in (left, right)]
    np.testing.assert_allclose(plain[:, rest], flipped[:, rest], atol=1e-6)
