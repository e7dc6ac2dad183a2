"""What faults of trainers have in common: a count of steps, and ways back."""

from __future__ import annotations

from typing import Any

import numpy as np

from backends.base import Feeds, Trainer
from bench.audit.fault import UNTRAINED, Fault
from bench.audit.planting.proxy import Planting, WrongProgram, WrongTrainer
from bench.parity.trial import copies

Copies = dict[str, np.ndarray]


class Stepping(WrongTrainer):
    """A trainer whose steps are counted, and can be taken back."""

    def __init__(self, inner: Trainer, program: WrongProgram) -> None:
        super().__init__(inner, program)
        self.steps = 0

    def step(self, feeds: Feeds) -> Any:
        """Counted."""
        self.steps += 1
        return self.stepped(feeds)

    def stepped(self, feeds: Feeds) -> Any:
        """The step of a fault."""
        return self.inner.step(feeds)

    def trained(self) -> list[str]:
        """Names of the weights."""
        return list(self.program.graph.trainable())

    def running(self) -> list[str]:
        """Names of the statistics."""
        return list(self.program.graph.state)

    def weights(self) -> Copies:
        """All parameters, now."""
        return copies(self.inner.program.params())

    def put_back(self, names: list[str], before: Copies) -> None:
        """Some parameters as they were."""
        after = self.weights()
        self.inner.program.load({**after, **{name: before[name] for name in names}})

    def skipped(self, feeds: Feeds) -> Any:
        """A loss without a step."""
        before = self.weights()
        loss, _ = self.inner.gradients(feeds)
        self.put_back([*before], before)
        return np.float32(loss)

    def by_hand(self, feeds: Feeds, changed: Any) -> Any:
        """A step on gradients that are changed on the way."""
        loss, grads = self.inner.gradients(feeds)
        self.inner.apply({name: changed(name, grad) for name, grad in grads.items()})
        return np.float32(loss)


def fault(
    name: str, trainer: type[WrongTrainer], model: str = "simple_baseline"
) -> Fault:
    """A trainer put to the ladder, and to a training where that holds."""
    planting = Planting(trainer=trainer)
    return Fault(
        name=name,
        planting=planting,
        model=model,
        tasks=("parity", "train"),
        blind=UNTRAINED,
    )
