"""Some steps of each native optimizer, against the written rule of `models.optim`.

Gradients are drawn: what is judged is the optimizer alone. The learning rate changes between
the steps, and the last is made once more from the state that was saved before it, by the
same trainer (`update` does so with another one).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from backends.base import Unsupported
from bench.coordinator.job import Progress
from bench.parity import afford, budget, judging, traces
from bench.parity.judging import Judged, check, exact, largest
from bench.parity.trial import Arrays, Trial, copies
from bench.processes.blame import RAISED, said
from models.optim import Optimizer, State

AFTER = ("gradient",)
DRAWS = 55  # word that sets this rung's random numbers apart from the others'
# Epsilon is large enough for its place, inside or outside a root, to show.
RATE, DECAY, EPSILON = 1e-2, 1e-3, 1e-2
# Of each step; the later ones also show whether state and bias correction are carried on. The
# last is smaller than the end of any training here has it (2e-6): there is no floor.
RATES = (RATE, RATE / 4, RATE / 10_000)
SIZES = (1.0, 100.0, 1.0)  # of the gradients: nobody has asked to clip them
MADE_WITH = 1e-4  # what the trainer is made with, and never steps by


class Stepped(NamedTuple):
    """All parameters around one step, by name."""

    before: Arrays
    grads: Arrays
    after: Arrays


class Off(NamedTuple):
    """How far one parameter is from the rule in float64.

    As the backend has it, and as the rule itself has it in float32.
    """

    name: str
    error: float
    yardstick: float


def climb(trial: Trial, progress: Progress) -> Iterator[Judged]:
    """Step with every optimizer that was asked for, and that is there.

    One by one: an optimizer that is missing or raises says nothing of the others.
    """
    declared = trial.backend.optimizers()
    rules = afford.optimizers(trial)
    for rule in rules:
        # `update` and `trajectory` step with the model's own, and say that it is missing
        if reason := declared.get(rule, ""):
            trial.left_out[f"optimizer {rule}"] = reason
            continue
        try:
            yield from _stepped(trial, Optimizer(rule, MADE_WITH, DECAY, eps=EPSILON))
        except Unsupported as error:
            trial.left_out[f"optimizer {rule}"] = str(error)
        except MemoryError:
            raise  # ends the cell: the next one needs as much again
        except RAISED as error:
            yield judging.raised(f"step: {rule}", said(error))
    lacking = [trial.left_out.get(f"optimizer {rule}") for rule in rules]
    if rules and all(lacking):
        raise Unsupported(
            str(lacking[0])
        )  # no rung that nobody has climbed is a green one


def _stepped(trial: Trial, optimizer: Optimizer) -> Iterator[Judged]:
    """All steps of one rule, then the last once more."""
    trainer = trial.backend.trainer(trial.spec.train, optimizer, trial.settings)
    trainer.program.load(_trained(trial))
    # the same gradients for every rule
    rng = np.random.default_rng([trial.seed, DRAWS])
    shapes = {name: trial.params[name].shape for name in trial.spec.train.trainable()}
    state: dict[str, State] = {}
    for step, (rate, size) in enumerate(zip(RATES, SIZES, strict=True), start=1):
        grads = {name: size * _clear(rng, shape) for name, shape in shapes.items()}
        saved = copies(trainer.state())
        before = copies(trainer.program.params())
        trainer.set_lr(rate)
        trainer.apply(grads)
        stepped = Stepped(before, grads, copies(trainer.program.params()))
        yield _judge(replace(optimizer, lr=rate), step, stepped, state)
    # the last step, from where it began
    trainer.program.load(before)
    trainer.load_state(saved)
    trainer.set_lr(rate)  # it may be part of the state, as it was before the step
    trainer.apply(grads)
    again = trainer.program.params()
    same = all(np.array_equal(again[name], stepped.after[name]) for name in grads)
    name = f"{optimizer.rule} goes on from its saved state"
    note = "" if same else "another step than before from the same weights and state"
    yield exact("step", name, same, graph="train", note=note)


def _trained(trial: Trial) -> Arrays:
    return {name: trial.params[name] for name in trial.spec.train.params}


def _clear(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of either sign, 0.1 to 1 in size.

    None is small enough for weight decay to cancel it.
    """
    sizes = rng.uniform(0.1, 1, shape)
    return np.asarray(sizes * rng.choice([-1, 1], shape), np.float32)


def _judge(
    optimizer: Optimizer,
    step: int,
    stepped: Stepped,
    state: dict[str, State],
) -> Judged:
    """The worst parameter of one step, relative to the largest update.

    `state` is the rule's own, and goes on with it.
    """
    off, most = _compared(optimizer, step, stepped, state)
    bounds = {row.name: budget.bound("step", row.yardstick / most) for row in off}
    worst = max(off, key=lambda row: row.error / most / bounds[row.name])
    name = f"{optimizer.rule} step {step}"
    # the way, not the place: backends hold each other to this step's budget alone
    kept = {row.name: _way(stepped, row.name) for row in off}
    # one budget for each entry that the trace keeps of a parameter
    counts = [len(way) for way in kept.values()]
    allowed = np.repeat([bounds[parameter] * most for parameter in kept], counts)
    error, bound = worst.error / most, bounds[worst.name]
    return Judged(
        check=check("step", f"{name}: {worst.name}", error, bound, "train"),
        name=name,
        value=np.concatenate([*kept.values()]),
        allowed=allowed,
        scale=most,
    )


def _way(stepped: Stepped, name: str) -> np.ndarray:
    """By how much some entries of a parameter have moved, in float64."""
    before, after = (
        traces.thin(array).astype(np.float64)
        for array in (stepped.before[name], stepped.after[name])
    )
    return np.asarray(after - before)


def _compared(
    optimizer: Optimizer,
    step: int,
    stepped: Stepped,
    state: dict[str, State],
) -> tuple[list[Off], float]:
    """How far each parameter is from where the rule puts it, and the largest update."""
    off, most = [], 0.0
    for name, grad in stepped.grads.items():
        old = stepped.before[name].astype(np.float64)
        slots = state.get(name, _empty(optimizer, old))
        narrow = tuple(slot.astype(np.float32) for slot in slots)
        rough, _ = optimizer.update(
            stepped.before[name].astype(np.float32),
            grad.astype(np.float32),
            narrow,
            step,
        )
        due, state[name] = optimizer.update(old, grad.astype(np.float64), slots, step)
        most = max(most, largest(due - old))
        error = largest(stepped.after[name] - due)
        yardstick = largest(rough - due)
        off.append(Off(name, error, yardstick))
    return off, most


def _empty(optimizer: Optimizer, param: np.ndarray) -> State:
    """Every rule starts from state of zeros."""
    return tuple(np.zeros_like(param) for _ in range(optimizer.slots()))
