"""Everything that can be wrong before work starts: names, sizes, data. Nothing is written here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import backends
import models
from bench import data, metrics, tasks
from bench.config import Config, Model, completed
from bench.coordinator import dataset
from bench.coordinator.spec import build, skin_of
from bench.data import Split, augment
from bench.data.formats import words
from bench.data.pictures import crops
from bench.data.protocols import Protocol
from bench.feasibility import manifest
from bench.parity import refused
from bench.parity.trial import sizes_of
from bench.training import (
    board,
    brought,
    checkpoint,
    heldout,
    optimizer,
    replicas,
    restored,
)
from models import ops
from models.dims import Shape
from models.errors import BadInput, SpecError, UnknownName, shortened
from models.sizes import kinds
from models.spec import Spec


def check(config: Config, *, resume: Path | None = None) -> Split | None:
    """Go through a configuration; the clips, where they had to be read.

    A run that is resumed, or whose models are taken, has them already. Raises BadInput,
    UnknownName or Missing.
    """
    protocol = check_settings(config, resume=resume)
    # Last, since it can take long: whoever misspelt a name is not made to wait for it.
    kept = resume is not None and dataset.is_kept(resume, config)
    reads = any(tasks.get(name).data for name in config.tasks)
    if not reads or kept:
        return None
    split = dataset.read(config)
    if "train" in config.tasks:
        for settings in config.model.values():
            heldout.divided(split, settings.train)
    if any(_looks(name, settings, protocol) for name, settings in config.model.items()):
        _check_clips(split)
    return split


def check_settings(config: Config, *, resume: Path | None = None) -> Protocol:
    """Whatever can be known without the clips. Raises as `check` does."""
    _check_names(config)
    protocol = _protocol(config)
    for name, settings in config.model.items():
        _check_asked(name, settings, config, protocol, resume)
    for steps in (config.augment, config.corrupt):
        augment.asked(steps)
    return protocol


def _check_asked(
    name: str, settings: Model, config: Config, protocol: Protocol, resume: Path | None
) -> None:
    """What a run asks of one of its models."""
    spec = check_model(name, settings, protocol)
    _check_hypotheses(spec, protocol)
    _check_masked(spec, settings)
    _check_pictures(spec, settings, config, protocol)
    if "train" in config.tasks:
        _check_start(spec, settings, protocol, resume)
        complete = completed(name, settings.train)
        optimizer.asked_for(complete, spec)
        replicas.check(name, complete, spec)
    if "evaluate" in config.tasks:
        _check_evaluated(name, spec, config)
    if "parity" in config.tasks:
        _check_ladder(name, settings, config, protocol)


def _check_names(config: Config) -> None:
    """Backends, ops and metrics. Raises UnknownName, or Missing."""
    for backend in config.backend:
        if backend in config.declared:
            manifest.read(config.declared[backend])
        else:
            backends.require(backend)
    _check_without(config)
    if config.tensorboard:
        board.check()
    for op in config.ops:
        ops.get(op)
    for metric in config.metrics:
        metrics.load(metric)
    if config.against and config.against not in config.backend:
        raise UnknownName("backend of this run", config.against, config.backend)
    restored.named(config.checkpoint)


def _check_without(config: Config) -> None:
    """Ops that are taken away. Raises BadInput where something would run with them after all."""
    for op in config.without:
        ops.get(op)
    others = [name for name in config.tasks if name != "feasibility"]
    if config.without and others:
        raise BadInput(
            f"configuration key without: it is about what can be expressed, and {others[0]}"
            " runs a backend as it is; ask `feasibility` alone, or leave it out"
        )


def _looks(name: str, settings: Model, protocol: Protocol) -> bool:
    return build(name, settings, protocol).reads == "images"


def _check_clips(split: Split) -> None:
    """Raise BadInput where pictures are due, and one is not there or not as it was stated."""
    clips = (*split.train, *split.test)
    for clip in clips:
        crops.check(clip, drawn=split.protocol.rig is not None)
    crops.check_files(clips, split.protocol.joints)


def _check_pictures(
    spec: Spec, settings: Model, config: Config, protocol: Protocol
) -> None:
    """Raise BadInput for a model of images where nothing of them can be fed or scored as asked."""
    if spec.reads != "images":
        return
    if protocol.lengths != "metric":
        raise BadInput(
            f"protocol {protocol.name} has lengths of {protocol.lengths}, and {spec.name}"
            " makes poses of crops, which are metric; take another protocol or model"
        )
    if completed(spec.name, settings.train).inputs == "zscore":
        raise BadInput(
            f"configuration key model.{spec.name}.train.inputs: zscore is of keypoints, and"
            f" {spec.name} reads images; say screen"
        )
    if config.augment and protocol.rig is None:
        raise BadInput(
            f"augment={config.augment}: steps change poses, and not the pictures that {spec.name}"
            " reads from files; leave augment or the model out"
        )


def _check_start(
    spec: Spec, settings: Model, protocol: Protocol, resume: Path | None
) -> None:
    """The file that a training starts from. Raises BadInput where nothing of it fits."""
    own = brought.kept(resume, spec.name) if resume else None
    place = own if own and own.exists() else settings.train.start
    train = settings.train
    if place is None:
        if train.continues:
            raise BadInput(
                f"configuration key model.{spec.name}.train.continues: which checkpoint,"
                " `start` beside it says; give both"
            )
        return
    brought.same_skeleton(place, protocol.joints)
    brought.fitting(place, spec.train.params)
    if train.continues:
        brought.continuing(place, spec.train.params, train)


def _check_evaluated(name: str, spec: Spec, config: Config) -> None:
    """The checkpoint that is to be evaluated. Raises BadInput where nobody keeps it, or none.

    And where it was chosen by what it is to be scored on: no test may choose.
    """
    train, key = config.model[name].train, f"--set model.{name}.train"
    keeps = config.run or train.keep.best
    if config.checkpoint == "best" and not keeps:
        raise BadInput(
            f"configuration key checkpoint: best, and the training of {name} keeps none;"
            f" {key}.keep.best=true keeps it"
        )
    if config.checkpoint == "best" and not heldout.asked(train):
        raise BadInput(
            f"configuration key checkpoint: best, which the training of {name} chooses by the"
            f" test; add {key}.validate_on=held-out to the training"
        )
    if config.checkpoint not in restored.NAMED and not config.run:
        place = Path(config.checkpoint)
        found = checkpoint.load(place).trained
        restored.inferred(place, found, spec.infer.params)


def _check_ladder(
    name: str, settings: Model, config: Config, protocol: Protocol
) -> None:
    """The sizes that the ladder is climbed at. Raises BadInput where they tell nothing."""
    sizes = sizes_of(config, settings)
    spec = check_model(name, sizes, protocol)
    if reason := refused.reason(spec, config.parity):
        raise BadInput(f"{name}: {reason}")


def _protocol(config: Config) -> Protocol:
    """The run's protocol. Raises BadInput for one whose rules contradict each other."""
    protocol = data.protocol_for(config.data, config.protocol)
    if protocol.hypotheses == "jpma" and protocol.lengths != "metric":
        raise BadInput(
            f"protocol {protocol.name} chooses joints by their projection, which lengths of"
            f" {protocol.lengths} do not have; give it metric lengths"
        )
    return protocol


