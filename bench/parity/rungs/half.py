"""Mixed precision, where the run asks for it: the half that was asked for is the half that ran.

Beside the ladder in float32. Rounding of a few digits drowns any largest error, so that root
mean squares are judged, against NumPy that rounds its results in the same places; and every
node is asked alone, where a wrong one stands out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from backends.base import Settings, Trainer, gradient_trainer
from backends.numpy.halves import DIGITS, SUMS
from backends.numpy.program import NumpyProgram
from backends.numpy.train import NumpyTrainer
from bench.coordinator.job import Progress
from bench.exam.grouping import halved
from bench.exam.probe import Probe, Results, run
from bench.parity import locate
from bench.parity.judging import Judged, check, exact
from bench.parity.rungs.gradient import NEAR_ZERO
from bench.parity.trial import Arrays, Trial
from bench.processes.blame import said
from bench.records import Check
from models.graph import Graph, Node
from models.optim import Optimizer

AFTER = ("trajectory",)
STILL = Optimizer("sgd", 0.0, 0.0)  # a trainer wants one; no step is made
# Another order of summation, and casts in other places, move an error of this kind by less.
FACTOR = 2.0
# In roundings of the type: what a few values may differ by, whose mean square is no mean.
FLOOR, FLOOR_GRADIENT = 2.0, 8.0
DISTURBED = 3  # runs of NumPy from other weights
APART = 57  # word that sets their random numbers apart from the others'
# A result that is this many times nearer to the oracle than rounding allows was not rounded.
TOO_EXACT = 16.0


def climb(trial: Trial, progress: Progress) -> Iterator[Judged]:
    """Outputs, loss and gradients of the whole, then node by node."""
    if not trial.half:
        return
    settings = replace(trial.settings, precision=trial.half)
    for name, graph in (("infer", trial.spec.infer), ("train", trial.spec.train)):
        progress(f"{trial.half}, {name} graph", 0.95)
        yield from _outputs(trial, settings, graph, name)
    # before gradients, which a runtime may not have
    yield from _nodes(trial, settings)
    yield from _gradients(trial, settings)


def _outputs(
    trial: Trial, settings: Settings, graph: Graph, called: str
) -> Iterator[Judged]:
    program = trial.backend.program(graph, settings)
    fed = {name: trial.feeds[name] for name in (*graph.inputs, *graph.noise)}
    params = {name: trial.params[name] for name in graph.params}
    program.load(params)
    own = program(fed)
    due, rough = (
        _asked(graph, params, fed, precision) for precision in ("fp64", trial.half)
    )
    for name, array in due.items():
        yield _judge(trial, name, own[name], array, rough[name], called, FLOOR)
        yield _scaled(trial, name, own[name], array, rough[name], called)
    pose = "pose" if "pose" in due else next(iter(due))
    yield _ran(trial, own[pose], due[pose], rough[pose], called)


def _asked(graph: Graph, params: Arrays, fed: Arrays, precision: str) -> Arrays:
    program = NumpyProgram(graph, Settings(precision=precision))
    program.load(params)
    return program(fed)


def _gradients(trial: Trial, settings: Settings) -> Iterator[Judged]:
    train = trial.spec.train
    trainer: Trainer = gradient_trainer(trial.backend, train, settings)
    own = _slopes(trainer, trial, trial.params)
    due = _slopes(_numpy(train, "fp64"), trial, trial.params)
    roughs = _roughs(trial)
    # training may run in another precision than inference does
    mine, right, near = (_joined(found, due) for found in (own, due, roughs[0]))
    yield _ran(trial, mine, right, near, "train", what="gradients: ")
    joined = [_joined(rough, due) for rough in roughs]
    scaled = max(joined, key=lambda one: abs(_share(one, right) - 1))
    yield _scaled(trial, "gradients", mine, right, scaled, "train")
    yield _kept(trial, trainer)
    most = max(_size(array) for array in due.values())
    for name, array in due.items():
        found = [rough[name] for rough in roughs]
        worst = max(found, key=partial(_distance, due=array))
        yield _judge(
            trial,
            f"gradient of {name}",
            own[name],
            array,
            worst,
            "train",
            FLOOR_GRADIENT,
            least=NEAR_ZERO * most,
        )


def _roughs(trial: Trial) -> list[Arrays]:
    """Gradients of NumPy in the half: as it is, with its sums in it, and from weights apart.

    One run may be lucky, most of all in a tensor of three numbers.
    """
    train, half = trial.spec.train, trial.half
    found = [
        _slopes(_numpy(train, precision), trial, trial.params)
        for precision in (half, SUMS[half])
    ]
    for seed in range(1, DISTURBED + 1):
        rng = np.random.default_rng([trial.seed, APART, seed])
        apart = {
            name: _disturbed(array, half, rng) for name, array in trial.params.items()
        }
        found.append(_slopes(_numpy(train, SUMS[half]), trial, apart))
    return found


def _disturbed(array: np.ndarray, half: str, rng: np.random.Generator) -> np.ndarray:
    """Each number off by one rounding of the half at most."""
    if array.dtype.kind != "f":
        return array
    off = rng.uniform(-1, 1, array.shape) * 2.0 ** -DIGITS[half]
    return np.asarray(array * (1 + off), array.dtype)


def _numpy(train: Graph, precision: str) -> NumpyTrainer:
    return NumpyTrainer(train, STILL, Settings(precision=precision))


def _slopes(trainer: Trainer, trial: Trial, params: Arrays) -> Arrays:
    trainer.program.load({name: params[name] for name in trial.spec.train.params})
    _, grads = trainer.gradients(trainer.program.put(trial.feeds))
    return grads


def _joined(found: Arrays, due: Arrays) -> np.ndarray:
    """All tensors as one, in the order of what is due."""
    return np.concatenate([np.ravel(found[name]) for name in due])


def _kept(trial: Trial, trainer: Trainer) -> Judged:
    """Weights stay float32: a step at a rate of 0 leaves every bit of them."""
    trainer.step(trainer.program.put(trial.feeds))
    after = trainer.program.params()
    trained = trial.spec.train.trainable()
    moved = [n for n in trained if not np.array_equal(after[n], trial.params[n])]
    note = f"{len(moved)} of {len(trained)} differ, first {moved[0]}" if moved else ""
    name = f"{trial.half}: a step at a rate of 0 keeps the weights"
    return _told(trial, exact("half", name, not moved, graph="train", note=note))


def _nodes(trial: Trial, settings: Settings) -> Iterator[Judged]:
    """The worst node of each graph, asked alone on the oracle's values."""
    for called, graph in (("train", trial.spec.train), ("infer", trial.spec.infer)):
        asked = list(locate.probes(graph, trial.params, trial.feeds))
        found: list[Judged] = []
        for i in range(0, len(asked), locate.TOGETHER):
            part = asked[i : i + locate.TOGETHER]
            came = halved(
                lambda some: run(some, trial.backend, settings),
                [probe for _, probe in part],
            )
            for (node, probe), answer in zip(part, came, strict=True):
                if isinstance(answer, BaseException):
                    yield _raised(trial, node, answer, called)
                else:
                    found += _results(trial, node, probe, answer, called)
        if found:
            yield max(found, key=_ratio)


