"""Learning a 2D detector's errors from its detections beside the true keypoints, outliers
told from ordinary errors.

Errors are pixels in a picture 1000 px wide. A joint's ellipse is begun from the median and
grown to a Gaussian's 99.9 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.detector.fitted_noise import TAILS, FittedNoise
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


def fit(true: Sequence[Clip], seen: Sequence[Clip]) -> FittedNoise:
    """Learn from clips of exact keypoints and the same clips as detected, paired by name
    and camera.

    Raises BadInput where a clip has no partner, the two differ in skeleton or length, or a
    joint is detected too rarely.
    """
    partners = {(clip.name, clip.camera_name): clip for clip in seen}
    pairs = []
    for clip in true:
        other = partners.get((clip.name, clip.camera_name))
        if other is None or other.skeleton != clip.skeleton or other.frames != clip.frames:
            wrong = (
                "is missing"
                if other is None
                else f"has {other.frames} frames of {other.skeleton.name}"
            )
            raise BadInput(
                f"detector noise: clip {clip.name}, {clip.camera_name} {wrong} among the"
                " detections; give the same clips twice"
            )
        pairs.append(
            (
                (other.keypoints - clip.keypoints) * (1000 / clip.camera.width),
                other.confidence,
            )
        )
    return _fit(pairs, true[0].skeleton.joints if true else ())


def fit_files(true: Path, seen: Path, *, skeleton: str, width: int) -> FittedNoise:
    """Learn from two files of pixels: `.npy`, VideoPose3D's 2D archives, or what else the
    source `keypoints` reads, folders too.

    Arrays are (frames, joints, 2, or 3 with confidence); `width` is the pictures' in
    pixels. A detection that is NaN or of confidence 0 is a miss; where lengths differ, the
    longer is cut. Raises BadInput for a file that cannot be read or does not fit the other
    one, UnknownName for a skeleton.
    """
    if width < 1:
        raise BadInput(
            f"detector noise: width {width}; the pictures' width in pixels was due"
        )
    known = skeletons.load(skeleton)
    exact, detected = _read(true, known, width), _read(seen, known, width)
    lacking = sorted(set(exact) - set(detected))
    if lacking:
        raise BadInput(
            f"{seen}: lacks {lacking[0]}, which {true.name} has; give two files of the same"
            " clips"
        )
    pairs = []
    for name, points in exact.items():
        frames = min(len(points), len(detected[name]))
        found = detected[name][:frames]
        error = (found[..., :2] - points[:frames, :, :2]) * (1000 / width)
        certain = found[..., 2] if found.shape[-1] == 3 else np.ones(found.shape[:2])
        pairs.append((error, np.where(np.isfinite(found).all(axis=-1), certain, 0.0)))
    return _fit(pairs, known.joints)


def _fit(pairs: Iterable[tuple[Array, Array]], joints: tuple[str, ...]) -> FittedNoise:
    """From errors (frames, joints, 2) and confidences (frames, joints) of each clip."""
    pairs = [(error, sure) for error, sure in pairs if len(error)]
    if not pairs:
        raise BadInput("detector noise: no clips, or empty ones; give at least one")
    each = [
        _joint([(error[:, place], sure[:, place]) for error, sure in pairs], joint)
        for place, joint in enumerate(joints)
    ]
    return FittedNoise(
        joints, **{name: np.array([one[name] for one in each]) for name in TAILS}
    )


def _joint(clips: list[tuple[Array, Array]], name: str) -> dict[str, object]:
    """One joint's numbers, from its errors (frames, 2) and confidences (frames,) in each
    clip.
    """
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
        "outliers": far.sum() / seen.sum(),
        "outlier": np.sqrt((error[far] ** 2).mean()) if far.any() else 0.0,
        "misses": 1 - seen.mean(),
        "confidence": [_usual(sure[ordinary]), _usual(sure[far])],
    }


def _core(error: Float, name: str) -> tuple[NDArray[np.bool_], Float, Float]:
    """Which errors are ordinary, their mean and covariance; begun from the median, so that
    outliers do not stretch the ellipse.
    """
    if len(error) < FEWEST:
        raise BadInput(
            f"detector noise: joint {name} is detected in {len(error)} frames; {FEWEST} or"
            " more were due"
        )
    middle = np.median(error, axis=0)
    # a Gaussian's median radius is sqrt(ln 4) sigma
    size = np.median(np.linalg.norm(error - middle, axis=-1)) / np.sqrt(np.log(4.0))
    covariance = np.eye(2) * max(float(size), 1e-6) ** 2
    for _ in range(10):
        away = np.einsum(
            "na,ab,nb->n", error - middle, np.linalg.inv(covariance), error - middle
        )
        inside = away <= REACH
        middle, covariance = (
            error[inside].mean(axis=0),
            np.cov(error[inside].T) + np.eye(2) * 1e-12,
        )
    return inside, middle, covariance


def _usual(sure: Float) -> float:
    """The median, as a few ordinary errors are counted among the far ones; some detectors'
    scores exceed 1.
    """
    return min(1.0, float(np.median(sure))) if sure.size else 0.0


def _memory(before: Float, after: Float) -> float:
    total = np.sqrt((before**2).sum() * (after**2).sum())
    return float(np.clip((before * after).sum() / total, 0.0, 0.999)) if total > 0 else 0.0


def _read(path: Path, skeleton: Skeleton, width: int) -> dict[str, Array]:
    """Arrays (frames, joints, 2 or 3) by clip name."""
    if path.suffix == ".npz":
        arrays = _archive(path)
    elif path.suffix == ".npy":
        arrays = {"the array": pickles.load_npy(path)}
    else:
        clips = keypoints.load(f"{path}@{width}x{width}@{skeleton.name}")
        parts = {
            clip.name: np.concatenate([clip.keypoints, clip.confidence[..., None]], axis=-1)
            for clip in clips
        }
        arrays = parts if path.is_dir() else {"the array": next(iter(parts.values()))}
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


def _archive(path: Path) -> dict[str, Array]:
    """VideoPose3D: subject -> action -> one array for each camera."""
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
