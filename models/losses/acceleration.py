"""How much a predicted motion shakes: mean length of the second differences over frames.

mean over batch, frames and joints of |p[t + 1] - 2 p[t] + p[t - 1]|, of the prediction alone.
It is a regulariser: a pose that never moves has none of it.
"""

from __future__ import annotations

from models.errors import SpecError
from models.value import Value, author_line


def acceleration(pose: Value, target: Value) -> Value:
    """Scalar, in the unit of the poses per squared frame; the target is not looked at.

    Raises SpecError for fewer than three frames, which have no acceleration.
    """
    frames = pose.shape[1]
    if isinstance(frames, int) and frames < 3:
        raise SpecError(
            f"{author_line()}: acceleration needs at least three output frames, the pose has"
            f" shape {pose.type}; leave it out of the loss"
        )
    before, now, after = (
        pose.slice(axis=1, start=start, stop=frames - 2 + start, step=1)
        for start in range(3)
    )
    shaken = after - now * 2.0 + before
    return shaken.vector_norm(axis=-1).mean(axis=(0, 1, 2), keepdims=False)
