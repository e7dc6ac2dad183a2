"""What a train graph ends in: a weighted sum of losses between the pose and its target."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path

from models import folder
from models.body import Body
from models.errors import BadInput, UnknownName
from models.value import Value

LOSSES = Path(__file__).with_name("losses")
Term = Callable[[Value], Value]


def total(
    pose: Value,
    weights: Mapping[str, float],
    body: Body | None,
    own: Mapping[str, Term] | None = None,
) -> Value:
    """Weighted sum of losses by name: the model's own, or files of `losses/`.

    Those of the folder compare the pose with an input `target` like it, in metres, both
    (batch, frames, joints, 3), or (batch, joints * 3) of single frames; the model's own take
    the pose and declare what else they need. Raises UnknownName for a loss that is neither,
    BadInput for none at all or a missing body.
    """
    summed: Value | None = None
    for name, weight in weights.items():
        term = _term(name, pose, body, own or {})
        # a factor of 1 would be a node in every graph
        part = term if weight == 1 else term * weight
        summed = part if summed is None else summed + part
    if summed is None:
        known = ", ".join([*folder.files(LOSSES), *(own or {})])
        raise BadInput(f"a loss needs at least one term; known: {known}")
    return summed


def _unfolded(flat: Value) -> Value:
    return flat.rearrange("b (f j c) -> b f j c", f=1, c=3)


def _term(name: str, pose: Value, body: Body | None, own: Mapping[str, Term]) -> Value:
    if name in own:
        return own[name](pose)
    known = folder.files(LOSSES)
    if name not in known:
        raise UnknownName("loss", name, [*known, *own])
    target = pose.graph.input("target", pose.shape)
    if len(pose.shape) == 2:
        pose, target = _unfolded(pose), _unfolded(target)
    loss: Callable[..., Value] = getattr(
        importlib.import_module(f"models.losses.{name}"), name
    )
    # what a loss needs, its own signature says
    if "body" not in inspect.signature(loss).parameters:
        return loss(pose, target)
    if body is None:
        raise BadInput(
            f"loss {name} needs the skeleton, and none was given; build the model with"
            " body=models.Body(joints=..., bones=..., weights=...)"
        )
    if pose.shape[2] != len(body.joints):
        raise BadInput(
            f"loss {name}: the body has {len(body.joints)} joints, the pose {pose.shape[2]};"
            " give the body of the poses that the model makes"
        )
    return loss(pose, target, body=body)
