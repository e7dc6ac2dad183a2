"""Temporal smoothness: mean Euclidean error of the second differences over frames.

mean over batch, frames and joints of |a(pose) - a(target)|, a(x) = x[t + 1] - 2 x[t] + x[t - 1].
A motion that shakes pays, and one that is as quick as its target does not.
"""

from __future__ import annotations

from models.errors import SpecError
from models.losses.mpjpe import mpjpe
from models.value import Value, author_line


def acceleration(pose: Value, target: Value) -> Value:
    """Scalar, in the unit of the poses per squared frame.

    Raises SpecError for fewer than three frames, which have no acceleration.
    """
    frames = pose.shape[1]
    # a symbolic length passes, as in `velocity`
    if isinstance(frames, int) and frames < 3:
        raise SpecError(
            f"{author_line()}: acceleration needs at least three output frames, the pose has"
            f" shape {pose.type}; leave it out of the loss"
        )
    return mpjpe(_second(pose), _second(target))


def _second(x: Value) -> Value:
    frames = x.shape[1]
    before, now, after = (
        x.slice(axis=1, start=start, stop=frames - 2 + start, step=1)
        for start in range(3)
    )
    return after - now * 2.0 + before
