"""Reductions over axes, whole (Reduce operators) or running along one."""

from __future__ import annotations

from collections.abc import Callable

from bench.exam.third_party.mapping.call import Call, NotMappable, lengths, rank, total
from models.value import Value, emit

Reduction = Callable[[Value, tuple[int, ...], bool], Value]


def reduction(rule: Reduction) -> Callable[[Call], Value]:
    """A mapping of a Reduce operator.

    Axes are an attribute (older opsets) or an input, all where there are none.
    """

    def mapping(call: Call) -> Value:
        x = call.x()
        asked = call.ints(1) if call.has(1) else call.attribute("axes", ())
        if not asked and call.flag("noop_with_empty_axes"):
            return _untouched(call, rule)
        axes = tuple(sorted(axis % rank(x) for axis in asked))
        everything = tuple(range(rank(x)))
        return rule(x, axes or everything, call.flag("keepdims", default=True))

    return mapping


def _untouched(call: Call, rule: Reduction) -> Value:
    """Nothing is reduced, which is a reduction over a new axis of length 1.

    What the rule does to each element (a magnitude, a square) is done all the same.
    """
    return rule(call.x().expand_dims(axis=0), (0,), False)


def _plain(op: str) -> Reduction:
    return lambda x, axes, keep: emit(op, x, axis=axes, keepdims=keep)


def _extreme(op: str) -> Reduction:
    def rule(x: Value, axes: tuple[int, ...], keep: bool) -> Value:
        if any(lengths(x)[axis] == 0 for axis in axes):
            raise NotMappable("the extreme of nothing is an error in the language")
        if x.dtype == "bool":
            # the language has extremes of numbers only
            numbers = x.astype("int32")
            return emit(op, numbers, axis=axes, keepdims=keep).astype("bool")
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
    """The factors of one axis after the other, multiplied one by one.

    The product of nothing is 1.
    """
    # from the last axis on, so that those still to come keep their numbers
    for axis in sorted(axes, reverse=True):
        if lengths(x)[axis] == 0:
            x = x.sum(axis=axis, keepdims=True) + 1.0
        else:
            factors = [part.expand_dims(axis=axis) for part in x.unstack(axis=axis)]
            x = total(factors, "multiply")
        x = x if keep else x.squeeze(axis=axis)
    return x


def running(op: str, empty: int) -> Callable[[Call], Value]:
    """CumSum or CumProd: folded step by step.

    `exclusive` begins with the result of nothing, `reverse` comes from the end.
    """

    def mapping(call: Call) -> Value:
        x = call.x()
        axis = int(call.static(1)) % rank(x)
        order = -1 if call.flag("reverse") else 1
        steps = [part.expand_dims(axis=axis) for part in x.unstack(axis=axis)]
        steps = steps[::order]
        if call.flag("exclusive"):
            # zeros of the shape and type of a step
            nothing = emit("subtract", steps[0], steps[0])
            steps = [nothing + empty, *steps[:-1]]
        sums = [total(steps[: i + 1], op) for i in range(len(steps))]
        sums = sums[::order]
        return sums[0].concat(*sums[1:], axis=axis)

    return mapping


MAP: dict[str, Callable[[Call], Value]] = {
    "CumProd": running("multiply", empty=1),
    "CumSum": running("add", empty=0),
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
