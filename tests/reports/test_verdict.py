"""The verdict follows its rules: each fault by itself, and models joined to a backend."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.records import Exam, Parity, Record
from models.errors import UnknownName
from reports import verdict
from reports.verdict import grounds, rule
from tests.reports import sample_run as sample
from tests.reports.judged import beside, dead, died, instead, verdicts, without


def test_all_measured_and_well_is_yes() -> None:
    whole, model = verdicts(sample.good())
    assert (whole.answer, model.answer, model.changes) == ("yes", "yes", ())
    assert set(model.answers.values()) == {"yes"}
    told = [reason for reason in model.reasons if reason.answer]
    assert {reason.grade for reason in told} == {"measured"}
    # Two facts: nobody to compare the training with, and what it took.
    assert len(told) == 6 and len(model.reasons) == 8


@dataclass(frozen=True)
class Fault:
    """A run with one thing wrong, and words of the reason that must tell of it."""

    records: list[Record]
    words: str


NO_CHECKS = Parity(checks=())
# Passed, it says, with an error of 100 %.
LYING = Parity(checks=(sample.parity().checks[0].model_copy(update={"error": 1.0}),))
BROKEN = sample.parity(worst=0.02)
HALF = sample.parity(worst=0.02, precision="bf16")
MATMUL = tuple(row for row in sample.exam().rows if row.op == "matmul")
NO_CURVE = Parity(checks=sample.parity().checks[:-1])
FOREIGN = sample.baselines(protocol_hash="bb0002")  # every evaluation is of 9f3a01

# By the answer that they must lead to, and its grade.
FAULTS: dict[tuple[str, str], dict[str, Fault]] = {
    ("no", "measured"): {
        "parity failed": Fault(
            instead(BROKEN, status="failed"), "parity checks on cpu fp32 fail"
        ),
        "parity above its bound though it says ok": Fault(
            instead(LYING), "1 of 1 parity checks"
        ),
        "needed op is a gap": Fault(
            instead(sample.feasibility(via="gap")), "batch_norm (made of mean | var)"
        ),
    },
    ("no", "declared"): {
        "declared gap": Fault(
            instead(sample.feasibility(via="gap", grade="declared")), "batch_norm"
        ),
    },
    ("undecided", "not run"): {
        "parity never run": Fault(
            without("parity"), "parity in full precision was not measured"
        ),
        "parity elsewhere": Fault(
            instead(sample.parity(), status="invalid", reason="on cpu"), "on cpu"
        ),
        "parity only in bf16": Fault(
            instead(sample.parity(precision="bf16"), precision="bf16"), "full precision"
        ),
    },
    ("undecided", "measured"): {
        "parity without checks": Fault(instead(NO_CHECKS), "no check was made"),
        "parity crashed": Fault(died("parity", "crashed"), "crashed: signal 11"),
    },
    ("yes with gaps", "measured"): {
        "bf16 fails": Fault(
            beside(sample.record(HALF, precision="bf16")), "cpu bf16 fail"
        ),
        "needed op fails the exam": Fault(
            instead(sample.exam(result="failed")), "op exam: batch_norm"
        ),
        "training killed": Fault(
            died("train", "out_of_memory"), "out of memory: signal 11"
        ),
        # Exactly as good as the best baseline is not better.
        "no better than a line": Fault(
            instead(sample.evaluation(score=160.5)), "map: no, at this size"
        ),
        "an error that is no number": Fault(
            instead(sample.evaluation(score=float("nan"))), "map: no, at this"
        ),
        "evaluation refused by its own checks": Fault(
            instead(sample.evaluation(), status="failed", reason="poses differ"),
            "failed: poses differ",
        ),
    },
    ("yes with gaps", "declared"): {
        "no fp16": Fault(
            beside(dead("parity", "unsupported", precision="fp16")), "signal 11"
        ),
        "a rung that the backend cannot be asked": Fault(
            instead(sample.parity(), status="unsupported", reason="half: no bf16"),
            "in part: unsupported: half: no bf16",
        ),
    },
    ("yes in part", "not run"): {
        "exam never run": Fault(without("shape_ops"), "op exam has no numbers"),
        "exam that does not count": Fault(
            instead(sample.exam(), status="invalid", reason="two frameworks"),
            "no numbers: invalid: two frameworks",
        ),
        "training that does not count": Fault(
            instead(sample.training(), status="invalid", reason="two frameworks"),
            "training on cpu fp32: invalid: two frameworks",
        ),
        "an op left out of the exam": Fault(
            instead(Exam(rows=MATMUL, customary="eager")), "did not ask about: batch_"
        ),
        "no loss curve": Fault(instead(NO_CURVE), "loss curve was not held"),
        "no baselines": Fault(without("baselines"), "baselines were not measured"),
        "baselines of another protocol": Fault(
            [*without("baselines"), sample.about_data(FOREIGN)],
            "baselines were not measured",
        ),
        "never trained": Fault(without("train"), "training was not measured"),
    },
}


@pytest.mark.parametrize(
    ("expected", "fault"),
    [
        pytest.param(expected, fault, id=name)
        for expected, faults in FAULTS.items()
        for name, fault in faults.items()
    ],
)
def test_rule(expected: tuple[str, str], fault: Fault) -> None:
    model = verdicts(fault.records)[1]
    assert model.answer == expected[0]
    # Of what was not run nothing is known, and so it is no gap.
    due = "not measured" if expected[0] == "yes in part" else expected[0]
    told = [
        reason
        for reason in model.reasons
        if (reason.answer, reason.grade) == (due, expected[1])
        and fault.words in reason.text
    ]
    assert told, model.reasons
    # The worst comes first, and something can be done about it.
    assert model.changes and model.reasons[0].answer == due


@pytest.mark.parametrize(
    ("ground", "items"),
    [
        ("coverage", instead(sample.feasibility(via="gap"))),
        ("parity", instead(BROKEN)),
        ("exam", instead(sample.exam(result="failed"))),
        ("training", died("train", "crashed")),
        ("trajectory", instead(sample.parity(curve=2.0))),
        ("accuracy", instead(sample.evaluation(score=500.0))),
    ],
)
def test_without_a_rule_its_fault_goes_unseen(
    monkeypatch: pytest.MonkeyPatch, ground: str, items: list[Record]
) -> None:
    """Proof that the rules above are what catches the faults, each its own."""
    assert verdicts(items)[1].answer != "yes"
    others = [one for one in rule.grounds() if not one.__name__.endswith(f".{ground}")]
    assert len(others) == len(rule.grounds()) - 1
    monkeypatch.setattr(rule, "grounds", lambda: others)
    # A question that nobody answers any more is open, and no longer answered against the port.
    due = "yes in part" if ground == "coverage" else "yes"
    assert verdicts(items)[1].answer == due


NEW_GROUND = """
from reports.verdict.reason import Threshold, gap
QUESTION = "{question}"
AFTER = ("parity",)
LIMITS = (Threshold("watts", 300.0, "the socket gives no more"),)
def reasons(evidence):
    return [gap("nobody asked the meter", "a meter")]
