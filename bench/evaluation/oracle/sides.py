"""Who is trained on and who is tested on, and whether clips hold what their camera saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.data import Split
from bench.data.clip import Clip
from bench.evaluation.oracle.checks import check
from bench.evaluation.oracle.cutting import spread
from bench.records import Check

CLIPS, FRAMES = 16, 4  # looked at, and of each
# Of the picture's width: joints that a rule has put together of others lie some pixels beside
# their picture; another camera's, or another unit's, lie far away.
BESIDE = 0.01


def held(split: Split) -> tuple[list[Check], dict[str, str]]:
    """Both checks, and what could not be held."""
    checks: list[Check] = []
    left_out: dict[str, str] = {}
    if split.protocol.trained_on:
        left_out["split"] = (
            "training clips are of another source, with labels of its own"
        )
    else:
        checks.append(_sides(split))
    reason = _inexact(split)
    if reason:
        left_out["projection"] = reason
    else:
        checks.append(_projected([*split.train, *split.test]))
    return checks, left_out


def _sides(split: Split) -> Check:
    """No take is on both sides, and each stands where the protocol's rule has it."""
    rule = split.protocol.split
    strays = {clip.name for clip in split.train} & {clip.name for clip in split.test}
    field = "name" if rule.by == "clip" else rule.by
    for clip in split.train:
        if getattr(clip, field) in rule.test:
            strays.add(clip.name)
    for clip in split.test:
        # by every so many takes: which these are, the rule alone knows
        if not rule.every and getattr(clip, field) not in rule.test:
            strays.add(clip.name)
    note = f"the first {min(strays)}" if strays else ""
    name = "takes on the wrong side"
    return check("split", name, len(strays), 0, unit="takes", note=note)


def _inexact(split: Split) -> str:
    """Why keypoints need not lie where the camera sees the joints; empty where they must."""
    protocol = split.protocol
    if protocol.rig is None:
        return "keypoints are the data's own, and need not be projections"
    if protocol.keypoints != "exact" or protocol.corruption:
        return "keypoints are not exact"
    return ""


def _projected(clips: Sequence[Clip]) -> Check:
    """Keypoints against f x / z + c of the same clip's poses, the median distance."""
    worst, where = 0.0, ""
    for number in spread(len(clips), CLIPS):
        clip = clips[number]
        pose = clip.camera_pose
        if pose is None:
            continue
        frames = list(spread(clip.frames, FRAMES))
        points = pose[frames].astype(np.float64)
        seen = (
            clip.camera.focal * points[..., :2] / points[..., 2:] + clip.camera.centre
        )
        beside = np.sqrt(((seen - clip.keypoints[frames]) ** 2).sum(axis=-1))
        there = ~np.isnan(points).any(axis=-1)
        if not there.any():
            continue
        share = float(np.median(beside[there])) / clip.camera.width
        if not share <= worst:
            worst, where = share, f"the furthest in {clip.name}, {clip.camera_name}"
    name = "keypoints beside the picture of their poses"
    return check("projection", name, worst, BESIDE, unit="of the width", note=where)
