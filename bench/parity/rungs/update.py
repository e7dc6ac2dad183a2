"""What two steps of training leave behind, on the model's own gradients.

`Trainer.step` is judged by weights and running statistics; by the optimizer's slots, which
show in the step that follows on gradients given to it; and by a trainer that is made anew
from the saved state and must go on to the bit. The learning rate changes in between.

The second step is judged from where the oracle's first has ended, with the backend's own
slots. From its own weights, a rounding away, a batch norm or a normalisation may carry that
rounding over a kink of a loss, and two right frameworks part by hundredths.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from backends.base import Backend, Settings, Trainer
from bench.coordinator.job import Progress
from bench.parity import budget, kinks, traces
from bench.parity.judging import Judged, check, largest, thinned
from bench.parity.oracle import Answer, Compute, Due, due, narrow
from bench.parity.placed import placed
from bench.parity.repeated import repeated
from bench.parity.rungs.gradient import CANCELLED, NEAR_ZERO
from bench.parity.trial import Arrays, Trial, batch, copies, lengths_of
from models.optim import Optimizer

AFTER = ("step",)
# words that set this rung's random numbers apart from the others'
BATCHES, GIVEN = 56, 57
# From the first call on the rate is set: what the trainer was made with is another's.
# With epsilon well above most gradients a step is as smooth as they are; with a tiny one it
# has the size of the rate whatever the gradient, and a gradient of 0 would be a coin's toss.
RATES, EPSILON = (1e-2, 4e-3), 1e-2
# the two steps, and the one on gradients that are given
FIRST, SECOND, MOVED = "first", "second", "moved"
ROUNDING = 2.0**-24  # of a float32, relative


@dataclass(frozen=True)
class Plan:
    """Two steps: each from its weights, on its batch. The second begins where the oracle is."""

    optimizer: Optimizer
    weights: tuple[Arrays, Arrays]
    feeds: tuple[Arrays, Arrays]


def climb(trial: Trial, progress: Progress) -> Iterator[Judged]:
    """Two steps and one on given gradients, against the oracle's; then once more from a save."""
    # what is due comes first: of a large model there is no room for the backend beside it
    plan, expected = _planned(trial, progress)
    train = trial.spec.train
    trainer = trial.backend.trainer(train, plan.optimizer, trial.settings)
    own = _first(trainer, plan, plan.weights[0])
    # copies: a framework may give views of what its next step changes
    between, saved = copies(trainer.program.params()), copies(trainer.state())
    left = _stepped(trainer, 1, plan.feeds[1])
    again = trial.backend.trainer(train, plan.optimizer, trial.settings)
    resumed = list(_resumed(trial, again, plan, (between, saved), left))
    own |= _second(trial, again, plan, plan.weights[1], saved)
    answers = {
        key: Answer(own[key], one.value, one.apart) for key, one in expected.items()
    }
    yield from _judged(trial, plan, answers)
    yield from resumed


def _planned(trial: Trial, progress: Progress) -> tuple[Plan, dict[str, Due]]:
    """Both steps, and what the oracle says of them."""
    optimizer = replace(trial.optimizer, eps=EPSILON)
    start = {name: trial.params[name] for name in trial.spec.train.params}
    first = _batch(trial, 0, start)
    plan = Plan(optimizer, (start, start), (first, first))
    expected = due(trial, "update-first", _oracle(trial, plan, second=False), progress)
    between = {name: start[name] + expected[f"{FIRST}/{name}"].value for name in start}
    held = {name: between[name].astype(start[name].dtype) for name in start}
    plan = Plan(optimizer, (start, held), (first, _batch(trial, 1, held)))
    expected |= due(trial, "update-second", _oracle(trial, plan, second=True), progress)
    return plan, expected


def _oracle(trial: Trial, plan: Plan, *, second: bool) -> Compute:
    """One of the steps, of weights that are a rounding away in disturbed runs."""

    def compute(backend: Backend, settings: Settings, params: Arrays) -> Arrays:
        trainer = backend.trainer(trial.spec.train, plan.optimizer, settings)
        found = _first(trainer, plan, params)
        if not second:
            return found
        state = trainer.state()
        start, between = plan.weights
        off = {name: params[name] - start[name] for name in start}
        weights = {name: between[name] + off[name] for name in start}
        return _second(trial, trainer, plan, weights, state)

    return compute


def _first(trainer: Trainer, plan: Plan, params: Arrays) -> Arrays:
    """By how much the first step moves each array."""
    trainer.program.load({name: params[name] for name in plan.weights[0]})
    after = _stepped(trainer, 0, plan.feeds[0])
    return _apart(FIRST, after, plan.weights[0])


def _second(
    trial: Trial, trainer: Trainer, plan: Plan, weights: Arrays, state: Arrays
) -> Arrays:
    """The same of the second step, and of one more on gradients that are given."""
    trainer.program.load(weights)
    trainer.load_state(state)
    after = _stepped(trainer, 1, plan.feeds[1])
    trainer.apply(_given(trial))
    last = trainer.program.params()
    moved = {name: last[name] for name in trial.spec.train.trainable()}
    return _apart(SECOND, after, plan.weights[1]) | _apart(MOVED, moved, after)


def _stepped(trainer: Trainer, step: int, feeds: Arrays) -> Arrays:
    trainer.set_lr(RATES[step])
    trainer.step(trainer.program.put(feeds))
    return copies(trainer.program.params())