def of_backend(run, backend):
    return [gap(backend + " has no meter", "a meter")]
"""


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of a second folder of grounds."""
    monkeypatch.setattr(grounds, "__path__", [*grounds.__path__, str(tmp_path)])
    yield tmp_path / "power.py"
    # Else a later import would find the module of a folder that is gone.
    sys.modules.pop(f"{grounds.__name__}.power", None)


def test_a_new_file_is_a_new_ground(ground: Path) -> None:
    ground.write_text(NEW_GROUND.format(question="computes"))
    whole, model = verdicts(sample.good())
    names = [limit.name for limit in verdict.thresholds()]
    assert (whole.answer, model.answer) == ("yes with gaps", "yes with gaps")
    assert model.reasons[0].text == "nobody asked the meter"
    assert model.because("computes")[0] == model.reasons[0]
    assert "torch has no meter" in [reason.text for reason in whole.reasons]
    # Behind the ground that it names, before the end of the chain of the others.
    assert names[0].startswith("parity") and "watts" in names[1:]


def test_a_ground_of_the_costs_decides_nothing(ground: Path) -> None:
    ground.write_text(NEW_GROUND.format(question="costs"))
    model = verdicts(sample.good())[1]
    assert (model.answer, model.answers["costs"]) == ("yes", "yes with gaps")


def test_a_ground_that_answers_nothing_that_is_asked_is_refused(ground: Path) -> None:
    ground.write_text(NEW_GROUND.format(question="cost"))
    with pytest.raises(UnknownName, match="ground power 'cost': did you mean costs"):
        verdicts(sample.good())


# From models to a backend


def test_a_gap_no_model_needs_is_told_and_decides_nothing() -> None:
    whole, model = verdicts(instead(sample.exam(gaps={"conv_transpose": "none"})))
    assert (whole.answer, model.answer) == ("yes", "yes")
    said = "does not have, needed by no model asked: conv_transpose"
    assert [one.answer for one in whole.reasons if one.text == said] == [None]
    assert whole.changes == ()


@pytest.mark.parametrize(
    ("second", "due"),
    [
        (BROKEN, "yes with gaps"),
        (NO_CHECKS, "yes with gaps"),
        (sample.parity(), "yes in part"),
    ],
    ids=["another fails", "another is open", "another was not trained"],
)
def test_one_model_that_works_makes_the_backend_usable(
    second: Parity, due: str
) -> None:
    whole = verdicts(beside(sample.record(second, model="motionbert")))[0]
    assert whole.answer == due


def test_a_backend_on_which_no_model_works_is_no_and_one_without_models_is_open() -> (
    None
):
    assert verdicts(instead(BROKEN))[0].answer == "no"
    unused = verdicts([sample.record(sample.exam(), model="")])
    assert [item.answer for item in unused] == ["undecided"]
    # One fails, of the other nothing is known: it may yet work.
    half = [sample.record(BROKEN), sample.record(NO_CHECKS, model="motionbert")]
    assert verdicts(half)[0].answer == "undecided"


def test_backends_are_judged_apart() -> None:
    other = sample.record(BROKEN, backend="jax")
    found = [
        (item.backend, item.model, item.answer) for item in verdicts(beside(other))
    ]
    assert found == [
        ("torch", "", "yes"),
        ("torch", "simple_baseline", "yes"),
        ("jax", "", "no"),
        ("jax", "simple_baseline", "no"),
    ]


def test_a_cell_about_the_data_is_no_backend() -> None:
    assert verdicts([sample.about_data(sample.baselines())]) == []
