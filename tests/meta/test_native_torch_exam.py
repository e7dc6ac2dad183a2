"""The op exam is examined.

Answers wrong in one type, layout, length or mode alone are found by name, and so are gaps
that have closed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backends
from backends.base import Backend, Gap
from bench import config
from bench.config import Config
from bench.coordinator.job import Finding, Job
from bench.exam import task as shape_ops
from bench.records import Exam, ExamRow

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: no backend to plant faults in"
)

from backends.torch import ops, program  # noqa: E402  # after the skip

MODES = ("customary", "compiled")
WRONG = 1.25  # a factor that no budget lets pass


def overflowing(x: Any) -> Any:
    """tanh that is right but in float16, whose largest number is 65504."""
    return torch.tanh(x * 1e5 / 1e5)


@pytest.fixture
def patient() -> Backend:
    """The backend that faults are planted in."""
    return backends.load("torch")


def exam(
    patient: Backend,
    *names: str,
    modes: tuple[str, ...] = ("customary",),
) -> tuple[Finding, list[ExamRow]]:
    """The verdict and the wrong answers, over all types and layouts."""
    plan = config.Exam(
        modes=modes,  # type: ignore[arg-type]  # pydantic checks the words
        variants="all",
        typed="all",
    )
    job = Job(
        task="shape_ops",
        backend="torch",
        model="",
        config=Config(ops=names, exam=plan),
        folder=Path("nowhere"),
    )
    finding = shape_ops.run(job, patient, "cpu", lambda text, share: None)
    assert isinstance(finding.payload, Exam)
    return finding, [row for row in finding.payload.rows if row.result == "failed"]


def plant(
    monkeypatch: pytest.MonkeyPatch,
    op: str,
    kernel: Callable[..., Any],
) -> None:
    monkeypatch.setattr(ops, "KERNELS", {**ops.KERNELS, op: kernel})


def test_a_wrong_type_is_found_where_the_value_is_right(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, "tanh", lambda x: torch.tanh(x).to(torch.float32))
    # a sound op is asked beside the sick one: it must not be named
    finding, failed = exam(patient, "tanh", "sin")
    assert finding.reason == "wrong answers: tanh"
    wrong = {(row.question, row.dtype) for row in failed}
    # float32 is what it gives, so there it is right
    assert wrong == {("dtype", "float16"), ("dtype", "bfloat16")}
    assert failed[0].note == "['float32'] came, ['float16'] was due"


def test_a_value_that_is_wrong_in_float16_alone_is_found(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, "tanh", overflowing)
    finding, failed = exam(patient, "tanh", "sin")
    assert finding.reason == "wrong answers: tanh"
    assert {row.dtype for row in failed} == {"float16"}
    assert "value" in {row.question for row in failed}


def test_a_result_that_reads_memory_as_if_it_were_in_a_row_is_found(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(x: Any) -> Any:
        # strides of a tensor in row-major order, whatever those of x are
        row_major = torch.empty_like(x, memory_format=torch.contiguous_format)
        return -torch.as_strided(x, x.size(), row_major.stride())

    plant(monkeypatch, "negative", careless)
    finding, failed = exam(patient, "negative", "sin")
    assert finding.reason == "wrong answers: negative"
    assert {row.case.split()[-1] for row in failed} == {"transposed", "strided"}


def test_a_kernel_that_is_right_up_to_the_width_of_a_tile_is_found(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tiled(x: Any) -> Any:
        # a loop over whole tiles that forgets the columns left beside the last
        width = x.size(-1)
        column = torch.arange(width)
        forgotten = (column >= 64) & (column >= width // 64 * 64)
        return torch.where(forgotten, 0 * x, torch.tanh(x))

    plant(monkeypatch, "tanh", tiled)
    finding, failed = exam(patient, "tanh", "sin")
    assert finding.reason == "wrong answers: tanh"
    assert any(row.case.endswith("broad") for row in failed)


def test_a_program_that_is_frozen_to_the_length_it_first_met_is_found(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = program.TorchProgram.run

    def frozen(self: Any, feeds: Any) -> Any:
        # what a graph does that was traced for one length: the first answer for ever
        self.__dict__.setdefault("kept", run(self, feeds))
        return self.kept

    monkeypatch.setattr(program.TorchProgram, "run", frozen)
    _, failed = exam(patient, "relu")
    shapes = [row.case for row in failed if row.question == "shape"]
    assert shapes
    assert all("dynamic, " in case for case in shapes)
    # other numbers on the same axes get the first answer too
    assert any(case.endswith("of ties") for case in (row.case for row in failed))


def test_an_answer_that_is_wrong_only_when_compiled_is_found(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compiled(native: Any, **options: Any) -> Any:
        def call(*feeds: Any) -> Any:
            result = native(*feeds)
            # a program gives its outputs by name, a train step its loss alone
            if isinstance(result, dict):
                return {name: value * WRONG for name, value in result.items()}
            return result * WRONG

        return call

    monkeypatch.setattr(torch, "compile", compiled)
    finding, failed = exam(patient, "tanh", modes=MODES)
    assert finding.reason == "wrong answers: tanh"
    assert {row.mode for row in failed} == {"compiled"}
    assert {row.question for row in failed} >= {"value", "gradient"}


@pytest.mark.parametrize("where", ["gaps", "part_gaps"])
def test_a_gap_that_passes_is_a_failure(
    where: str,
    patient: Backend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    declared: dict[str, Any] = {
        "gaps": {"flip": "it cannot"},
        # of one type: the others are not excused
        "part_gaps": (Gap("flip", "it cannot", dtype="int64"),),
    }
    monkeypatch.setattr(type(patient), where, declared[where])
    finding, failed = exam(patient, "flip", "roll")
    assert finding.reason.startswith("wrong answers: flip")
    assert {row.note for row in failed} == {
        "declared gap passes, remove it from the gaps of torch: it cannot"
    }
    dtypes = {row.dtype for row in failed}
    assert "int64" in dtypes
    assert (len(dtypes) > 1) == (where == "gaps")


@pytest.mark.parametrize(("device", "excused"), [("cpu", True), ("cuda", False)])
def test_a_gap_of_another_device_explains_nothing(
    device: str, excused: bool, patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, "tanh", overflowing)
    # an empty array has nothing that overflows
    gap = Gap("tanh", "it overflows", dtype="float16", device=device, varies=True)
    monkeypatch.setattr(type(patient), "part_gaps", (gap,))
    _, failed = exam(patient, "tanh")
    values = [
        row for row in failed if (row.dtype, row.question) == ("float16", "value")
    ]
    assert bool(values) != excused


def test_a_gap_that_varies_may_pass(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    varying = (Gap("flip", "it cannot everywhere", varies=True),)
    monkeypatch.setattr(type(patient), "part_gaps", varying)
    finding, _ = exam(patient, "flip")
    assert isinstance(finding.payload, Exam)
    assert {row.result for row in finding.payload.rows} == {"passed"}


def test_a_gap_explains_what_it_names_and_nothing_else(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, "tanh", overflowing)
    known = (
        # cases of one shape, of two ops
        Gap("tanh sin", "it overflows", dtype="float16", case="2x3"),
        Gap("tanh", "it overflows", dtype="float16", question="gradient"),
    )
    monkeypatch.setattr(type(patient), "part_gaps", known)
    finding, failed = exam(patient, "tanh")
    # the other shapes are wrong as well, and nothing excuses them
    assert finding.status == "failed"
    assert failed
    excused = [row for row in failed if row.case.startswith("2x3")]
    assert not any(row.question == "value" for row in excused)
    assert isinstance(finding.payload, Exam)
    gaps = [row for row in finding.payload.rows if row.result == "gap"]
    assert {(row.dtype, row.op) for row in gaps} == {("float16", "tanh")}
    assert all(row.note.startswith("it overflows") for row in gaps)


def test_a_case_that_raises_leaves_the_others_answered(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def picky(x: Any, *, axis: int) -> Any:
        if axis == 1:
            raise NotImplementedError("axis 1")
        return x.flip(axis)

    plant(monkeypatch, "flip", picky)
    finding, failed = exam(patient, "flip")
    due = "TorchBackend.program raised NotImplementedError: axis 1 ("
    assert all(row.note.startswith(due) for row in failed)
    assert all("axis=1" in row.case for row in failed)
    assert isinstance(finding.payload, Exam)
    # all that shared a program with it, in five types and four arrangements
    assert sum(row.result == "passed" for row in finding.payload.rows) > 50
