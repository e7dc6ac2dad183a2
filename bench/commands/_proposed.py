"""Which things to build next, after the findings of a run that has looked for them."""

from __future__ import annotations

from itertools import islice

from bench.commands._counted import counted
from bench.commands._said import say
from bench.records import Run
from reports import cells
from reports.proposals import cause as causes
from reports.proposals import page
from reports.proposals.cover import greedy, running

MOST = 3  # steps that are told; the page has them all


def show(run: Run) -> None:
    """For each backend that lacks something, the first steps of its cover; then the page."""
    lines = [line for backend in cells.backends(run) for line in _told(run, backend)]
    say(*lines)
    if lines:
        say(f"proposals: {run.folder / page.FILE}")


def _told(run: Run, backend: str) -> list[str]:
    wanted = causes.wanted(causes.judged(run, backend), training=True)
    free = sum(not lacks for lacks in wanted.values())
    if free == len(wanted):
        return []
    lines = [
        f"{backend}: {free} of {len(wanted)} lack nothing, trained too; to build next:"
    ]
    steps = greedy(wanted)
    sums = running(steps, free, len(wanted))
    lines += [f"  {step.title}: {sum_}" for step, sum_ in islice(sums, MOST)]
    if len(steps) > MOST:
        lines.append(f"  and {counted(len(steps) - MOST, 'step')} more")
    return lines
