"""A critic of 3D poses that sees the limbs: two paths, one over the pose, one over its bones.

RepNet's (Wandt and Rosenhahn, CVPR 2019), without weights of its own kind: with B the bones of a
pose as columns, KCS features are B^T B, the lengths of all bones and the angles between them.
Parameter names and bones are those of Wehrbein et al. (ICCV 2021), class CriticNetwork.
"""

from __future__ import annotations

import numpy as np

from models.gradient import slope
from models.value import Value

# (from, to) among 16 joints: Human3.6M's 17 without the root. Three bones close the hips.
BONES = (
    (0, 1),
    (1, 2),
    (3, 4),
    (4, 5),
    (6, 7),
    (7, 8),
    (8, 9),
    (7, 10),
    (10, 11),
    (11, 12),
    (7, 13),
    (13, 14),
    (14, 15),
    (0, 3),
    (0, 6),
    (3, 6),
)
BEND = 0.01  # slope of leaky ReLU, PyTorch's default


def critic(pose: Value, *, width: int, bone_width: int) -> Value:
    """Scores (b, 1) of poses (b, 48), x0, x1, ..., y0, ..., z0, ...; the higher, the truer."""
    first = _bent(pose.linear(width, name="fc1"))
    h = _bent(first.linear(width, name="fc2"))
    h = _bent(h.linear(width, name="fc3") + first)
    h = h.linear(width, name="fc4")
    bones = _bent(_kcs(pose).linear(bone_width, name="fc5"))
    b = _bent(bones.linear(bone_width, name="fc6"))
    b = b.linear(bone_width, name="fc7") + bones
    both = _bent(h.concat(b, axis=1).linear(width, name="fc8"))
    return both.linear(1, name="fc9")


def penalty(true: Value, made: Value, **widths: int) -> Value:
    """How far the critic's slope is from 1, somewhere between true poses and made ones, (b, 48).

    mean (|d critic / d pose| - 1)^2 (Gulrajani et al., 2017); a gradient inside the graph.
    """
    g = true.graph
    share = g.noise("between", (true.shape[0], 1), kind="uniform", number=1.0)
    between = true * share + made * (1.0 - share)
    steep = slope(between, lambda pose: critic(pose, **widths)).vector_norm(axis=1)
    return ((steep - 1.0) * (steep - 1.0)).mean(axis=0, keepdims=False)


def _bent(x: Value) -> Value:
    return x.leaky_relu(slope=BEND)


def _kcs(pose: Value) -> Value:
    """B^T B, (b, 256)."""
    starts, ends = np.array(BONES).T
    points = pose.rearrange("b (c j) -> b c j", c=3)
    start = points.take(pose.graph.constant("bone_starts", starts), axis=2)
    end = points.take(pose.graph.constant("bone_ends", ends), axis=2)
    bones = start - end  # (b, 3, 16)
    features = bones.rearrange("b c k -> b k c") @ bones
    return features.rearrange("b k l -> b (k l)")
