"""Taking a model away: a graph with its weights as a file of one framework.

The file is read back and held against what it was made from.

The framework runs in a process of its own (`python -m bench.takeaway.export ORDER`, the
order as JSON), which writes into a folder beside the target. The parent moves what it finds
there into place once it has been read back, so nothing half-written is ever seen.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import backends
from backends.base import Format, Portable, Settings, Unsupported
from bench.coordinator.spec import asked
from bench.data.batches import standardizer
from bench.data.formats import places
from bench.parity import budget
from bench.processes import calls, contract, question
from bench.processes.blame import RAISED, said
from bench.processes.contract import Watch, bare
from bench.takeaway import checking, placing
from bench.takeaway.about import about
from bench.takeaway.preprocessing import MEAN, STD, with_preprocessing
from bench.training import checkpoint
from bench.training.checkpoint import Checkpoint
from bench.training.origin import UNITS
from models import params as initial
from models import wrappers
from models.errors import BadInput, PosePortError, UnknownName
from models.graph import Graph, Type
from models.spec import Spec

Arrays = dict[str, np.ndarray]
LONGEST = 10_000  # frames of a clip in one call, which is minutes of video


@dataclass(frozen=True)
class Order:
    """What to write where.

    `weights` is a checkpoint; without one they are drawn from `seed`.
    """

    model: str
    format: str
    out: str
    graph: str = "infer"
    preset: str = "paper"
    sizes: Mapping[str, Any] = field(default_factory=dict)
    weights: str | None = None
    seed: int = 0
    with_preprocessing: bool = False  # pixels in, millimetres out
    mean: bool = False  # of hypotheses, as the pose
    clip: int | None = None  # frames of a whole clip, in place of a window's
    options: Mapping[str, Any] = field(default_factory=dict)  # of the format


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written, what it is called with, and how far it is off.

    That is from the program it was made of, relative to the largest value.
    """

    ok: bool
    path: str
    format: str
    backend: str
    model: str
    graph: str
    inputs: Mapping[str, str]  # shapes, in the order of a call; noise is an input
    outputs: Mapping[str, str]
    # bytes of each; none where the file did not agree and was thrown away
    files: Mapping[str, int]
    error: float | None  # None: not finite, or of another shape
    bound: float
    # mean and std that keypoints are standardised by, where the weights were trained so
    scaling: Mapping[str, Any]
    about: Mapping[str, Any]  # what the file says of itself (`about.py`)


@dataclass(frozen=True)
class Content:
    """What goes into the file, and what a caller must know to feed it.

    How its keypoints are to be scaled (empty where they are not), the frames of a training
    window, and what the file says of itself.
    """

    graph: Graph
    params: Arrays
    scaling: Arrays
    frames: int
    about: Mapping[str, Any]


def export(order: Order) -> Exported:
    """Write the file, unless what is read back differs.

    Raises BadInput, UnknownName, Missing; nothing is written then.
    """
    owner, about = backends.exporter(order.format)
    out = Path(order.out)
    placing.check(out, order.format, about)
    _check_options(order, about)
    # Every mistake in the order is found here, before a framework is started, and told even
    # where the framework is missing.
    found = content(order)
    backends.require(owner)
    bound = budget.bound("forward", 0.0)
    try:
        error, files = _written(owner, order, out, bound)
    except PosePortError:
        # a framework on a full disk says whatever it says
        places.room(out, sum(array.nbytes for array in found.params.values()))
        raise
    given = {**found.graph.inputs, **_noise(found.graph)}
    made = {
        name: found.graph.types[value] for name, value in found.graph.outputs.items()
    }
    return Exported(
        ok=_agrees(error, bound),
        path=order.out,
        format=order.format,
        backend=owner,
        model=order.model,
        graph=order.graph,
        inputs={name: str(type_) for name, type_ in given.items()},
        outputs={name: str(type_) for name, type_ in made.items()},
        files=files,
        error=error,
        bound=bound,
        scaling={name: array.tolist() for name, array in found.scaling.items()},
        about=found.about,
    )


