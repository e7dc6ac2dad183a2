"""Attention over heads, with masks, caches and windows.

Also rotary positions, and linear attention, step by step.

Axes: b batch, h heads, q and k tokens of queries and keys, d width of a head.
"""

from __future__ import annotations

import numpy as np

from bench.exam.third_party.mapping.call import (
    Call,
    cut,
    flattened,
    lengths,
    rank,
    total,
    where,
)
from models.ops.matmul import swap
from models.value import Value, emit

# Places of the inputs after query, key and value
MASK, PAST_KEY, PAST_VALUE, KEYS_THERE = 3, 4, 5, 6
STAGE = 3  # place of the output that shows logits or weights
# Places of the inputs of linear attention after query, key and value
STATE, DECAY, LEARNING = 3, 4, 5


def attention(call: Call) -> list[Value | None]:
    """softmax(q k^T scale + mask) v.

    Also the cache with the new keys and values, and the weights at one of four stages.
    """
    query, key, value = _heads(call)
    if call.has(PAST_KEY):
        past_key = call.x(PAST_KEY)
        past_value = call.x(PAST_VALUE)
        key = past_key.concat(key, axis=2)
        value = past_value.concat(value, axis=2)
    present = [key, value]
    # Several queries may share a key: the cache holds it once, the product wants it for each.
    times = lengths(query)[1] // lengths(key)[1]
    if times > 1:
        key = key.repeat(times=times, axis=1)
        value = value.repeat(times=times, axis=1)
    scale = call.attribute("scale") or lengths(query)[3] ** -0.5
    stage = None
    if _plain(call):
        out = emit("attention", query, key, value, scale=scale)
    else:
        out, stage = _stages(call, query @ swap(key) * scale, value)
    if rank(call.x()) == 3:
        out = out.rearrange("b h q d -> b q (h d)")
    return [out, *present, stage]


def _plain(call: Call) -> bool:
    """Whether the language's own attention will do.

    There is nothing between the product and the softmax, nor asked about it.
    """
    asked = call.has(MASK) or call.has(KEYS_THERE) or call.wants(STAGE)
    changed = call.flag("is_causal") or call.attribute("softcap", 0)
    return not asked and not changed and max(_window(call)) < 0


def _window(call: Call) -> tuple[int, int]:
    """How far a query may look back and ahead; -1 for as far as there are keys."""
    left = call.attribute("left_window_size", -1)
    return left, call.attribute("right_window_size", -1)


def _heads(call: Call) -> list[Value]:
    """Query, key and value as (b, h, tokens, d)."""
    values = [call.x(i) for i in range(3)]
    if rank(values[0]) == 4:
        return values
    own = call.attribute("q_num_heads")
    shared = call.attribute("kv_num_heads")
    return [
        value.rearrange("b t (h d) -> b h t d", h=count)
        for value, count in zip(values, (own, shared, shared), strict=True)
    ]


def _stages(call: Call, logits: Value, value: Value) -> tuple[Value, Value]:
    """Result, and the logits or weights asked for.

    Raw (0), capped (1), masked (2), after the softmax (3).
    """
    cap = call.attribute("softcap", 0.0)
    # between -cap and cap, nearly untouched around 0
    capped = emit("tanh", logits / cap) * cap if cap else logits
    bias = _bias(call, logits)
    if bias is None:
        masked = capped
        weights = masked.softmax(axis=3)
    else:
        masked = capped + bias
        weights = _weights(call, masked, bias)
    stages = (logits, capped, masked, weights)
    return weights @ value, stages[call.attribute("qk_matmul_output_mode", 0)]


def _weights(call: Call, masked: Value, bias: Value) -> Value:
    """Softmax, and 0 for a query that may look nowhere."""
    # where all logits are minus infinity, their softmax is NaN
    most = bias.max(axis=-1, keepdims=True)
    nowhere = emit("equal", most, call.infinity(-1.0, bias))
    weights = where(nowhere, 0.0, masked).softmax(axis=3)
    return where(nowhere, 0.0, weights)


def _bias(call: Call, logits: Value) -> Value | None:
    """What is added to the logits, (..., q, k).

    A mask of numbers, and minus infinity wherever a condition does not hold.
    """
    conditions, added = _conditions(call, logits), None
    if call.has(MASK):
        mask, inside = _mask(call, lengths(logits)[3])
        conditions += inside
        if mask.dtype == "bool":
            conditions.append(mask)
        else:
            added = mask
    if not conditions:
        return added
    allowed = total(conditions, "logical_and")
    hidden = where(allowed, 0.0, call.infinity(-1.0, logits))
    return hidden if added is None else added + hidden


def _mask(call: Call, keys: int) -> tuple[Value, list[Value]]:
    """The mask, as wide as there are keys.

    A shorter one hides the keys beyond it, which is a condition of its own, as a mask of
    numbers cannot say it.
    """
    mask = call.x(MASK)
    missing = keys - lengths(mask)[-1]
    if not missing:
        return mask, []
    inside = call.constant(np.arange(keys)[None] < keys - missing)
    filler = False if mask.dtype == "bool" else 0.0
    whole = mask.pad(axis=-1, before=0, after=missing, value=filler)
    return whole, [inside]


