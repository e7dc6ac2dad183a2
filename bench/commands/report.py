"""Write the report of a run again from its records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import Json
from bench.commands._said import say

EXAMPLES = ("report runs/ID",)


def command(
    run: Annotated[Path, typer.Argument(help="Run folder.")], json: Json = False
) -> int:
    """Write the report of a run again from its records."""
    # Under another name: the option is called `json`, and typer shows parameters by theirs.
    import json as encoder

    import reports  # loads pandas where the page has a table; --help must not wait for it

    path = reports.build(run)
    if json:
        print(encoder.dumps({"report": str(path)}))
    else:
        say(f"report: {path}")
    return 0
