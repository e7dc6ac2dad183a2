"""The model that is asked for: of a cell, for the run's skeleton, or by options of a command."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, replace
from typing import Any

import models
from bench import data
from bench.config import Config, Model
from bench.coordinator.job import Job
from bench.data.formats import yaml_file
from bench.data.geometry import skeletons, smpl
from bench.data.geometry.skinning import Skin
from bench.data.protocols import Protocol
from bench.training import groups
from models import Body, Mesh, Spec, averaging, freezing, momentum
from models.errors import BadInput, SpecError, UnknownName, shortened
from models.human import human
from models.sizes import kinds

# models that were built in this process, where `remembering` asks for it
_BUILT: ContextVar[dict[tuple[str, ...], Spec] | None] = ContextVar(
    "built", default=None
)


@contextmanager
def remembering(*, wanted: bool) -> Iterator[None]:
    """Build each model once where it is `wanted`: one process checks it, and judges it later."""
    before = _BUILT.set({} if wanted else None)
    try:
        yield
    finally:
        _BUILT.reset(before)


def spec_of(job: Job) -> Spec:
    """The model of a job, under its run's protocol."""
    protocol = data.protocol_for(job.config.data, job.config.protocol)
    return build(job.model, job.settings, protocol)


def build(name: str, settings: Model, protocol: Protocol) -> Spec:
    """A model as its settings ask for it.

    Raises UnknownName for a size, loss, preset, joint or parameter that does not exist.
    """
    built = _BUILT.get()
    if built is None:
        return _built(name, settings, protocol)
    key = (name, deciding(settings), protocol.name)
    if key not in built:
        built[key] = _built(name, settings, protocol)
    return built[key]


def deciding(settings: Model) -> str:
    """What of a model's settings decides its graphs, as `_built` reads it: few trainings do."""
    train = settings.train
    said = settings.model_dump(mode="json", include={"preset", "sizes", "body"})
    keys = {"loss", "joint_weights", "groups", "norm_momentum", "average"}
    if train.norm_momentum or train.average is not None:
        # falls and means go by batches
        keys |= {"steps", "accumulate"}
    said["train"] = train.model_dump(mode="json", include=keys)
    return json.dumps(said)


def _built(name: str, settings: Model, protocol: Protocol) -> Spec:
    train = settings.train
    chosen = _size(name, settings, protocol)
    body = body_of(protocol, train.joint_weights)
    spec = models.assemble(
        name,
        chosen,
        loss=train.loss,
        body=replace(body, mesh=mesh_of(asdict(chosen), settings, protocol)),
    )
    graph = spec.train
    if train.groups:
        names = groups.frozen(train.groups, graph.trainable())
        graph = freezing.frozen(graph, names)
    if falls := train.norm_momentum:
        batches = (falls.over or train.steps) * train.accumulate
        graph = momentum.falling(graph, falls.start, falls.end, batches)
    if train.average is not None:
        # a step of several batches weighs as one
        graph = averaging.averaged(graph, train.average ** (1 / train.accumulate))
    return spec if graph is spec.train else replace(spec, train=graph)


def _size(name: str, settings: Model, protocol: Protocol) -> Any:
    sizes = {**skeleton_sizes(name, protocol), **settings.sizes}
    return models.size(name, preset=settings.preset, **sizes)


def finest_mesh(config: Config, protocol: Protocol) -> Mesh | None:
    """Of the meshes of a run's models the one of most vertices; None where none makes a surface."""
    meshes = []
    for name, settings in config.model.items():
        size = asdict(_size(name, settings, protocol))
        if mesh := mesh_of(size, settings, protocol):
            meshes.append(mesh)
    return max(meshes, key=lambda mesh: len(mesh.vertices), default=None)


def mesh_of(
    sizes: Mapping[str, Any], settings: Model, protocol: Protocol
) -> Mesh | None:
    """The mesh of a model that has a size `detail`, for the protocol's joints; else None.

    Of the file that the settings name, or the built-in one. Raises BadInput where that file is
    none, or a body lacks a joint.
    """
    if "detail" not in sizes:
        return None
    if settings.body:
        return smpl.mesh(settings.body, protocol.joints)
    return human(sizes["detail"], protocol.joints)


def skin_of(spec: Spec, settings: Model, protocol: Protocol) -> Skin | None:
    """The body that a model's surface is of; None where it makes none.

    Raises BadInput for a surface that the protocol's poses cannot teach.
    """
    if not spec.meshed:
        return None
    mesh = mesh_of(spec.config, settings, protocol)
    types, outputs = spec.infer.types, spec.infer.outputs
    pose, vertices = types[outputs["pose"]].shape, types[outputs["vertices"]].shape
    if mesh is None or vertices[1:] != (len(mesh.vertices), 3) or pose[1:2] != (1,):
        due = f"{len(mesh.vertices)} vertices" if mesh else "a size `detail`"
        raise SpecError(
            f"{spec.name} makes a surface {vertices} with poses {pose}; {due} was due, beside"
            " the pose of one frame"
        )
    if protocol.lengths != "metric":
        raise BadInput(
            f"{spec.name} makes a surface in metres, and protocol {protocol.name} is of"
            f" {protocol.lengths} lengths; take one of metric lengths"
        )
    return Skin(mesh, protocol.joints)


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


def sizes(pairs: Sequence[str]) -> dict[str, Any]:
    """`["width=128"]` -> {"width": 128}; the value is YAML.

    Raises BadInput for what is no pair.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        try:
            value = yaml_file.parse(text)
        except BadInput:
            equals = ""  # as wrong as no value at all, and told alike
        if not equals:
            raise BadInput(
                f"--size {shortened(pair)}: key=value was due, for example --size width=128"
            )
        found[key] = tuple(value) if isinstance(value, list) else value
    return found


def asked(model: str, preset: str, given: Mapping[str, Any]) -> Spec:
    """A model by the options `--model`, `--preset` and `--size`.

    Raises BadInput, in these terms, for what does not exist or makes no network.
    """
    # JSON, by which an order reaches a child, knows no tuples
    whole: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in given.items()
    }
    try:
        return models.build(model, preset=preset, **whole)
    except SpecError as error:
        if not whole:  # the model's own mistake, in the model's own terms
            raise
        raise _not_sizes(model, whole, error) from None
    except BadInput:
        raise
    # what a model does with a word where a number was due, or with nought
    except (ArithmeticError, TypeError, ValueError) as error:
        raise _not_sizes(model, whole, error) from None


def _not_sizes(model: str, given: Mapping[str, Any], error: Exception) -> BadInput:
    listed = ", ".join(f"{key}={value!r}" for key, value in given.items())
    listed = shortened(listed)
    return BadInput(
        f"--size {listed}: not a size of {model}: {error}; see python -m bench models {model}"
    )
