"""The coverage section: a gap with its reason, the gradient graph, and ops by a kernel alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.records import (
    Answers,
    Feasibility,
    Obstacle,
    OpNeed,
    Record,
    Run,
    RunInfo,
)
from reports import markdown
from reports.sections import coverage
from reports.verdict import verdicts

BODY = "its body needs erf: no kernel"


def need(op: str, via: str, reason: str = "") -> OpNeed:
    return OpNeed.model_validate({"op": op, "count": 2, "via": via, "reason": reason})


def differing(*sentences: str) -> str:
    payload = Feasibility(
        graph_ops={}, parameters=10, flops={}, differs=tuple(sentences)
    )
    records = tuple(
        Record(
            task="feasibility",
            backend=backend,
            model="flat",
            status="ok",
            payload=payload,
        )
        for backend in ("jax", "torch")
    )
    info = RunInfo(id="x", started="", command="", config={}, environment={})
    run = Run(info=info, records=records, folder=Path())
    return markdown.page(coverage.render(run, Path()))


def test_what_differs_between_the_graphs_is_told_once_a_model() -> None:
    page = differing("noise of train alone: 2 x normal 1", "ops of the loss: 1 x mean")
    assert page.count("- `flat`: noise of train alone: 2 x normal 1") == 1
    assert "differs between" not in differing()


def said(**graphs: tuple[OpNeed, ...]) -> str:
    payload = Feasibility(graph_ops=graphs, parameters=10, flops={"infer": 1_000_000})
    record = Record(
        task="feasibility",
        backend="jax",
        model="flat",
        status="unsupported",
        payload=payload,
    )
    info = RunInfo(id="x", started="", command="", config={}, environment={})
    run = Run(info=info, records=(record,), folder=Path())
    return markdown.page(coverage.render(run, Path()))


def test_a_gap_names_what_its_body_needs() -> None:
    page = said(train=(need("gelu", "gap", BODY),), infer=(need("gelu", "gap", BODY),))
    assert page.count(f"`gelu` for flat · jax: {BODY}") == 1
    assert "second way" not in page
    assert "`gradient`" not in page


def test_what_training_alone_lacks_is_said_to_be_lacking_there() -> None:
    missing = need("erf", "gap", "no kernel")
    page = said(train=(need("gelu", "kernel"),), gradient=(missing,))
    assert "`erf` for flat · jax in its gradient graph: no kernel" in page
    assert "`gradient` is a training step where a framework" in page
    assert "as train" in page


def test_an_op_that_nothing_stands_in_for_is_told_and_is_no_gap() -> None:
    page = said(infer=(need("gelu", "kernel", BODY), need("add", "kernel")))
    assert "No model needs an op that its backend cannot do." in page
    assert "Ops without a second way" in page
    assert f"`gelu` for flat · jax: {BODY}" in page
    assert "`add` for" not in page


PORT = {"model": "-", "training": "-", "optimizer": "-", "precision": "fp32: native"}


def lack(kind: str, what: str, graph: str, *, unknown: bool = False) -> Obstacle:
    said = {"kind": kind, "what": what, "graph": graph, "nodes": 1, "reason": "none"}
    return Obstacle.model_validate(said | {"unknown": unknown})


def on_paper(way: str, *lacks: Obstacle, **said: str) -> Run:
    payload = Feasibility(
        grade="declared",
        graph_ops={"train": (need("equal", "gap"),), "infer": (need("add", "kernel"),)},
        parameters=10,
        flops={},
        obstacles=lacks,
        answers=Answers.model_validate(PORT | {"way": way} | said),
    )
    record = Record(
        task="feasibility",
        backend="paper",
        model="flat",
        status="unsupported" if lacks else "ok",
        reason="paper has no equal" if lacks else "",
        payload=payload,
    )
    config = {"declared": {"paper": "m.yaml"}}
    info = RunInfo(id="x", started="", command="", config=config, environment={})
    return Run(info=info, records=(record,), folder=Path())


@pytest.mark.parametrize(
    ("way", "lacks", "answer", "due"),
    [
        ("blocked", lack("rank", "5", "infer"), "no", "rank 5 (none)"),
        ("blocked", lack("dtype", "bool", "infer"), "no", "type bool (none)"),
        ("blocked", lack("graphs", "-", "infer"), "no", "a second graph for inference"),
        ("inference only", lack("op", "equal", "train"), "yes with gaps", "equal"),
        ("inference only", lack("dtype", "int64", "train"), "yes with gaps", "int64"),
        (
            "unknown",
            lack("rank", "5", "infer", unknown=True),
            "undecided",
            "nobody says",
        ),
    ],
)
def test_the_verdict_says_what_the_port_table_says(
    way: str, lacks: Obstacle, answer: str, due: str
) -> None:
    [told, _] = reversed(verdicts(on_paper(way, lacks)))
    found = told.because("expressed")
    decisive = [one for one in found if one.answer is not None]
    assert told.answers["expressed"] == answer
    # one reason, and not the status of its cell beside it
    assert [due in one.text for one in decisive] == [True]


def test_what_an_optimizer_or_autograd_leaves_open_is_told() -> None:
    run = on_paper("unknown", training="unknown: autograd", optimizer="adam: unknown")
    [told, _] = reversed(verdicts(run))
    [reason] = told.because("expressed")
    assert reason.answer == "undecided"
    assert reason.text == "training: unknown: autograd; adam: unknown"


def test_on_paper_that_nothing_was_run_is_said_once_a_question() -> None:
    [told, whole] = reversed(verdicts(on_paper("native")))
    assert told.answer == whole.answer == "undecided"
    assert told.changes == ("bring it under test (docs/adding/backend.md)",)
    for question in ("computes", "trains", "costs"):
        [reason] = told.because(question)
        assert reason.text == "known on paper: nothing was run"
    assert "not measured" not in whole.reasons[0].text


def test_on_paper_what_is_unknown_is_why_it_is_undecided() -> None:
    run = on_paper("unknown", lack("op", "take", "infer", unknown=True))
    whole = verdicts(run)[0]
    assert "nobody says whether the framework has take" in whole.reasons[0].text