def _written(
    owner: str,
    order: Order,
    out: Path,
    bound: float,
) -> tuple[float | None, dict[str, int]]:
    """How far the file is from what it was made of, and what was put in place.

    Nothing is put in place where that is too far.
    """
    # On the disk of the target, so that the files can be moved in one step; and out of sight.
    beside = out.absolute().parent
    with tempfile.TemporaryDirectory(dir=beside, prefix=f".{out.name}.") as draft:
        # The child runs in the checkout, wherever this process stands.
        weights = order.weights and os.path.abspath(order.weights)
        drafted = replace(order, out=str(Path(draft) / out.name), weights=weights)
        given = [owner, json.dumps(asdict(drafted))]
        error: float | None = question.ask("bench.takeaway.export", given)
        return error, placing.move(Path(draft), out) if _agrees(error, bound) else {}


def _agrees(error: float | None, bound: float) -> bool:
    return error is not None and error <= bound


def _check_options(order: Order, about: Format) -> None:
    """Raises BadInput for what the format has no use for."""
    if unknown := [name for name in order.options if name not in about.options]:
        raise BadInput(
            f"--{unknown[0]} is not an option of {order.format}, which takes"
            f" {', '.join(about.options) or 'none'}; leave it out"
        )


def content(order: Order) -> Content:
    """What an order asks for.

    Raises BadInput for what does not exist or does not fit, naming it.
    """
    spec = asked(order.model, order.preset, order.sizes)
    graphs = {"infer": spec.infer, "train": spec.train}
    if order.graph not in graphs:
        raise UnknownName("graph", order.graph, graphs)
    found = _weights(order, spec)
    scaling = found.scaling
    graph = graphs[order.graph]
    if order.mean or order.clip is not None:
        graph = _wrapped(order, spec)
    if order.with_preprocessing:
        graph = _around(order, spec, found, graph)
        scaling = {}  # nothing is left to the caller
    weights = {name: found.params[name] for name in spec.infer.params}
    params = {**found.params, **_standardising(found.scaling)}
    params = {name: params[name] for name in graph.params}
    random = {"random": True, "seed": order.seed}
    said = about(
        graph,
        weights,
        model={
            "model": order.model,
            "preset": order.preset,
            "sizes": dict(spec.config),
        },
        origin=found.origin,
        scaling=found.scaling,
        window=order.clip or spec.frames,
        causal=spec.causal and not order.clip,
        drawn={"random": False} if order.weights else random,
        pixels=order.with_preprocessing,
    )
    return Content(graph, params, scaling, order.clip or spec.frames, said)


def _weights(order: Order, spec: Spec) -> Checkpoint:
    """The checkpoint that is asked for, or weights drawn from the seed.

    Raises BadInput for one that is absent, damaged or does not fit.
    """
    if order.weights is None:
        return Checkpoint(initial.draw(spec.parameters, seed=order.seed), {}, {}, {})
    found = checkpoint.load(Path(order.weights))
    try:
        # against all parameters: a checkpoint holds those of the train graph
        arrays = initial.fit(spec.parameters, found.trained)
    except BadInput as error:
        raise BadInput(
            f"{order.weights}: {error}; give the --preset and --size that it was trained"
            " with"
        ) from None
    scaling = found.scaling and standardizer.from_arrays(found.scaling).arrays()
    return replace(found, params=arrays, scaling=scaling)


def _standardising(scaling: Arrays) -> Arrays:
    """Mean and std as the parameters that a graph with preprocessing has for them."""
    return {MEAN: scaling["mean"], STD: scaling["std"]} if scaling else {}


