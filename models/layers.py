"""Layers of several ops that zoo models share.

Their nodes are attributed to the model line that asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import mul
from typing import Protocol, TypedDict, Unpack

import numpy as np

from models.dims import fixed
from models.errors import BadInput
from models.value import Value


def check_heads(model: str, width: int, heads: int) -> None:
    """Raise BadInput where heads do not divide a width."""
    if width % heads:
        raise BadInput(f"{model}: width {width} is not divisible by {heads} heads")


def paired(left: Sequence[int], right: Sequence[int], joints: int) -> bool:
    """Whether these are places of joints that mirror each other, each of which comes once."""
    both = {*left, *right}
    once = len(left) == len(right) and len(both) == 2 * len(left)
    return once and both <= set(range(joints))


class Initialisers(TypedDict, total=False):
    """How a linear layer's arrays start; PyTorch's way where left out."""

    init: tuple[str, float]
    bias_init: tuple[str, float]


# as timm starts a vision transformer
TIMM: Initialisers = {"init": ("trunc_normal", 0.02), "bias_init": ("zeros", 0.0)}


class Blocks(Protocol):
    """What the sizes of a model say of its transformer blocks."""

    @property
    def heads(self) -> int:
        """Of the attention; they divide the width."""

    @property
    def mlp_ratio(self) -> float:
        """Hidden width by width."""

    @property
    def eps(self) -> float:
        """Of both layer norms."""

    @property
    def qkv_bias(self) -> bool:
        """Whether query, key and value have one."""

    @property
    def scale(self) -> float:
        """Of the logits; 0: head width ** -0.5."""

    @property
    def drop(self) -> float:
        """Rate behind the attention and within the MLP."""

    @property
    def attention_drop(self) -> float:
        """Rate of the attention's weights."""


def block(x: Value, size: Blocks, *, drop_path: float) -> Value:
    """A pre-norm transformer block over (b, tokens, width), named as timm's `Block` is."""
    h = x.layer_norm(eps=size.eps, name="norm1")
    h = self_attention(
        h,
        heads=size.heads,
        scale=size.scale,
        drop=size.attention_drop,
        bias=size.qkv_bias,
    )
    h = h.dropout(rate=size.drop, name="attn.proj")
    x = x + h.drop_path(rate=drop_path, name="attn.path")
    h = x.layer_norm(eps=size.eps, name="norm2")
    width = fixed(x.shape[-1])
    h = mlp(h, hidden=int(width * size.mlp_ratio), drop=size.drop, name="mlp")
    return x + h.drop_path(rate=drop_path, name="mlp.path")


def self_attention(
    x: Value,
    *,
    heads: int,
    scale: float,
    drop: float,
    bias: bool,
    relation: Value | None = None,
    **initialisers: Unpack[Initialisers],
) -> Value:
    """Tokens (b, tokens, width) of each other: `attn.qkv`, heads, `attn.proj`.

    `scale` 0 is head width ** -0.5, `bias` that of qkv; `relation` (heads, tokens, tokens) is
    added to the logits of each pair of tokens.
    """
    width = fixed(x.shape[-1])
    packed = x.linear(width * 3, name="attn.qkv", bias=bias, **initialisers)
    # the rows of one weight: all heads' queries, then all keys, then all values
    packed = packed.rearrange("b n (s h d) -> s b h n d", s=3, h=heads)
    mixed = attend(
        packed,
        scale=scale or (width // heads) ** -0.5,
        drop=drop,
        name="attn",
        bias=relation,
    )
    mixed = mixed.rearrange("b h n d -> b n (h d)")
    return mixed.linear(width, name="attn.proj", **initialisers)


def attend(
    packed: Value, *, scale: float, drop: float, name: str, bias: Value | None = None
) -> Value:
    """Attention over query, key and value stacked on axis 0, (3, ..., tokens, width).

    `bias` (heads, tokens, tokens) is added to the logits of each pair of tokens.
    """
    query, key, value = packed.unstack(axis=0)
    return attend_apart(query, key, value, scale=scale, drop=drop, name=name, bias=bias)


def attend_apart(
    query: Value,
    key: Value,
    value: Value,
    *,
    scale: float,
    drop: float,
    name: str,
    bias: Value | None = None,
) -> Value:
    """Attention of query, key and value, each (batch, heads, tokens, width)."""
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
    width = fixed(x.shape[-1])
    h = x.linear(hidden, name=f"{name}.fc1", **initialisers)
    h = h.gelu(approximate="none")
    h = h.dropout(rate=drop, name=f"{name}.fc1")
    h = h.linear(width, name=f"{name}.fc2", **initialisers)
    return h.dropout(rate=drop, name=f"{name}.fc2")


def related_block(
    x: Value, *, heads: int, mlp_ratio: float, eps: float, related: bool
) -> Value:
    """A pre-norm transformer block over (b, tokens, width), started as timm starts its own.

    Where tokens are `related`, each pair has a learnt number in each head, `attn.relation`, that
    is added to its logit: which joints belong together, whatever they look like.
    """
    tokens, width = x.shape[1], fixed(x.shape[2])
    h = x.layer_norm(eps=eps, name="norm1")
    relation = None
    if related:
        table = (heads, tokens, tokens)
        relation = x.graph.param("attn.relation", table, init=("zeros", 0.0))
    h = self_attention(
        h, heads=heads, scale=0.0, drop=0.0, bias=True, relation=relation, **TIMM
    )
    x = x + h
    h = x.layer_norm(eps=eps, name="norm2")
    return x + mlp(h, hidden=int(width * mlp_ratio), drop=0.0, name="mlp", **TIMM)


def mirrored(x: Value, order: Sequence[int]) -> Value:
    """x (..., j, coordinates), the first of them negated, joint i that which was `order[i]`."""
    signs = np.ones(fixed(x.shape[-1]), np.float32)
    signs[0] = -1
    row = x.graph.constant("mirror", np.array(order, np.int64))
    turned = x.graph.constant(f"mirror.signs{len(signs)}", signs)
    return x.take(row, axis=len(x.shape) - 2) * turned


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
