"""Keypoints that are not of their poses are found, with the cause; detectors are not accused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench import data
from bench.__main__ import main
from bench.data import protocols, reprojection
from bench.data.clip import Clip, film
from bench.data.detector.noise import Detector, detect
from bench.data.readers import synthetic
from models.errors import BadInput
from tests.data.data_files import RIG, h36m_npz

ACTIONS = ("Walking", "Sitting", "Directions", "SittingDown")
# in pixels of a picture 1000 px wide: none, this project's own, and a poor one
DETECTORS = {
    "none": Detector(near=0.01, far=0.01, outliers=0, misses=0),
    "usual": Detector(),
    "poor": Detector(near=10, far=20, outliers=0.05, misses=0.05),
}


def clips(action: str) -> list[Clip]:
    take = synthetic.make("S1", action, frames=120)
    return film(take, RIG.around(take.world[:, 0]))


def swapped(found: list[Clip]) -> list[Clip]:
    order = [found[-1], *found[:-1]]
    return [
        dataclasses.replace(
            clip, keypoints=other.keypoints, confidence=other.confidence
        )
        for clip, other in zip(found, order, strict=True)
    ]


def mirrored(found: list[Clip]) -> list[Clip]:
    mirror = list(found[0].skeleton.mirror)
    return [
        dataclasses.replace(clip, keypoints=clip.keypoints[:, mirror]) for clip in found
    ]


def late(found: list[Clip]) -> list[Clip]:
    return [
        dataclasses.replace(clip, keypoints=np.roll(clip.keypoints, 20, axis=0))
        for clip in found
    ]


WRONG: dict[str, tuple[Callable[[list[Clip]], list[Clip]], str]] = {
    "cameras": (swapped, "the cameras are in another order: those of"),
    "sides": (mirrored, "left and right are exchanged"),
    "frames": (late, "the keypoints are 20 frames late"),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("detector", DETECTORS)
def test_detectors_are_not_accused(action: str, detector: str) -> None:
    seen = [detect(clip, detector=DETECTORS[detector]) for clip in clips(action)]
    assert list(reprojection.mismatches(seen)) == []


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("detector", ["none", "usual"])
def test_what_is_wrong_is_found_with_its_cause(wrong: str, detector: str) -> None:
    change, cause = WRONG[wrong]
    seen = [detect(clip, detector=DETECTORS[detector]) for clip in clips("Walking")]
    found = list(reprojection.mismatches(change(seen)))
    assert found
    assert all(mismatch.cause.startswith(cause) for mismatch in found)


def test_poses_of_somebody_else_have_no_cause() -> None:
    walking, sitting = clips("Walking")[0], clips("Sitting")[0]
    other = dataclasses.replace(
        walking, keypoints=sitting.keypoints[::-1] + np.float32(150)
    )
    (found,) = reprojection.mismatches([other])
    assert found.cause == ""
    assert "the cameras or the poses are others" in found.text


def test_clips_without_poses_are_not_asked() -> None:
    clip = dataclasses.replace(swapped(clips("Walking"))[0], camera_pose=None)
    assert list(reprojection.mismatches([clip])) == []


def test_joints_that_were_missed_say_nothing() -> None:
    poor = [detect(clip, detector=DETECTORS["poor"]) for clip in clips("Walking")]
    # neither of their own poses nor of another camera's
    blind = dataclasses.replace(poor[0], confidence=np.zeros_like(poor[0].confidence))
    assert list(reprojection.mismatches([blind, *poor[1:]])) == []


@pytest.fixture
def crossed(tmp_path: Path) -> str:
    """VideoPose3D's archives with two cameras exchanged."""
    source = h36m_npz(tmp_path)
    path = tmp_path / "data_2d_h36m_gt.npz"
    with np.load(path, allow_pickle=True) as archive:
        content = {name: archive[name] for name in archive.files}
    views = content["positions_2d"].item()["S1"]["Walking 1"]
    views[0], views[1] = views[1], views[0]
    np.savez_compressed(path, **content)
    return source


def test_loading_refuses_and_says_how_far_off(crossed: str) -> None:
    with pytest.raises(BadInput, match=r"S1 Walking 1, camera \d+: .* px") as caught:
        data.describe(crossed)
    said = str(caught.value)
    assert "\n" not in said
    assert "(and 1 clips more)" in said
    assert "--allow-mismatch" in said


def test_what_is_allowed_is_taken_under_another_hash(
    crossed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = protocols.default("h36m-npz")
    allowed = usual.model_copy(update={"mismatch": "allowed"})
    assert data.describe(crossed, protocol=allowed)["frames"] == 16
    assert allowed.hash != usual.hash
    assert "of the poses or not" in allowed.text
    assert main(("data", "info", crossed)) == 2
    assert "--allow-mismatch" in capsys.readouterr().err
    assert main(("data", "info", crossed, "--allow-mismatch")) == 0
    assert allowed.hash in capsys.readouterr().out


def test_a_stretch_of_another_camera_is_found() -> None:
    first, other, *_ = clips("Walking")
    keypoints = first.keypoints.copy()
    keypoints[66:] = other.keypoints[66:]
    wrong = dataclasses.replace(first, keypoints=keypoints)
    (found,) = reprojection.mismatches([wrong])
    assert found.cause.startswith("so do those of frames ")
    assert "so do those of frames" in found.text


def test_a_joint_that_is_elsewhere_throughout_is_found() -> None:
    clip = clips("Walking")[0]
    keypoints = clip.keypoints.copy()
    head = clip.skeleton.joints.index("Head")
    keypoints[:, head] += 400
    wrong = dataclasses.replace(clip, keypoints=keypoints)
    (found,) = reprojection.mismatches([wrong])
    assert found.cause == "so do those of Head in most frames, and others do not"


def test_legs_that_are_exchanged_are_found() -> None:
    clip = clips("Walking")[0]
    mirror = clip.skeleton.mirror
    legs = [n for n, name in enumerate(clip.skeleton.joints) if "Knee" in name]
    order = [mirror[n] if n in legs else n for n in range(len(mirror))]
    wrong = dataclasses.replace(clip, keypoints=clip.keypoints[:, order])
    (found,) = reprojection.mismatches([wrong])
    assert found.cause in (
        "RKnee and LKnee are exchanged",
        "LKnee and RKnee are exchanged",
    )
