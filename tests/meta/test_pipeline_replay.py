"""Faults in the training loop: what ran is not what was asked for, and the replay says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Settings
from backends.numpy.backend import NumpyBackend
from bench.data.batches.windows import Batch
from bench.training import groups
from bench.training import task as train
from bench.training.epochs import Epochs
from bench.training.loop import Loop
from bench.training.schedules import Schedule
from models.graph import Graph
from models.optim import Optimizer
from tests.meta.small_pipelines import Pipeline, clips, trained, use
from tests.meta.test_pipeline_training import failed

# 96 steps: a part at the start, one in the middle, one at the end
LONG = Pipeline("simple_baseline", training={"steps": 96, "batch": 16})
Patch = pytest.MonkeyPatch


def no_rate(patch: Patch) -> None:
    one = Loop._one

    def unset(self: Loop, batches: list[Batch]) -> Any:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(self.trainer, "set_lr", lambda lr: None)
            return one(self, batches)

    patch.setattr(Loop, "_one", unset)


def constant(patch: Patch) -> None:
    patch.setattr(Schedule, "factor", lambda self, now: 1.0)


def idle(when: Callable[[int], bool]) -> Callable[[Patch], None]:
    """Some steps count and are not made."""

    def plant(patch: Patch) -> None:
        one = Loop._one

        def skipping(self: Loop, batches: list[Batch]) -> Any:
            if not when(self.step):
                return one(self, batches)
            self.step += 1
            return np.float32(0.5)

        patch.setattr(Loop, "_one", skipping)

    return plant


def batches(
    change: Callable[[Epochs, int, int], Iterator[Batch]],
) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(Epochs, "steps", change)


STEPS = Epochs.steps


def first_always(self: Epochs, first: int, last: int) -> Iterator[Batch]:
    for _ in range(first, last):
        yield from STEPS(self, 0, 1)


def same_shuffle(self: Epochs, first: int, last: int) -> Iterator[Batch]:
    per_epoch = len(self.windows) // self.batch
    for step in range(first, last):
        yield from STEPS(self, step % per_epoch, step % per_epoch + 1)


def never_mirrored(self: Epochs, first: int, last: int) -> Iterator[Batch]:
    yield from STEPS(replace(self, flip=False), first, last)


def invented(patch: Patch) -> None:
    log = Loop._log

    def made_up(self: Loop, losses: list[Any]) -> None:
        log(self, [float(loss) * 0.99 for loss in losses])
        losses.clear()

    patch.setattr(Loop, "_log", made_up)


def optimizer(**changes: Any) -> Callable[[Patch], None]:
    own = train.optimizer_of

    def plant(patch: Patch) -> None:
        patch.setattr(
            train, "optimizer_of", lambda *given: replace(own(*given), **changes)
        )

    return plant


FAULTS: dict[str, Callable[[Patch], None]] = {
    "set_lr never called": no_rate,
    "constant schedule": constant,
    "stops at step 30": idle(lambda step: step >= 30),
    "stops after the head": idle(lambda step: step >= 80),
    "every 30th skipped": idle(lambda step: step % 30 == 29),
    "first batch always": batches(first_always),
    "same shuffle": batches(same_shuffle),
    "loss invented": invented,
    "a tenth of the rate": optimizer(lr=1e-4),
    "decay": optimizer(weight_decay=0.1),
    "another rule": optimizer(rule="sgd"),
    "never mirrored": batches(never_mirrored),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_ran_is_not_what_was_asked_for(
    name: str, tmp_path: Path, monkeypatch: Patch
) -> None:
    use(monkeypatch, clips(LONG))
    FAULTS[name](monkeypatch)
    # some are seen before the first step, by the batches
    assert failed(trained(LONG.job(tmp_path))) in ("replay", "batch", "end")


def test_an_honest_training_holds(tmp_path: Path, monkeypatch: Patch) -> None:
    use(monkeypatch, clips(LONG))
    found = trained(LONG.job(tmp_path))
    assert (found.status, found.reason) == ("ok", "")


def deaf(patch: Patch) -> None:
    """No number of a rule reaches the native optimizer, of the loop or of the replay."""
    own = NumpyBackend.trainer

    def usual(self: NumpyBackend, graph: Graph, rule: Optimizer, how: Settings) -> Any:
        return own(self, graph, Optimizer(rule.rule, rule.lr, rule.weight_decay), how)

    patch.setattr(NumpyBackend, "trainer", usual)


def thawed(patch: Patch) -> None:
    """Groups that are to be frozen train as all others."""
    patch.setattr(groups, "frozen", lambda *given: set())


@pytest.mark.parametrize(
    ("plant", "training"),
    [
        (deaf, {"beta1": 0.5}),
        (deaf, {"beta2": 0.9}),
        (deaf, {"optimizer": "rmsprop", "alpha": 0.5}),
        (deaf, {"optimizer": "sgd", "momentum": 0.1}),
        (thawed, {"groups": [{"params": "w1.*", "frozen": True}]}),
    ],
    ids=["beta1", "beta2", "alpha", "momentum", "frozen"],
)
def test_what_loop_and_replay_do_alike_is_held_against_the_settings(
    plant: Callable[[Patch], None],
    training: dict[str, Any],
    tmp_path: Path,
    monkeypatch: Patch,
) -> None:
    short = Pipeline("simple_baseline", training={"steps": 12, **training})
    use(monkeypatch, clips(short))
    honest = trained(short.job(tmp_path / "honest"))
    assert (honest.status, honest.reason) == ("ok", "")
    plant(monkeypatch)
    assert failed(trained(short.job(tmp_path / "wrong"))) in ("replay", "end")