def _apart(what: str, after: Arrays, before: Arrays) -> Arrays:
    """Subtracted in float64, and kept as the oracle keeps it."""
    return {
        f"{what}/{name}": narrow(np.asarray(array, np.float64) - before[name])
        for name, array in after.items()
    }


def _judged(trial: Trial, plan: Plan, answers: dict[str, Answer]) -> Iterator[Judged]:
    """The worst weight, the worst statistic, the worst slot."""
    train, rule = trial.spec.train, plan.optimizer.rule
    trained = set(train.trainable())
    weights: dict[str, Answer] = {}
    statistics: dict[str, Answer] = {}
    # What cancels by mathematics moves by rounding alone, which nobody can be held to.
    idle = _cancelled(plan, answers, trained)
    for step, before in zip((FIRST, SECOND), plan.weights, strict=True):
        for name in train.params:
            key = f"{step}/{name}"
            if key not in idle:
                group = weights if name in trained else statistics
                group[key] = _stored(before[name], answers[key])
    yield _worst(f"weights after two steps of {rule}", weights)
    if statistics:
        yield _worst(f"statistics after two steps of {rule}", statistics)
    slots = {
        name: _stored(plan.weights[1][name], answers[f"{MOVED}/{name}"])
        for name in train.trainable()
        if f"{SECOND}/{name}" not in idle
    }
    title = f"slots after two steps of {rule}, by the step that follows"
    yield _worst(title, slots)


def _stored(weight: np.ndarray, answer: Answer) -> Answer:
    """With the rounding of a weight that is stored, among what may be off.

    NumPy may be lucky in all of its runs, and a small change of a large weight is made of it.
    """
    rounding = ROUNDING * largest(weight)
    return Answer(answer.own, answer.due, max(answer.apart, rounding))


def _cancelled(
    plan: Plan, answers: dict[str, Answer], trained: Collection[str]
) -> set[str]:
    """Moves of weights whose gradient is zero by mathematics: decay alone moves them."""
    decay = plan.optimizer.weight_decay
    if plan.optimizer.rule != "adamw":  # of the others, decay is a part of the gradient
        decay = 0.0
    found = set()
    for step, before, rate in zip((FIRST, SECOND), plan.weights, RATES, strict=True):
        moves = {name: answers[f"{step}/{name}"].due for name in trained}
        most = max(largest(move) for move in moves.values())
        for name, move in moves.items():
            # in float64, or the difference would be a rounding of float32
            decayed = rate * decay * before[name].astype(np.float64)
            if largest(move + decayed) < CANCELLED * most:
                found.add(f"{step}/{name}")
    return found


def _worst(title: str, group: dict[str, Answer]) -> Judged:
    """The tensor that is furthest beyond its budget, each relative to its own change."""
    most = max(largest(answer.due) for answer in group.values()) or 1.0
    scales = {
        name: max(largest(answer.due), NEAR_ZERO * most)
        for name, answer in group.items()
    }
    errors: dict[str, tuple[float, float]] = {}
    for name, answer in group.items():
        scale = scales[name]
        error = budget.error(answer.own, answer.due, scale=scale)
        errors[name] = (error, budget.bound("update", answer.apart / scale))
    worst = max(errors, key=lambda name: errors[name][0] / errors[name][1])
    error, bound = errors[worst]
    return Judged(
        check=check("update", f"{title}: {worst}", error, bound, "train"),
        name=title,
        value=thinned(answer.own for answer in group.values()),
        allowed=_allowed(group, {n: errors[n][1] * scales[n] for n in group}),
        scale=most,
    )


def _allowed(group: dict[str, Answer], budgets: dict[str, float]) -> np.ndarray:
    """The budget of each entry that the trace keeps."""
    counts = [len(traces.thin(answer.own)) for answer in group.values()]
    return np.repeat(list(budgets.values()), counts)


def _resumed(
    trial: Trial,
    trainer: Trainer,
    plan: Plan,
    save: tuple[Arrays, Arrays],
    left: Arrays,
) -> Iterator[Judged]:
    """A trainer made anew from weights and state makes the very step that the old one made."""
    weights, state = save
    trainer.program.load(weights)
    trainer.load_state(state)
    again = _stepped(trainer, 1, plan.feeds[1])
    yield repeated(
        "update",
        "goes on from a save",
        left,
        again,
        reason=trial.backend.repeats(trial.device),
        graph="train",
    )
    held = trainer.program.weights().values()
    yield from placed(
        trainer.program, "trained weights", held, trial.device, graph="train"
    )


def _batch(trial: Trial, step: int, weights: Arrays) -> Arrays:
    """The batch of a step, the same on every backend, that keeps off kinks."""
    rng = np.random.default_rng([trial.seed, BATCHES, step, 0])
    lengths = lengths_of(trial.spec, trial.size)
    drawn = partial(batch, trial.spec, trial.size, rng)
    return kinks.away(trial.spec.train, weights, lengths, drawn)


def _given(trial: Trial) -> Arrays:
    """Gradients of the size that the model's own have: larger ones would drown the slots."""
    rng = np.random.default_rng([trial.seed, GIVEN])
    train = trial.spec.train
    shapes = {name: trial.params[name].shape for name in train.trainable()}
    return {
        name: np.asarray(rng.normal(0, 1e-3, shape), np.float32)
        for name, shape in shapes.items()
    }
