"""Ops that move numbers, and move them elsewhere."""

from __future__ import annotations

from typing import Any

from bench.audit.faults._made import earlier, kernel, later
from models.value import Value, emit, emit_all

KIND = "kernel"
Ints = tuple[int, ...]


def _in_memory(x: Value, *, axes: Ints) -> Value:
    """The shape that is due, over numbers that stay where they are."""
    due = emit("permute_dims", x, axes=axes)
    return emit("reshape", x, shape=due.shape)


def _inverse(x: Value, *, axes: Ints) -> Value | None:
    """The permutation that leads back, where its shape is the same."""
    back = tuple(axes.index(i) for i in range(len(axes)))
    found = emit("permute_dims", x, axes=back)
    due = tuple(x.shape[axis] for axis in axes)
    return found if found.shape == due and back != axes else None


def _by_columns(x: Value, *, shape: Ints) -> Value:
    """In the order of Fortran."""

    def turned(value: Value) -> Value:
        return value.permute_dims(tuple(reversed(range(len(value.shape)))))

    flat = emit("reshape", turned(x), shape=tuple(reversed(shape)))
    return turned(flat)


def _slice(x: Value, **where: Any) -> Value:
    return emit("slice", x, **where)


def _one_late(x: Value, *, axis: int, start: Any, stop: Any, step: int) -> Value | None:
    """One element on, round the end."""
    return _slice(earlier(x, axis), axis=axis, start=start, stop=stop, step=step)


def _dense(x: Value, *, axis: int, start: Any, stop: Any, step: int) -> Value | None:
    """As many elements, without a step."""
    if step == 1:
        return None
    due = _slice(x, axis=axis, start=start, stop=stop, step=step)
    end = start + due.shape[axis]
    return _slice(x, axis=axis, start=start, stop=end, step=1)


def _from_zero(
    x: Value, *, axis: int, start: Any, stop: Any, step: int
) -> Value | None:
    """Where the end is open, counted from the beginning."""
    if isinstance(stop, int) or start == 0:
        return None
    return _slice(x, axis=axis, start=0, stop=stop - start, step=step)


def _pad(x: Value, *, axis: int, before: Any, after: Any, value: float) -> Value:
    return emit("pad", x, axis=axis, before=before, after=after, value=value)


def _same_shapes(values: tuple[Value, ...]) -> bool:
    return len({value.shape for value in values}) == 1


def _backwards(*values: Value, axis: int) -> Value | None:
    if not _same_shapes(values):
        return None
    return emit("concat", *reversed(values), axis=axis)


def _third_first(*values: Value, axis: int) -> Value | None:
    if len(values) < 3:
        return None
    first, *rest = values
    # the same lengths in another order fit as well
    return emit("concat", *rest, first, axis=axis)


def _stacked_backwards(*values: Value, axis: int) -> Value:
    return emit("stack", *reversed(values), axis=axis)


def _before(x: Value, index: Value, *, axis: int) -> Value:
    """The element before, but for the first."""
    earlier = emit("where", emit("greater", index, 0), index - 1, index)
    return emit("take", x, earlier, axis=axis)


def _along_before(x: Value, index: Value, *, axis: int) -> Value:
    earlier = emit("where", emit("greater", index, 0), index - 1, index)
    return emit("take_along_axis", x, earlier, axis=axis)


def _mirrored_index(x: Value, index: Value, *, axis: int) -> Value:
    return emit("take", x, index.flip(axis=0), axis=axis)


def _turned(x: Value, shift: int, axis: int) -> Value:
    return emit("roll", x, shift=shift, axis=axis)


def _shift_kept(x: Value, *, shift: int, axis: int) -> Value | None:
    """Beyond the axis' own length, nothing is moved."""
    length = x.shape[axis]
    return x * 1 if isinstance(length, int) and abs(shift) >= length else None


def _rolled_flat(x: Value, *, shift: int, axis: int) -> Value | None:
    """Over the whole tensor, as NumPy does without an axis."""
    count = 1
    for length in x.shape:
        if not isinstance(length, int):
            return None
        count *= length
    flat = emit("reshape", x, shape=(count,))
    return emit("reshape", _turned(flat, shift, 0), shape=x.shape) if count else None


def _flipped_first(x: Value, *, axis: int) -> Value | None:
    return emit("flip", x, axis=0) if axis else None


def _repeated(x: Value, *, times: int, axis: int) -> Value:
    return emit("repeat", x, times=times, axis=axis)


def _tiled(x: Value, *, times: int, axis: int) -> Value:
    return emit("tile", x, times=times, axis=axis)


def _parts_backwards(x: Value, *, parts: int, axis: int) -> tuple[Value, ...]:
    return emit_all("split", x, parts=parts, axis=axis)[::-1]


