"""How tests read a report: made of given records, then cut into sections, tables and rows."""

from __future__ import annotations

import re
from pathlib import Path

from bench.records import Record
from reports import build
from tests.reports import sample_run


def report_of(path: Path, records: list[Record], **change: object) -> str:
    """The report of a run of these records, written to `path`."""
    return build(sample_run.write(path, records, **change)).read_text(encoding="utf-8")


def section(report: str, title: str) -> str:
    """The part of a report under a title of level 2."""
    return report.split(f"\n## {title}\n")[1].split("\n## ")[0]


def tables(text: str) -> list[str]:
    """Every table, as its lines."""
    return re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)


def row_with(text: str, *words: str) -> str:
    """The first line that holds all of these words."""
    lines = text.splitlines()
    return next(line for line in lines if all(word in line for word in words))
