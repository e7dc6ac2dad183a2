"""Reductions over axes, whole (Reduce operators) or running along one."""

from __future__ import annotations

from collections.abc import Callable

from bench.exam.third_party.mapping.call import Call, NotMappable, lengths, rank, total
from models.value import Value, emit

Reduction = Callable[[Value, tuple[int, ...], bool], Value]


def reduction(rule: Reduction) -> Callable[[Call], Value]:
    """A mapping of a Reduce operator: axes as an attribute (older opsets) or an input, all
    where there are none.
    """

    def mapping(call: Call) -> Value:
        x = call.x()
        asked = tuple(call.ints(1)) if call.has(1) else tuple(call.attribute("axes", ()))
        if not asked and call.attribute("noop_with_empty_axes", 0):
            return _untouched(call, rule)
        axes = tuple(sorted(axis % rank(x) for axis in asked)) or tuple(range(rank(x)))
        return rule(x, axes, bool(call.attribute("keepdims", 1)))

    return mapping


def _untouched(call: Call, rule: Reduction) -> Value:
    """Nothing is reduced, which is a reduction over a new axis of length 1."""
    return rule(call.x().expand_dims(axis=0), (0,), False)


def _plain(op: str) -> Reduction:
    return lambda x, axes, keep: emit(op, x, axis=axes, keepdims=keep)


def _extreme(op: str) -> Reduction:
    def rule(x: Value, axes: tuple[int, ...], keep: bool) -> Value:
        if any(lengths(x)[axis] == 0 for axis in axes):
            raise NotMappable("the extreme of nothing is an error in the language")
        if x.dtype == "bool":
            return emit(op, x.astype("int32"), axis=axes, keepdims=keep).astype("bool")
        return emit(op, x, axis=axes, keepdims=keep)

    return rule


def _sum(x: Value, axes: tuple[int, ...], keep: bool) -> Value:
    return x.sum(axis=axes, keepdims=keep)


def l1(x: Value, axes: tuple[int, ...], keep: bool) -> Value:
    """Sum of magnitudes."""
    return _sum(emit("abs", x), axes, keep)


def _squares(x: Value, axes: tuple[int, ...], keep: bool) -> Value:
    return _sum(x * x, axes, keep)


def l2(x: Value, axes: tuple[int, ...], keep: bool) -> Value:
    """Root of the sum of squares."""
    return emit("sqrt", _squares(x, axes, keep))


def _log_sum(x: Value, axes: tuple[int, ...], keep: bool) -> Value:
    return emit("log", _sum(x, axes, keep))


def _log_sum_exp(x: Value, axes: tuple[int, ...], keep: bool) -> Value:
    return emit("log", _sum(emit("exp", x), axes, keep))


def _product(x: Value, axes: tuple[int, ...], keep: bool) -> Value:
    """The factors of one axis after the other, multiplied one by one; the product of
    nothing is 1.
    """
    for axis in sorted(axes, reverse=True):
        if lengths(x)[axis] == 0:
            x = x.sum(axis=axis, keepdims=True) + 1.0
        else:
            x = total(
                [part.expand_dims(axis=axis) for part in x.unstack(axis=axis)], "multiply"
            )
        x = x if keep else x.squeeze(axis=axis)
    return x


def running(op: str) -> Callable[[Call], Value]:
    """CumSum or CumProd: folded step by step; `exclusive` begins with nothing, `reverse`
    comes from the end.
    """

    def mapping(call: Call) -> Value:
        x = call.x()
        axis = int(call.static(1)) % rank(x)
        steps = [part.expand_dims(axis=axis) for part in x.unstack(axis=axis)]
        steps = steps[::-1] if call.attribute("reverse", 0) else steps
        if call.attribute("exclusive", 0):
            steps = [
                emit("subtract", steps[0], steps[0]) + (op == "multiply") * 1,
                *steps[:-1],
            ]
        sums = [total(steps[: i + 1], op) for i in range(len(steps))]
        sums = sums[::-1] if call.attribute("reverse", 0) else sums
        return sums[0].concat(*sums[1:], axis=axis)

    return mapping


MAP: dict[str, Callable[[Call], Value]] = {
    "CumProd": running("multiply"),
    "CumSum": running("add"),
    "ReduceL1": reduction(l1),
    "ReduceL2": reduction(l2),
    "ReduceLogSum": reduction(_log_sum),
    "ReduceLogSumExp": reduction(_log_sum_exp),
    "ReduceMax": reduction(_extreme("max")),
    "ReduceMean": reduction(_plain("mean")),
    "ReduceMin": reduction(_extreme("min")),
    "ReduceProd": reduction(_product),
    "ReduceSum": reduction(_plain("sum")),
    "ReduceSumSquare": reduction(_squares),
}
