"""What the oracle can be asked at a size: what was left out is said in the record.

At published sizes NumPy needs seconds for one step of training, and a trajectory of fifty
would take hours. What is cut is decided by arithmetic, so that it is the same everywhere.
"""

from __future__ import annotations

from bench.parity.chance import AA_RUNS, ahead
from bench.parity.trial import Trial, lengths_of
from models.flops import flops

# Operations that all NumPy trainings of one trajectory may take: some 40 seconds on two cores.
LIMIT = 1e12
BACKWARD = 3  # a step in forward passes: itself, and twice as much on the way back
PER_WEIGHT = (
    2000  # operations of an optimizer's rule, which waits for memory at each of them
)
# Trained numbers from which only the model's own rule is stepped with: the others do the same
# at every size, and each takes a copy or two of all weights.
MANY = 5_000_000


def steps(trial: Trial) -> int:
    """Steps of the trajectory: as many as were asked for, or as can be afforded; 0 of none."""
    operations = flops(trial.spec.train, lengths_of(trial.spec, trial.size))
    one = BACKWARD * operations + PER_WEIGHT * trial.spec.parameter_count()
    every = (1 + len(AA_RUNS)) * one
    for count in range(trial.size.steps, 0, -1):
        if ahead(count) * every <= LIMIT:
            return count
    return 0


def optimizers(trial: Trial) -> tuple[str, ...]:
    """The rules that are stepped with."""
    if trial.spec.parameter_count() < MANY:
        return trial.size.optimizers
    return (trial.optimizer.rule,)


def left_out(trial: Trial) -> dict[str, str]:
    """What is not asked at this size -> why."""
    found = {}
    if (count := steps(trial)) < trial.size.steps:
        found["steps"] = (
            f"trajectory of {count} of {trial.size.steps} steps: the oracle takes too long"
            " for more at this size"
        )
    spared = set(trial.size.optimizers) - set(optimizers(trial))
    if spared:
        rules = ", ".join(sorted(spared))
        found["optimizers"] = f"{rules}: the model trains with {trial.optimizer.rule}"
    return found
