"""What a port would be: model by framework, and each part of it answered by itself."""

from __future__ import annotations

from pathlib import Path

from bench.records import Feasibility, Run
from reports import cells
from reports.blocks import Block, Code, Heading, Row, Strong, table, text
from reports.proposals import cause as causes
from reports.proposals.cover import greedy
from reports.proposals.page import steps

AFTER = ("coverage",)
TITLE = "What a port would be"
ABOUT = (
    "Read off ops, ranks and types; nothing was run for it, and nothing timed. Declared: a"
    " manifest says so, and the framework was not here."
)


def render(run: Run, figures: Path) -> list[Block]:
    """A row for each model and backend, then which things to build next."""
    found = cells.payloads(run.records, Feasibility)
    rows = [row(record.model, record.backend, payload) for record, payload in found]
    told = [one for one in rows if one]
    if not told:
        return [text("Which way a port would take was not looked for.")]
    blocks: list[Block] = [text(ABOUT), table(told)]
    for backend in cells.backends(run):
        here = causes.judged(run, backend)
        wanted = causes.wanted(here, training=True)
        if any(wanted.values()):
            free = sum(not lacks for lacks in wanted.values())
            blocks += [
                Heading(f"Which to build next in {backend}"),
                steps(greedy(wanted), free, len(wanted)),
                text(
                    "Each with its reasons, and ways round: ", Code("proposals.md"), "."
                ),
            ]
    return blocks


def row(model: str, backend: str, payload: Feasibility) -> Row:
    """One port; empty where its record is of before."""
    said = payload.answers
    if said is None:
        return {}
    return {
        "Model": Code(model),
        "Backend": Code(backend),
        "Port": Strong(said.way),
        "Model runs": said.model,
        "Training": said.training,
        "Optimizer": said.optimizer,
        "Precision": said.precision,
        "Grade": payload.grade,
    }
