"""Layers of several ops that zoo models share.

Their nodes are attributed to the model line that asks for them.
"""

from __future__ import annotations

from typing import TypedDict, Unpack

from models.value import Value


class Initialisers(TypedDict, total=False):
    """How a linear layer's arrays start; PyTorch's way where left out."""

    init: tuple[str, float]
    bias_init: tuple[str, float]


def attend(packed: Value, *, scale: float, drop: float, name: str) -> Value:
    """Attention over query, key and value stacked on axis 0, (3, ..., tokens, width)."""
    query, key, value = packed.unstack(axis=0)
    return attend_apart(query, key, value, scale=scale, drop=drop, name=name)


def attend_apart(
    query: Value, key: Value, value: Value, *, scale: float, drop: float, name: str
) -> Value:
    """Attention of query, key and value, each (batch, heads, tokens, width)."""
    if drop == 0:
        return query.attention(key, value, scale=scale)
    # the op keeps its weights to itself: where they are dropped, it is written out
    logits = query @ key.rearrange("b h n d -> b h d n") * scale
    weights = logits.softmax(axis=-1)
    return weights.dropout(rate=drop, name=f"{name}.weights") @ value


def mlp(
    x: Value,
    *,
    hidden: int,
    drop: float,
    name: str,
    **initialisers: Unpack[Initialisers],
) -> Value:
    """fc1, exact GELU, fc2 over the last axis, dropout after both; the width stays."""
    width = int(str(x.shape[-1]))  # never symbolic: a weight has this length
    h = x.linear(hidden, name=f"{name}.fc1", **initialisers)
    h = h.gelu(approximate="none")
    h = h.dropout(rate=drop, name=f"{name}.fc1")
    h = h.linear(width, name=f"{name}.fc2", **initialisers)
    return h.dropout(rate=drop, name=f"{name}.fc2")