def _conditions(call: Call, logits: Value) -> list[Value]:
    """Where each query may look.

    Not ahead of itself, not outside its window, not beyond the keys that are there.
    """
    queries, keys = lengths(logits)[2:]
    # The keys of a cache stand before those of the queries.
    offset = lengths(call.x(PAST_KEY))[2] if call.has(PAST_KEY) else 0
    column = call.constant(np.arange(keys)[None])
    place: Value = call.constant(np.arange(queries)[:, None] + offset)
    found = []
    if call.has(KEYS_THERE):
        # A buffer of which so many keys are filled: the queries are the last of these.
        count = call.x(KEYS_THERE).reshape((-1, 1, 1, 1))
        found.append(emit("less", column, count))
        place = place + (count - queries)
    left, right = _window(call)
    if call.flag("is_causal"):
        found.append(emit("less_equal", column, place))
    if left >= 0:
        found.append(emit("greater_equal", column, place - left))
    if right >= 0:
        found.append(emit("less_equal", column, place + right))
    return found


def rotary(call: Call) -> Value:
    """The first `rotary_embedding_dim` of each head turned by the angle of its position.

    Halves, or neighbours, are a plane.
    """
    x = call.x(0)
    heads = x
    if rank(x) == 3:
        heads = x.rearrange("b t (h d) -> b h t d", h=call.attribute("num_heads"))
    batch, _, tokens, width = lengths(heads)
    turned = call.attribute("rotary_embedding_dim", 0) or width
    shape = (batch, 1, tokens, turned // 2)  # of the angles, one for each plane
    cos, sin = (_angles(call, call.x(i), shape) for i in (1, 2))
    head = cut(heads, 3, 0, turned)
    if call.flag("interleaved"):
        first = head.slice(axis=3, start=0, stop=turned, step=2)
        second = head.slice(axis=3, start=1, stop=turned, step=2)
    else:
        first, second = head.split(2, axis=3)
    left = first * cos - second * sin
    right = first * sin + second * cos
    # as they were taken apart
    if call.flag("interleaved"):
        out = left.stack(right, axis=4).reshape(head.shape)
    else:
        out = left.concat(right, axis=3)
    if turned < width:
        out = out.concat(cut(heads, 3, turned, width), axis=3)
    return out if rank(x) == 4 else out.rearrange("b h t d -> b t (h d)")


def _angles(call: Call, table: Value, shape: tuple[int, ...]) -> Value:
    """Rows of a table by position, (b, 1, t, d / 2).

    A table may hold them in their order already.
    """
    if call.has(3):
        table = table.take(flattened(call.x(3)), axis=0)
    return table.reshape(shape)


def linear_attention(call: Call) -> list[Value]:
    """A state of keys by values, updated token by token.

    It is faded by `decay`, and corrected by what it holds already (delta rules).
    """
    heads = call.attribute("q_num_heads")
    shared = call.attribute("kv_num_heads")
    query = _columns(call.x(0), heads)
    key = _columns(call.x(1), shared)
    value = _columns(call.x(2), shared)
    steps, batch, _, width, _ = lengths(key)
    if call.has(STATE):
        state = call.x(STATE)
    else:
        shape = (batch, shared, width, lengths(value)[3])
        state = call.constant(np.zeros(shape), key)
    scale = call.attribute("scale", 0.0) or width**-0.5
    outputs = []
    for t in range(steps):
        q, k, v = (columns.unstack(axis=0)[t] for columns in (query, key, value))
        state = _updated(call, state, k, v, t)
        # several queries may share a state
        seen = state
        if heads > shared:
            seen = state.repeat(times=heads // shared, axis=1)
        outputs.append(swap(q) @ seen * scale)  # (b, h, 1, value width)
    out = outputs[0].concat(*outputs[1:], axis=2)
    return [out.rearrange("b h t d -> b t (h d)"), state]


def _columns(x: Value, heads: int) -> Value:
    """Tokens first, each head a column: (t, b, h, d, 1)."""
    return x.rearrange("b t (h d) -> t b h d", h=heads).expand_dims(axis=4)


def _updated(
    call: Call,
    state: Value,
    key: Value,
    value: Value,
    t: int,
) -> Value:
    """The state after one token; key and value are columns (b, h, d, 1)."""
    rule = call.attribute("update_rule", "gated_delta")
    heads = lengths(state)[1]
    # linear, gated, delta, gated_delta: the last is both, the gate before the correction
    if "gated" in rule:
        state = state * emit("exp", _rates(call.x(DECAY), t, heads))
    if "delta" in rule:
        value = (value - swap(state) @ key) * _rates(call.x(LEARNING), t, heads)
    return state + key @ swap(value)


def _rates(rates: Value, t: int, heads: int) -> Value:
    """The rates of a token as (b, h or 1, d or 1, 1)."""
    batch, _, width = lengths(rates)
    # a number for each key of each head, for each head, or for all
    count = heads if width >= heads else 1
    token = cut(rates, 1, t, t + 1)
    return token.reshape((batch, count, width // count, 1))


MAP = {
    "Attention": attention,
    "LinearAttention": linear_attention,
    "RotaryEmbedding": rotary,
}
