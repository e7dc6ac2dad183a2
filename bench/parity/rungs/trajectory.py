"""The loss curve of K steps on fresh seeded batches.

It stays within the envelope of A/A runs, whose weights are nudged by one rounding.
"""

from __future__ import annotations

import numpy as np

from backends.base import Backend, Settings, Trainer
from bench.coordinator.job import Progress
from bench.parity import afford, budget, chance
from bench.parity.judging import Judged, check, exact
from bench.parity.trial import Arrays, Trial, batch
from models import title

AFTER = ("update",)
# The word that sets the batches apart from the other random numbers of the seed.
BATCHES = 99
FALL = 0.98  # of the learning rate, from step to step
STARTED = 0.9  # share of the ladder that is done when this rung, the slowest, begins


def climb(trial: Trial, progress: Progress) -> list[Judged]:
    """Hold the backend's losses against the oracle's, step by step."""
    steps = afford.steps(trial)
    if not steps:
        return []  # said in the record
    envelope = _envelope(trial, progress, steps)
    idle: list[int] = []
    own = _losses(trial, trial.backend, trial.settings, steps, idle=idle)
    true = envelope.true[:steps]
    scale = abs(true[0])
    floor = budget.bound("trajectory", 0.0) * scale
    allowed = np.maximum(envelope.allowed(steps), floor)
    ratio = np.abs(own - true) / allowed
    # a loss that is no number is the worst of all
    worst = int(np.nanargmax(np.where(np.isfinite(ratio), ratio, np.inf)))
    rule = trial.optimizer.rule
    name = f"loss of {len(true)} steps of {rule}, worst at step {worst + 1}"
    error = float(abs(own - true)[worst] / scale)
    judged = Judged(
        check=check("trajectory", name, error, float(allowed[worst] / scale), "train"),
        name="loss",
        value=own,
        allowed=allowed,
        scale=float(scale),
    )
    return [judged, _moved(idle)]


def _moved(idle: list[int]) -> Judged:
    """Every step moves the weights: one that is left out is less than a flipped ReLU."""
    name = "every step moves the weights"
    note = f"step {idle[0]} left all of them as they were" if idle else ""
    return exact("trajectory", name, not idle, graph="train", note=note)


def _envelope(trial: Trial, progress: Progress, steps: int) -> chance.Envelope:
    """The oracle's curve and how far equal trainings stray from it, once for all backends."""

    def oracle(precision: str, nudge: int, steps: int) -> np.ndarray:
        progress(f"trajectory of the oracle, {precision}, disturbance {nudge}", STARTED)
        return _losses(
            trial, trial.oracle, Settings(precision=precision), steps, nudge=nudge
        )

    file = trial.folder / f"oracle-{title(trial.spec.name)}.safetensors"
    return chance.kept(file, trial.question(), oracle, steps)


def _losses(
    trial: Trial,
    backend: Backend,
    settings: Settings,
    steps: int,
    *,
    nudge: int = 0,
    idle: list[int] | None = None,
) -> np.ndarray:
    """The loss before each step; `nudge` is the seed of a disturbance, 0 for none.

    Steps that move no weight are added to `idle`, where it is given.
    """
    trainer = backend.trainer(trial.spec.train, trial.optimizer, settings)
    start = trial.start(nudge)
    trainer.program.load({name: start[name] for name in trial.spec.train.params})
    # every run sees the same batches
    rng = np.random.default_rng([trial.seed, BATCHES])
    losses = []
    for step in range(steps):
        feeds = trainer.program.put(batch(trial.spec, trial.size, rng))
        # it falls as in a training: a rate that is set late, or never, shows
        trainer.set_lr(trial.optimizer.lr * FALL**step)
        before = _weights(trainer) if idle is not None else {}
        losses.append(trainer.step(feeds))
        if idle is not None and not _differ(before, _weights(trainer)):
            idle.append(step + 1)
    # A loss may still be on its way from the device: it is read when all steps are made.
    return np.array([float(loss) for loss in losses])


def _weights(trainer: Trainer) -> Arrays:
    """Copies of what is trained: a framework may give views of what it trains on."""
    held = trainer.program.params()
    return {name: np.array(held[name]) for name in trainer.program.graph.trainable()}


def _differ(before: Arrays, after: Arrays) -> bool:
    return any(not np.array_equal(before[name], after[name]) for name in before)
