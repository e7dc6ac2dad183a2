"""The third-party exam: cases whose inputs and expected outputs come from the onnx package."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bench.records import Record, Run, ThirdParty, ThirdPartyRow
from reports import cells
from reports.blocks import Block, Code, Heading, Row, bullets, table, text
from reports.numbers import count, number

AFTER = ("shape_ops",)
TITLE = "Third-party exam"

RESULTS = ("passed", "failed", "gap")
LISTED = 40  # failures shown; the rest is in records.jsonl


def render(run: Run, figures: Path) -> list[Block]:
    """Counts for each backend, then failures, gaps, operators, and what was not mappable."""
    found = cells.payloads(run.records, ThirdParty)
    if not found:
        command = Code("python -m bench ops --third-party")
        said = "The third-party exam was not measured; "
        return [text(said, command, " puts the onnx node cases.")]
    page: list[Block] = [table(counts(record, exam) for record, exam in found)]
    for record, exam in found:
        page += about(record, exam)
    # What the language does not say is the same whichever backend was asked: told once.
    return page + reasons(found[0][1])


def counts(record: Record, exam: ThirdParty) -> Row:
    """One backend in numbers."""
    row = cells.columns(record) | {"Cases of": exam.source}
    for result, amount in exam.counts().items():
        row[result.replace("_", " ").capitalize()] = count(amount)
    return row


def about(record: Record, exam: ThirdParty) -> list[Block]:
    """What one backend got wrong, cannot do, and did."""
    wrong = [row for row in exam.rows if row.result == "failed"]
    gaps = [row for row in exam.rows if row.result == "gap"]
    page: list[Block] = [Heading(f"Cases on {cells.label(record)}")]
    if wrong:
        page.append(table(map(failure, wrong[:LISTED]), caption="Failures"))
    else:
        page.append(text("No case failed."))
    if gaps:
        items = [(Code(row.case), f": {row.note or 'no reason given'}") for row in gaps]
        page += [text("Gaps:"), bullets(items)]
    return [*page, by_op(exam)]


def failure(row: ThirdPartyRow) -> Row:
    """One wrong answer."""
    return {
        "Case": Code(row.case),
        "Operator": Code(row.op),
        "Error": number(row.error),
        "Bound": number(row.bound),
        "Note": row.note or "none",
    }


def by_op(exam: ThirdParty) -> Block:
    """Results by ONNX operator, those that were run."""
    # Most operators of onnx have no place in the language; rows of zeros would hide the rest.
    ops = sorted({row.op for row in exam.rows if row.result != "not_mappable"})
    tally: Counter[tuple[str, str]] = Counter((row.op, row.result) for row in exam.rows)
    rows: list[Row] = []
    for op in ops:
        rows.append({"Operator": Code(op)})
        for result in RESULTS:
            rows[-1][result.capitalize()] = count(tally[op, result])
    return table(rows, caption="Cases by ONNX operator", folded=True)


def reasons(exam: ThirdParty) -> list[Block]:
    """Why cases were not put: they mean something that the language does not say."""
    tally = Counter(row.note for row in exam.rows if row.result == "not_mappable")
    if not tally:
        return []
    rows = [
        {"Reason": reason, "Cases": count(amount)}
        for reason, amount in tally.most_common()
    ]
    return [Heading("Cases that are not mappable"), table(rows)]
