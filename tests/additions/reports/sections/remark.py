"""A remark, right after the verdict."""

from __future__ import annotations

from pathlib import Path

from bench.records import Run
from reports.blocks import Block, text

AFTER = ("summary",)
TITLE = "Remark"


def render(run: Run, figures: Path) -> list[Block]:
    """One sentence."""
    return [text("Nothing to remark.")]
