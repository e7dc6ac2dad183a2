"""How far training and evaluation were held against plain NumPy, and what came of it.

Part of the section `training`; records of before there was such an oracle say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.records import Check, Evaluation, Record, Training
from reports import cells
from reports.blocks import Block, Code, Row, table, text
from reports.numbers import count, number

NONE = "none"  # what cells of this task do not have

Held = tuple[Record, Training | Evaluation]


def render(runs: Sequence[Held], scores: Sequence[Held]) -> list[Block]:
    """A row for each cell that has checks, and what none of them looked at."""
    looked_at = [pair for pair in (*runs, *scores) if pair[1].checks]
    if not looked_at:
        return []
    rows = [row(record, payload) for record, payload in looked_at]
    caption = (
        "Held against an oracle: plain float64 NumPy that goes from the raw clips and the"
        " trained weights to keypoints, poses and scores, and shares no code with the"
        " pipeline"
    )
    missing = [
        text(Code(f"{record.task}: {cells.label(record)}"), f": {what}: {why}.")
        for record, payload in looked_at
        for what, why in payload.left_out.items()
    ]
    return [table(rows, caption=caption, folded=True), *missing]


def row(record: Record, payload: Training | Evaluation) -> Row:
    """How many checks hold, which fails first, and how near poses and start are."""
    failed = [check for check in payload.checks if not check.ok]
    whole = len(payload.checks)
    poses = first(payload.checks, "poses")
    # a training has a start and no windows, an evaluation the other way round
    windows = count(payload.held_windows) if isinstance(payload, Evaluation) else NONE
    start = NONE if isinstance(payload, Evaluation) else Code(payload.start or NONE)
    return cells.columns(record) | {
        "Task": Code(record.task),
        "Checks that hold": f"{whole - len(failed)} of {whole}",
        "First that fails": f"{failed[0].kind}: {failed[0].name}" if failed else NONE,
        "Start": start,
        "Windows predicted by the oracle": windows,
        "Poses apart": number(poses.error) if poses else NONE,
        "Allowed": number(poses.bound) if poses else NONE,
    }


def first(checks: Sequence[Check], kind: str) -> Check | None:
    """The first check of a kind."""
    return next((check for check in checks if check.kind == kind), None)
