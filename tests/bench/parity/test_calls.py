"""The rung of many calls: each way in which an earlier one may leak into a later is red."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.numpy.program import NumpyProgram
from bench.records import Parity
from tests.bench.parity.wrong import Wrong, climb, program, red


def first_result(self: Any, feeds: Any) -> Any:
    """Whatever comes, the answer is the first one's."""
    if not hasattr(self, "kept"):
        self.kept = NumpyProgram.run(self, feeds)
    return self.kept


def by_shape(self: Any, feeds: Any) -> Any:
    """What has the shape of an earlier call is taken for it."""
    shape = str({name: np.shape(array) for name, array in feeds.items()})
    cache = self.__dict__.setdefault("cache", {})
    if shape not in cache:
        cache[shape] = NumpyProgram.run(self, feeds)
    return cache[shape]


def one_batch(self: Any, feeds: Any) -> Any:
    """No other batch than the first one's."""
    size = len(next(iter(feeds.values())))
    self.__dict__.setdefault("size", size)
    padded = {
        name: np.resize(x, (self.size, *x.shape[1:])) for name, x in feeds.items()
    }
    results = NumpyProgram.run(self, padded)
    return (
        {name: value[:1] for name, value in results.items()} if size == 1 else results
    )


def jittered(self: Any, feeds: Any) -> Any:
    self.count = getattr(self, "count", 0) + 1
    results = NumpyProgram.run(self, feeds)
    return {name: value * (1 + 1e-15 * self.count) for name, value in results.items()}


def loads_once(self: Any, params: Any) -> None:
    if not self._params:
        NumpyProgram.load(self, params)


def aliasing(self: Any, feeds: Any) -> Any:
    """Every call writes into the memory of the first one's results."""
    results = NumpyProgram.run(self, feeds)
    held = self.__dict__.setdefault("held", results)
    for name, value in results.items():
        if held[name].shape == value.shape:
            held[name][...] = value
    return held


def writes_inputs(self: Any, feeds: Any) -> Any:
    results = NumpyProgram.run(self, feeds)
    for array in feeds.values():
        array += 1e-3
    return results


def narrow(self: Any, value: Any) -> Any:
    return np.asarray(value, np.float32)


def elsewhere(self: Any, value: Any) -> str:
    return "cuda"


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "answers the first call for ever": ({"run": first_result}, "pose, other inputs"),
    "knows a call by its shape": ({"run": by_shape}, "pose, other inputs"),
    "gives other bits each time": ({"run": jittered}, "the same call once more"),
    "loads weights once": ({"load": loads_once}, "pose, other weights"),
    "writes into earlier results": ({"run": aliasing}, "earlier outputs are left"),
    "writes into its inputs": ({"run": writes_inputs}, "the same call once more"),
    "gives another type": ({"numpy": narrow}, "outputs"),
    "lies elsewhere": ({"device_of": elsewhere}, "outputs"),
    "is made for one batch": ({"run": one_batch}, "pose, batch 7"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_program_that_remembers_is_found_out(fault: str, tmp_path: Path) -> None:
    methods, due = FAULTS[fault]
    finding = climb(Wrong(program(**methods)), tmp_path, "calls")
    assert finding.status == "failed"
    assert any(check.name.startswith(due) for check in red(finding)), red(finding)


def test_an_honest_program_may_be_called_as_often_as_one_likes(tmp_path: Path) -> None:
    finding = climb(Wrong(), tmp_path, "calls")
    assert (finding.status, finding.reason) == ("ok", "")
    assert isinstance(finding.payload, Parity)
    names = {check.name for check in finding.payload.checks}
    due = {"outputs", "weights", "the same call once more", "pose, other inputs"}
    assert names >= due | {"pose, other weights", "pose, batch 1"}


def test_what_is_declared_not_to_repeat_is_not_accused(tmp_path: Path) -> None:
    backend = Wrong(program(run=jittered))
    backend.repeats = lambda device: "sums in any order"  # type: ignore[method-assign]
    assert climb(backend, tmp_path, "calls").status == "ok"


def test_every_open_axis_has_another_length(tmp_path: Path) -> None:
    sizes = {"width": 16, "representation": 16, "depth": 1, "heads": 2}
    finding = climb(Wrong(), tmp_path, "calls", model="motionbert", sizes=sizes)
    assert isinstance(finding.payload, Parity)
    names = " ".join(check.name for check in finding.payload.checks)
    assert "batch 1, frames 9" in names
    assert "batch 7, frames 8" in names
