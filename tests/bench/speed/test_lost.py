"""What cannot be timed costs no other its number, and says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

import models
from backends.base import Program, Settings
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from backends.numpy.train import NumpyTrainer
from bench.coordinator.job import Finding
from bench.parity.feeds import drawn
from bench.processes import contract
from bench.records import Throughput
from bench.speed import held
from bench.speed.null import NullProgram
from models import params as initial
from tests.bench.speed import timing_here

BATCHES = (1, 3)
SIZES = {"width": 8, "stages": 1, "dropout": 0.0}


class Choosy(NumpyBackend):
    """Raises in `run` for some batches."""

    def __init__(self, error: BaseException, *batches: int) -> None:
        self.error = error
        self.batches = batches

    def program(self, graph: Any, settings: Settings) -> Program:
        program = NumpyProgram(graph, settings)
        run = program.run

        def choosy(feeds: Any) -> dict[str, Any]:
            if len(feeds["keypoints"]) in self.batches:
                raise self.error
            return run(feeds)

        program.run = choosy  # type: ignore[method-assign]
        return program


def timed(backend: NumpyBackend, *, train: bool = True, **more: Any) -> Finding:
    how = {"batches": BATCHES, "train": train, "seconds": 0.001, **more}
    return timing_here.timed(backend, SIZES, **how)


def kinds(finding: Finding) -> list[tuple[str, int]]:
    if finding.payload is None:
        return []
    assert isinstance(finding.payload, Throughput)
    return [(row.what, row.batch) for row in finding.payload.timings]


def test_a_batch_that_raises_leaves_the_others() -> None:
    found = timed(Choosy(ValueError("too many"), 3), train=False)
    assert (found.status, kinds(found)) == ("failed", [("forward", 1)])
    assert found.reason.startswith("forward at batch 3: ")
    assert "ValueError: too many (test_lost.py:" in found.reason


def test_a_trainer_that_is_not_there_leaves_the_forward_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise OSError("no trainer")

    backend = Choosy(ValueError())
    monkeypatch.setattr(backend, "trainer", broken)
    found = timed(backend)
    assert (found.status, kinds(found)) == ("failed", [("forward", n) for n in BATCHES])
    assert found.reason.startswith("train_step at batch ")


def test_a_batch_of_which_batch_norm_has_no_variance_is_left_out() -> None:
    found = timed(NumpyBackend(), train_batch=[1, 4])
    assert isinstance(found.payload, Throughput)
    (reason,) = found.payload.left_out.values()
    assert reason.startswith("batch norm at ") and "no variance" in reason
    assert ("train_step", 4) in kinds(found)


def test_what_fails_everywhere_is_said_once() -> None:
    found = timed(Choosy(ValueError("never"), *BATCHES), train=False)
    assert (found.status, found.payload) == ("failed", None)
    said = "forward at batch 1 and forward at batch 3: "
    assert found.reason.startswith(said) and found.reason.count("never") == 1


@pytest.mark.parametrize(
    "full", [RuntimeError("CUDA out of memory. Tried to allocate"), MemoryError()]
)
def test_memory_that_is_full_at_one_batch_is_told_of_that_batch(
    full: Exception,
) -> None:
    found = timed(Choosy(full, 3), train=False)
    assert (found.status, kinds(found)) == ("out_of_memory", [("forward", 1)])


@pytest.mark.parametrize("spoilt", [lambda pose: pose * np.nan, lambda pose: pose * 0])
def test_outputs_that_are_no_numbers_or_stand_still_are_void(
    monkeypatch: pytest.MonkeyPatch, spoilt: Callable[[Any], Any]
) -> None:
    run = NumpyProgram.run

    def wrong(self: NumpyProgram, feeds: Any) -> dict[str, Any]:
        return {name: spoilt(value) for name, value in run(self, feeds).items()}

    monkeypatch.setattr(NumpyProgram, "run", wrong)
    found = timed(Choosy(ValueError()), train=False)
    assert found.status == "invalid"
    assert "changed inputs did not change the outputs" in found.reason


def test_timed_calls_that_give_something_else_than_the_model_are_void(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = NumpyProgram.run
    calls = [0]

    def late(self: NumpyProgram, feeds: Any) -> dict[str, Any]:
        # right at first, as long as somebody may look
        calls[0] += 1
        off = 1.5 if calls[0] > 3 else 1.0
        return {name: value * off for name, value in run(self, feeds).items()}

    backend = Choosy(ValueError())
    program = backend.program

    def lying(graph: Any, settings: Settings) -> Program:
        made = program(graph, settings)
        made.run = late.__get__(made)  # type: ignore[method-assign]
        return made

    monkeypatch.setattr(backend, "program", lying)
    found = timed(backend, train=False)
    assert found.status == "invalid"
    assert "outputs of the timed calls are off by 0.5 of their size" in found.reason
    assert isinstance(found.payload, Throughput)
    assert {row.seconds for row in found.payload.timings} == {None}


def test_the_half_that_ran_where_full_precision_was_asked_for_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = Choosy(ValueError())
    half = Settings(precision="bf16")
    monkeypatch.setattr(
        backend, "program", lambda graph, settings: NumpyProgram(graph, half)
    )
    found = timed(backend, train=False)
    assert found.status == "invalid"
    said = (
        "fp32 was asked for, and outputs of the timed calls err by as much as bf16 does"
    )
    assert said in found.reason


def test_full_precision_where_a_half_was_asked_for_is_found() -> None:
    spec = models.build("simple_baseline", width=8, stages=1, dropout=0.0)
    params = initial.draw(spec.parameters, seed=3)
    fed = drawn(spec.infer.inputs, {}, {"batch": 4}, np.random.default_rng(3))
    own = {name: params[name] for name in spec.infer.params}
    for ran, like in (("bf16", ""), ("fp32", "float32")):
        program = NumpyProgram(spec.infer, Settings(precision=ran))
        program.load(own)
        came = held.outputs(spec.infer, own, fed, program(fed), "bf16")
        assert came.like == like
        assert came.error is not None and came.bound and came.error <= came.bound


def test_a_reference_that_would_take_long_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(held, "AFFORDED", 1.0)
    found = timed(Choosy(ValueError()))
    assert found.status == "ok" and isinstance(found.payload, Throughput)
    assert all(
        "the NumPy reference would take" in row.unchecked["outputs"]
        for row in found.payload.timings
    )


def test_a_loss_that_is_none_of_the_model_is_void(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = NumpyTrainer.step

    def wrong(self: NumpyTrainer, *feeds: Any) -> Any:
        return float(step(self, *feeds)) * 1.001

    monkeypatch.setattr(NumpyTrainer, "step", wrong)
    found = timed(Choosy(ValueError()))
    assert "train_step at batch 64: outputs of the timed calls are off" in found.reason


def test_sizes_and_modes_that_are_not_there_are_left_out_and_said() -> None:
    more = {"frames": [1, 9], "modes": ["customary", "eager", "compiled"]}
    found = timed(Choosy(ValueError()), train=False, **more)
    assert found.status == "ok" and isinstance(found.payload, Throughput)
    rows = found.payload.timings
    assert [(row.batch, row.window, row.mode) for row in rows] == [
        (1, 1, "eager"),
        (3, 1, "eager"),
    ], "eager is customary: once is enough"
    left = found.payload.left_out
    fixed = "its window is of 1 frames, and of no others"
    assert left["forward at batch 1, 9 frames"] == fixed
    assert left["forward at batch 3, 1 frames, compiled"] == "programs run eager there"


def test_nothing_that_can_be_timed_is_not_measured_and_says_why() -> None:
    found = timed(Choosy(ValueError()), train=False, modes=["compiled"])
    assert (found.status, found.payload) == ("not_measured", None)
    said = "forward at batch 1, compiled and forward at batch 3, compiled: programs run"
    assert found.reason.startswith(said)


def test_an_injected_delay_is_kept_in_the_record() -> None:
    found = timed(Choosy(ValueError()), train=False, slowed=0.5)
    assert isinstance(found.payload, Throughput)
    assert found.payload.settings["slowed"] == 0.5


def test_the_null_program_tells_what_the_harness_costs_and_is_refused_as_a_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = timed(Choosy(ValueError()), train=False)
    assert isinstance(honest.payload, Throughput)
    cost, row = honest.payload.harness_seconds, honest.payload.timings[0]
    assert cost is not None and row.seconds is not None
    assert 0 < cost < row.seconds
    backend = Choosy(ValueError())
    monkeypatch.setattr(backend, "program", lambda graph, settings: NullProgram(graph))
    found = timed(backend, train=False)
    assert found.status == "invalid"
    assert "changed inputs did not change the outputs" in found.reason
    assert "outputs of the timed calls are off" in found.reason


def test_what_is_no_mapping_is_told_by_who_gave_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(NumpyProgram, "run", lambda self, feeds: iter(()))
    watching = contract.watched(NumpyBackend(), contract.Watch())
    found = timed(cast(NumpyBackend, watching), train=False)
    assert "NumpyProgram.run gave tuple_iterator; a dict of native" in found.reason
