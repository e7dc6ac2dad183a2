"""Learning a 2D detector's errors from its detections beside the true keypoints.

Errors are pixels in a picture 1000 px wide. Outliers are told from ordinary errors: a joint's
ellipse is begun from the median and grown to a Gaussian's 99.9 %. What is learnt is kept and drawn
in `fitted_noise.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.detector.fitted_noise import TAILS, WIDTH, FittedNoise
from bench.data.formats import pickles
from bench.data.geometry import skeletons
from bench.data.geometry.skeletons import Skeleton
from bench.data.readers import keypoints
from models.errors import BadInput

Array = NDArray[np.floating]
Float = NDArray[np.float64]

FEWEST = 30  # detections of a joint that its ellipse is fitted to
# squared Mahalanobis distance beyond which 0.1 % of a Gaussian in the plane lies
REACH = 13.8
ROUNDS = 10  # of growing the ellipse; five are enough for 100,000 errors, a third of them far
SMALLEST = 1e-6  # px, of a radius: a detector that is always right has an ellipse too
LONGEST = 0.999  # memory: with 1 an error would never change


def fit(true: Sequence[Clip], seen: Sequence[Clip]) -> FittedNoise:
    """Learn from clips of exact keypoints and the same clips as detected.

    They are paired by name and camera. Raises BadInput where a clip has no partner, the two differ
    in skeleton or length, or a joint is detected too rarely.
    """
    partners = {(clip.name, clip.camera_name): clip for clip in seen}
    pairs = []
    for clip in true:
        other = partners.get((clip.name, clip.camera_name))
        if (
            other is None
            or other.skeleton != clip.skeleton
            or other.frames != clip.frames
        ):
            wrong = "is missing"
            if other is not None:
                wrong = f"has {other.frames} frames of {other.skeleton.name}"
            raise BadInput(
                f"detector noise: clip {clip.name}, {clip.camera_name} {wrong} among the"
                " detections; give the same clips twice"
            )
        error = (other.keypoints - clip.keypoints) * (WIDTH / clip.camera.width)
        pairs.append((error, other.confidence))
    return _fit(pairs, true[0].skeleton.joints if true else ())


def fit_files(true: Path, seen: Path, *, skeleton: str, width: int) -> FittedNoise:
    """Learn from two files of pixels.

    `.npy`, VideoPose3D's 2D archives, or what else the source `keypoints` reads, folders too.
    Arrays are (frames, joints, 2, or 3 with confidence); `width` is the pictures' in pixels. A
    detection that is NaN or of confidence 0 is a miss; where lengths differ, the longer is cut.
    Raises BadInput for a file that cannot be read or does not fit the other one, UnknownName for a
    skeleton.
    """
    if width < 1:
        raise BadInput(
            f"detector noise: width {width}; the pictures' width in pixels was due"
        )
    known = skeletons.load(skeleton)
    exact = _read(true, known, width)
    detected = _read(seen, known, width)
    lacking = sorted(set(exact) - set(detected))
    if lacking:
        raise BadInput(
            f"{seen}: lacks {lacking[0]}, which {true.name} has; give two files of the same"
            " clips"
        )
    pairs = []
    for name, points in exact.items():
        # archives of detections are a few frames longer or shorter than those of poses
        frames = min(len(points), len(detected[name]))
        found = detected[name][:frames]
        error = (found[..., :2] - points[:frames, :, :2]) * (WIDTH / width)
        certain = found[..., 2] if found.shape[-1] == 3 else np.ones(found.shape[:2])
        pairs.append((error, np.where(np.isfinite(found).all(axis=-1), certain, 0.0)))
    return _fit(pairs, known.joints)


def _fit(pairs: Iterable[tuple[Array, Array]], joints: tuple[str, ...]) -> FittedNoise:
    """From errors (frames, joints, 2) and confidences (frames, joints) of each clip."""
    pairs = [(error, sure) for error, sure in pairs if len(error)]
    if not pairs:
        raise BadInput("detector noise: no clips, or empty ones; give at least one")
    each = []
    for place, joint in enumerate(joints):
        own = [(error[:, place], sure[:, place]) for error, sure in pairs]
        each.append(_joint(own, joint))
    stacked = {name: np.array([one[name] for one in each]) for name in TAILS}
    return FittedNoise(joints, **stacked)


def _joint(clips: list[tuple[Array, Array]], name: str) -> dict[str, object]:
    """One joint's numbers, from its errors (frames, 2) and confidences (frames,) by clip."""
    error, sure = (
        np.concatenate(parts).astype(np.float64) for parts in zip(*clips, strict=True)
    )
    seen = (sure > 0) & np.isfinite(error).all(axis=-1)
    ordinary = np.zeros(len(seen), dtype=bool)
    ordinary[seen], bias, covariance = _core(error[seen], name)
    far = seen & ~ordinary
    # the last frame of a clip is no neighbour of the next clip's first
    ends = np.cumsum([len(part) for part, _ in clips])[:-1] - 1
    both = ordinary[:-1] & ordinary[1:]
    both[ends] = False
    return {
        "bias": bias,
        "covariance": covariance,
        "memory": _memory(error[:-1][both] - bias, error[1:][both] - bias),
        # of what was detected: a miss is no outlier
        "outliers": far.sum() / seen.sum(),
        # about the truth and not about their mean, as they are drawn
        "outlier": np.sqrt((error[far] ** 2).mean()) if far.any() else 0.0,
        "misses": 1 - seen.mean(),
        "confidence": [_usual(sure[ordinary]), _usual(sure[far])],
    }


