"""Trainers that skip, forget, repeat or keep what they should not."""

from __future__ import annotations

from typing import Any

import numpy as np

from backends.base import Arrays, Feeds, Trainer
from bench.audit.faults._stepping import Copies, Stepping, fault
from bench.audit.planting.proxy import WrongProgram
from bench.parity.trial import copies

KIND = "trainer"


class _EveryTenth(Stepping):
    def stepped(self, feeds: Feeds) -> Any:
        return self.skipped(feeds) if self.steps % 10 == 0 else self.inner.step(feeds)


class _First(Stepping):
    def stepped(self, feeds: Feeds) -> Any:
        return self.skipped(feeds) if self.steps == 1 else self.inner.step(feeds)


class _FromFifth(Stepping):
    """Weights stay from the fifth step on."""

    def stepped(self, feeds: Feeds) -> Any:
        return self.skipped(feeds) if self.steps >= 5 else self.inner.step(feeds)


class _FromLate(Stepping):
    """Weights stay from a step on that no ladder makes."""

    def stepped(self, feeds: Feeds) -> Any:
        return self.skipped(feeds) if self.steps >= 26 else self.inner.step(feeds)


class _RateFloor(Stepping):
    def set_lr(self, lr: float) -> None:
        self.inner.set_lr(max(lr, 1e-5))


class _ClipsLarge(Stepping):
    """A clip that no gradient of usual size meets."""

    def apply(self, grads: Arrays) -> None:
        self.inner.apply({name: np.clip(grad, -5, 5) for name, grad in grads.items()})


class _RateIgnored(Stepping):
    def set_lr(self, lr: float) -> None:
        """Nothing is set."""


class _RateLate(Stepping):
    coming: float | None = None

    def set_lr(self, lr: float) -> None:
        self.coming = lr

    def stepped(self, feeds: Feeds) -> Any:
        loss = self.inner.step(feeds)
        if self.coming is not None:
            self.inner.set_lr(self.coming)
        return loss


class _RateOnce(Stepping):
    """The first rate that is set stays."""

    is_set = False

    def set_lr(self, lr: float) -> None:
        if not self.is_set:
            self.inner.set_lr(lr)
        self.is_set = True


class _RateClears(Stepping):
    """Another rate begins the optimizer anew."""

    def set_lr(self, lr: float) -> None:
        fresh = {
            key: np.zeros_like(array) if "random" not in key else array
            for key, array in self.inner.state().items()
        }
        self.inner.load_state(fresh)
        self.inner.set_lr(lr)


class _StatisticsStay(Stepping):
    def stepped(self, feeds: Feeds) -> Any:
        before = self.weights()
        loss = self.inner.step(feeds)
        self.put_back(self.running(), before)
        return loss


class _StatisticsStayLater(Stepping):
    """They move with the first step alone."""

    def stepped(self, feeds: Feeds) -> Any:
        before = self.weights()
        loss = self.inner.step(feeds)
        if self.steps > 1:
            self.put_back(self.running(), before)
        return loss


class _StatisticsTwice(Stepping):
    def stepped(self, feeds: Feeds) -> Any:
        self.inner.gradients(feeds)
        return self.inner.step(feeds)


class _OneStays(Stepping):
    """The last weight is in no group of the optimizer."""

    def stepped(self, feeds: Feeds) -> Any:
        before = self.weights()
        loss = self.inner.step(feeds)
        self.put_back(self.trained()[-1:], before)
        return loss


class _Accumulates(Stepping):
    """The gradients of the step before are not cleared."""

    def __init__(self, inner: Trainer, program: WrongProgram) -> None:
        super().__init__(inner, program)
        self.summed: Copies = {}

    def stepped(self, feeds: Feeds) -> Any:
        def summed(name: str, grad: np.ndarray) -> np.ndarray:
            self.summed[name] = self.summed.get(name, np.float32(0)) + grad
            return self.summed[name]

        return self.by_hand(feeds, summed)


class _Clips(Stepping):
    """To a length of 0.1 each."""

    def stepped(self, feeds: Feeds) -> Any:
        def clipped(name: str, grad: np.ndarray) -> np.ndarray:
            length = float(np.linalg.norm(grad))
            return grad * np.float32(min(1.0, 0.1 / max(length, 1e-12)))

        return self.by_hand(feeds, clipped)


class _Noisy(Stepping):
    """Gradients off by 0.1 %, another way each time."""

    def stepped(self, feeds: Feeds) -> Any:
        rng = np.random.default_rng(self.steps)

        def moved(name: str, grad: np.ndarray) -> np.ndarray:
            factors = 1 + 1e-3 * rng.normal(size=grad.shape)
            return np.asarray(grad * factors, np.float32)

        return self.by_hand(feeds, moved)


