"""What an audit of the harness measures."""

from __future__ import annotations

from typing import Literal

from bench.records.frozen import Frozen

# of a planted fault; the last two of a control
Result = Literal["caught", "missed", "not_applicable", "clean", "accused"]


class AuditRow(Frozen):
    """One planted fault, or one control: the same without a fault."""

    fault: str
    kind: str  # kernel, gradient, ...; none of a control
    op: str = ""  # to blame; empty where no op is
    result: Result
    profile: str = ""  # under which that came out: smoke, standard
    by: tuple[str, ...] = ()  # tasks that showed it, each with its rung or question
    # of faults with an op to blame that were caught; the line, where a model holds the op
    op_right: bool | None = None
    line_right: bool | None = None
    seconds: float | None = None
    note: str = ""  # what was said of it, or why it does not apply


class Audit(Frozen):
    """The harness's own exam on one backend: which planted faults it catches."""

    task: Literal["audit"] = "audit"
    rows: tuple[AuditRow, ...]
