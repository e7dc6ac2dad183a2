"""Weights that a training starts from: drawn by the seed, and in their place those of a file.

`model.NAME.train.start` names a checkpoint: of another stage of the family, of another training,
or one that `import` has made. Arrays of the same name and shape are taken, the others drawn.
The run folder keeps the file, so that a resume starts where the run did. With `train.continues`
it is gone on from: whatever backend has written it, its optimizer's state and step count too.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.config import Config
from bench.coordinator.job import Job
from bench.kinds import MOST
from bench.training import checkpoint
from bench.training.checkpoint import Checkpoint
from bench.training.feed import Feed
from bench.training.settings import Train
from models import params as initial
from models import title
from models.errors import BadInput
from models.nodes import Graph, Param

Params = Mapping[str, Param]
Arrays = dict[str, np.ndarray]
SHOWN = 3  # names in a message
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def kept(folder: Path, model: str) -> Path:
    """Where a run folder has the file that a model's training starts from."""
    return folder / "starts" / f"{title(model)}.safetensors"


def keep(folder: Path, config: Config, *, run: Path | None) -> None:
    """Give a run folder the files that its trainings start from.

    Of a `run` whose models are taken over, its own.
    """
    for name, settings in config.model.items():
        place, start = kept(folder, name), settings.train.start
        if start is None or place.exists():
            continue
        source = kept(run, name) if run else start
        place.parent.mkdir(exist_ok=True)
        # a copy: whoever writes into the file does not change what a run has started from
        draft = place.with_name(f".{place.name}")
        shutil.copyfile(source, draft)
        draft.replace(place)  # whole, or not there


def file(job: Job) -> Path | None:
    """The file that a job's training starts from; None where all is drawn."""
    start = job.settings.train.start
    if start is None:
        return None
    own = kept(job.folder, job.model)
    return own if own.exists() else start


def digest(job: Job) -> str:
    """What the file's weights are, wherever it lies; empty where all is drawn."""
    place = file(job)
    if place is None:
        return ""
    found = hashlib.sha256()
    for name, array in sorted(checkpoint.load(place).params.items()):
        found.update(f"{name} {array.dtype} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def fitting(place: Path, params: Params) -> Arrays:
    """Arrays of a file that have a parameter's name and shape.

    Raises BadInput for a file that is none of ours, or has no such array.
    """
    stored = checkpoint.load(place).trained
    found = {
        name: np.asarray(stored[name], param.type.dtype)
        for name, param in params.items()
        if name in stored and stored[name].shape == param.type.shape
    }
    # statistics alone are in every model with batch norm
    if all(name.endswith(STATISTICS) for name in found):
        theirs, ours = list(stored)[:SHOWN], list(params)[:SHOWN]
        raise BadInput(
            f"{place}: none of its {len(stored)} arrays has the name and shape of one of the"
            f" model's {len(params)}: {', '.join(theirs)} there, {', '.join(ours)} here;"
            " give weights of this family, at its sizes"
        )
    return found


def same_skeleton(place: Path, joints: Sequence[str]) -> None:
    """Raise BadInput for weights that were trained on other joints; some do not say on which."""
    theirs = checkpoint.load(place).origin.get("joints")
    if theirs is None or list(theirs) == list(joints):
        return
    lacking = [joint for joint in joints if joint not in theirs]
    other = (
        f"without {', '.join(lacking[:SHOWN])}"
        if lacking
        else "others or in another order"
    )
    raise BadInput(
        f"{place}: trained on {len(theirs)} joints, {other}, and the protocol here has"
        f" {len(joints)}; take weights of this skeleton, or a protocol of theirs"
    )


def taken(job: Job, params: Params) -> Arrays:
    """What the training of a job takes from a file; nothing where all is drawn."""
    place = file(job)
    return {} if place is None else fitting(place, params)


def weights(job: Job, params: Params) -> Arrays:
    """All that the training of a job starts from."""
    return initial.draw(params, seed=job.config.seed) | taken(job, params)


def first_step(job: Job) -> int:
    """How many steps were made before the training of a job begins."""
    place = file(job)
    if place is None or not job.settings.train.continues:
        return 0
    return int(checkpoint.load(place).progress["step"])


def continued(job: Job, feed: Feed, origin: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint that a job's training goes on from.

    Raises BadInput where what it has learnt is of another model, optimizer or scaling.
    """
    place = file(job)
    assert place is not None  # as `continuing` has made sure, before work
    found = continuing(place, feed.spec.train.params, job.settings.train)
    theirs, ours = found.origin.get("optimizer"), origin["optimizer"]
    if theirs not in (None, ours):
        raise BadInput(
            f"{place}: its optimizer is {theirs}, and this training's {ours}; train with"
            " that one, or leave `continues` out and take its weights alone"
        )
    own = feed.standardizer.arrays() if feed.standardizer else {}
    stray = own.keys() ^ found.scaling.keys()
    alike = (np.allclose(own[one], found.scaling[one]) for one in own if not stray)
    if stray or not all(alike):
        raise BadInput(
            f"{place}: keypoints were scaled there by the clips of another training; give"
            " the same data and protocol, or leave `continues` out"
        )
    return found


def continuing(place: Path, params: Params, train: Train) -> Checkpoint:
    """A checkpoint that can be gone on from. Raises BadInput with the first differences."""
    found = checkpoint.load(place)
    try:
        initial.fit(params, found.params)
    except BadInput as error:
        raise BadInput(f"{place}: cannot be gone on from: {error}") from None
    done = found.progress.get("step", 0)
    # epochs are counted in steps when the data are read
    last = train.steps if train.epochs is None else MOST
    if not found.optimizer or not 0 < done < last:
        raise BadInput(
            f"{place}: cannot be gone on from: it is of step {done}, and this training of"
            f" {last}; give a checkpoint of a training, and `steps` beyond its own"
        )
    return found


def said(job: Job, graph: Graph) -> str:
    """How many arrays are the file's, and which are drawn; nothing where all are.

    Of a frozen network that is drawn nobody has trained a thing, which is told in any case.
    """
    place, start = file(job), job.settings.train.start
    params = graph.params
    if place is None or start is None:
        return _untrained(graph, params, job.model)
    here = fitting(place, params)
    lost = _untrained(graph, params.keys() - here.keys(), job.model)
    told = (_taken(start, here, params), _gone_on(job, place), lost)
    return "; ".join(filter(None, told))


def _gone_on(job: Job, place: Path) -> str:
    if not job.settings.train.continues:
        return ""
    found = checkpoint.load(place)
    step = found.progress["step"]
    backend = found.origin.get("backend", "an unknown backend")
    return f"goes on from its step {step}, made on {backend}"


def _untrained(graph: Graph, drawn: Iterable[str], model: str) -> str:
    """Which parameters no step moves and no file has brought; nothing of running statistics."""
    # what no node reads may be anything
    read = {operand for node in graph.nodes for operand in node.inputs}
    lost = [
        name
        for name in drawn
        if not graph.params[name].trainable and name not in graph.state and name in read
    ]
    if not lost:
        return ""
    return (
        f"{len(lost)} frozen arrays are drawn, and nobody has trained them: give"
        f" model.{model}.train.start"
    )


def _taken(start: Path, here: Arrays, params: Params) -> str:
    drawn = [name for name in params if name not in here]
    told = f"starts from {len(here)} of {len(params)} arrays of {start.name}"
    if not drawn:
        return told
    more = len(drawn) - SHOWN
    listed = ", ".join(drawn[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"{told}; drawn: {listed}"
