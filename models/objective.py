"""What a train graph ends in: a weighted sum of losses between the pose and its target."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path

from models import folder
from models.body import Body
from models.dims import fixed
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
    (batch, frames, joints, 3), or (batch, joints * 3) of single frames, or the surface that the
    model has labelled `vertices` with an input of that name; the model's own take the pose and
    declare what else they need. Raises UnknownName for a loss that is neither,
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


def _unfolded(pose: Value) -> Value:
    """(batch, frames, joints, 3), as losses take poses; those of a flat model come flat."""
    if len(pose.shape) == 2:
        return pose.rearrange("b (f j c) -> b f j c", f=1, c=3)
    return pose


def _term(name: str, pose: Value, body: Body | None, own: Mapping[str, Term]) -> Value:
    if name in own:
        return own[name](pose)
    known = folder.files(LOSSES)
    if name not in known:
        raise UnknownName("loss", name, [*known, *own])
    loss: Callable[..., Value] = getattr(
        importlib.import_module(f"models.losses.{name}"), name
    )
    # what a loss needs, its own signature says
    given = {}
    for need, parameter in inspect.signature(loss).parameters.items():
        if parameter.default is not parameter.empty:
            continue
        if need not in GIVEN:
            raise BadInput(
                f"loss {name} asks for {need!r}, which no model gives; {', '.join(GIVEN)} may"
                " be asked for"
            )
        given[need] = GIVEN[need](name, pose, body)
    return loss(**given)


def _pose(name: str, pose: Value, body: Body | None) -> Value:
    return _unfolded(pose)


def _target(name: str, pose: Value, body: Body | None) -> Value:
    return _unfolded(pose.graph.input("target", pose.shape))


def _vertices(name: str, pose: Value, body: Body | None) -> Value:
    try:
        return pose.graph.labelled("vertices")
    except UnknownName:
        raise BadInput(
            f"loss {name} is of a mesh, and this model makes none; leave it out of the loss"
        ) from None


def _surface(name: str, pose: Value, body: Body | None) -> Value:
    made = _vertices(name, pose, body)
    return pose.graph.input("vertices", made.shape)


def _skeleton(name: str, pose: Value, body: Body | None) -> Body:
    if body is None:
        raise BadInput(
            f"loss {name} needs the skeleton, and none was given; build the model with"
            " body=models.Body(joints=..., bones=..., weights=...)"
        )
    flat = len(pose.shape) == 2
    joints = fixed(pose.shape[-1]) // 3 if flat else pose.shape[-2]
    if joints != len(body.joints):
        raise BadInput(
            f"loss {name}: the body has {len(body.joints)} joints, the pose {joints};"
            " give the body of the poses that the model makes"
        )
    return body


# what a loss may ask for, by the name of its parameter
GIVEN: Mapping[str, Callable[[str, Value, Body | None], Value | Body]] = {
    "pose": _pose,
    "target": _target,
    "vertices": _vertices,
    "surface": _surface,
    "body": _skeleton,
}
