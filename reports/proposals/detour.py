"""What ways round took where they were timed, beside the op's own kernel."""

from __future__ import annotations

from bench.records import Detour, Detours, Run
from reports import cells
from reports.numbers import number


def told(run: Run, backend: str, model: str, op: str) -> str:
    """One way round in words: how much longer it took, and on which backend; else a dash.

    A backend that was asked about itself comes first; others stand in for one on paper.
    """
    found = [
        (record.backend, row)
        for record, payload in cells.payloads(run.records, Detours)
        for row in payload.rows
        if record.model == model and row.op == op and row.ratio is not None
    ]
    found.sort(key=lambda one: one[0] != backend)
    if not found:
        return "time –"
    where, row = found[0]
    return f"{longer(row)} times as long as the kernel of {where}"


def longer(row: Detour) -> str:
    """The ratio with its interval."""
    return f"{number(row.ratio)} ({number(row.low)} to {number(row.high)})"
