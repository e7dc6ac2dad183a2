"""The embedded source: people with exact bones, feet on the floor, worth training on."""

from __future__ import annotations

import time

import numpy as np
import pytest

from bench import data
from bench.data.batches.windows import Windows
from bench.data.detector.noise import Detector, detect
from bench.data.geometry.skeletons import H36M17
from bench.data.protocols import load
from bench.data.readers import synthetic
from bench.data.readers._synthetic_actions import ACTIONS
from bench.evaluation.baselines.predictors import baselines
from models.errors import BadInput

RIG = load("synthetic").rig
FEET = list(H36M17.indices(("RFoot", "LFoot")))


def lengths(world: np.ndarray) -> np.ndarray:
    parents, children = np.array(H36M17.bones).T
    return np.linalg.norm(world[:, children] - world[:, parents], axis=-1)


@pytest.fixture(scope="module")
def whole() -> data.Split:
    return data.load("synthetic")


def test_size_and_labels(whole: data.Split) -> None:
    clips = whole.train + whole.test
    assert len(clips) == 7 * 15 * 4
    assert sum(clip.frames for clip in clips) == 126_000
    assert {clip.subject for clip in whole.test} == {"S9", "S11"}
    assert (
        {clip.action for clip in whole.train}
        == {clip.action for clip in whole.test}
        == set(ACTIONS)
    )


def test_bones_are_exact_and_differ_by_subject() -> None:
    builds = {}
    for subject in synthetic.SUBJECTS:
        found = lengths(
            np.concatenate(
                [synthetic.make(subject, action, frames=60).world for action in ACTIONS]
            )
        )
        np.testing.assert_allclose(
            found, np.broadcast_to(found[0], found.shape), rtol=1e-9
        )
        builds[subject] = found[0]
        left, right = (
            found[0][np.array(side) - 1] for side in (H36M17.left, H36M17.right)
        )
        np.testing.assert_allclose(left, right)
    # millimetres, every bone
    assert np.ptp(np.stack(list(builds.values())), axis=0).min() > 5


@pytest.mark.parametrize("action", ACTIONS)
def test_nothing_sinks_and_feet_carry(action: str) -> None:
    world = synthetic.make("S1", action).world
    assert world[..., 2].min() >= -1e-9
    lowest = world[:, FEET, 2].min(axis=1)
    if ACTIONS[action].standing:
        np.testing.assert_allclose(lowest, 0, atol=1e-9)
    else:
        assert lowest.min() < 50


def test_the_seated_sit_and_walkers_face_their_way() -> None:
    hips = {
        action: np.median(synthetic.make("S6", action).world[:, 0, 2])
        for action in ("Walking", "Sitting", "SittingDown")
    }
    # the height of a chair, and of the floor
    assert hips["Walking"] > 800 > hips["Sitting"] > 300 > hips["SittingDown"]
    for subject in synthetic.SUBJECTS:
        world = synthetic.make(subject, "Walking").world
        # the body faces where up x left-to-right points
        across = world[:-1, H36M17.index("RHip")] - world[:-1, H36M17.index("LHip")]
        facing = np.cross([0, 0, 1], across)
        step = np.diff(world[:, 0], axis=0)
        cosine = (
            (facing[:, :2] * step[:, :2]).sum(1)
            / np.linalg.norm(facing[:, :2], axis=1)
            / np.linalg.norm(step[:, :2], axis=1)
        )
        assert np.median(cosine) > 0.8


@pytest.mark.parametrize(
    ("folded", "root", "tip"), [("RKnee", "RHip", "RFoot"), ("LKnee", "LHip", "LFoot")]
)
def test_knees_fold_backward(folded: str, root: str, tip: str) -> None:
    world = synthetic.make("S7", "Walking").world
    joint = {
        name: world[:, H36M17.index(name)]
        for name in (folded, root, tip, "RHip", "LHip")
    }
    facing = np.cross([0, 0, 1], joint["RHip"] - joint["LHip"])
    straight = (joint[root] + joint[tip]) / 2
    # the knee lies before the line from hip to foot
    assert (((joint[folded] - straight) * facing).sum(axis=1) > 0).mean() > 0.9