def _check_hypotheses(spec: Spec, protocol: Protocol) -> None:
    """Raise BadInput for a model of one pose under a protocol that scores several."""
    if protocol.hypotheses != "one" and "hypotheses" not in spec.infer.outputs:
        raise BadInput(
            f"protocol {protocol.name} scores several poses for a frame, and {spec.name} gives"
            " one; leave the model or the protocol's `hypotheses` out"
        )


def _check_masked(spec: Spec, settings: Model) -> None:
    """Raise BadInput for overlapping windows of a masked model: each has masks of its own."""
    if settings.test_every and spec.masked:
        raise BadInput(
            f"configuration key model.{spec.name}.test_every: {settings.test_every};"
            f" {spec.name} hides another part of each window, whose predictions have no mean;"
            " leave it out"
        )


def check_model(name: str, settings: Model, protocol: Protocol) -> Spec:
    """A model, built once.

    Raises UnknownName, or BadInput naming the size that is of the wrong type or does not fit
    the others.
    """
    joints = len(protocol.joints)
    models.size(name, preset=settings.preset)
    if settings.sizes.get("joints", joints) != joints:
        raise BadInput(
            f"configuration key model.{name}.sizes.joints: {joints} was due, the joints of"
            " the protocol's skeleton; leave it out"
        )
    types = kinds(models.module(name).Size)
    for key, value in settings.sizes.items():
        # of a key that is none, building says so
        due = types.get(key, object)
        if not _fits(value, due):
            raise BadInput(
                f"configuration key model.{name}.sizes.{key}: {words.called(due)} was due,"
                f" got {words.value(value)}"
            )
    try:
        spec = build(name, settings, protocol)
        _fed(spec, joints)
        skin = skin_of(spec, settings, protocol)
    # of sizes that were asked for; what is wrong with a preset is the model's own mistake
    except BadInput as error:
        if not (settings.sizes and isinstance(error, SpecError)):
            raise
        raise _no_network(name, settings, error) from None
    except (ArithmeticError, TypeError, ValueError) as error:
        raise _no_network(name, settings, error) from None
    if settings.body and not skin:
        raise BadInput(
            f"configuration key model.{name}.body: {name} makes no surface; leave it out"
        )
    return spec


