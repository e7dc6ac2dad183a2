"""A ladder whose worker has died goes on with the other rungs."""

from __future__ import annotations

from pathlib import Path

import backends
from bench.coordinator.job import Death, End
from bench.parity import task
from bench.processes.steps import Steps
from bench.records import Parity
from tests.meta.raising_cells import job


def climbed(folder: Path, status: End) -> tuple[str, str, Parity]:
    died = Death(step="forward", status=status, reason="the worker ended")
    rungs = ("weights", "forward", "calls")
    size = {"batch": 4, "frames": 5, "rungs": rungs}
    asked = job("parity", folder, "numpy", parity=size)
    asked = asked.model_copy(update={"deaths": (died,)})
    steps = Steps(asked, lambda said: None)
    numpy = backends.load("numpy")
    found = task.run(asked, numpy, "cpu", lambda text, share: None, steps=steps)
    assert isinstance(found.payload, Parity)
    return found.status, found.reason, found.payload


def test_a_rung_that_ends_its_worker_is_told_and_the_others_are_climbed(
    tmp_path: Path,
) -> None:
    status, reason, payload = climbed(tmp_path, "crashed")
    assert (status, payload.first_failure) == ("failed", "raised: forward")
    assert "the worker ended" in reason
    assert {check.kind for check in payload.checks} >= {"weights", "calls", "raised"}
    (told,) = [check for check in payload.checks if not check.ok]
    assert (told.name, told.note) == ("forward", "the worker ended")


def test_one_that_memory_has_no_room_for_is_no_wrong_number(tmp_path: Path) -> None:
    status, reason, payload = climbed(tmp_path, "out_of_memory")
    assert (status, reason) == ("out_of_memory", "the worker ended")
    assert all(check.ok for check in payload.checks)
    assert payload.left_out["forward"] == "the worker ended"
