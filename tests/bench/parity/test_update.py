"""The rung of two training steps: what a step leaves wrong is red, whatever its loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.numpy.train import NumpyTrainer
from bench.records import Parity
from tests.bench.parity.wrong import Wrong, climb, red, trainer

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def still_statistics(self: Any, feeds: Any) -> Any:
    before = self.program.params()
    loss = NumpyTrainer.step(self, feeds)
    kept = {name: x for name, x in before.items() if name.endswith(STATISTICS)}
    self.program.load({**self.program.params(), **kept})
    return loss


def every_second(self: Any, feeds: Any) -> Any:
    self.count = getattr(self, "count", 0) + 1
    loss, grads = self.gradients(feeds)
    if self.count % 2:
        self.apply(grads)
    return loss


def every_tenth_left_out(self: Any, feeds: Any) -> Any:
    self.count = getattr(self, "count", 0) + 1
    loss, grads = self.gradients(feeds)
    if self.count % 10:
        self.apply(grads)
    return loss


def forgets_one(self: Any, feeds: Any) -> Any:
    before = self.program.params()
    loss = NumpyTrainer.step(self, feeds)
    self.program.load({**self.program.params(), "w2.bias": before["w2.bias"]})
    return loss


def no_slots(self: Any) -> Any:
    return {"#steps": np.array(self._steps)}


def count_lost(self: Any, state: Any) -> None:
    NumpyTrainer.load_state(self, {**state, "#steps": np.array(0)})


def slots_cleared(self: Any, feeds: Any) -> Any:
    loss = NumpyTrainer.step(self, feeds)
    self._slots = {}
    return loss


def rate_kept(self: Any, lr: float) -> None:
    pass


def rate_late(self: Any, lr: float) -> None:
    NumpyTrainer.set_lr(self, getattr(self, "waiting", self.optimizer.lr))
    self.waiting = lr


def rate_off(self: Any, lr: float) -> None:
    self.optimizer = replace(self.optimizer, lr=1.01 * lr)


FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "statistics never move": ({"step": still_statistics}, "update", "statistics"),
    "every second step": ({"step": every_second}, "update", "weights"),
    "one weight forgotten": ({"step": forgets_one}, "update", "weights"),
    "state without slots": ({"state": no_slots}, "update", "goes on from a save"),
    "count of steps lost": ({"load_state": count_lost}, "update", "goes on from"),
    "slots cleared": ({"step": slots_cleared}, "update", "weights"),
    "rate never set": ({"set_lr": rate_kept}, "update", "weights"),
    "rate set late": ({"set_lr": rate_late}, "update", "weights"),
    "rate off by 1 %": ({"set_lr": rate_off}, "update", "weights"),
    "rate never set, optimizer": ({"set_lr": rate_kept}, "step", "adam step 2"),
    "state lost, optimizer": ({"state": no_slots}, "step", "adam goes on from"),
    "every tenth step": ({"step": every_tenth_left_out}, "trajectory", "loss of 12"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_step_leaves_wrong_is_red(fault: str, tmp_path: Path) -> None:
    methods, rung, due = FAULTS[fault]
    finding = climb(Wrong(trainer=trainer(**methods)), tmp_path, rung)
    assert finding.status == "failed"
    assert any(check.name.startswith(due) for check in red(finding)), red(finding)


def test_an_honest_trainer_is_green(tmp_path: Path) -> None:
    finding = climb(Wrong(), tmp_path, "step", "update", "trajectory")
    assert (finding.status, finding.reason) == ("ok", "")
    assert isinstance(finding.payload, Parity)
    names = " ".join(check.name for check in finding.payload.checks)
    for due in ("weights after", "statistics after", "slots after", "goes on from"):
        assert due in names


def test_the_second_step_begins_where_the_oracles_first_has_ended(
    tmp_path: Path,
) -> None:
    loaded: list[np.ndarray] = []

    class Told(NumpyTrainer):
        """One whose program tells what is loaded into it."""

        def __init__(self, *of: Any) -> None:
            super().__init__(*of)
            load = self.program.load

            def told(params: Any) -> None:
                loaded.append(np.array(params["w1.weight"]))
                load(params)

            self.program.load = told  # type: ignore[method-assign]

    assert climb(Wrong(trainer=Told), tmp_path, "update").status == "ok"
    # this backend computes in float64, so that a rounding tells one from the other
    own = next(one for one in loaded if not np.array_equal(one, np.float32(one)))
    assert any(np.array_equal(one, np.float32(own)) for one in loaded)
