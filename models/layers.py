"""Layers of several ops that zoo models share.

Their nodes are attributed to the model line that asks for them.
"""

from __future__ import annotations

from typing import Protocol, TypedDict, Unpack

from models.errors import BadInput
from models.value import Value


def check_heads(model: str, width: int, heads: int) -> None:
    """Raise BadInput where heads do not divide a width."""
    if width % heads:
        raise BadInput(f"{model}: width {width} is not divisible by {heads} heads")


class Initialisers(TypedDict, total=False):
    """How a linear layer's arrays start; PyTorch's way where left out."""

    init: tuple[str, float]
    bias_init: tuple[str, float]


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
    h = _self_attention(h, size)
    x = x + h.drop_path(rate=drop_path, name="attn.path")
    h = x.layer_norm(eps=size.eps, name="norm2")
    width = int(str(x.shape[-1]))  # never symbolic: a weight has this length
    h = mlp(h, hidden=int(width * size.mlp_ratio), drop=size.drop, name="mlp")
    return x + h.drop_path(rate=drop_path, name="mlp.path")


def _self_attention(x: Value, size: Blocks) -> Value:
    width = int(str(x.shape[-1]))
    packed = x.linear(width * 3, name="attn.qkv", bias=size.qkv_bias)
    # the rows of one weight: all heads' queries, then all keys, then all values
    packed = packed.rearrange("b n (s h d) -> s b h n d", s=3, h=size.heads)
    mixed = attend(
        packed,
        scale=size.scale or (width // size.heads) ** -0.5,
        drop=size.attention_drop,
        name="attn",
    )
    mixed = mixed.rearrange("b h n d -> b n (h d)").linear(width, name="attn.proj")
    return mixed.dropout(rate=size.drop, name="attn.proj")


def attend(packed: Value, *, scale: float, drop: float, name: str) -> Value:
    """Attention over query, key and value stacked on axis 0, (3, ..., tokens, width)."""
    query, key, value = packed.unstack(axis=0)
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
    width = int(str(x.shape[-1]))
    h = x.linear(hidden, name=f"{name}.fc1", **initialisers)
    h = h.gelu(approximate="none")
    h = h.dropout(rate=drop, name=f"{name}.fc1")
    h = h.linear(width, name=f"{name}.fc2", **initialisers)
    return h.dropout(rate=drop, name=f"{name}.fc2")
