"""Faults of the harness itself: what a training starts from, is fed, and leaves."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.audit.fault import Setting
from bench.audit.faults._piped import WINDOWS, Make, always, fault, sides_kept, x_kept

KIND = "pipeline"
SCHEDULE = "training.schedules:Schedule.factor"
# so few windows that thirty steps go through them several times
EPOCHS = Setting(name="many epochs", train={"stride": 200})


def _raw(self: Any, shown: Any, numbers: Any = None) -> Any:
    return {self.spec.reads: np.ascontiguousarray(self._flat(shown))}


def _fitted_on_half(real: Any) -> Any:
    return lambda keypoints: real(keypoints[: len(keypoints) // 2])


def _no_deviation(real: Any) -> Any:
    """The mean alone is taken off."""

    def fit(keypoints: Any) -> Any:
        found = real(keypoints)
        return replace(found, std=np.ones_like(found.std))

    return fit


def _other_seed(real: Any) -> Any:
    return SimpleNamespace(
        draw=lambda params, *, seed: real.draw(params, seed=seed + 1)
    )


def _rescaled(real: Any) -> Any:
    def draw(params: Any, *, seed: int) -> Any:
        drawn = real.draw(params, seed=seed)
        return {
            name: array * np.float32(1.1) if array.dtype == np.float32 else array
            for name, array in drawn.items()
        }

    return SimpleNamespace(draw=draw)


def _test_for_training(real: Any) -> Any:
    """Test clips are trained on, too."""

    def split(job: Any) -> Any:
        found = real(job)
        return replace(found, train=[*found.train, *found.test[:2]])

    return split


def _older(real: Any) -> Any:
    """Weights that are not those of the checkpoint."""

    def load(path: Any) -> Any:
        found = real(path)
        moved = {
            name: array * np.float32(1.01) if array.dtype == np.float32 else array
            for name, array in found.params.items()
        }
        return replace(found, params=moved)

    return SimpleNamespace(load=load)


def _rate_of(factor: float) -> Make:
    def make(real: Any) -> Any:
        def optimizer(job: Any, spec: Any) -> Any:
            found = real(job, spec)
            return replace(found, lr=found.lr * factor)

        return optimizer

    return make


def _unshuffled(real: Any) -> Any:
    def epoch(self: Any, batch: int, **asked: Any) -> Any:
        return real(self, batch, **{**asked, "shuffle": False})

    return epoch


def _first_epoch(real: Any) -> Any:
    def epoch(self: Any, batch: int, **asked: Any) -> Any:
        return real(self, batch, **{**asked, "epoch": 0})

    return epoch


def _first_batch(real: Any) -> Any:
    def steps(self: Any, first: int, last: int) -> Any:
        for _ in range(first, last):
            yield from real(self, 0, 1)

    return steps


def _stale_save() -> Make:
    """The weights that a checkpoint holds are those of the one before, where there was one."""

    def make(real: Any) -> Any:
        kept: list[Any] = []

        def save(self: Any) -> None:
            now = {k: np.array(v) for k, v in self.trainer.program.params().items()}
            if kept:
                self.trainer.program.load(kept[-1])
            real(self)
            self.trainer.program.load(now)
            kept.append(now)

        return save

    return make


def _on_training(real: Any) -> Any:
    return lambda job, feed, split, program: real(
        job, feed, replace(split, test=split.train), program
    )


FAULTS = (
    fault("training mirror: sides kept", f"{WINDOWS}:mirror", always(sides_kept)),
    fault("training mirror: x kept", f"{WINDOWS}:mirror", always(x_kept)),
    fault(
        "training mirror: never",
        "training.task:Epochs",
        lambda real: lambda **asked: real(**{**asked, "flip": False}),
    ),
    fault("scaling: not applied", "training.feed:Feed._read", always(_raw)),
    fault(
        "scaling: of half of the clips",
        "training.feed:standardizer.fit",
        _fitted_on_half,
    ),
    fault("scaling: mean alone", "training.feed:standardizer.fit", _no_deviation),
    fault(
        "scaling: dropped after training",
        "training.restored:standardizer.from_arrays",
        always(lambda arrays: None),
    ),
    fault(
        "training clips: test clips among them",
        "training.task:split_of",
        _test_for_training,
    ),
    fault("start: another seed", "training.task:initial", _other_seed),
    fault("start: 10 % larger", "training.task:initial", _rescaled),
    fault(
        "rate: constant",
        SCHEDULE,
        always(lambda self, now: 1.0),
    ),
    fault(
        "rate: of the step before",
        SCHEDULE,
        lambda real: (
            lambda self, now: real(self, replace(now, step=max(0, now.step - 1)))
        ),
    ),
    fault(
        "optimizer: ten times the rate", "training.task:optimizer_of", _rate_of(10.0)
    ),
    fault("optimizer: 2 % more rate", "training.task:optimizer_of", _rate_of(1.02)),
    fault("batches: in order", f"{WINDOWS}:Windows.epoch", _unshuffled),
    fault(
        "batches: the first epoch's always",
        f"{WINDOWS}:Windows.epoch",
        _first_epoch,
        EPOCHS,
    ),
    fault("batches: the first always", "training.epochs:Epochs.steps", _first_batch),
    fault("checkpoint: of the step before", "training.loop:Loop.save", _stale_save()),
    fault("validation: of training clips", "training.task:validation_of", _on_training),
    fault(
        "validation: 5 % too large",
        "training.validation:Validation.error",
        lambda real: lambda self, params: real(self, params) * 1.05,
    ),
    fault("weights: not the checkpoint's", "training.restored:checkpoints", _older),
)
