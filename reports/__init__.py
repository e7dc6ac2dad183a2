"""What a run says: `build(folder)` turns its records into a report to act on.

Reads `bench.records` and imports no framework. A section is one file in `reports/sections`,
found by listing that folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

from bench import records
from reports import listing, markdown, sections
from reports.blocks import Block, Heading
from reports.proposals import page

__all__ = ["assemble", "build", "found", "replace"]


def build(folder: Path) -> Path:
    """Write `report.md` and `figures/` of the run in `folder`; returns the report's path.

    And `proposals.md`, where models lack something of a framework.

    The report is replaced in one step, so a reader sees the old one or the new one and
    never half of it. Raises BadInput when the folder is no run or its records cannot be
    read.
    """
    # Read before anything is made: what is no run is left without an empty folder in it.
    run = records.read(Path(folder))
    figures = run.folder / "figures"
    figures.mkdir(exist_ok=True)
    if proposed := page.page(run):
        replace(run.folder / page.FILE, markdown.page(proposed))
    return replace(run.folder / "report.md", markdown.page(assemble(run, figures)))


def assemble(run: records.Run, figures: Path) -> list[Block]:
    """The page: a title and every section in order."""
    page: list[Block] = [Heading(f"PosePort feasibility report: {run.info.id}", 1)]
    for section in found():
        # a section that has nothing to say at all is left out
        if blocks := section.render(run, figures):
            page += [Heading(section.TITLE, 2), *blocks]
    return page


def found() -> list[ModuleType]:
    """Every section, each after the neighbours that it states."""
    return listing.modules(sections)


def replace(path: Path, content: str) -> Path:
    """Write a whole file beside `path`, then put it in its place."""
    # The process id: two reports of one run, written at once, do not share a draft.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(content, encoding="utf-8")
        draft.replace(path)
    finally:
        # where anything failed; else it has gone to its name
        draft.unlink(missing_ok=True)
    return path
