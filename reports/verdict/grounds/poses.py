"""Ground: are the trained model's poses on the run's own clips those of the float64 oracle."""

from __future__ import annotations

from bench.records import Check, Evaluation, Record
from reports import cells
from reports.verdict import ladder
from reports.verdict.evidence import Evidence
from reports.verdict.reason import Reason, gap, works

QUESTION = "computes"
AFTER = ("parity",)
TASKS = ("evaluate",)
KIND = "poses"  # of the check that holds the network's answers against the oracle's


def reasons(evidence: Evidence) -> list[Reason]:
    """Poses that differ are a no, as on the ladder; nothing is said where none were held."""
    found = []
    for record, payload in cells.payloads(evidence.records, Evaluation):
        held = [check for check in payload.checks if check.kind == KIND]
        broken = [check for check in payload.checks if ladder.is_broken(check)]
        if held and not broken:
            found.append(works(f"{said(record, payload)} are those of the oracle"))
        # What was fed to it wrongly, or cut, is no fault of the network.
        elif broken and broken[0].kind == KIND:
            found.append(judge(record, payload, broken[0]))
    return found


def judge(record: Record, payload: Evaluation, check: Check) -> Reason:
    """The reason that poses give which differ."""
    off = "" if check.note == "" else f" ({check.note})"
    text = f"{said(record, payload)} are not those of the oracle{off}"
    change = "poses that agree, then evaluate again"
    if record.precision in ladder.FULL:
        return Reason("no", "measured", text, change)
    return gap(text, change)


def said(record: Record, payload: Evaluation) -> str:
    """Which poses there are."""
    windows = f"{payload.held_windows} windows of the test clips"
    return f"the trained model's poses of {windows} on {cells.spot(record)}"