def _fed(spec: Spec, joints: int) -> None:
    """Raise SpecError where no data of this skeleton go into a model, or no pose comes out."""
    if spec.makes == spec.reads and not spec.masked:
        raise SpecError(
            f"{spec.reads} go in and {spec.makes} come out, of which nothing is hidden: to"
            " copy them would be no error; take a stage that masks"
        )
    if spec.reads == "images":
        _pictures_fed(spec, joints)
        return
    keypoints = spec.train.inputs[spec.reads].shape
    pose = spec.train.types[spec.train.outputs["pose"]].shape
    # (batch, joints * channels) of a flat model, else (batch, frames, joints, channels)
    flat = len(keypoints) == 2
    if flat and spec.frames != 1:
        raise SpecError(f"{spec.reads} of 1 frame go in, and frames is {spec.frames}")
    read = (3,) if spec.reads == "poses" else (2, 3)
    taken: list[Shape] = [
        (joints * channels,) if flat else (joints, channels) for channels in read
    ]
    made = 3 if spec.makes == "poses" else 2
    given: Shape = (joints * made,) if flat else (joints, made)
    # without batch and frames
    into, out = keypoints[-len(given) :], pose[-len(given) :]
    if into not in taken:
        due = " or ".join(map(str, taken))
        raise SpecError(f"{spec.reads} are (..., {due}), and this takes {into}")
    if out != given:
        raise SpecError(f"{spec.makes} are (..., {given}), and this gives {out}")


def _pictures_fed(spec: Spec, joints: int) -> None:
    """Raise SpecError for a model of images that no crops go into, or no single pose comes out."""
    taken = spec.train.inputs["images"].shape
    given = spec.train.types[spec.train.outputs["pose"]].shape
    fixed = len(taken) == 4 and all(isinstance(side, int) for side in taken[1:])
    if not fixed or taken[1] != 3:
        raise SpecError(f"images are (batch, 3, height, width), and this takes {taken}")
    if given[1:] != (1, joints, 3):
        raise SpecError(
            f"poses of images are (batch, 1, {joints}, 3), and this gives {given}"
        )


def _no_network(name: str, settings: Model, error: Exception) -> BadInput:
    return BadInput(
        f"configuration key model.{name}.sizes: {shortened(settings.sizes)} make no network:"
        f" {error}"
    )


def _fits(value: Any, due: type) -> bool:
    """Whether a value from YAML may stand where a size of type `due` does."""
    # To Python a truth value is a whole number; to whoever wrote `width: true` it is a mistake.
    if isinstance(value, bool) or due is bool:
        return isinstance(value, bool) and due is bool
    taken: dict[type, tuple[type, ...]] = {
        int: (int,),
        float: (int, float),
        tuple: (list, tuple),  # YAML has lists alone
    }
    return due not in taken or isinstance(value, taken[due])
