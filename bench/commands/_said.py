"""Lines for people on stdout."""

from __future__ import annotations

from typing import TextIO

from models.errors import visible


def say(*lines: str, file: TextIO | None = None) -> None:
    """Print each as one line, whatever strangers have put into the names and reasons in it."""
    for line in lines:
        print(visible(line), file=file)