def _wrapped(order: Order, spec: Spec) -> Graph:
    """The inference graph with one pose of several, or of a whole clip.

    Raises BadInput where there is but one, for a train graph, and for a clip too long.
    """
    option = "--mean" if order.mean else f"--clip {order.clip}"
    if order.graph != "infer":
        raise BadInput(
            f"{option} --graph {order.graph}: what is wrapped is run, and not trained; leave"
            " one of the two out"
        )
    _posing(option, spec)
    graph = wrappers.aggregated(spec.infer) if order.mean else spec.infer
    if order.clip is None:
        return graph
    if not 1 <= order.clip <= LONGEST:
        raise BadInput(f"--clip {order.clip}: 1 to {LONGEST} frames were due")
    return wrappers.over_clip(
        graph,
        joints=spec.config["joints"],
        window=spec.frames,
        frames=order.clip,
        # each frame is in two windows, and near the edge of one of them at most
        every=max(1, spec.frames // 2),
        causal=spec.causal,
    )


def _posing(option: str, spec: Spec) -> None:
    """Raise BadInput for a model that does not make poses of all the keypoints it is given."""
    if not spec.lifts:
        raise BadInput(
            f"{option}: {spec.name} {spec.task}, and poses of keypoints are wrapped; leave it"
            " out"
        )


def _around(order: Order, spec: Spec, found: Checkpoint, graph: Graph) -> Graph:
    """The inference graph with scaling and standardising inside.

    Raises BadInput where the weights do not say how they were fed, or no scale makes
    millimetres of what they give.
    """
    if order.graph != "infer":
        raise BadInput(
            f"--with-preprocessing --graph {order.graph}: a train graph takes what its"
            " trainer feeds it; leave one of the two out"
        )
    _posing("--with-preprocessing", spec)
    origin = found.origin
    # of imported weights it is known where they come from, and not how they were fed
    if order.weights and (not origin or "imported" in origin):
        raise BadInput(
            f"{order.weights}: does not say how the model was fed, as checkpoints from"
            " version 0.1.0 on do; train it again, or leave out --with-preprocessing"
        )
    if origin.get("unit", UNITS["metric"]) == UNITS["2.5d"]:
        raise BadInput(
            f"{order.weights}: trained under {origin.get('protocol')}, to predict pixels of an"
            " unknown scale; leave out --with-preprocessing"
        )
    joints = spec.config["joints"]
    mirror = origin.get("mirror") if origin.get("flip_averaging") else []
    # as text: a header may hold anything
    if mirror and sorted(map(str, mirror)) != sorted(map(str, range(joints))):
        raise BadInput(
            f"{order.weights}: its header mirrors other joints than the {joints} of the"
            " model; the file is damaged: train it again"
        )
    return with_preprocessing(
        graph, joints=joints, scaling=found.scaling, mirror=mirror or ()
    )


def _noise(graph: Graph) -> dict[str, Type]:
    """Noise is an input of what leaves: outside, nobody draws it."""
    return {name: noise.type for name, noise in graph.noise.items()}


def write(owner: str, order: Order) -> float | None:
    """In the child: write the file, read it back, run both.

    The largest difference, None where it is not finite.
    """
    asked = content(order)
    watched = contract.loaded(owner, Watch()).program(asked.graph, Settings())
    program = bare(watched)
    if not isinstance(program, Portable):
        raise Unsupported(
            f"the programs of {owner} cannot leave as files, though its manifest says so"
        )
    watched.load(asked.params)
    out = Path(order.out)
    sample = checking.sample(asked.graph, asked.frames)
    try:
        text = json.dumps(asked.about)
        with calls.at(calls.of(program, "export")):
            program.export(
                out, order.format, sample=sample, about=text, **order.options
            )
    except (PosePortError, MemoryError):
        raise
    except RAISED as error:  # whatever a framework raises, often over many lines
        raise Unsupported(f"{owner} cannot write it: {said(error)}") from error
    if not checking.written(out):
        what = f"{type(program).__name__}.export wrote nothing; {out.name} was due"
        raise Unsupported(f"{owner} cannot write it: {what}")
    with calls.at(calls.of(program, "reopen")):
        read = program.reopen(out, order.format)
    return checking.difference(watched, read, asked.graph, asked.frames)


def examine(arguments: Sequence[str]) -> float | None:
    """The child: the backend, and the order as JSON."""
    return write(arguments[0], Order(**json.loads(arguments[1])))


if __name__ == "__main__":
    sys.exit(question.answer(examine))
