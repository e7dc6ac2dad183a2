"""Which to build next: the greedy cover on numbers done by hand, and the page that it makes."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from bench import records, tasks
from bench.records import (
    Answers,
    Detour,
    Detours,
    Exam,
    Extra,
    Feasibility,
    Obstacle,
    Record,
    RunInfo,
)
from reports import build
from reports.proposals.cause import Cause
from reports.proposals.cover import Step, greedy
from reports.verdict import rule
from tests.reports import sample_run as sample
from tests.reports.pages import row_with, section

ERF, TAKE, SCATTER = (Cause("op", name) for name in ("erf", "take", "scatter"))
FIVE, SIX = Cause("rank", "5"), Cause("rank", "6")
ANSWERS = Answers(
    way="blocked", model="blocked", training="blocked", optimizer="-", precision="-"
)


def of(**wanted: set[Cause]) -> dict[str, frozenset[Cause]]:
    return {model: frozenset(causes) for model, causes in wanted.items()}


def test_the_most_models_for_the_fewest_things_come_first() -> None:
    found = greedy(of(a={ERF}, b={ERF}, c={ERF, TAKE}, d={SCATTER}, e=set()))
    assert found == [
        Step((ERF,), ("a", "b")),
        Step((SCATTER,), ("d",)),
        Step((TAKE,), ("c",)),
    ]


def test_things_that_free_nobody_alone_are_built_together() -> None:
    found = greedy(of(a={ERF, TAKE}, b={ERF, TAKE}, c={SCATTER}))
    assert found[0] in (Step((ERF, TAKE), ("a", "b")), Step((SCATTER,), ("c",)))
    assert {model for step in found for model in step.unlocks} == {"a", "b", "c"}


def test_a_higher_rank_holds_the_lower_ones() -> None:
    assert greedy(of(a={FIVE}, b={SIX}, c={SIX})) == [Step((SIX,), ("a", "b", "c"))]


def test_nothing_is_built_where_nothing_is_lacking() -> None:
    assert greedy(of(a=set())) == []


def cell(model: str, *obstacles: Obstacle) -> Record:
    payload = Feasibility(
        grade="declared",
        graph_ops={},
        parameters=1,
        flops={},
        obstacles=obstacles,
        answers=ANSWERS,
    )
    return Record(
        task="feasibility", backend="paper", model=model, status="ok", payload=payload
    )


def written(folder: Path, *cells: Record) -> str:
    info = RunInfo(
        id="r",
        started="2026-01-01T00:00:00+00:00",
        command="bench",
        config={"declared": {"paper": "there/m.yaml"}},
        environment={},
    )
    (folder / "run.json").write_text(info.model_dump_json(), encoding="utf-8")
    for one in cells:
        records.append(folder, one)
    build(folder)
    path = folder / "proposals.md"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def erf(graph: str, *, unknown: bool = False) -> Obstacle:
    return Obstacle(
        kind="op",
        what="erf",
        graph=graph,
        nodes=2,
        ops=("gelu",),
        unknown=unknown,
        reason="nobody wrote it",
        route="exp and a polynomial",
        extra=Extra(nodes=38, flops=1000),
    )


def test_a_proposal_has_its_reason_its_models_its_way_round_and_its_evidence(
    tmp_path: Path,
) -> None:
    page = written(tmp_path, cell("one", erf("infer"), erf("train")), cell("free"))
    for said in (
        "### Build erf",
        "nobody wrote it",
        "1 model: one",
        "exp and a polynomial",
        "one infer +38 nodes",
        "there/m.yaml",
        "this makes 2 of 2",
        "Nothing here was timed",
    ):
        assert said in page
    assert page.count("### Build erf") == 1
    assert "frames/s" not in page


def test_a_cause_names_its_cells_its_line_and_what_the_exam_asked(
    tmp_path: Path,
) -> None:
    here = erf("infer").model_copy(update={"source": "there/m*.yaml:7"})
    row = sample.exam().rows[0].model_copy(update={"op": "erf", "result": "failed"})
    exam = sample.record(Exam(rows=(row,)), model="", backend="paper")
    page = written(tmp_path, cell("one", here), cell("two", here), exam)
    said = "[one](records.jsonl#L1), [two](records.jsonl#L2)"
    exam = "the op exam: erf passed 0 of 1; see [shape_ops](records.jsonl#L3)"
    assert f"the feasibility of paper on {said}; `there/m*.yaml:7`; {exam}." in page


def test_the_line_of_a_manifest_leads_to_the_copy_in_the_run_folder(
    tmp_path: Path,
) -> None:
    copy = tmp_path / "manifests" / "paper.yaml"
    copy.parent.mkdir()
    copy.write_text("name: paper\n", encoding="utf-8")
    here = erf("infer").model_copy(update={"source": "there/m*.yaml:7"})
    page = written(tmp_path, cell("one", here))
    assert "[m\\*.yaml:7](manifests/paper.yaml#L7)" in page
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    linked = "; see [feasibility](records.jsonl#L1), [manifest](manifests/paper.yaml)"
    assert linked in report


def test_every_link_leads_to_a_file_that_is_there(tmp_path: Path) -> None:
    written(tmp_path, cell("one", erf("infer")), timed("torch", 3.25))
    for name in ("report.md", "proposals.md"):
        page = (tmp_path / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)]*)\)", page):
            file, _, line = target.partition("#L")
            lines = (tmp_path / file).read_text(encoding="utf-8").splitlines()
            assert int(line or 1) <= len(lines)


def test_what_nobody_knows_is_to_be_found_out(tmp_path: Path) -> None:
    page = written(tmp_path, cell("one", erf("infer", unknown=True)))
    assert "### Find out about erf" in page
    assert "### Build" not in page


def test_no_page_is_written_where_nothing_lacks(tmp_path: Path) -> None:
    assert written(tmp_path, cell("one")) == ""


def test_words_of_a_manifest_are_no_markup(tmp_path: Path) -> None:
    evil = erf("infer").model_copy(update={"reason": "<script>|*a*"})
    page = written(tmp_path, cell("one", evil))
    assert "<script>" not in page
    assert "\\*a\\*" in page


def timed(backend: str, ratio: float | None) -> Record:
    row = Detour(op="erf", shapes=((2, 3),), count=4, ratio=ratio, low=2.0, high=4.5)
    payload = Detours(rows=(row,), batch=16)
    return Record(
        task="detours", backend=backend, model="one", status="ok", payload=payload
    )


def test_a_way_round_has_the_time_that_was_taken_on_a_backend(tmp_path: Path) -> None:
    """Of one on paper, another stands in; it is named."""
    page = written(tmp_path, cell("one", erf("infer")), timed("torch", 3.25))
    assert "3.250 (2.000 to 4.500) times as long as the kernel of torch" in page
    assert "Nothing here was timed" not in page


def test_without_a_time_there_is_a_dash(tmp_path: Path) -> None:
    page = written(tmp_path, cell("one", erf("infer")), timed("torch", None))
    assert "GFLOP more, time –" in page


def test_the_report_has_a_row_for_each_way_round(tmp_path: Path) -> None:
    written(tmp_path, timed("torch", 3.25))
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    line = row_with(section(report, "Ways round, timed"), "`erf`")
    assert "(2, 3)" in line and "3.250 (2.000 to 4.500)" in line


@pytest.mark.parametrize("ground", rule.grounds(), ids=lambda one: one.__name__)
def test_every_ground_says_which_cells_it_rests_on(ground: ModuleType) -> None:
    assert ground.TASKS and set(ground.TASKS) <= set(tasks.table())
