"""What is told of clips stays what it was where their truth lacks joints here and there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bench.data import reprojection, stats
from bench.data.augment import STEPS, apply, parse
from bench.data.clip import Clip, film
from bench.data.geometry.calibrate import pinhole
from bench.data.geometry.cameras import Rig
from bench.data.readers.synthetic import make
from models.errors import BadInput

RIG = Rig((40.0,), (4600.0,), (1500.0,), 900.0, "clip", 1145.0, 1000, 800)
TAKE = make("S5", "Walking", frames=60)
WHOLE = film(TAKE, RIG.around(TAKE.world[:, 0]))[0]


def holed(clip: Clip = WHOLE) -> Clip:
    """A tenth of the joints missing, and one frame whole."""
    assert clip.camera_pose is not None
    pose = clip.camera_pose.copy()
    pose[np.random.default_rng(0).random(pose.shape[:2]) < 0.1] = np.nan
    pose[30] = np.nan
    return dataclasses.replace(clip, camera_pose=pose, world_pose=None)


def test_statistics_are_those_of_what_is_there() -> None:
    found, due = (stats.statistics([clip]) for clip in (holed(), WHOLE))
    for name, value in found.items():
        if isinstance(value, dict) and "mean" in value:
            assert np.isfinite(list(value.values())).all(), name
    depth, whole = found["root_depth_mm"], due["root_depth_mm"]
    assert depth["mean"] == pytest.approx(whole["mean"], rel=0.01)  # type: ignore[index]


def test_keypoints_are_held_against_what_is_there() -> None:
    reprojection.check([holed()], "here")
    swapped = WHOLE.keypoints[:, list(WHOLE.skeleton.mirror)]
    with pytest.raises(BadInput, match="left and right are exchanged"):
        reprojection.check([dataclasses.replace(holed(), keypoints=swapped)], "here")


def test_a_clip_without_any_truth_is_held_against_nothing() -> None:
    nothing = np.full_like(WHOLE.camera_pose, np.nan)
    clip = dataclasses.replace(WHOLE, camera_pose=nothing, world_pose=None)
    reprojection.check([clip], "here")


def test_a_camera_is_told_from_what_is_there() -> None:
    clip = holed()
    size = {"width": clip.camera.width, "height": clip.camera.height}
    told = pinhole(clip.camera_pose, clip.keypoints, **size)
    np.testing.assert_allclose(told.focal, clip.camera.focal, rtol=1e-3)


def test_units_are_told_by_the_legs_that_are_there() -> None:
    clip = holed()
    with pytest.raises(BadInput, match="camera_pose is in m, by its legs"):
        dataclasses.replace(clip, camera_pose=clip.camera_pose / np.float32(1000))


def test_virtual_cameras_stand_around_the_roots_that_are_there() -> None:
    roots = TAKE.world[:, 0].copy()
    roots[5] = np.nan
    came, due = RIG.around(roots)["cam0"], RIG.around(np.delete(roots, 5, axis=0))
    np.testing.assert_array_equal(came.translation, due["cam0"].translation)
    with pytest.raises(BadInput, match="no frame has a root"):
        RIG.around(np.full_like(roots, np.nan))


def one(step: str, clip: Clip, **options: object) -> Clip:
    """The clip after a step that always happens."""
    return apply([clip], parse([{step: options}]), seed=0)[0]


# one wants a file, and moves keypoints alone
@pytest.mark.parametrize("step", [step for step in STEPS if step != "fitted"])
def test_a_joint_that_is_missing_stays_missing(step: str) -> None:
    assert WHOLE.camera_pose is not None
    assert WHOLE.world_pose is not None
    pose, world = WHOLE.camera_pose.copy(), WHOLE.world_pose.copy()
    # the knee in some frames, the root in another
    for each in (pose, world):
        each[20:25, 5] = each[40, 0] = np.nan
    clip = dataclasses.replace(WHOLE, camera_pose=pose, world_pose=world)
    options = {"fps": 30.0} if step == "resample" else {}
    came, due = one(step, clip, **options), one(step, WHOLE, **options)
    gone = np.isnan(came.camera_pose).any(axis=-1)
    assert 4 <= gone.sum() <= 12
    np.testing.assert_array_equal(np.isnan(came.world_pose).any(axis=-1), gone)
    assert np.isfinite(came.keypoints).all()
    if step not in ("rotate", "scale"):
        # these are about the mean root, which is another's by the frame that lacks it
        for field in ("camera_pose", "keypoints"):
            mine, right = getattr(came, field), getattr(due, field)
            np.testing.assert_allclose(mine[~gone], right[~gone], atol=0.1)


def test_a_body_without_a_root_is_not_moved() -> None:
    assert WHOLE.world_pose is not None
    world = WHOLE.world_pose.copy()
    world[:, 0] = np.nan
    with pytest.raises(BadInput, match="clip S5 Walking: no frame has a root"):
        one("rotate", dataclasses.replace(WHOLE, world_pose=world))