def test_motion_is_smooth() -> None:
    for action in ACTIONS:
        relative = synthetic.make("S8", action).world
        relative = relative - relative[:, :1]
        step = np.linalg.norm(np.diff(relative, axis=0), axis=-1)
        # millimetres in a fiftieth of a second
        assert 0.5 < step.mean() < 40
        assert step.max() < 160


def test_seed_and_name_alone_decide() -> None:
    alone = synthetic.make("S5", "Eating", frames=40, seed=3)
    clips = synthetic.load(rig=RIG, seed=3, small=40 / 300)
    again = next(
        clip for clip in clips if (clip.subject, clip.action) == ("S5", "Eating")
    )
    np.testing.assert_array_equal(alone.world.astype(np.float32), again.world_pose)
    assert not np.allclose(
        alone.world, synthetic.make("S5", "Eating", frames=40, seed=4).world
    )


def test_all_joints_are_in_the_picture(whole: data.Split) -> None:
    pixels = np.concatenate([clip.keypoints.reshape(-1, 2) for clip in whole.train])
    assert pixels.min() > 0
    assert pixels.max() < 1000


# Not too easy: the mean pose is far off, and a linear map leaves something to learn.
def test_worth_training_on(whole: data.Split) -> None:
    train, test = (Windows(clips, frames=1) for clips in (whole.train, whole.test))
    mean, linear = (
        baseline.metrics[0].frame_wise
        for baseline in baselines(train, test, protocol=whole.protocol)
    )
    assert mean is not None
    assert linear is not None
    assert mean > 120
    assert 65 < linear < 0.6 * mean


def test_generation_is_fast() -> None:
    start = time.process_time()  # every run without data pays it
    synthetic.load(rig=RIG)
    assert time.process_time() - start < 3


def test_location_is_refused() -> None:
    with pytest.raises(BadInput, match="say synthetic"):
        data.load("synthetic:somewhere")


def test_detector_noise_is_as_large_as_it_says() -> None:
    clean = next(clip for clip in synthetic.load(rig=RIG) if clip.action == "Waiting")
    # without these two the errors are normal, so that their spread can be told
    plain = Detector(outliers=0, misses=0)
    error = detect(clean, detector=plain).keypoints - clean.keypoints
    sizes = np.sqrt(
        np.linalg.eigvalsh(np.stack([np.cov(error[:, joint].T) for joint in range(17)]))
    )
    far = [H36M17.index("LWrist"), H36M17.index("RFoot")]
    # anisotropic
    np.testing.assert_allclose(
        sizes[far] / 6, np.broadcast_to([2**-0.5, 2**0.5], (2, 2)), rtol=0.15
    )
    # joints near the trunk are found better, and errors last from frame to frame
    assert sizes[H36M17.index("Hip")].max() < 6
    assert not np.allclose(error[:, 3], np.roll(error[:, 3], 1, axis=0))


def test_outliers_and_misses_happen_and_are_marked() -> None:
    clean = synthetic.load(rig=RIG)[0]
    noisy = detect(clean, detector=Detector(outliers=0.05, misses=0.05), seed=1)
    missed = noisy.confidence == 0
    assert 0.02 < missed.mean() < 0.09
    # the first joint that was seen in one frame and missed in the next
    frame, joint = np.argwhere(missed[1:] & ~missed[:-1])[0] + [1, 0]
    # held at the last seen place
    np.testing.assert_array_equal(
        noisy.keypoints[frame, joint], noisy.keypoints[frame - 1, joint]
    )
    far = np.linalg.norm(noisy.keypoints - clean.keypoints, axis=-1) > 40
    assert 0.005 < far.mean() < 0.06
    assert (
        noisy.confidence[far & ~missed].mean()
        < 0.3
        < noisy.confidence[~far & ~missed].mean()
    )
    np.testing.assert_array_equal(
        noisy.keypoints,
        detect(clean, detector=Detector(outliers=0.05, misses=0.05), seed=1).keypoints,
    )
    np.testing.assert_array_equal(noisy.camera_pose, clean.camera_pose)
