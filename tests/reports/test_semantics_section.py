"""Probed semantics in a report: what is not as declared, and nothing where nothing was probed."""

from __future__ import annotations

from pathlib import Path

from bench.records import Record, Run, RunInfo, Semantics, SemanticsRow
from reports import assemble, markdown
from reports.sections import semantics as section

ROWS = (
    SemanticsRow(
        probe="gelu", about="form", declared="erf", probed=("tanh",), result="differs"
    ),
    SemanticsRow(
        probe="sort_ties", about="t", declared="a", probed=("a",), result="agrees"
    ),
)


def run(*records: Record) -> Run:
    info = RunInfo(id="1", started="", command="", config={}, environment={})
    return Run(info=info, records=records, folder=Path())


def test_a_disagreement_is_shown_and_what_agrees_is_counted(tmp_path: Path) -> None:
    record = Record(
        task="semantics", backend="paper", status="failed", payload=Semantics(rows=ROWS)
    )
    page = markdown.page(section.render(run(record), tmp_path))
    assert "`gelu`" in page and "tanh" in page
    assert "sort_ties" not in page


def test_a_run_without_probes_has_no_such_section(tmp_path: Path) -> None:
    assert section.render(run(), tmp_path) == []
    assert section.TITLE not in markdown.page(assemble(run(), tmp_path))
