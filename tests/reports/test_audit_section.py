"""The section of planted faults: what was missed or misnamed is not lost among the rest."""

from __future__ import annotations

from pathlib import Path

from bench.records import Audit, AuditRow
from tests.reports import sample_run as sample
from tests.reports.pages import report_of, row_with, section, tables

TITLE = "Planted faults"


def audited(*rows: AuditRow) -> Audit:
    """An audit of some rows, with one control that is clean."""
    control = AuditRow(
        fault="nothing: smoke exam", kind="none", result="clean", profile="smoke"
    )
    return Audit(rows=(control, *rows))


def caught(fault: str, **more: object) -> AuditRow:
    given: dict[str, object] = {
        "kind": "kernel",
        "op": "gelu",
        "result": "caught",
        "profile": "smoke",
        "by": ("shape_ops: value", "parity: forward"),
        "op_right": True,
        "line_right": True,
        "seconds": 30.0,
    }
    return AuditRow.model_validate({"fault": fault, **given, **more})


def figures(row: str) -> list[str]:
    """The cells of a row, without their padding."""
    return [cell.strip() for cell in row.strip("|").split("|")]


def shown(folder: Path, *rows: AuditRow) -> str:
    record = sample.record(audited(*rows), model="")
    return section(report_of(folder, [record]), TITLE)


def test_a_run_without_an_audit_names_the_command(tmp_path: Path) -> None:
    found = section(report_of(tmp_path, sample.good()), TITLE)
    assert "`python -m bench audit`" in found


def test_faults_are_counted_by_profile_and_kind(tmp_path: Path) -> None:
    rows = [caught("one"), caught("two", profile="standard"), caught("three")]
    missed = AuditRow(
        fault="four", kind="noise", result="missed", profile="standard", seconds=1.0
    )
    found = shown(tmp_path, *rows, missed)
    totals = figures(row_with(tables(found)[0], "torch"))
    # faults, by smoke, by standard, missed, op named, line named
    assert totals[2:8] == ["4", "2", "1", "1", "3 of 3", "3 of 3"]
    by_kind = tables(found)[1]
    assert figures(row_with(by_kind, "kernel"))[1:5] == ["3", "2", "1", "0"]
    assert figures(row_with(by_kind, "noise"))[1:5] == ["1", "0", "0", "1"]


def test_what_is_missed_accused_or_misnamed_is_listed(tmp_path: Path) -> None:
    missed = AuditRow(fault="slipped", kind="noise", result="missed", note="all held")
    misnamed = caught("misnamed", line_right=False, note="linear at models/x.py:3")
    accused = AuditRow(fault="nothing: x", kind="none", result="accused", note="red")
    found = shown(tmp_path, caught("right"), missed, misnamed, accused)
    listed = found.split("Not as due:")[1].split("\n|")[0]
    assert "`slipped` (noise): missed. all held" in listed
    assert "`misnamed` (kernel): caught, and another op or line" in listed
    assert "`nothing: x` (none): accused. red" in listed
    assert "`right`" not in listed


def test_what_a_backend_cannot_have_is_not_counted_and_has_its_reason(
    tmp_path: Path,
) -> None:
    absent = AuditRow(
        fault="bf16 asked for, fp32 run",
        kind="precision",
        result="not_applicable",
        note="no such precision",
    )
    found = shown(tmp_path, caught("one"), absent)
    totals = figures(row_with(tables(found)[0], "torch"))
    assert totals[2:6] == ["1", "1", "0", "0"]
    assert "`bf16 asked for, fp32 run`: no such precision" in found
    assert "Every fault was caught, and no control was accused." in found
