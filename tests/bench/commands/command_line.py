"""What the tests of several commands ask for."""

from __future__ import annotations

import json
import pkgutil
from typing import Any

import pytest

from bench import commands

COMMANDS = sorted(
    found.name
    for found in pkgutil.iter_modules(commands.__path__)
    if not found.name.startswith("_")
)
# those that leave a run folder
WRITING = (
    "evaluate",
    "feasibility",
    "ops",
    "parity",
    "profile",
    "run",
    "throughput",
    "train",
)
Said = pytest.CaptureFixture[str]


def one_document(text: str) -> Any:
    """The JSON on stdout; anything beside it is an error."""
    assert text.count("\n") == 1, "one line"

    def constant(word: str) -> None:
        # Python writes and reads NaN and Infinity, which other languages refuse
        pytest.fail(f"{word} is not JSON")

    return json.loads(text, parse_constant=constant)