def _results(
    trial: Trial, node: Node, probe: Probe, answer: Results, called: str
) -> Iterator[Judged]:
    """The float results of one node."""
    for i, due in enumerate(probe.reference(np.float64)):
        if due.dtype.kind == "f":
            rough = _rough(probe, trial.half, i)
            one = _judge(trial, node.name, answer[i], due, rough, called, FLOOR)
            yield _blamed(one, node)


def _rough(probe: Probe, half: str, result: int) -> np.ndarray:
    """A result of the node in NumPy with fewer digits, by its body where it has one."""
    program = NumpyProgram(probe.graph(), Settings(precision=half))
    return program(probe.arrays())[f"y{result}"]


def _judge(
    trial: Trial,
    name: str,
    own: np.ndarray,
    due: np.ndarray,
    rough: np.ndarray,
    graph: str,
    floor: float,
    *,
    least: float = 0.0,
) -> Judged:
    """Root mean square of the error, relative to that of what is due or to `least`."""
    size = max(_size(due), least) or 1.0
    error = _distance(own, due) / size
    rounding = 2.0 ** -DIGITS[trial.half]
    yardstick = _distance(rough, due) / size
    bound = max(FACTOR * yardstick, floor * rounding)
    found = check("half", f"{trial.half} {name}", error, bound, graph)
    return _noted(trial, name, found, yardstick, "relative, mean square")


