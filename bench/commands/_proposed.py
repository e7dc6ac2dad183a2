"""Which things to build next, after the findings of a run that has looked for them."""

from __future__ import annotations

from bench.commands._counted import counted
from bench.commands._said import say
from bench.records import Run
from reports import cells
from reports.proposals import cause as causes
from reports.proposals import page
from reports.proposals.cover import Step, greedy, summed

MOST = 3  # steps that are told; the page has them all


def show(run: Run) -> None:
    """For each backend that lacks something, the first steps of its cover; then the page."""
    lines = [line for backend in cells.backends(run) for line in _told(run, backend)]
    for line in lines:
        say(line)
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
    built = 0
    for step in steps[:MOST]:
        built += len(step.build)
        free += len(step.unlocks)
        lines.append(f"  {_named(step)}: {summed(built, free, len(wanted))}")
    if len(steps) > MOST:
        lines.append(f"  and {counted(len(steps) - MOST, 'step')} more")
    return lines


def _named(step: Step) -> str:
    return ", ".join(one.title for one in step.build)
