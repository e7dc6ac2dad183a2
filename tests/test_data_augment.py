"""Augmentation and detector noise: laws, sizes, and the same stream for the same seed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.__main__ import main
from bench.data import augment, fitted_noise
from bench.data.augment import STEPS, apply, parse
from bench.data.cameras import Rig, camera_to_world, look_at, project, world_to_camera
from bench.data.clip import Clip, Take, film
from bench.data.fitted_noise import FittedNoise
from bench.data.noise import detect, miss
from bench.data.noise_fit import fit, fit_files
from bench.data.skeletons import H36M17
from bench.data.synthetic import make
from models.errors import BadInput

RIG = Rig((40.0, 130.0), (4600.0, 5200.0), (1500.0, 1600.0), 900.0, "clip", 1145.0, 1000, 800)
LENS = {"radial": np.array([-0.2, 0.25, -0.003]), "tangential": np.array([-0.001, -0.0014])}
ARRAYS = ("keypoints", "confidence", "camera_pose", "world_pose")


def clips(frames: int = 60, *, lens: bool = True, seed: int = 0) -> list[Clip]:
    """One synthetic take seen by two cameras."""
    take = make("S5", "Walking", frames=frames, seed=seed)
    cameras = RIG.around(take.world[:, 0])
    return film(take, {name: dataclasses.replace(each, **LENS) if lens else each for name, each in cameras.items()})


def one(step: str, clip: Clip, *, seed: int = 0, **options: object) -> Clip:
    """The clip after a step that always happens."""
    return apply([clip], parse([{step: options}]), seed=seed)[0]


def is_consistent(clip: Clip, atol: float = 0.01) -> None:
    """The camera shows the world where poses and keypoints say."""
    assert clip.world_pose is not None and clip.camera_pose is not None
    np.testing.assert_allclose(world_to_camera(clip.camera, clip.world_pose), clip.camera_pose, atol=atol)
    np.testing.assert_allclose(project(clip.camera, clip.camera_pose), clip.keypoints, atol=atol)


def bones(world: np.ndarray) -> np.ndarray:
    parents, children = np.array(H36M17.bones).T
    return np.linalg.norm(world[:, children] - world[:, parents], axis=-1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_flip_twice_is_the_identity(seed: int, lens: bool) -> None:
    draw = np.random.default_rng(seed)
    take = Take("t", "S1", "A", "", 50.0, H36M17, draw.normal(0, 400, (5, 17, 3)) + [0, 0, 900])
    camera = look_at((*draw.normal(0, 1, 2) * 900 + 4500, 1500), (0, 0, 900), focal=draw.uniform(700, 1500), size=(1000, 800))
    camera = dataclasses.replace(camera, centre=camera.centre + draw.normal(0, 9, 2), **LENS if lens else {})
    clip = film(take, {"cam": camera})[0]
    clip = dataclasses.replace(clip, confidence=draw.random((5, 17)).astype(np.float32))
    flipped = one("flip", clip)
    is_consistent(flipped)
    again = one("flip", flipped)
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(again, name), getattr(clip, name), atol=1e-4)
    for name in ("rotation", "translation", "centre", "tangential"):
        np.testing.assert_allclose(getattr(again.camera, name), getattr(camera, name), atol=1e-9)
    assert not np.allclose(flipped.keypoints, clip.keypoints)


def test_flip_swaps_hands_and_mirrors_the_picture() -> None:
    clip = clips()[0]
    flipped = one("flip", clip)
    left, right = H36M17.index("LWrist"), H36M17.index("RWrist")
    np.testing.assert_allclose(flipped.keypoints[:, left, 0], 1000 - clip.keypoints[:, right, 0], atol=1e-4)
    np.testing.assert_array_equal(flipped.keypoints[:, left, 1], clip.keypoints[:, right, 1])
    np.testing.assert_array_equal(flipped.world_pose[:, left], clip.world_pose[:, right] * (-1, 1, 1))


@pytest.mark.parametrize("step", ["rotate", "scale", "flip"])
def test_body_steps_keep_the_views_of_a_take_together(step: str) -> None:
    before = clips()
    after = apply(before, parse([step]), seed=3)
    for clip in after:
        is_consistent(clip)
    np.testing.assert_array_equal(after[0].world_pose, after[1].world_pose)
    assert not np.allclose(after[0].world_pose, before[0].world_pose)


def test_rotation_is_about_the_vertical_through_the_root() -> None:
    clip = clips()[0]
    turned = one("rotate", clip)
    assert clip.world_pose is not None and turned.world_pose is not None
    np.testing.assert_allclose(turned.world_pose[..., 2], clip.world_pose[..., 2], atol=1e-3)
    np.testing.assert_allclose(turned.world_pose[:, 0].mean(axis=0), clip.world_pose[:, 0].mean(axis=0), atol=0.05)
    np.testing.assert_allclose(bones(turned.world_pose), bones(clip.world_pose), atol=0.01)
    np.testing.assert_allclose(one("rotate", clip, degrees=0).keypoints, clip.keypoints, atol=1e-3)


def test_scale_keeps_feet_on_the_floor() -> None:
    clip = clips()[0]
    larger = one("scale", clip, low=1.2, high=1.2)
    assert clip.world_pose is not None and larger.world_pose is not None
    np.testing.assert_allclose(bones(larger.world_pose), 1.2 * bones(clip.world_pose), rtol=1e-4)
    np.testing.assert_allclose(larger.world_pose[..., 2], 1.2 * clip.world_pose[..., 2], rtol=1e-4, atol=1e-3)


def test_jitter_moves_the_camera_and_not_the_world() -> None:
    before = clips()
    after = apply(before, parse([{"jitter": {"degrees": 0.5, "millimetres": 20, "focal": 0.01}}]), seed=1)
    turns = []
    for old, new in zip(before, after, strict=True):
        is_consistent(new)
        np.testing.assert_array_equal(new.world_pose, old.world_pose)
        assert 0 < np.linalg.norm(new.camera.position - old.camera.position) < 100
        turns.append(np.degrees(np.arccos((np.trace(new.camera.rotation @ old.camera.rotation.T) - 1) / 2)))
    assert min(turns) > 0.05 and max(turns) < 3 and turns[0] != turns[1]


def test_jitter_does_with_camera_poses() -> None:
    clip = dataclasses.replace(clips()[0], world_pose=None)
    moved = one("jitter", clip)
    assert moved.world_pose is None and moved.camera_pose is not None
    np.testing.assert_allclose(
        camera_to_world(moved.camera, moved.camera_pose),
        camera_to_world(clip.camera, clip.camera_pose),
        atol=0.01,
    )


def test_a_detectors_errors_stay_where_body_or_camera_moves() -> None:
    clean = clips()[0]
    noisy = detect(clean)
    for step in ("rotate", "scale", "jitter"):
        exact, moved = one(step, clean), one(step, noisy)
        np.testing.assert_allclose(moved.keypoints - exact.keypoints, noisy.keypoints - clean.keypoints, atol=0.01)


@pytest.mark.parametrize(("fps", "frames"), [(25.0, 30), (50.0, 60), (100.0, 119), (60.0, 71), (1.0, 2)])
def test_resampling(fps: float, frames: int) -> None:
    clip = clips()[0]
    found = one("resample", clip, fps=fps)
    assert (found.fps, found.frames) == (fps, frames)
    times = np.arange(frames) * 50 / fps
    for name in ("keypoints", "camera_pose", "world_pose"):
        series = getattr(clip, name)[:, 13, 0]
        np.testing.assert_allclose(getattr(found, name)[:, 13, 0], np.interp(times, np.arange(60), series), atol=2e-3)


def test_speed_keeps_the_frame_rate() -> None:
    found = one("speed", clips()[0], low=2, high=2)
    assert (found.fps, found.frames) == (50.0, 30)
    np.testing.assert_array_equal(found.world_pose, clips()[0].world_pose[::2])
    assert one("speed", clips(1)[0]).frames == 1


def test_between_a_seen_and_a_missed_frame_a_joint_is_missed() -> None:
    clip = clips(5)[0]
    missed = np.zeros((5, 17), dtype=bool)
    missed[2, 3] = True
    found = one("resample", miss(clip, missed), fps=100)
    assert np.flatnonzero(found.confidence[:, 3] == 0).tolist() == [3, 4, 5]


def test_masks_hide_their_share() -> None:
    clip = clips(400)[0]
    joints = one("mask_joints", clip, share=0.2).confidence == 0
    assert 0.17 < joints.mean() < 0.23 and joints.any(axis=1).mean() > 0 and not joints.all(axis=1).any()
    frames = one("mask_frames", clip, share=0.2).confidence == 0
    assert 0.12 < frames.mean() < 0.28 and (frames.all(axis=1) == frames.any(axis=1)).all()


def test_occlusions_are_bursts_of_limbs() -> None:
    missed = one("occlude", clips(2000)[0], rate=0.5, seconds=0.4).confidence == 0
    assert 0.02 < missed.mean() < 0.2 and not missed[:, 0].any(), "the root stays"
    knee, foot = missed[:, H36M17.index("LKnee")], missed[:, H36M17.index("LFoot")]
    assert (foot | ~knee).all() and knee.any(), "where the knee is hidden, so is the foot"
    changes = np.flatnonzero(np.diff(foot.astype(int)))
    assert 5 < np.diff(changes)[:: 2 if foot[changes[0] + 1] else 1].mean() < 200


def test_a_missed_joint_is_held() -> None:
    clip = clips(6)[0]
    missed = np.zeros((6, 17), dtype=bool)
    missed[[0, 3, 4], 5] = missed[:, 7] = True
    found = miss(clip, missed)
    np.testing.assert_array_equal(found.keypoints[:, 5], clip.keypoints[[1, 1, 2, 2, 2, 5], 5])
    np.testing.assert_array_equal(found.keypoints[:, 7], np.broadcast_to([500, 400], (6, 2)))
    assert (found.confidence == 0).tolist() == missed.tolist()


ALL = [
    "flip",
    {"rotate": {"degrees": 90}, "probability": 0.5},
    {"scale": None},
    "speed",
    {"resample": {"fps": 40}},
    "jitter",
    {"detector": {"errors": {"near": 2}}},
    {"mask_joints": {}},
    "mask_frames",
    "occlude",
]


def test_the_stream_depends_on_seed_epoch_and_clip_alone() -> None:
    steps, both = parse(ALL), clips()
    first, again = apply(both, steps, seed=5), apply(both[::-1], steps, seed=5)[::-1]
    alone = apply(both[1:], steps, seed=5)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(first[1], name), getattr(again[1], name))
        np.testing.assert_array_equal(getattr(first[1], name), getattr(alone[0], name))
    for other in (apply(both, steps, seed=6), apply(both, steps, seed=5, epoch=1)):
        assert first[1].keypoints.shape != other[1].keypoints.shape or not np.allclose(first[1].keypoints, other[1].keypoints)
    assert {step.name for step in steps} | {"fitted"} == set(STEPS)


def test_a_probability_is_kept() -> None:
    clip, steps = clips(1)[0], parse([{"flip": {}, "probability": 0.25}])
    many = [dataclasses.replace(clip, name=f"take {number}") for number in range(200)]
    flipped = [after is not before for before, after in zip(many, apply(many, steps, seed=0), strict=True)]
    assert 0.17 < np.mean(flipped) < 0.33


def test_clips_without_3d() -> None:
    flat = dataclasses.replace(clips()[0], camera_pose=None, world_pose=None)
    for step in ("flip", "speed", "detector", "mask_joints", "mask_frames", "occlude"):
        assert one(step, flat).camera_pose is None
    for step in ("rotate", "scale", "jitter"):
        with pytest.raises(BadInput, match=f"clip S5 Walking: {step} needs 3D world poses"):
            one(step, flat)


def test_a_step_that_puts_the_body_behind_the_camera_is_named() -> None:
    with pytest.raises(BadInput, match="clip S5 Walking, cam0: project: a point lies .* behind"):
        one("scale", clips()[0], low=9, high=9)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"flip": {}}, "steps: a list was due, dict came"),
        (["flop"], "unknown augmentation step 'flop': did you mean flip"),
        ([3], "step 1: .* was due, 3 came"),
        ([{"flip": {}, "rotate": {}}], "step 1: 'name' or"),
        ([{"rotate": 30}], "step 1, rotate: options by name were due, 30 came"),
        (["flip", {"rotate": {"degree": 30}}], "step 2, rotate: no option 'degree'; it takes degrees"),
        ([{"flip": {"x": 1}}], "flip: no option 'x'; it takes none"),
        (["resample"], "step 1, resample: option fps is missing"),
        ([{"resample": {"fps": 0}}], r"step 1, resample: fps: .*greater than 0 \(got 0\)"),
        ([{"scale": {"low": "much"}}], "step 1, scale: low: .*number.*'much'"),
        ([{"mask_joints": {"share": 1.5}}], "share: .*less than or equal to 1"),
        ([{"flip": {}, "probability": 2}], "step 1, flip: probability: .*less than or equal to 1"),
        ([{"detector": {"errors": {"nearer": 2}}}], "detector: errors.*nearer"),
        ([{"fitted": {"file": "../x.json"}}], "fitted: file: ../x.json lies outside"),
        ([{"fitted": {"file": "none.json"}}], "none.json: not a readable JSON file"),
    ],
)
def test_bad_lists_are_refused(content: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        parse(content, folder=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_list_is_read_from_yaml(tmp_path: Path) -> None:
    path = tmp_path / "hard.yaml"
    path.write_text("steps:\n  - {flip: {}, probability: 0.5}\n  - rotate: {degrees: 30}\n  - occlude\n")
    steps = augment.read(path)
    assert [(step.name, dict(step.options), step.probability) for step in steps] == [
        ("flip", {}, 0.5),
        ("rotate", {"degrees": 30.0}, 1.0),
        ("occlude", {"rate": 0.5, "seconds": 0.4}, 1.0),
    ]
    path.write_text("steps: [spin]\n")
    with pytest.raises(BadInput, match=r"hard\.yaml: unknown augmentation step 'spin'"):
        augment.read(path)
    path.write_text("stages: []\n")
    with pytest.raises(BadInput, match=r"hard\.yaml: the one key 'steps' was due, stages came"):
        augment.read(path)


def known_noise() -> FittedNoise:
    """Two kinds of joints: precise ones, and feet and wrists with long ellipses."""
    far = np.array(["Foot" in joint or "Wrist" in joint for joint in H36M17.joints])
    covariance = np.where(far[:, None, None], [[36.0, 12], [12, 16]], np.eye(2) * 4.0)
    return FittedNoise(
        joints=H36M17.joints,
        bias=np.where(far[:, None], [2.0, -1.0], [0.0, 0.0]),
        covariance=covariance,
        memory=np.where(far, 0.7, 0.2),
        outliers=np.where(far, 0.04, 0.01),
        outlier=np.full(17, 80.0),
        misses=np.where(far, 0.05, 0.0),
        confidence=np.tile([0.9, 0.3], (17, 1)),
    )


def noisy_pair(frames: int = 6000) -> tuple[Clip, Clip]:
    clean = clips(frames, lens=False)[0]
    return clean, fitted_noise.disturb(clean, known_noise(), np.random.default_rng(0))


def test_a_fit_finds_what_was_put_in() -> None:
    clean, noisy = noisy_pair()
    found, due = fit([clean], [noisy]), known_noise()
    np.testing.assert_allclose(found.bias, due.bias, atol=0.5)
    np.testing.assert_allclose(found.covariance, due.covariance, atol=4)
    np.testing.assert_allclose(found.memory, due.memory, atol=0.05)
    np.testing.assert_allclose(found.outliers, due.outliers, atol=0.012)
    np.testing.assert_allclose(found.outlier, due.outlier, rtol=0.25)
    np.testing.assert_allclose(found.misses, due.misses, atol=0.012)
    np.testing.assert_allclose(found.confidence, due.confidence, atol=0.02)


def test_noise_scales_with_the_picture() -> None:
    clean = clips(3000, lens=False)[0]
    wide = dataclasses.replace(clean, camera=dataclasses.replace(clean.camera, width=2000))
    errors = [fitted_noise.disturb(clip, known_noise(), np.random.default_rng(0)).keypoints - clip.keypoints for clip in (clean, wide)]
    np.testing.assert_allclose(errors[1][:, 0], 2 * errors[0][:, 0], atol=1e-3)


def test_a_model_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "detector.json"
    fitted_noise.save(known_noise(), path)
    found = fitted_noise.load(path)
    assert found.joints == H36M17.joints and [each.name for each in tmp_path.iterdir()] == ["detector.json"]
    for name in fitted_noise.TAILS:
        np.testing.assert_array_equal(getattr(found, name), getattr(known_noise(), name))
    clip = clips()[0]
    noisy = apply([clip], parse([{"fitted": {"file": "detector.json"}}], folder=tmp_path), seed=2)[0]
    assert 1 < np.abs(noisy.keypoints - clip.keypoints).mean() < 9
    with pytest.raises(BadInput, match="cannot be written"):
        fitted_noise.save(known_noise(), tmp_path / "no" / "x.json")


def test_files_are_fitted(tmp_path: Path) -> None:
    clean, noisy = noisy_pair(500)
    gone = noisy.confidence == 0
    seen = np.where(gone[..., None], np.nan, noisy.keypoints)
    np.save(tmp_path / "true.npy", clean.keypoints)
    np.save(tmp_path / "seen.npy", np.concatenate([seen, seen[-1:]]))
    found = fit_files(tmp_path / "true.npy", tmp_path / "seen.npy", skeleton="h36m17", width=1000)
    due = fit([clean], [noisy])
    np.testing.assert_allclose(found.covariance, due.covariance, atol=1e-3)
    np.testing.assert_allclose(found.misses, gone.mean(axis=0))


def test_the_command_fits_and_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean, noisy = noisy_pair(200)
    for name, clip in (("true", clean), ("seen", noisy)):
        np.save(tmp_path / f"{name}.npy", clip.keypoints)
    files = [str(tmp_path / name) for name in ("true.npy", "seen.npy", "detector.json")]
    assert main(["noise", *files[:2], "--to", files[2], "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["joints"]
    kept = fitted_noise.load(tmp_path / "detector.json")
    due = fit_files(tmp_path / "true.npy", tmp_path / "seen.npy", skeleton="h36m17", width=1000)
    np.testing.assert_allclose(kept.covariance, due.covariance)
    assert [row["joint"] for row in rows] == list(H36M17.joints) and rows[3]["bias x"] == due.bias[3, 0]
    assert main(["noise", *files[:2], "--to", files[2]]) == 0
    assert "{fitted: {file: detector.json}}" in capsys.readouterr().out
    assert main(["noise", files[0], str(tmp_path / "none.npy"), "--to", files[2]]) == 2


def test_json_files_are_fitted(tmp_path: Path) -> None:
    clean, noisy = noisy_pair(100)
    for name, clip in (("true", clean), ("seen", noisy)):
        rows = np.concatenate([clip.keypoints, clip.confidence[..., None]], axis=-1)
        (tmp_path / f"{name}.json").write_text(json.dumps({"keypoints": rows.tolist()}))
    found = fit_files(tmp_path / "true.json", tmp_path / "seen.json", skeleton="h36m17", width=1000)
    np.testing.assert_allclose(found.bias, fit([clean], [noisy]).bias, atol=1e-3)


def test_archives_are_fitted(tmp_path: Path) -> None:
    clean, noisy = noisy_pair(200)
    for name, clip in (("gt", clean), ("cpn", noisy)):
        tree = {"S1": {"Walking": [clip.keypoints, clip.keypoints]}}
        np.savez(tmp_path / f"{name}.npz", positions_2d=np.array(tree, dtype=object), metadata=np.array({"num_joints": 17}, dtype=object))
    found = fit_files(tmp_path / "gt.npz", tmp_path / "cpn.npz", skeleton="h36m17", width=1000)
    assert (found.misses == 0).all() and np.isfinite(found.covariance).all()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b""), "seen.npy: "),
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00"), "not a readable NumPy array"),
        (lambda path: np.save(path, np.zeros((5, 16, 2))), r"float64 \(5, 16, 2\); floats \(frames, 17, 2 or 3\) were due"),
        (lambda path: np.save(path, np.zeros((5, 17, 2), dtype=int)), "int64"),
        (lambda path: np.save(path, np.zeros((5, 17, 2))), "joint Hip is detected in 5 frames; 30 or more were due"),
        (lambda path: np.save(path, np.array({}, dtype=object)), r"object \(\)"),
    ],
)
def test_bad_detections_are_refused(write: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "true.npy", np.zeros((60, 17, 2)))
    write(tmp_path / "seen.npy")
    with pytest.raises(BadInput, match=message):
        fit_files(tmp_path / "true.npy", tmp_path / "seen.npy", skeleton="h36m17", width=1000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "is not 'poseport detector noise 1'"),
        ({"joints": 3}, "joints must be a list"),
        ({"bias": [[1, 2]]}, r"bias has shape \(1, 2\)"),
        ({"memory": ["a"] * 17}, "memory holds something else than numbers"),
        ({"misses": [2.0] * 17}, "misses must lie from 0 to 1"),
        ({"outlier": [float("nan")] * 17}, "outlier has shape .* or numbers out of range"),
        ({"outlier": [10**400] * 17}, "outlier holds something else than numbers"),
        ({"covariance": [[[1e300, 0], [0, 1e300]]] * 17}, "covariance has shape .* out of range"),
        ({"covariance": [[[1, 5], [5, 1]]] * 17}, "a covariance that is not symmetric and positive"),
    ],
)
def test_bad_models_are_refused(change: dict[str, object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "detector.json"
    fitted_noise.save(known_noise(), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BadInput, match=rf"detector\.json: .*{message}"):
        fitted_noise.load(path)


def test_other_joints_and_other_clips_are_refused() -> None:
    clean, noisy = noisy_pair(100)
    fewer = dataclasses.replace(
        known_noise(), **{name: getattr(known_noise(), name)[1:] for name in fitted_noise.TAILS}, joints=H36M17.joints[1:]
    )
    with pytest.raises(BadInput, match="has no joint Hip; fit it on skeleton h36m17"):
        fitted_noise.disturb(clean, fewer, np.random.default_rng(0))
    with pytest.raises(BadInput, match="clip S5 Walking, cam0 is missing among the detections"):
        fit([clean], [dataclasses.replace(noisy, camera_name="cam9")])
    with pytest.raises(BadInput, match="has 100 frames of h36m17"):
        fit(clips(50)[:1], [noisy])
    with pytest.raises(BadInput, match="no clips"):
        fit([], [])


def test_bad_pairs_of_files_are_refused(tmp_path: Path) -> None:
    true, seen = tmp_path / "true.npz", tmp_path / "seen.npz"
    for path, tree in ((true, {"S1": {"Eating": [np.zeros((40, 17, 2))]}}), (seen, {"S1": {"Walking": [np.zeros((40, 17, 2))]}})):
        np.savez(path, positions_2d=np.array(tree, dtype=object))
    with pytest.raises(BadInput, match=r"seen\.npz: lacks S1 Eating camera 0, which true\.npz has"):
        fit_files(true, seen, skeleton="h36m17", width=1000)
    with pytest.raises(BadInput, match="width 0"):
        fit_files(true, true, skeleton="h36m17", width=0)
    np.savez(seen, positions_2d=np.zeros((40, 17, 2)))
    with pytest.raises(BadInput, match=r"seen\.npz: positions_2d as subject, action, cameras was due"):
        fit_files(true, seen, skeleton="h36m17", width=1000)
    np.save(tmp_path / "empty.npy", np.zeros((0, 17, 2)))
    with pytest.raises(BadInput, match="no clips, or empty ones"):
        fit_files(tmp_path / "empty.npy", tmp_path / "empty.npy", skeleton="h36m17", width=1000)


def test_what_is_exact_has_no_errors() -> None:
    clean = clips(40)[0]
    found = fit([clean, clips(41)[1]], [clean, clips(41)[1]])
    assert np.abs(found.covariance).max() < 1e-9 and not found.memory.any() and not found.outliers.any() and not found.misses.any()
    np.testing.assert_allclose(fitted_noise.disturb(clean, found, np.random.default_rng(0)).keypoints, clean.keypoints, atol=1e-3)