def _scaled(
    trial: Trial,
    name: str,
    own: np.ndarray,
    due: np.ndarray,
    rough: np.ndarray,
    graph: str,
) -> Judged:
    """By what the whole is too large or too small: rounding scatters, and has no share in it."""
    error, natural = (abs(_share(one, due) - 1) for one in (own, rough))
    bound = max(FACTOR * natural, 2.0 ** -DIGITS[trial.half])
    name = f"scale of {name}"
    found = check("half", f"{trial.half} {name}", error, bound, graph)
    return _noted(trial, name, found, natural, "relative, of the whole")


def _noted(trial: Trial, name: str, found: Check, rough: float, unit: str) -> Judged:
    """A check with what NumPy in the half is off by."""
    note = f"NumPy rounded to {trial.half} is off by {rough:.1e}"
    judged = Judged(
        check=found.model_copy(update={"note": note, "unit": unit}),
        name=name,
        value=np.asarray(found.error),
        allowed=np.asarray(found.bound),
    )
    return _told(trial, judged)


def _share(came: np.ndarray, due: np.ndarray) -> float:
    """The factor by which `due` comes nearest to what came; 1 where nothing is due."""
    if came.shape != due.shape:
        return float("inf")
    wanted = np.ravel(np.asarray(due, np.float64))
    size = float(wanted @ wanted)
    return float(np.ravel(came).astype(np.float64) @ wanted) / size if size else 1.0


def _ran(
    trial: Trial,
    own: np.ndarray,
    due: np.ndarray,
    rough: np.ndarray,
    graph: str,
    *,
    what: str = "",
) -> Judged:
    """Whether anything was rounded at all."""
    error, natural = _distance(own, due), _distance(rough, due)
    right = error * TOO_EXACT >= natural
    note = f"off by {error:.1e}, where {trial.half} is off by {natural:.1e}"
    name = f"{what}{trial.half} is what ran"
    return _told(trial, exact("half", name, right, graph=graph, note=note))


def _raised(trial: Trial, node: Node, error: BaseException, graph: str) -> Judged:
    name = f"{trial.half} {node.name}"
    judged = exact("half", name, False, graph=graph, note=said(error))
    return _blamed(_told(trial, judged), node)


def _told(trial: Trial, judged: Judged) -> Judged:
    """Said of the half, and not of float32."""
    told = {"precision": trial.half}
    return replace(judged, check=judged.check.model_copy(update=told))


def _blamed(judged: Judged, node: Node) -> Judged:
    told = {"op": node.op, "where": node.where}
    return replace(judged, check=judged.check.model_copy(update=told))


def _ratio(judged: Judged) -> float:
    """How much of its bound an error takes; of one without a number, all and more."""
    error, bound = judged.check.error, judged.check.bound
    return float("inf") if error is None or not bound else error / bound


def _distance(came: np.ndarray, due: np.ndarray) -> float:
    """Root mean square of the difference; infinite for another shape."""
    if came.shape != due.shape:
        return float("inf")
    difference = np.asarray(came, np.float64) - due
    return _size(difference)


def _size(array: np.ndarray) -> float:
    """Root mean square; 0 of none."""
    if not array.size:
        return 0.0
    return float(np.sqrt(np.mean(np.square(np.asarray(array, np.float64)))))