class _LossBefore(Stepping):
    last: Any = None

    def stepped(self, feeds: Feeds) -> Any:
        loss = self.inner.step(feeds)
        told = loss if self.last is None else self.last
        self.last = loss
        return told


class _LossAfter(Stepping):
    """The loss of the weights behind the step."""

    def stepped(self, feeds: Feeds) -> Any:
        self.inner.step(feeds)
        before = self.weights()
        loss, _ = self.inner.gradients(feeds)
        self.put_back(self.running(), before)
        return np.float32(loss)


class _LossScaled(Stepping):
    def stepped(self, feeds: Feeds) -> Any:
        return self.inner.step(feeds) * np.float32(1.001)


class _StaleFeeds(Stepping):
    first: Feeds | None = None

    def stepped(self, feeds: Feeds) -> Any:
        self.first = self.first or feeds
        return self.inner.step(self.first)


class _LateFeeds(Stepping):
    """A queue of one: each step sees the batch before."""

    last: Feeds | None = None

    def stepped(self, feeds: Feeds) -> Any:
        now, self.last = self.last or feeds, feeds
        return self.inner.step(now)


class _Twice(Stepping):
    def stepped(self, feeds: Feeds) -> Any:
        self.inner.step(feeds)
        return self.inner.step(feeds)


class _AppliesTwice(Stepping):
    def apply(self, grads: Arrays) -> None:
        self.inner.apply(grads)
        self.inner.apply(grads)


class _AppliesNegative(Stepping):
    def apply(self, grads: Arrays) -> None:
        self.inner.apply({name: -np.asarray(grad) for name, grad in grads.items()})


class _GradientsMove(Stepping):
    """Asking for gradients makes a step."""

    def gradients(self, feeds: Feeds) -> tuple[float, Copies]:
        loss, grads = self.inner.gradients(feeds)
        grads = copies(grads)
        self.inner.apply(grads)
        return loss, grads


class _GradientOfOneLost(Stepping):
    def gradients(self, feeds: Feeds) -> tuple[float, Copies]:
        loss, grads = self.inner.gradients(feeds)
        last = self.trained()[-1]
        return loss, {**grads, last: np.zeros_like(grads[last])}


class _GradientsOfSum(Stepping):
    """Of the sum over the batch, not of its mean."""

    def gradients(self, feeds: Feeds) -> tuple[float, Copies]:
        loss, grads = self.inner.gradients(feeds)
        return loss, {name: grad * np.float32(2) for name, grad in grads.items()}


class _LoadLost(Stepping):
    """Weights loaded after the first step are not those that are trained."""

    held: Copies | None = None

    def stepped(self, feeds: Feeds) -> Any:
        if self.held is not None:
            self.inner.program.load(self.held)
        loss = self.inner.step(feeds)
        self.held = self.weights()
        return loss


FAULTS = (
    fault("every tenth step skipped", _EveryTenth),
    fault("first step skipped", _First),
    fault("no step from the fifth on", _FromFifth),
    fault("no step from the twenty-sixth on", _FromLate),
    fault("set_lr has a floor of 1e-5", _RateFloor),
    fault("apply clips at 5", _ClipsLarge),
    fault("set_lr does nothing", _RateIgnored),
    fault("set_lr is one step late", _RateLate),
    fault("set_lr works once", _RateOnce),
    fault("set_lr clears the optimizer's state", _RateClears),
    fault("running statistics never move", _StatisticsStay),
    fault("running statistics move once", _StatisticsStayLater, "videopose3d"),
    fault("running statistics move twice a step", _StatisticsTwice),
    fault("one weight is never trained", _OneStays),
    fault("gradients are never cleared", _Accumulates),
    fault("gradients are clipped", _Clips),
    fault("gradients are off by 0.1 %", _Noisy),
    fault("loss of the step before", _LossBefore),
    fault("loss behind the step", _LossAfter),
    fault("loss 0.1 % too large", _LossScaled),
    fault("feeds of the first step always", _StaleFeeds),
    fault("feeds of the step before", _LateFeeds),
    fault("every step is made twice", _Twice),
    fault("apply applies twice", _AppliesTwice),
    fault("apply climbs", _AppliesNegative),
    fault("gradients makes a step", _GradientsMove),
    fault("gradients loses one", _GradientOfOneLost),
    fault("gradients are doubled", _GradientsOfSum),
    fault("weights loaded between steps are lost", _LoadLost),
)
