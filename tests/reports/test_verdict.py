"""The verdict follows its rules: each fault by itself, and models joined to a backend."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import records
from bench.records import Parity, Record, Run
from reports import verdict
from reports.verdict import Verdict, grounds, rule
from tests.reports import sample_run as sample


def verdicts(items: list[Record]) -> list[Verdict]:
    """What is said of records; the first is about their backend, the next about a model."""
    # No section is rendered, so no folder is needed.
    run = Run(info=sample.info(), records=tuple(items), folder=Path("nowhere"))
    return verdict.verdicts(run)


def without(task: str) -> list[Record]:
    """The good run less one task."""
    return [item for item in sample.good() if item.task != task]


def instead(payload: records.Payload, **change: object) -> list[Record]:
    """The good run with another payload for one task."""
    model = "" if payload.task == "shape_ops" else "simple_baseline"
    return [*without(payload.task), sample.record(payload, model=model, **change)]


def beside(*more: Record) -> list[Record]:
    """The good run and further records."""
    return [*sample.good(), *more]


def dead(task: str, status: str, **change: object) -> Record:
    """A cell that ended without numbers."""
    return sample.record(None, task=task, status=status, reason="signal 11", **change)


def died(task: str, status: str) -> list[Record]:
    """The good run with one task that ended without numbers."""
    return [*without(task), dead(task, status)]


def test_all_measured_and_well_is_yes() -> None:
    whole, model = verdicts(sample.good())
    assert (whole.answer, model.answer, model.changes) == ("yes", "yes", ())
    assert {reason.grade for reason in model.reasons} == {"measured"}
    # One for each ground but training, which is no reason for a yes.
    assert len(model.reasons) == 5


@dataclass(frozen=True)
class Fault:
    """A run with one thing wrong, and words of the reason that must tell of it."""

    records: list[Record]
    words: str


NO_CHECKS = Parity(checks=())
# Passed, it says, with an error of 100 %.
LYING = Parity(checks=(sample.parity().checks[0].model_copy(update={"error": 1.0}),))
BROKEN = sample.parity(worst=0.02)
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
            instead(sample.parity(), precision="bf16"), "full precision"
        ),
    },
    ("undecided", "measured"): {
        "parity without checks": Fault(instead(NO_CHECKS), "no check was made"),
        "parity crashed": Fault(died("parity", "crashed"), "crashed: signal 11"),
    },
    ("yes with gaps", "measured"): {
        "bf16 fails": Fault(
            beside(sample.record(BROKEN, precision="bf16")), "bf16 fail"
        ),
        "no export": Fault(
            instead(sample.feasibility(features={"export": "no sizes"})),
            "export: no sizes",
        ),
        "needed op fails the exam": Fault(
            instead(sample.exam(result="failed")), "op exam: batch_norm"
        ),
        "training killed": Fault(
            died("train", "out_of_memory"), "out of memory: signal 11"
        ),
        # Exactly as good as the best baseline is not better.
        "no better than a line": Fault(
            instead(sample.evaluation(score=160.5)), "not better"
        ),
        "a timing lied": Fault(
            instead(sample.throughput(sample.timing(lies=("constant",)))), "(constant)"
        ),
        "never steady": Fault(
            instead(sample.throughput(sample.timing(steady=False))), "never got steady"
        ),
        "noisy host": Fault(instead(sample.throughput(noise_floor=0.3)), "30.00 %"),
    },
    ("yes with gaps", "declared"): {
        "no fp16": Fault(
            beside(dead("parity", "unsupported", precision="fp16")), "signal 11"
        ),
    },
    ("yes with gaps", "not run"): {
        "exam never run": Fault(without("shape_ops"), "op exam has no numbers"),
        "no baselines": Fault(without("baselines"), "baselines were not measured"),
        "baselines of another protocol": Fault(
            [*without("baselines"), sample.about_data(FOREIGN)],
            "baselines were not measured",
        ),
        "speed never measured": Fault(without("throughput"), "speed was not measured"),
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
    told = [
        reason
        for reason in model.reasons
        if (reason.answer, reason.grade) == expected and fault.words in reason.text
    ]
    assert told, model.reasons
    # The worst comes first, and something can be done about it.
    assert model.changes and model.reasons[0].answer == expected[0]


@pytest.mark.parametrize(
    ("ground", "items"),
    [
        ("coverage", instead(sample.feasibility(via="gap"))),
        ("parity", instead(BROKEN)),
        ("exam", instead(sample.exam(result="failed"))),
        ("training", died("train", "crashed")),
        ("accuracy", instead(sample.evaluation(score=500.0))),
        ("speed", instead(sample.throughput(sample.timing(lies=("constant time",))))),
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
    assert verdicts(items)[1].answer == "yes"


NEW_GROUND = """
from reports.verdict.reason import Threshold, gap
AFTER = ("parity",)
LIMIT = Threshold("watts", 300.0, "the socket gives no more")
def reasons(evidence):
    return [gap("nobody asked the meter", "a meter")]
def of_backend(run, backend):
    return [gap(f"{backend} has no meter", "a meter")]
"""


def test_a_new_file_is_a_new_ground(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "power.py").write_text(NEW_GROUND)
    monkeypatch.setattr(grounds, "__path__", [*grounds.__path__, str(tmp_path)])
    try:
        whole, model = verdicts(sample.good())
        names = [limit.name for limit in verdict.thresholds()]
    finally:
        # Else a later import would find the module of a folder that is gone.
        sys.modules.pop(f"{grounds.__name__}.power", None)
    assert (whole.answer, model.answer) == ("yes with gaps", "yes with gaps")
    assert model.reasons[0].text == "nobody asked the meter"
    assert "torch has no meter" in [reason.text for reason in whole.reasons]
    # Behind the ground that it names, before the end of the chain of the others.
    assert names[0].startswith("parity") and "watts" in names[1:]


# From models to a backend


def test_a_gap_no_model_needs_is_a_gap_of_the_backend_alone() -> None:
    whole, model = verdicts(instead(sample.exam(gaps={"conv_transpose": "none"})))
    assert (whole.answer, model.answer) == ("yes with gaps", "yes")
    assert "conv_transpose" in whole.reasons[0].text


@pytest.mark.parametrize(
    "second",
    [BROKEN, NO_CHECKS, sample.parity()],
    ids=["another fails", "another is open", "another has gaps"],
)
def test_one_model_that_works_makes_the_backend_usable(second: Parity) -> None:
    whole = verdicts(beside(sample.record(second, model="motionbert")))[0]
    assert whole.answer == "yes with gaps"


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
