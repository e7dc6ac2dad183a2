"""Whether keypoints and poses belong together: poses are projected and held against the keypoints.

Detectors are off by some pixels, honestly; nothing that is done to the whole clip makes that less.
Keypoints of another camera, with left and right exchanged, or some frames late are off by more,
and fit at once when that is undone. Both are told by the person's size in the picture: the mean
distance (RMS) of the joints from their middle, a third of the height of somebody who stands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.geometry.cameras import project
from models.errors import BadInput

Array = NDArray[np.float64]

LOOKED_AT = 32  # frames of a clip that are projected
LATEST = 60  # frames that keypoints are looked for early or late
# In parts of the person's size: what is below is not worth a word, what is above is no detector's
# error, and between them a cause must be found.
SMALL, LARGE = 0.02, 0.5
STRETCHES = 4  # of the frames that are looked at, each judged like a clip
AWAY = 1.0  # of one joint: a detector may have a hidden one wrong all along, but hardly so far
BETTER = 0.5  # an error is explained by what leaves less than this part of it


@dataclass(frozen=True)
class Mismatch:
    """A clip whose keypoints are not of its poses."""

    clip: Clip
    error: float  # median, pixels
    size: float  # of the person, pixels
    cause: str  # what explains it; empty where nothing does

    @property
    def text(self) -> str:
        """In words."""
        share = self.error / self.size
        return (
            f"{self.clip.name}, camera {self.clip.camera_name}: the keypoints lie"
            f" {self.error:.1f} px (median) from the projected poses, {share:.2g} of the"
            f" person's size; {self.cause or 'the cameras or the poses are others'}"
        )


def check(clips: Sequence[Clip], source: str) -> None:
    """Raise BadInput for clips whose keypoints and poses do not project onto each other."""
    found = list(mismatches(clips))
    if found:
        more = f" (and {len(found) - 1} clips more)" if len(found) > 1 else ""
        raise BadInput(
            f"{source}: {found[0].text}{more}; mend the data, or take them as they are with"
            " --allow-mismatch"
        )


def mismatches(clips: Sequence[Clip]) -> Iterator[Mismatch]:
    """The clips whose keypoints are not of their poses, each with its likely cause."""
    takes: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        takes[clip.name].append(clip)
    for clip in clips:
        if clip.camera_pose is None:
            continue
        looked = np.linspace(0, clip.frames - 1, min(clip.frames, LOOKED_AT)).astype(
            int
        )
        looked = looked[~np.isnan(clip.camera_pose[looked]).all(axis=(1, 2))]
        # of a clip without truth there is nothing to say
        if not len(looked):
            continue
        projected = _projected(clip, looked)
        size = _size(projected)
        error = _error(projected, clip, looked)
        # of a clip in which nothing was seen there is nothing to say
        if SMALL * size < error < np.inf:
            cause = _cause(clip, projected, looked, takes[clip.name], error)
            if cause or error > LARGE * size:
                yield Mismatch(clip, error, size, cause)
                continue
        yield from _in_part(clip, projected, looked, size)


def _in_part(
    clip: Clip, projected: Array, looked: NDArray[np.int_], size: float
) -> Iterator[Mismatch]:
    """Keypoints that are right on the whole, and others in a stretch of frames or of a joint."""
    for rows in np.array_split(np.arange(len(looked)), STRETCHES):
        if not len(rows):
            continue
        frames = looked[rows]
        error = _error(projected[rows], clip, frames)
        if LARGE * size < error < np.inf:
            where = (
                f"so do those of frames {frames[0]} to {frames[-1]}, and others do not"
            )
            yield Mismatch(clip, error, size, where)
            return
    for left, right in clip.skeleton.pairs:
        pair, other = [left, right], [right, left]
        error = _error(projected[:, pair], clip, looked, pair)
        undone = _error(projected[:, pair], clip, looked, other)
        if SMALL * size < error < np.inf and undone < BETTER * error:
            names = " and ".join(clip.skeleton.joints[number] for number in pair)
            yield Mismatch(clip, error, size, f"{names} are exchanged")
            return
    for number, joint in enumerate(clip.skeleton.joints):
        one = [number]
        error = _error(projected[:, one], clip, looked, one)
        if AWAY * size < error < np.inf:
            where = f"so do those of {joint} in most frames, and others do not"
            yield Mismatch(clip, error, size, where)
            return


def _projected(clip: Clip, frames: NDArray[np.int_]) -> Array:
    """Poses of some frames in the picture (frames, joints, 2), pixels. Raises BadInput.

    NaN where the truth lacks a joint.
    """
    assert clip.camera_pose is not None  # as `mismatches` has made sure
    pose = clip.camera_pose[frames].astype(np.float64)
    missing = np.isnan(pose).any(axis=-1)
    # anywhere before the camera, or `project` would refuse them
    pose[missing] = 0, 0, 1
    try:
        projected = np.asarray(project(clip.camera, pose), np.float64)
    except BadInput as error:
        raise BadInput(f"clip {clip.name}, {clip.camera_name}: {error}") from None
    projected[missing] = np.nan
    return projected


def _size(projected: Array) -> float:
    """How large a person is in the picture, pixels; the median over frames."""
    # of each frame those that the truth has, one at least
    away = projected - np.nanmean(projected, axis=1, keepdims=True)
    # a person in one point would make any error infinite
    return max(1.0, float(np.median(np.sqrt(np.nanmean((away**2).sum(-1), axis=-1)))))


def _error(
    projected: Array,
    seen: Clip,
    frames: NDArray[np.int_],
    joints: Sequence[int] | slice = slice(None),
) -> float:
    """Median distance of the joints that were seen, pixels; infinite where none was."""
    keypoints = seen.keypoints[frames][:, joints]
    sure = seen.confidence[frames][:, joints] > 0
    sure &= ~np.isnan(projected).any(axis=-1)
    away = np.linalg.norm(projected - keypoints, axis=-1)[sure]
    return float(np.median(away)) if away.size else np.inf


def _cause(
    clip: Clip,
    projected: Array,
    frames: NDArray[np.int_],
    take: Sequence[Clip],
    error: float,
) -> str:
    """What explains the error best; nothing where nothing does."""
    found = [
        *_other_cameras(clip, projected, frames, take),
        *_exchanged(clip, projected, frames),
        *_late(clip, projected, frames),
    ]
    left, cause = min(found, default=(error, ""))
    return f"{cause} fit to {left:.1f} px" if left < BETTER * error else ""


def _other_cameras(
    clip: Clip, projected: Array, frames: NDArray[np.int_], take: Sequence[Clip]
) -> Iterator[tuple[float, str]]:
    for other in take:
        if other is not clip and other.frames == clip.frames:
            error = _error(projected, other, frames)
            yield (
                error,
                f"the cameras are in another order: those of {other.camera_name}",
            )


def _exchanged(
    clip: Clip, projected: Array, frames: NDArray[np.int_]
) -> Iterator[tuple[float, str]]:
    error = _error(projected, clip, frames, clip.skeleton.mirror)
    yield error, "left and right are exchanged: mirrored joints"


def _late(
    clip: Clip, projected: Array, frames: NDArray[np.int_]
) -> Iterator[tuple[float, str]]:
    """By how many frames keypoints may be early or late; half of the clip must remain."""
    most = min(LATEST, clip.frames // 2)
    for late in range(-most, most + 1):
        there = (frames + late >= 0) & (frames + late < clip.frames)
        if late and 2 * there.sum() >= len(frames):
            error = _error(projected[there], clip, frames[there] + late)
            when = "late" if late > 0 else "early"
            yield error, f"the keypoints are {abs(late)} frames {when}: moved, they"
