"""Losses of class scores against class numbers."""

from __future__ import annotations

from bench.exam.third_party.mapping.call import Call, flattened, where
from bench.exam.third_party.mapping.softmax import log_weights
from models.value import Value, emit


def negative_log_likelihood(call: Call) -> Value:
    """Minus the score of the due class.

    Weighted by class, summed or averaged over the weights.
    """
    return _loss(call, call.x(0))


def cross_entropy(call: Call) -> list[Value]:
    """The same on the log of the softmax, which is the second output."""
    logs = log_weights(call.x(0), 1)
    return [_loss(call, logs), logs]


def _loss(call: Call, logs: Value) -> Value:
    target = call.x(1)
    ignored = call.attribute("ignore_index")
    left_out = None if ignored is None else emit("equal", target, ignored)
    # an ignored number may lie outside the classes
    place = target if left_out is None else where(left_out, 0, target)
    # classes are the second axis, (batch, classes, ...)
    due = place.expand_dims(axis=1)
    score = -logs.take_along_axis(due, axis=1).squeeze(axis=1)
    weight = _weight(call, place, score, left_out)
    loss = score if weight is None else score * weight
    axes = tuple(range(len(loss.shape)))
    match call.attribute("reduction", "mean"):
        case "none":
            return loss
        case "sum":
            return loss.sum(axis=axes, keepdims=False)
    if weight is None:
        return loss.mean(axis=axes, keepdims=False)
    # the mean over weights, not over elements: those left out weigh nothing
    whole = weight.sum(axis=axes, keepdims=False)
    return loss.sum(axis=axes, keepdims=False) / whole


def _weight(
    call: Call,
    place: Value,
    like: Value,
    left_out: Value | None,
) -> Value | None:
    """The weight of each element's class, 0 for those left out; None where all are 1."""
    weight = None
    if call.has(2):
        rows = call.x(2).take(flattened(place), axis=0)
        weight = rows.reshape(place.shape)
    if left_out is None:
        return weight
    if weight is None:
        return emit("logical_not", left_out).astype(like.dtype)
    return where(left_out, 0.0, weight)


MAP = {
    "NegativeLogLikelihoodLoss": negative_log_likelihood,
    "SoftmaxCrossEntropyLoss": cross_entropy,
}
