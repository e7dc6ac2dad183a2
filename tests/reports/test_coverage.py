"""The coverage section: a gap with its reason, the gradient graph, and ops by a kernel alone."""

from __future__ import annotations

from pathlib import Path

from bench.records import Feasibility, OpNeed, Record, Run, RunInfo
from reports import markdown
from reports.sections import coverage

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
