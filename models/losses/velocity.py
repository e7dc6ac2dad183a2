"""Mean Euclidean error of the frame-to-frame differences (Pavllo et al., 2019, MPJVE)."""

from __future__ import annotations

from models.errors import SpecError
from models.losses.mpjpe import mpjpe
from models.value import Value, author_line


def velocity(pose: Value, target: Value) -> Value:
    """Scalar, in the unit of the poses per frame.

    Raises SpecError for single frames, which have no velocity.
    """
    # a symbolic length passes: the mean over its frames is NaN where it turns out to be 1
    if pose.shape[1] == 1:
        raise SpecError(
            f"{author_line()}: velocity needs at least two output frames, the pose has"
            f" shape {pose.type}; leave it out of the loss"
        )
    return mpjpe(steps(pose), steps(target))


def steps(x: Value) -> Value:
    """(b, t, j, 3) -> (b, t - 1, j, 3), each frame less the one before."""
    frames = x.shape[1]
    later = x.slice(axis=1, start=1, stop=frames, step=1)
    return later - x.slice(axis=1, start=0, stop=frames - 1, step=1)
