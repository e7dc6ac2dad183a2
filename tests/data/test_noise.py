"""Detector noise learnt from keypoints beside the true ones.

What was put in is found, kept in a file and drawn again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bench.__main__ import main
from bench.data.augment import apply, parse
from bench.data.clip import Clip, film
from bench.data.detector import fitted_noise
from bench.data.detector.fitted_noise import FittedNoise
from bench.data.detector.noise_fit import fit, fit_files
from bench.data.geometry.cameras import Rig
from bench.data.geometry.skeletons import H36M17
from bench.data.readers.synthetic import make
from models.errors import BadInput

RIG = Rig(
    (40.0, 130.0),
    (4600.0, 5200.0),
    (1500.0, 1600.0),
    900.0,
    "clip",
    1145.0,
    1000,
    800,
)


def clips(frames: int = 60) -> list[Clip]:
    """One synthetic take seen by two cameras without distortion."""
    take = make("S5", "Walking", frames=frames)
    return film(take, RIG.around(take.world[:, 0]))


def known_noise() -> FittedNoise:
    """Two kinds of joints: precise ones, and feet and wrists with long ellipses."""
    far = np.array(["Foot" in joint or "Wrist" in joint for joint in H36M17.joints])
    covariance = np.where(
        far[:, None, None],
        [[36.0, 12], [12, 16]],
        np.eye(2) * 4.0,
    )
    return FittedNoise(
        joints=H36M17.joints,
        # a bias in x and y, so that a swap of the two is seen
        bias=np.where(far[:, None], [2.0, -1.0], [0.0, 0.0]),
        covariance=covariance,
        memory=np.where(far, 0.7, 0.2),
        outliers=np.where(far, 0.04, 0.01),
        outlier=np.full(17, 80.0),
        misses=np.where(far, 0.05, 0.0),
        confidence=np.tile([0.9, 0.3], (17, 1)),
    )


def noisy_pair(frames: int = 6000) -> tuple[Clip, Clip]:
    # long enough for shares of one in a hundred to be told
    clean = clips(frames)[0]
    return clean, fitted_noise.disturb(clean, known_noise(), np.random.default_rng(0))


def test_a_fit_finds_what_was_put_in() -> None:
    clean, noisy = noisy_pair()
    found = fit([clean], [noisy])
    due = known_noise()
    # px; the errors of 6000 frames that remember each other count as a fifth of them
    assert_allclose(found.bias, due.bias, atol=0.5)
    assert_allclose(found.covariance, due.covariance, atol=4)
    assert_allclose(found.memory, due.memory, atol=0.05)
    assert_allclose(found.outliers, due.outliers, atol=0.012)
    # sixty outliers of a precise joint, and those that fell near are counted as ordinary
    assert_allclose(found.outlier, due.outlier, rtol=0.25)
    assert_allclose(found.misses, due.misses, atol=0.012)
    assert_allclose(found.confidence, due.confidence, atol=0.02)


def test_noise_scales_with_the_picture() -> None:
    clean = clips(3000)[0]
    # the same keypoints in a picture twice as wide: errors are shares of the width
    wide = dataclasses.replace(
        clean,
        camera=dataclasses.replace(clean.camera, width=2000),
    )
    errors = [
        fitted_noise.disturb(clip, known_noise(), np.random.default_rng(0)).keypoints
        - clip.keypoints
        for clip in (clean, wide)
    ]
    assert_allclose(
        errors[1][:, 0],
        2 * errors[0][:, 0],
        atol=1e-3,
    )


def test_a_model_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "detector.json"
    fitted_noise.save(known_noise(), path)
    found = fitted_noise.load(path)
    assert found.joints == H36M17.joints
    # the draft that it was written to is gone
    assert [each.name for each in tmp_path.iterdir()] == ["detector.json"]
    for name in fitted_noise.TAILS:
        assert_array_equal(getattr(found, name), getattr(known_noise(), name))
    clip = clips()[0]
    noisy = apply(
        [clip],
        parse([{"fitted": {"file": "detector.json"}}], folder=tmp_path),
        seed=2,
    )[0]
    # px: as far off as what was put in, whatever was drawn
    assert 1 < np.abs(noisy.keypoints - clip.keypoints).mean() < 9
    with pytest.raises(BadInput, match="cannot be written"):
        fitted_noise.save(known_noise(), tmp_path / "no" / "x.json")


def test_files_are_fitted(tmp_path: Path) -> None:
    clean, noisy = noisy_pair(500)
    gone = noisy.confidence == 0
    # some detectors write a miss as NaN, and have no confidence
    seen = np.where(gone[..., None], np.nan, noisy.keypoints)
    np.save(tmp_path / "true.npy", clean.keypoints)
    # one frame longer, as detections often are
    np.save(tmp_path / "seen.npy", np.concatenate([seen, seen[-1:]]))
    found = fit_files(
        tmp_path / "true.npy",
        tmp_path / "seen.npy",
        skeleton="h36m17",
        width=1000,
    )
    due = fit([clean], [noisy])
    assert_allclose(found.covariance, due.covariance, atol=1e-3)
    assert_allclose(found.misses, gone.mean(axis=0))


def test_the_command_fits_and_keeps(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clean, noisy = noisy_pair(200)
    for name, clip in (("true", clean), ("seen", noisy)):
        np.save(tmp_path / f"{name}.npy", clip.keypoints)
    files = [str(tmp_path / name) for name in ("true.npy", "seen.npy", "detector.json")]
    assert main(["noise", *files[:2], "--to", files[2], "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["joints"]
    kept = fitted_noise.load(tmp_path / "detector.json")
    due = fit_files(
        tmp_path / "true.npy",
        tmp_path / "seen.npy",
        skeleton="h36m17",
        width=1000,
    )
    assert_allclose(kept.covariance, due.covariance)
    assert [row["joint"] for row in rows] == list(H36M17.joints)
    assert rows[3]["bias x"] == due.bias[3, 0]
    assert main(["noise", *files[:2], "--to", files[2]]) == 0
    assert "{fitted: {file: detector.json}}" in capsys.readouterr().out
    # a file that is not there is wrong usage, and no failure of a measurement
    assert main(["noise", files[0], str(tmp_path / "none.npy"), "--to", files[2]]) == 2


def test_json_files_are_fitted(tmp_path: Path) -> None:
    clean, noisy = noisy_pair(100)
    for name, clip in (("true", clean), ("seen", noisy)):
        rows = np.concatenate([clip.keypoints, clip.confidence[..., None]], axis=-1)
        (tmp_path / f"{name}.json").write_text(json.dumps({"keypoints": rows.tolist()}))
    found = fit_files(
        tmp_path / "true.json",
        tmp_path / "seen.json",
        skeleton="h36m17",
        width=1000,
    )
    assert_allclose(found.bias, fit([clean], [noisy]).bias, atol=1e-3)


def test_archives_are_fitted(tmp_path: Path) -> None:
    clean, noisy = noisy_pair(200)
    for name, clip in (("gt", clean), ("cpn", noisy)):
        # two cameras of one take
        tree = {"S1": {"Walking": [clip.keypoints, clip.keypoints]}}
        np.savez(
            tmp_path / f"{name}.npz",
            positions_2d=np.array(tree, dtype=object),
            metadata=np.array({"num_joints": 17}, dtype=object),
        )
    found = fit_files(
        tmp_path / "gt.npz",
        tmp_path / "cpn.npz",
        skeleton="h36m17",
        width=1000,
    )
    # such archives have no confidence, so that every joint is seen
    assert (found.misses == 0).all()
    assert np.isfinite(found.covariance).all()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b""), "seen.npy: "),
        (
            lambda path: path.write_bytes(b"\x93NUMPY\x01\x00"),
            "not a readable NumPy array",
        ),
        (
            lambda path: np.save(path, np.zeros((5, 16, 2))),
            r"float64 \(5, 16, 2\); floats \(frames, 17, 2 or 3\) were due",
        ),
        (lambda path: np.save(path, np.zeros((5, 17, 2), dtype=int)), "int64"),
        (
            lambda path: np.save(path, np.zeros((5, 17, 2))),
            "joint Hip is detected in 5 frames; 30 or more were due",
        ),
        (lambda path: np.save(path, np.array({}, dtype=object)), r"object \(\)"),
    ],
)
def test_bad_detections_are_refused(
    write: Callable[[Path], object],
    message: str,
    tmp_path: Path,
) -> None:
    np.save(tmp_path / "true.npy", np.zeros((60, 17, 2)))
    write(tmp_path / "seen.npy")
    with pytest.raises(BadInput, match=message):
        fit_files(
            tmp_path / "true.npy",
            tmp_path / "seen.npy",
            skeleton="h36m17",
            width=1000,
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "is not 'poseport detector noise 1'"),
        ({"joints": 3}, "joints must be a list"),
        ({"bias": [[1, 2]]}, r"bias has shape \(1, 2\)"),
        ({"memory": ["a"] * 17}, "memory holds something else than numbers"),
        ({"misses": [2.0] * 17}, "misses must lie from 0 to 1"),
        (
            {"outlier": [float("nan")] * 17},
            "outlier has shape .* or numbers out of range",
        ),
        ({"outlier": [10**400] * 17}, "outlier holds something else than numbers"),
        (
            {"covariance": [[[1e300, 0], [0, 1e300]]] * 17},
            "covariance has shape .* out of range",
        ),
        (
            {"covariance": [[[1, 5], [5, 1]]] * 17},
            "a covariance that is not symmetric and positive",
        ),
    ],
)
def test_bad_models_are_refused(
    change: dict[str, object],
    message: str,
    tmp_path: Path,
) -> None:
    path = tmp_path / "detector.json"
    fitted_noise.save(known_noise(), path)
    # one thing wrong at a time, in a file that is right
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BadInput, match=rf"detector\.json: .*{message}"):
        fitted_noise.load(path)


def test_other_joints_and_other_clips_are_refused() -> None:
    clean, noisy = noisy_pair(100)
    # the root is gone from the model and not from the clip
    fewer = dataclasses.replace(
        known_noise(),
        **{name: getattr(known_noise(), name)[1:] for name in fitted_noise.TAILS},
        joints=H36M17.joints[1:],
    )
    with pytest.raises(BadInput, match="has no joint Hip; fit it on skeleton h36m17"):
        fitted_noise.disturb(clean, fewer, np.random.default_rng(0))
    with pytest.raises(
        BadInput, match="clip S5 Walking, cam0 is missing among the detections"
    ):
        fit([clean], [dataclasses.replace(noisy, camera_name="cam9")])
    with pytest.raises(BadInput, match="has 100 frames of h36m17"):
        fit(clips(50)[:1], [noisy])
    with pytest.raises(BadInput, match="no clips"):
        fit([], [])


def test_bad_pairs_of_files_are_refused(tmp_path: Path) -> None:
    true = tmp_path / "true.npz"
    seen = tmp_path / "seen.npz"
    for path, tree in (
        (true, {"S1": {"Eating": [np.zeros((40, 17, 2))]}}),
        (seen, {"S1": {"Walking": [np.zeros((40, 17, 2))]}}),
    ):
        np.savez(path, positions_2d=np.array(tree, dtype=object))
    with pytest.raises(
        BadInput, match=r"seen\.npz: lacks S1 Eating camera 0, which true\.npz has"
    ):
        fit_files(true, seen, skeleton="h36m17", width=1000)
    with pytest.raises(BadInput, match="width 0"):
        fit_files(true, true, skeleton="h36m17", width=0)
    # an array where the tree of subjects should be
    np.savez(seen, positions_2d=np.zeros((40, 17, 2)))
    with pytest.raises(
        BadInput, match=r"seen\.npz: positions_2d as subject, action, cameras was due"
    ):
        fit_files(true, seen, skeleton="h36m17", width=1000)
    np.save(tmp_path / "empty.npy", np.zeros((0, 17, 2)))
    with pytest.raises(BadInput, match="no clips, or empty ones"):
        fit_files(
            tmp_path / "empty.npy",
            tmp_path / "empty.npy",
            skeleton="h36m17",
            width=1000,
        )


def test_what_is_exact_has_no_errors() -> None:
    clean = clips(40)[0]
    found = fit([clean, clips(41)[1]], [clean, clips(41)[1]])
    # nothing to divide by: neither the ellipse nor the memory
    assert np.abs(found.covariance).max() < 1e-9
    assert not found.memory.any()
    assert not found.outliers.any()
    assert not found.misses.any()
    assert_allclose(
        fitted_noise.disturb(clean, found, np.random.default_rng(0)).keypoints,
        clean.keypoints,
        atol=1e-3,
    )
