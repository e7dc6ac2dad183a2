"""Put the timing itself to the test.

False differences, planted ones, a load that drifts: one backend under two names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands import Json
from bench.commands._said import say

if TYPE_CHECKING:
    from bench.speed.study import Line, Size

EXAMPLES = ("selftest", "selftest --backend torch --comparisons 4 --runs 2")

Backend = Annotated[
    str, typer.Option("--backend", metavar="NAME", help="Backend to time.")
]
Model = Annotated[str, typer.Option("--model", metavar="NAME", help="Zoo model.")]
Comparisons = Annotated[
    int, typer.Option("--comparisons", min=1, help="Comparisons of equals.")
]
Runs = Annotated[
    int, typer.Option("--runs", min=1, help="Runs with each planted slow-down.")
]
Rounds = Annotated[int, typer.Option("--rounds", min=3, help="Rounds in each process.")]
Processes = Annotated[
    int, typer.Option("--processes", min=1, help="Processes that each is timed in.")
]
Seconds = Annotated[float, typer.Option("--seconds", help="Seconds of a sample.")]


MOST = 10.0  # seconds of a sample


def command(
    backend: Backend = "numpy",
    model: Model = "simple_baseline",
    comparisons: Comparisons = 40,
    runs: Runs = 10,
    processes: Processes = 5,
    rounds: Rounds = 12,
    seconds: Seconds = 0.05,
    json: Json = False,
) -> int:
    """Put the timing itself to the test.

    False differences, planted ones, a load that drifts: one backend under two names, by the way
    of every run; some twenty minutes on an idle machine.
    """
    import sys

    import backends
    import models
    from bench.speed import study
    from models.errors import BadInput, UnknownName

    # written so that NaN is none
    if not 0 < seconds <= MOST:
        raise BadInput(f"--seconds {seconds}: above 0 and at most {MOST:g} was due")
    backends.require(backend)
    if model not in models.networks():
        raise UnknownName("model", model, models.networks())
    size = study.Size(backend, model, comparisons, runs, processes, rounds, seconds)
    found = list(study.lines(size, lambda said: say(said, file=sys.stderr)))
    _show(size, found, as_json=json)
    return 0 if all(line.kept for line in found) else 1


def _show(size: Size, found: list[Line], *, as_json: bool) -> None:
    """Where it was measured, how, and each question with what came and what was due."""
    import json
    from dataclasses import asdict

    from bench.commands._tables import table
    from bench.processes import machine

    seen = machine.describe()
    if as_json:
        lines = [asdict(line) for line in found]
        print(json.dumps({"machine": seen, "size": asdict(size), "lines": lines}))
        return
    say(
        f"{seen['processor']}, {seen['cores']} cores; {size.model} on {size.backend} under two"
        f" names: {size.processes} processes, {size.rounds} rounds of {size.seconds:g} s,"
        " twice in each"
    )
    rows = [
        (
            line.question,
            line.came,
            line.due,
            "kept" if line.kept else "not kept",
            f"{line.seconds:.0f} s",
        )
        for line in found
    ]
    table(("question", "found", "due", "", "each took"), rows)
