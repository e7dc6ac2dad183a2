"""The model of a cell: its file's Spec, for the skeleton of the run's protocol."""

from __future__ import annotations

from typing import Any

import models
from bench import data
from bench.config import Model
from bench.coordinator.job import Job
from bench.data.geometry import skeletons
from bench.data.protocols import Protocol
from models import Body, Spec
from models.errors import UnknownName
from models.sizes import kinds


def spec_of(job: Job) -> Spec:
    """The model of a job, under its run's protocol."""
    protocol = data.protocol_for(job.config.data, job.config.protocol)
    return build(job.model, job.settings, protocol)


def build(name: str, settings: Model, protocol: Protocol) -> Spec:
    """A model as its settings ask for it.

    Raises UnknownName for a size, loss, preset or joint that does not exist.
    """
    train = settings.train
    return models.build(
        name,
        preset=settings.preset,
        loss=train.loss,
        body=body_of(protocol, train.joint_weights),
        **{**skeleton_sizes(name, protocol), **settings.sizes},
    )


def skeleton_sizes(name: str, protocol: Protocol) -> dict[str, Any]:
    """The sizes of a model that follow from the protocol's skeleton.

    `joints`, and `left` and `right`, the joints that mirror each other, where it has them.
    """
    skeleton = skeletons.load(protocol.skeleton)
    known = kinds(models.module(name).Size)
    sides = {"left": skeleton.left, "right": skeleton.right}
    mirrored = {size: joints for size, joints in sides.items() if size in known}
    return {"joints": len(protocol.joints), **mirrored}


def body_of(protocol: Protocol, weights: dict[str, float]) -> Body:
    """What losses may know of the protocol's skeleton; joints without a weight count once."""
    joints = protocol.joints
    for stray in set(weights) - set(joints):
        raise UnknownName(f"joint of skeleton {protocol.skeleton}", stray, joints)
    return Body(
        joints=joints,
        bones=skeletons.load(protocol.skeleton).bones,
        # None rather than ones, which would be a constant in the graph
        weights=tuple(weights.get(joint, 1.0) for joint in joints) if weights else None,
    )
