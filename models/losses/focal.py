"""MPJPE that looks at what is far off: mean of tanh(d / 2 s)^2 d, over the distances d.

The focal weight of Yang et al. (ICML 2021), (2 sigmoid(d / s) - 1)^gamma, with gamma 2. The length
s is ours, for metres: a joint that is 10 cm off counts for six tenths of itself, one that is 1 cm
off for a hundredth.
"""

from __future__ import annotations

from models.value import Value

LENGTH = 0.05  # metres


def focal(pose: Value, target: Value) -> Value:
    """Scalar, in the unit of the poses, which are in metres."""
    distance = (pose - target).vector_norm(axis=-1)  # (batch, frames, joints)
    weight = (distance * (0.5 / LENGTH)).tanh()
    return (weight * weight * distance).mean(axis=(0, 1, 2), keepdims=False)