def _core(error: Float, name: str) -> tuple[NDArray[np.bool_], Float, Float]:
    """Which errors are ordinary, their mean and covariance.

    Begun from the median, so that outliers do not stretch the ellipse.
    """
    if len(error) < FEWEST:
        raise BadInput(
            f"detector noise: joint {name} is detected in {len(error)} frames; {FEWEST} or"
            " more were due"
        )
    middle = np.median(error, axis=0)
    # a Gaussian's median radius is sqrt(ln 4) sigma
    size = np.median(np.linalg.norm(error - middle, axis=-1)) / np.sqrt(np.log(4.0))
    covariance = np.eye(2) * max(float(size), SMALLEST) ** 2
    for _ in range(ROUNDS):
        off = error - middle
        away = np.einsum("na,ab,nb->n", off, np.linalg.inv(covariance), off)
        inside = away <= REACH
        middle = error[inside].mean(axis=0)
        # never singular, or it could not be inverted in the next round
        covariance = np.cov(error[inside].T) + np.eye(2) * SMALLEST**2
    return inside, middle, covariance


def _usual(sure: Float) -> float:
    """The usual confidence."""
    # the median, as a few ordinary errors are counted among the far ones; scores of some
    # detectors exceed 1
    return min(1.0, float(np.median(sure))) if sure.size else 0.0


def _memory(before: Float, after: Float) -> float:
    """The correlation of errors (n, 2) with those one frame later."""
    total = np.sqrt((before**2).sum() * (after**2).sum())
    if not total > 0:
        return 0.0
    return float(np.clip((before * after).sum() / total, 0.0, LONGEST))


def _read(path: Path, skeleton: Skeleton, width: int) -> dict[str, Array]:
    """Arrays (frames, joints, 2 or 3) by clip name."""
    if path.suffix == ".npz":
        arrays = _archive(path)
    elif path.suffix == ".npy":
        arrays = {"the array": pickles.load_npy(path)}
    else:
        # the height plays no part: errors are measured by the width
        clips = keypoints.load(f"{path}@{width}x{width}@{skeleton.name}")
        arrays = {clip.name: _with_confidence(clip) for clip in clips}
        if not path.is_dir():
            # one clip, called after its file, which is another for the truth
            arrays = {"the array": next(iter(arrays.values()))}
    joints = len(skeleton.joints)
    for name, array in arrays.items():
        if (
            array.ndim != 3
            or array.shape[1] != joints
            or array.shape[2] not in (2, 3)
            or array.dtype.kind != "f"
        ):
            raise BadInput(
                f"{path}: {name} is {array.dtype} {array.shape}; floats (frames, {joints},"
                " 2 or 3) were due"
            )
    return arrays


def _with_confidence(clip: Clip) -> Array:
    """x, y and confidence (frames, joints, 3)."""
    return np.concatenate([clip.keypoints, clip.confidence[..., None]], axis=-1)


def _archive(path: Path) -> dict[str, Array]:
    """VideoPose3D: subject -> action -> one array for each camera."""
    # a dict in an array of no axes, pickled
    stored = pickles.load_npz(path).get("positions_2d")
    tree: Any = stored.item() if stored is not None and stored.shape == () else None
    try:
        return {
            f"{subject} {action} camera {number}": np.asarray(array)
            for subject, actions in tree.items()
            for action, cameras in actions.items()
            for number, array in enumerate(cameras)
        }
    except (AttributeError, TypeError, ValueError):
        raise BadInput(
            f"{path}: positions_2d as subject, action, cameras was due; give a 2D archive"
            " in VideoPose3D's layout"
        ) from None
