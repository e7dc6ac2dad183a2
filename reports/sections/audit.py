"""The harness's own exam: which planted faults it caught, where, and by the right name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.records import Audit, AuditRow, Record, Run
from reports import cells
from reports.blocks import Block, Code, Heading, Row, bullets, table, text
from reports.numbers import count, number

AFTER = ("third_party",)
TITLE = "Planted faults"
CONTROL = "none"  # the kind of what was put without a fault


def render(run: Run, figures: Path) -> list[Block]:
    """Counts for each backend and kind; then what was missed, accused or misnamed; then all."""
    found = cells.payloads(run.records, Audit)
    if not found:
        command = Code("python -m bench audit")
        said = "No faults were planted; "
        return [text(said, command, " plants a catalogue of them and says which show.")]
    page: list[Block] = [table(totals(record, audit) for record, audit in found)]
    for record, audit in found:
        page += about(record, audit)
    return page


def totals(record: Record, audit: Audit) -> Row:
    """One backend in numbers."""
    faults = [row for row in audit.rows if row.kind != CONTROL]
    controls = [row for row in audit.rows if row.kind == CONTROL]
    accused = sum(row.result == "accused" for row in controls)
    took = sum(row.seconds or 0.0 for row in audit.rows)
    return {
        **cells.columns(record),
        **tally(faults),
        "Controls": count(len(controls)),
        "Accused": count(accused),
        "Minutes": number(took / 60),
    }


def tally(rows: Sequence[AuditRow]) -> Row:
    """Some faults in numbers."""
    put = [row for row in rows if row.result != "not_applicable"]
    caught = [row for row in put if row.result == "caught"]
    return {
        "Faults": count(len(put)),
        "Caught by smoke": count(sum(row.profile == "smoke" for row in caught)),
        "Caught by standard": count(sum(row.profile == "standard" for row in caught)),
        "Missed": count(len(put) - len(caught)),
        "Op named": share([row.op_right for row in caught]),
        "Line named": share([row.line_right for row in caught]),
    }


def share(answers: Sequence[bool | None]) -> str:
    """How many were right, of those that were asked."""
    asked = [answer for answer in answers if answer is not None]
    return f"{count(sum(asked))} of {count(len(asked))}"


def about(record: Record, audit: Audit) -> list[Block]:
    """One backend kind by kind, and fault by fault."""
    faults = [row for row in audit.rows if row.kind != CONTROL]
    kinds = dict.fromkeys(row.kind for row in faults)
    by_kind: list[Row] = [
        {"Kind": kind, **tally([row for row in faults if row.kind == kind])}
        for kind in kinds
    ]
    page: list[Block] = [
        Heading(f"Faults planted in {cells.label(record)}"),
        table(by_kind),
    ]
    wrong = [row for row in audit.rows if is_wrong(row)]
    if wrong:
        page += [text("Not as due:"), bullets(map(remark, wrong))]
    else:
        page.append(text("Every fault was caught, and no control was accused."))
    absent = [row for row in faults if row.result == "not_applicable"]
    if absent:
        items = [(Code(row.fault), f": {row.note}") for row in absent]
        page += [text("What this backend cannot have:"), bullets(items)]
    return [*page, table(map(line, audit.rows), caption="All faults", folded=True)]


def is_wrong(row: AuditRow) -> bool:
    """Whether a reader should look at it."""
    misnamed = False in (row.op_right, row.line_right)
    return row.result in ("missed", "accused") or misnamed


def remark(row: AuditRow) -> tuple[Code, str]:
    """What is not as due about a row."""
    what: str = row.result
    if row.result == "caught":
        what = "caught, and another op or line was named"
    return Code(row.fault), f" ({row.kind}): {what}. {row.note}".rstrip()


def line(row: AuditRow) -> Row:
    """One fault."""
    found: Row = {
        "Fault": row.fault,
        "Kind": row.kind,
        "Result": row.result.replace("_", " "),
        "Profile": row.profile or "none",
        "By": "; ".join(row.by) or "nothing",
    }
    for title, answer in (("Op", row.op_right), ("Line", row.line_right)):
        if answer is not None:
            found[title] = "right" if answer else "wrong"
    if row.seconds is not None:
        found["Seconds"] = number(row.seconds)
    return found
