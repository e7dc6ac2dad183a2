"""Miss a limb for a while, as behind furniture or the body itself."""

from __future__ import annotations

import numpy as np

from bench.data.augmentation._options import Spread
from bench.data.clip import Clip
from bench.data.detector.noise import miss
from bench.data.geometry.skeletons import Skeleton

DRAWN = "view"
MOST = 10.0  # bursts a frame: more would only take time, as all is hidden by then


def change(
    clip: Clip,
    draw: np.random.Generator,
    *,
    rate: Spread = 0.5,
    seconds: Spread = 0.4,
) -> Clip:
    """`rate` bursts a second, each a joint and all that hangs on it, for `seconds` on average."""
    missed = np.zeros(clip.confidence.shape, dtype=bool)
    expected = min(rate * clip.frames / clip.fps, MOST * clip.frames)
    for _ in range(draw.poisson(expected)):
        # from 1: with the root all would be hidden
        limb = _limb(clip.skeleton, int(draw.integers(1, len(clip.skeleton.joints))))
        start = draw.integers(clip.frames)
        length = draw.geometric(1 / max(1.0, seconds * clip.fps))
        missed[start : start + length, limb] = True
    return miss(clip, missed)


def _limb(skeleton: Skeleton, number: int) -> list[int]:
    """The `number`-th joint that is not the root, from 1, and all its descendants."""
    hanging = [joint for joint, parent in enumerate(skeleton.parents) if parent >= 0]
    limb = {hanging[number - 1]}
    grown = True
    # children may stand before their parents in the array, so one pass is not enough
    while grown:
        children = {joint for joint in hanging if skeleton.parents[joint] in limb}
        grown = not children <= limb
        limb |= children
    return sorted(limb)
