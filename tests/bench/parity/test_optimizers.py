"""An optimizer that is missing, or wrong, counts where a model is trained with it alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backends.base import Backend, Settings, Trainer, Unsupported
from bench.coordinator.job import Finding
from bench.records import Check, Parity, Run
from models.graph import Graph
from models.optim import Optimizer
from reports.verdict.evidence import Evidence, gather
from reports.verdict.grounds import parity
from tests.backends.eager import TinyBackend
from tests.bench.parity.wrong import climb, red
from tests.reports import sample_run as sample

ALL = ["sgd", "rmsprop", "adam"]


class Poor(TinyBackend):
    """Without one of the rules, which it may or may not have declared."""

    def __init__(self, rule: str, *, declared: bool, raised: type[Exception]) -> None:
        self.rule = rule
        self.declared = declared
        self.raised = raised

    def optimizers(self) -> dict[str, str]:
        return {self.rule: "it has no squares"} if self.declared else {}

    def trainer(
        self, graph: Graph, optimizer: Optimizer, settings: Settings
    ) -> Trainer:
        if optimizer.rule == self.rule:
            raise self.raised("it has no squares")
        return super().trainer(graph, optimizer, settings)


def payload(finding: Finding) -> Parity:
    assert isinstance(finding.payload, Parity)
    return finding.payload


def stepped(finding: Finding) -> set[str]:
    checks: tuple[Check, ...] = payload(finding).checks
    return {check.name.split()[0] for check in checks if check.kind == "step"}


def run_of(finding: Finding) -> Evidence:
    """What a report would know of it."""
    record = sample.record(
        finding.payload, status=finding.status, reason=finding.reason
    )
    run = Run(info=sample.info(), records=(record,), folder=Path("nowhere"))
    return gather(run, record.backend, record.model)


@pytest.mark.parametrize("rule", ["sgd", "rmsprop"])
@pytest.mark.parametrize("declared", [True, False])
def test_one_that_is_missing_leaves_the_others(
    rule: str, declared: bool, tmp_path: Path
) -> None:
    backend = Poor(rule, declared=declared, raised=Unsupported)
    finding = climb(backend, tmp_path, optimizers=ALL, steps=3)
    assert (finding.status, finding.reason) == ("ok", "")
    assert stepped(finding) == {*ALL} - {rule}
    assert payload(finding).left_out == {f"optimizer {rule}": "it has no squares"}
    found = run_of(finding)
    assert [one.answer for one in parity.reasons(found)] == ["yes"]
    [fact] = parity.of_backend(found.run, found.backend)
    said = f"does not have, needed by no model asked: optimizer {rule}"
    assert (fact.answer, fact.text) == (None, f"{said} (it has no squares)")


def test_one_that_raises_is_a_gap_of_the_backend_and_no_no(tmp_path: Path) -> None:
    backend = Poor("rmsprop", declared=False, raised=ValueError)
    finding = climb(backend, tmp_path, optimizers=ALL, steps=3)
    [broken] = red(finding)
    assert (broken.kind, broken.name) == ("raised", "step: rmsprop")
    assert broken.note.startswith("Poor.trainer raised ValueError: it has no squares")
    assert stepped(finding) == {"sgd", "adam"}
    found = run_of(finding)
    assert [one.answer for one in parity.reasons(found)] == ["yes"]
    [gap] = parity.of_backend(found.run, found.backend)
    assert (gap.answer, gap.change) == ("yes with gaps", "mend rmsprop")


def test_the_models_own_is_another_matter(tmp_path: Path) -> None:
    backend = Poor("adam", declared=True, raised=Unsupported)
    finding = climb(backend, tmp_path, optimizers=ALL, steps=3)
    assert finding.status == "unsupported"
    assert finding.reason == "update: it has no squares"
    kinds = {check.kind for check in payload(finding).checks}
    assert {"forward", "gradient", "step"} <= kinds, (
        "and gradients are asked all the same"
    )
    found = run_of(finding)
    told = [(one.answer, one.question) for one in parity.reasons(found)]
    # it computes what it should, and is not trained
    assert told == [("yes", None), ("yes with gaps", "trains"), (None, None)]
    assert parity.of_backend(found.run, found.backend) == []


def test_what_is_declared_is_asked_of_the_watched(tmp_path: Path) -> None:
    backend: Backend = TinyBackend()
    assert set(backend.optimizers()) == {"sgd", "adam", "adamw", "rmsprop"}
    found: Any = climb(backend, tmp_path, "step", optimizers=ALL)
    assert (found.status, stepped(found)) == ("ok", {*ALL})
