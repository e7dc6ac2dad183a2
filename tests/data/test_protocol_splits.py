"""What a protocol makes of data: who trains, who tests, what is left out, what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from bench import data
from bench.data import protocols
from bench.data.clip import Clip
from bench.data.detector import fitted_noise
from bench.data.detector.fitted_noise import FittedNoise
from bench.data.geometry.skeletons import H36M17
from bench.data.readers import synthetic
from models.errors import BadInput


def test_noise_and_fraction_change_the_hash_and_the_text() -> None:
    plain = data.load("synthetic", small=0.06)
    noisy = data.load("synthetic", small=0.06, noise=True)
    hashes = {split.protocol.hash for split in (plain, noisy)} | {
        protocols.load("synthetic").hash
    }
    assert len(hashes) == 3
    assert "noisy 2D" in noisy.protocol.text
    assert "only the middle 0.06" in plain.protocol.text
    assert (plain.test[0].keypoints != noisy.test[0].keypoints).any()
    # 0.06 of 300 frames
    assert max(clip.frames for clip in plain.train) == 18


def test_corruption_is_done_to_both_sides_and_changes_the_hash(tmp_path: Path) -> None:
    file = tmp_path / "steps.yaml"
    splits = []
    for share in (0.25, 0.5):
        file.write_text(f"steps: [{{mask_joints: {{share: {share}}}}}]")
        splits.append(data.load("synthetic", small=0.06, corrupt=file))
    plain = data.load("synthetic", small=0.06)
    # another share is another corruption
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
        # tens of thousands of draws of a half
        assert missed == pytest.approx(0.5, abs=0.01)


def test_a_fitted_detector_is_told_from_another_by_the_hash(tmp_path: Path) -> None:
    names = protocols.load("synthetic").joints
    zeros = np.zeros(len(names))
    hashes = set()
    # the file's name stays, and so does the step's text but for the digest
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
                "synthetic",
                small=0.06,
                corrupt=tmp_path / "steps.yaml",
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
    empty = protocol.model_copy(
        update={"split": protocols.Rule(by="subject", test=test)}
    )
    with pytest.raises(BadInput, match=f"leaves no clip for {side} .*S1"):
        data.load("synthetic", protocol=empty, small=0.06)


def test_every_nth_take_keeps_cameras_together() -> None:
    clips = data.load("synthetic", small=0.06).train
    train, test = protocols.Rule(by="clip", every=5).split(clips)
    assert {clip.name for clip in train}.isdisjoint({clip.name for clip in test})
    # all four cameras of every fifth take
    assert len(test) == len(clips) // 5


def test_describe() -> None:
    facts = data.describe("synthetic")
    assert facts["frames"] == 126_000
    assert facts["test_frames"] == 36_000
    # seven subjects by fifteen actions
    assert facts["takes"] == 105
    assert facts["protocol_hash"] == protocols.load("synthetic").hash


def under(**changes: object) -> protocols.Protocol:
    """A protocol that differs in this from the synthetic data's."""
    return protocols.load("synthetic").model_copy(update=changes)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return synthetic.load(rig=protocols.load("synthetic").rig, small=0.06)


def test_takes_are_left_out_of_the_test(clips: list[Clip]) -> None:
    protocol = under(
        # the third is of another data set's names, the last of a training subject
        exclude=("S9 Greet*", "S11 Walking", "S9_act_05*", "S1 *")
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
    protocol = under(exclude=("s_09_act_05*",))
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
    protocol = under(version="annot3")
    with pytest.raises(
        BadInput, match=r"version annot3 of the data and clip S1 Directions is of none"
    ):
        protocol.check(clips)
    # told by the clips' style, which says the version where there are several
    protocol.check([dataclasses.replace(clip, style="annot3") for clip in clips])


def test_training_on_one_data_set_and_testing_on_another() -> None:
    protocol = under(trained_on={"synthetic": ("S1", "S5")})
    split = data.load("synthetic->synthetic", protocol=protocol, small=0.06)
    assert {clip.subject for clip in split.train} == {"S1", "S5"}
    assert {clip.subject for clip in split.test} == {"S9", "S11"}
    assert "synthetic (trained on synthetic S1, S5)" in split.protocol.text
    # no subjects named are all seven
    everything = protocol.model_copy(update={"trained_on": {"synthetic": ()}})
    split = data.load("synthetic->synthetic", protocol=everything, small=0.06)
    assert len({clip.subject for clip in split.train}) == 7


def test_a_pair_and_its_protocol_must_fit() -> None:
    plain = protocols.load("synthetic")
    protocol = plain.model_copy(update={"trained_on": {"synthetic": ("S1", "S5")}})
    for source, used, message in (
        (
            "synthetic",
            protocol,
            "wants to train on synthetic data .* and one source came",
        ),
        (
            "synthetic->synthetic",
            plain,
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
    protocol = under(skeleton="dhp17", root="Pelvis")
    clip = data.load("synthetic", protocol=protocol, small=0.06).test[0]
    assert clip.skeleton.name == "dhp17"
    same = next(
        each
        for each in synthetic.load(rig=protocol.rig, small=0.06)
        if (each.name, each.camera_name) == (clip.name, clip.camera_name)
    )
    assert (
        clip.keypoints[:, clip.skeleton.index("LWrist")]
        == same.keypoints[:, H36M17.index("LWrist")]
    ).all()
