"""Wrong kernels that are right for most questions: the exam finds each, and no other op.

The smoke profile's exam where it can, else the standard's.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import backends
from bench import config
from bench.config import Config
from bench.coordinator.job import Finding, Job
from bench.exam import task as shape_ops
from bench.records import Exam

pytest.importorskip("torch", reason="PyTorch is not installed: nothing to plant in")

from backends.torch import ops  # noqa: E402  # after the skip
from tests.meta.torch_mutants import KERNELS, MUTANTS, Mutant  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*degrees of freedom is <= 0")
NEIGHBOUR = "negative"  # is asked beside the sick op, in the same programs


@cache
def exam_of(profile: str) -> config.Exam:
    """What a profile puts, in the customary mode."""
    whole = config.load(
        profile=profile, file=None, overrides=[], options={}, models=["simple_baseline"]
    )
    return whole.exam.model_copy(update={"modes": ("customary",), "generated": 0})


def examine(profile: str, *names: str) -> Finding:
    asked = Config(ops=names, exam=exam_of(profile))
    job = Job(
        task="shape_ops",
        backend="torch",
        model="",
        config=asked,
        folder=Path("nowhere"),
    )
    return shape_ops.run(job, backends.load("torch"), "cpu", lambda text, share: None)


def wrong(finding: Finding) -> set[str]:
    assert isinstance(finding.payload, Exam)
    return {row.op for row in finding.payload.rows if row.result == "failed"}


def shown(mutant: Mutant) -> str:
    return f"{mutant.op}: {mutant.name}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=shown)
def test_a_mutant_is_found(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops, "KERNELS", {**KERNELS, mutant.op: mutant.kernel})
    beside = "sin" if mutant.op == NEIGHBOUR else NEIGHBOUR
    assert wrong(examine(mutant.profile, mutant.op, beside)) == {mutant.op}


@pytest.mark.parametrize("profile", ["smoke", "standard"])
def test_without_a_mutant_nothing_is_found(profile: str) -> None:
    names = sorted({mutant.op for mutant in MUTANTS if mutant.profile == profile})
    assert wrong(examine(profile, *names, NEIGHBOUR)) == set()


def test_there_are_mutants_of_many_ops() -> None:
    assert len(MUTANTS) >= 40
    assert len({mutant.op for mutant in MUTANTS}) >= 25
