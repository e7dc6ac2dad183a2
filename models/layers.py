"""Layers of several ops that zoo models share.

Their nodes are attributed to the model line that asks for them.
"""

from __future__ import annotations

from functools import reduce
from operator import mul
from typing import TypedDict, Unpack

from models.value import Value


class Initialisers(TypedDict, total=False):
    """How a linear layer's arrays start; PyTorch's way where left out."""

    init: tuple[str, float]
    bias_init: tuple[str, float]


# as timm starts a vision transformer
TIMM: Initialisers = {"init": ("trunc_normal", 0.02), "bias_init": ("zeros", 0.0)}


def attend(
    packed: Value, *, scale: float, drop: float, name: str, bias: Value | None = None
) -> Value:
    """Attention over query, key and value stacked on axis 0, (3, ..., tokens, width).

    `bias` (heads, tokens, tokens) is added to the logits of each pair of tokens.
    """
    query, key, value = packed.unstack(axis=0)
    if drop == 0 and bias is None:
        return query.attention(key, value, scale=scale)
    # the op keeps its weights to itself: where they are changed, it is written out
    logits = query @ key.rearrange("b h n d -> b h d n") * scale
    if bias is not None:
        logits = logits + bias
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


def block(
    x: Value, *, heads: int, mlp_ratio: float, eps: float, related: bool
) -> Value:
    """A pre-norm transformer block over (b, tokens, width).

    Where tokens are `related`, each pair has a learnt number in each head, `attn.relation`, that
    is added to its logit: which joints belong together, whatever they look like.
    """
    tokens, width = x.shape[1], int(str(x.shape[2]))
    h = x.layer_norm(eps=eps, name="norm1")
    h = h.linear(width * 3, name="attn.qkv", **TIMM)
    h = h.rearrange("b n (s h d) -> s b h n d", s=3, h=heads)
    relation = None
    if related:
        table = (heads, tokens, tokens)
        relation = x.graph.param("attn.relation", table, init=("zeros", 0.0))
    h = attend(h, scale=(width // heads) ** -0.5, drop=0.0, name="attn", bias=relation)
    h = h.rearrange("b h n d -> b n (h d)")
    x = x + h.linear(width, name="attn.proj", **TIMM)
    h = x.layer_norm(eps=eps, name="norm2")
    return x + mlp(h, hidden=int(width * mlp_ratio), drop=0.0, name="mlp", **TIMM)


def mask(x: Value, over: str, *, rate: float) -> Value:
    """Noise of ones, and of zeros where `rate` of x (b, t, j, c) is to be hidden.

    `over` says what is drawn: single `entries`, whole `frames`, or `tracks`, which are joints in
    all frames.
    """
    batch, time, joints = x.shape[:3]
    shapes = {
        "entries": (batch, time, joints, 1),
        "frames": (batch, time, 1, 1),
        "tracks": (batch, 1, joints, 1),
    }
    shape = shapes[over]
    return x.graph.noise(f"mask.{over}", shape, kind="bernoulli", number=1.0 - rate)


def hidden(x: Value, *masks: Value) -> Value:
    """(b, t, j, 1), 1 where any of the masks hides x (b, t, j, c); labelled `hidden`."""
    shown = reduce(mul, masks).broadcast_to((*x.shape[:3], 1))
    return x.graph.label("hidden", 1.0 - shown)
