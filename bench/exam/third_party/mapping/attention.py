"""Attention over heads, with masks, caches and windows; rotary positions; linear attention,
step by step.

Axes: b batch, h heads, q and k tokens of queries and keys, d width of a head.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.exam.third_party.mapping.call import Call, lengths, rank, total, where
from models.dims import Shape
from models.ops.matmul import swap
from models.value import Value, emit


def attention(call: Call) -> list[Value | None]:
    """softmax(q k^T scale + mask) v; the cache with the new keys and values; the weights at
    one of four stages.
    """
    query, key, value = _heads(call)
    present = [key, value]
    if call.has(4):
        present = [call.x(4).concat(key, axis=2), call.x(5).concat(value, axis=2)]
    times = lengths(query)[1] // lengths(key)[1]
    key, value = (
        part if times == 1 else part.repeat(times=times, axis=1) for part in present
    )
    scale = call.attribute("scale") or lengths(query)[3] ** -0.5
    if _plain(call):
        out, stage = emit("attention", query, key, value, scale=scale), None
    else:
        out, stage = _stages(call, query @ swap(key) * scale, value)
    out = out.rearrange("b h q d -> b q (h d)") if rank(call.x()) == 3 else out
    return [out, *present, stage]


def _plain(call: Call) -> bool:
    """Nothing between the product and the softmax, nor asked about it."""
    windows = max(
        call.attribute("left_window_size", -1), call.attribute("right_window_size", -1)
    )
    extras = (
        call.has(3)
        or call.has(6)
        or call.attribute("is_causal", 0)
        or call.attribute("softcap", 0)
        or windows >= 0
    )
    return not extras and not call.wants(3)


def _heads(call: Call) -> list[Value]:
    """Query, key and value as (b, h, tokens, d)."""
    values = [call.x(i) for i in range(3)]
    if rank(values[0]) == 4:
        return values
    counts = [call.attribute("q_num_heads"), *[call.attribute("kv_num_heads")] * 2]
    return [
        value.rearrange("b t (h d) -> b h t d", h=count)
        for value, count in zip(values, counts, strict=True)
    ]


def _stages(call: Call, logits: Value, value: Value) -> tuple[Value, Value]:
    """Result, and the logits or weights asked for: raw (0), capped (1), masked (2), after
    the softmax (3).
    """
    cap = call.attribute("softcap", 0.0)
    capped = emit("tanh", logits / cap) * cap if cap else logits
    bias = _bias(call, logits)
    masked = capped if bias is None else capped + bias
    weights = masked.softmax(axis=3) if bias is None else _weights(call, masked, bias)
    return (
        weights @ value,
        (logits, capped, masked, weights)[call.attribute("qk_matmul_output_mode", 0)],
    )


def _weights(call: Call, masked: Value, bias: Value) -> Value:
    """Softmax, and 0 for a query that may look nowhere."""
    nowhere = emit("equal", bias.max(axis=-1, keepdims=True), call.infinity(-1.0, bias))
    return where(nowhere, 0.0, where(nowhere, 0.0, masked).softmax(axis=3))


def _bias(call: Call, logits: Value) -> Value | None:
    """What is added to the logits: a mask of numbers, and minus infinity wherever a
    condition does not hold; (..., q, k).
    """
    conditions, added = _conditions(call, logits), None
    if call.has(3):
        mask, keys = call.x(3), lengths(logits)[3]
        missing = keys - lengths(mask)[-1]
        if missing:
            conditions.append(call.constant(np.arange(keys)[None] < keys - missing))
            mask = mask.pad(
                axis=-1,
                before=0,
                after=missing,
                value=False if mask.dtype == "bool" else 0.0,
            )
        if mask.dtype == "bool":
            conditions.append(mask)
        else:
            added = mask
    if not conditions:
        return added
    hidden = where(total(conditions, "logical_and"), 0.0, call.infinity(-1.0, logits))
    return hidden if added is None else added + hidden


def _conditions(call: Call, logits: Value) -> list[Value]:
    """Where each query may look: not ahead of itself, not outside its window, not beyond
    the keys that are there.
    """
    queries, keys = lengths(logits)[2:]
    column = call.constant(np.arange(keys)[None])
    place: Value = call.constant(
        np.arange(queries)[:, None] + (lengths(call.x(4))[2] if call.has(4) else 0)
    )
    found = []
    if call.has(6):
        count = call.x(6).reshape((-1, 1, 1, 1))
        found.append(emit("less", column, count))
        place = place + (count - queries)
    left, right = (
        call.attribute("left_window_size", -1),
        call.attribute("right_window_size", -1),
    )
    found += [emit("less_equal", column, place)] if call.attribute("is_causal", 0) else []
    found += [emit("greater_equal", column, place - left)] if left >= 0 else []
    return found + ([emit("less_equal", column, place + right)] if right >= 0 else [])


def rotary(call: Call) -> Value:
    """The first `rotary_embedding_dim` of each head turned by the angle of its position:
    halves, or neighbours, are a plane.
    """
    x, cos, sin = call.x(0), call.x(1), call.x(2)
    heads = (
        x
        if rank(x) == 4
        else x.rearrange("b t (h d) -> b h t d", h=call.attribute("num_heads"))
    )
    batch, _, tokens, width = lengths(heads)
    turned = call.attribute("rotary_embedding_dim", 0) or width
    cos, sin = (
        _angles(call, table, (batch, 1, tokens, turned // 2)) for table in (cos, sin)
    )
    head = heads.slice(axis=3, start=0, stop=turned, step=1)
    if call.attribute("interleaved", 0):
        first, second = (head.slice(axis=3, start=i, stop=turned, step=2) for i in (0, 1))
        join = partial(_interleaved, shape=head.shape)
    else:
        (first, second), join = head.split(2, axis=3), partial(emit, "concat", axis=3)
    new = join(first * cos - second * sin, first * sin + second * cos)
    rest = heads.slice(axis=3, start=turned, stop=width, step=1)
    out = new if turned == width else new.concat(rest, axis=3)
    return out if rank(x) == 4 else out.rearrange("b h t d -> b t (h d)")


def _angles(call: Call, table: Value, shape: tuple[int, ...]) -> Value:
    """Rows of a table by position, (b, 1, t, d / 2)."""
    rows = table.take(call.x(3).reshape((-1,)), axis=0) if call.has(3) else table
    return rows.reshape(shape)


def _interleaved(first: Value, second: Value, *, shape: Shape) -> Value:
    return first.stack(second, axis=4).reshape(shape)


def linear_attention(call: Call) -> list[Value]:
    """A state of keys by values, updated token by token: faded by `decay`, corrected by
    what it holds already (delta rules).
    """
    heads, shared = call.attribute("q_num_heads"), call.attribute("kv_num_heads")
    query, key, value = (
        _columns(call.x(i), count) for i, count in enumerate((heads, shared, shared))
    )
    steps, batch, _, width, _ = lengths(key)
    state = (
        call.x(3)
        if call.has(3)
        else call.constant(np.zeros((batch, shared, width, lengths(value)[3])), key)
    )
    scale = call.attribute("scale", 0.0) or width**-0.5
    outputs = []
    for t in range(steps):
        state = _updated(call, state, key.unstack(axis=0)[t], value.unstack(axis=0)[t], t)
        seen = state if heads == shared else state.repeat(times=heads // shared, axis=1)
        # (b, h, 1, value width)
        outputs.append(swap(query.unstack(axis=0)[t]) @ seen * scale)
    out = outputs[0].concat(*outputs[1:], axis=2)
    return [out.rearrange("b h t d -> b t (h d)"), state]


def _columns(x: Value, heads: int) -> Value:
    """Tokens first, each head a column: (t, b, h, d, 1)."""
    return x.rearrange("b t (h d) -> t b h d", h=heads).expand_dims(axis=4)


def _updated(call: Call, state: Value, key: Value, value: Value, t: int) -> Value:
    """The state after one token; key and value are columns (b, h, d, 1)."""
    rule, heads = call.attribute("update_rule", "gated_delta"), lengths(state)[1]
    if "gated" in rule:
        state = state * emit("exp", _rates(call.x(4), t, heads))
    if "delta" in rule:
        value = (value - swap(state) @ key) * _rates(call.x(5), t, heads)
    return state + key @ swap(value)


def _rates(rates: Value, t: int, heads: int) -> Value:
    """The rates of a token as (b, h or 1, d or 1, 1)."""
    batch, _, width = lengths(rates)
    count = heads if width >= heads else 1
    return rates.slice(axis=1, start=t, stop=t + 1, step=1).reshape(
        (batch, count, width // count, 1)
    )


MAP = {
    "Attention": attention,
    "LinearAttention": linear_attention,
    "RotaryEmbedding": rotary,
}
