"""Run every point of a grid, on this machine or on a Ray cluster; ends in a table of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import Json, Out
from models.errors import BadInput

EXAMPLES = (
    "sweep --config sweep.yaml",
    "sweep --config sweep.yaml --executor ray --address 10.0.0.1:6379",
    "sweep --resume runs/sweep-ID",
)
LOCAL = "local"

File = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="YAML file of the sweep: base, grid, limits, attempts (docs/sweeps.md).",
        show_default="none",
    ),
]
Executor = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="Who does the cells: local, ray, or null, which measures nothing.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        help="Ray cluster to use.",
        show_default="one is started here",
    ),
]
Resume = Annotated[
    Path | None,
    typer.Option(
        "--resume",
        metavar="FOLDER",
        help="Sweep to go on with; what has its answer is kept.",
        show_default="a new one",
    ),
]


def command(
    config: File = None,
    executor: Executor = LOCAL,
    address: Address = None,
    out: Out = None,
    resume: Resume = None,
    json: Json = False,
) -> int:
    """Run every point of a grid; each is a run folder of its own."""
    # here, for `--help`: it loads pydantic, NumPy and the zoo
    from bench.commands import _swept
    from bench.commands._chosen import refuse_beside

    if resume:
        refuse_beside(f"--resume {resume}", config=config, out=out)
    elif config is None:
        raise BadInput("--config is missing: give the sweep's file, or --resume FOLDER")
    if executor == LOCAL:
        refuse_beside(f"--executor {executor}", address=address)
    return _swept.swept(
        file=config,
        resume=resume,
        out=out,
        executor=executor,
        address=address or "",
        as_json=json,
    )