def _unstacked_backwards(x: Value, *, axis: int) -> tuple[Value, ...]:
    return emit_all("unstack", x, axis=axis)[::-1]


def _rounded(x: Value, *, dtype: str) -> Value | None:
    """To the nearest whole number, not towards 0."""
    if "int" not in dtype or "float" not in x.dtype:
        return None
    half = emit("where", x.greater(0.0), x + 0.5, x - 0.5)
    return emit("astype", half, dtype=dtype)


def _first_row(x: Value, *, shape: Ints) -> Value | None:
    """On a new leading axis, the first alone is filled."""
    if len(shape) == len(x.shape) or not isinstance(shape[0], int) or shape[0] < 2:
        return None
    due = emit("broadcast_to", x, shape=shape)
    first = due.slice(axis=0, start=0, stop=1, step=1)
    return first.pad(axis=0, before=0, after=shape[0] - 1, value=0.0)


def _first_place(x: Value, *, shape: Ints) -> Value | None:
    """Along an inner axis that is stretched, the first place alone is filled."""
    lead = len(shape) - len(x.shape)
    for axis, length in enumerate(x.shape):
        wanted = shape[lead + axis]
        if length == 1 and isinstance(wanted, int) and wanted > 1 and lead + axis:
            due = emit("broadcast_to", x, shape=shape)
            first = due.slice(axis=lead + axis, start=0, stop=1, step=1)
            return first.pad(axis=lead + axis, before=0, after=wanted - 1, value=0.0)
    return None


def _scattered_late(x: Value, index: Value, *, axis: int, length: Any) -> Value:
    out = emit("scatter_add", x, index, axis=axis, length=length)
    return later(out, axis)


def _scattered_mean(x: Value, index: Value, *, axis: int, length: Any) -> Value:
    """What falls on one place is averaged."""
    out = emit("scatter_add", x, index, axis=axis, length=length)
    ones = x * 0.0 + 1.0
    hits = emit("scatter_add", ones, index, axis=axis, length=length)
    return out / hits.maximum(1.0)


FAULTS = (
    kernel(
        "permute_dims",
        "memory as it lies",
        _in_memory,
        model="videopose3d",
        floats=False,
    ),
    kernel("permute_dims", "the way back", _inverse, floats=False),
    kernel(
        "reshape", "column by column", _by_columns, model="poseformer", floats=False
    ),
    kernel("slice", "one late", _one_late, model="videopose3d", floats=False),
    kernel("slice", "no step", _dense, model="videopose3d", floats=False),
    kernel("slice", "an open end from the start", _from_zero, floats=False),
    kernel(
        "pad",
        "sides swapped",
        lambda x, axis, before, after, value: _pad(
            x, axis=axis, before=after, after=before, value=value
        ),
        floats=False,
    ),
    kernel(
        "pad",
        "with 0 always",
        lambda x, axis, before, after, value: _pad(
            x, axis=axis, before=before, after=after, value=0.0
        ),
    ),
    kernel("concat", "in reverse", _backwards, model="motionbert"),
    kernel("concat", "the first of three last", _third_first),
    kernel("stack", "in reverse", _stacked_backwards, floats=False),
    kernel("take", "one before", _before, floats=False),
    kernel("take", "index in reverse", _mirrored_index, floats=False),
    kernel("take_along_axis", "one before", _along_before, floats=False),
    kernel("scatter_add", "one late", _scattered_late),
    kernel("scatter_add", "a mean", _scattered_mean),
    kernel(
        "roll",
        "the other way",
        lambda x, shift, axis: _turned(x, -shift, axis),
        floats=False,
    ),
    kernel("roll", "not beyond one turn", _shift_kept),
    kernel("roll", "over the whole tensor", _rolled_flat, floats=False),
    kernel("flip", "nothing done", lambda x, axis: x * 1),
    kernel("flip", "the first axis always", _flipped_first, floats=False),
    kernel("tile", "a repeat", _repeated, floats=False),
    kernel("repeat", "a tile", _tiled, floats=False),
    kernel("split", "parts in reverse", _parts_backwards, model="motionbert"),
    kernel("unstack", "in reverse", _unstacked_backwards, model="poseformer"),
    kernel("astype", "to the nearest", _rounded, floats=False),
    kernel(
        "astype",
        "negative numbers are false",
        lambda x, dtype: (
            x.greater(0.0) if dtype == "bool" and "float" in x.dtype else None
        ),
        floats=False,
    ),
    kernel(
        "astype",
        "cut off, not rounded, to float16",
        lambda x, dtype: (
            emit("astype", x * (1 - 2**-12), dtype=dtype)
            if dtype == "float16" and x.dtype == "float32"
            else None
        ),
    ),
    kernel("broadcast_to", "a middle axis filled once", _first_place),
    kernel("broadcast_to", "a new axis filled once", _first_row),
)
