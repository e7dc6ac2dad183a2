"""What was trained and tested on: how much of it, under which protocol, and what was guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.records import Run
from reports.blocks import Block, Code, Inline, Row, bullets, table, text

AFTER = ("parity",)
TITLE = "Data"

SHOWN = 24  # labels that a cell lists, and notes


def render(run: Run, figures: Path) -> list[Block]:
    """Counts and labels as a table, the protocol in words, then the notes one by one."""
    told = run.info.data
    if not told:
        return [text("No data were read for this run.")]
    page: list[Block] = [
        text("Read from ", Code(str(told["source"])), f". {told['protocol_text']}"),
        table(rows(told), caption="What was read; frames are those of all cameras"),
    ]
    notes = listed(told["notes"])
    if not notes:
        return [*page, text("Its reader noted nothing.")]
    said = "What was guessed, left out or changed when it was read:"
    return [*page, text(said), bullets((note,) for note in cut(notes))]


def rows(told: Mapping[str, object]) -> list[Row]:
    """A row for each fact, but for what stands beside the table."""
    apart = ("source", "notes", "protocol_text")
    return [
        {"What": name.replace("_", " "), "Value": value(found)}
        for name, found in told.items()
        if name not in apart
    ]


def value(found: object) -> Inline:
    """A number, a name, or labels of which a long list is cut."""
    if isinstance(found, int):
        return f"{found:,}"
    labels = listed(found)
    if not labels:
        return str(found) or "none"
    return ", ".join(cut(labels))


def cut(labels: list[str]) -> list[str]:
    """The first of many, and how many there are beside them."""
    more = [f"and {len(labels) - SHOWN:,} more"] if len(labels) > SHOWN else []
    return labels[:SHOWN] + more


def listed(found: object) -> list[str]:
    """Labels as words; an empty one is none of a name."""
    if isinstance(found, str) or not isinstance(found, Sequence):
        return []
    return [str(label) or "(none)" for label in found]
