"""Trainers whose state is no state: what a resumed training would go on from."""

from __future__ import annotations

import numpy as np

from backends.base import Arrays, Trainer
from bench.audit.faults._stepping import Copies, Stepping, fault
from bench.audit.planting.proxy import WrongProgram
from bench.parity.trial import copies

KIND = "trainer"


class _EmptyState(Stepping):
    """Slots of zeros are given away."""

    def state(self) -> Copies:
        found = copies(self.inner.state())
        return {key: _emptied(key, array) for key, array in found.items()}


class _StateIgnored(Stepping):
    def load_state(self, state: Arrays) -> None:
        """Nothing is taken."""


class _StateForgetsOne(Stepping):
    """Of the largest slot nothing is taken."""

    def load_state(self, state: Arrays) -> None:
        largest = max(state, key=lambda key: _slot_size(key, state[key]))
        self.inner.load_state({**state, largest: np.zeros_like(state[largest])})


class _StateForgetsSteps(Stepping):
    """Corrections of the moments begin anew."""

    def load_state(self, state: Arrays) -> None:
        self.inner.load_state(
            {
                key: np.zeros_like(array) if _is_count(array) else array
                for key, array in state.items()
            }
        )


class _StateInHalf(Stepping):
    """Slots are saved with half of their digits."""

    def state(self) -> Copies:
        return {
            key: array.astype(np.float16).astype(array.dtype)
            if array.dtype == np.float32
            else array
            for key, array in copies(self.inner.state()).items()
        }


class _StateClearsWeights(Stepping):
    """Taking a state puts the first weights back."""

    def __init__(self, inner: Trainer, program: WrongProgram) -> None:
        super().__init__(inner, program)
        self.first = self.weights()

    def load_state(self, state: Arrays) -> None:
        self.inner.load_state(state)
        self.put_back(self.trained(), self.first)


def _emptied(key: str, array: np.ndarray) -> np.ndarray:
    return array if "random" in key else np.zeros_like(array)


def _slot_size(key: str, array: np.ndarray) -> int:
    """Numbers in a slot; none in what is the random state."""
    return 0 if "random" in key or np.asarray(array).dtype.kind != "f" else array.size


def _is_count(array: np.ndarray) -> bool:
    """A single whole number, of 1 or more."""
    number = np.asarray(array)
    return number.size == 1 and float(number.reshape(-1)[0]) in range(1, 1000)


FAULTS = (
    fault("state has empty slots", _EmptyState),
    fault("state has half of the digits", _StateInHalf),
    fault("load_state does nothing", _StateIgnored),
    fault("load_state forgets one slot", _StateForgetsOne),
    fault("load_state forgets the number of steps", _StateForgetsSteps),
    fault("load_state brings first weights back", _StateClearsWeights),
)
