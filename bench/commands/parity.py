"""Hold a backend against the float64 oracle: the ladder of a model, or golden vectors of
official implementations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import (
    Backends,
    ConfigFile,
    Device,
    Json,
    Models,
    Out,
    Profile,
    Seed,
    Set,
)

Vectors = Annotated[
    list[Path] | None,
    typer.Option(
        "--vectors",
        help="Golden-vector files (safetensors), repeatable or followed by more.",
    ),
]
More = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE]...", help="More golden-vector files.", show_default=False
    ),
]


def command(
    more: More = None,
    vectors: Vectors = None,
    backend: Backends = None,
    model: Models = None,
    device: Device = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", help="Backend to hold the others against, beside the oracle."
        ),
    ] = None,
    rung: Annotated[
        list[str] | None,
        typer.Option(
            "--rung", help="Rung to climb, repeatable: weights, forward, gradient, ..."
        ),
    ] = None,
    locate: Annotated[
        bool,
        typer.Option(
            "--locate", help="Examine every node, and pack the first that is wrong."
        ),
    ] = False,
    compare: Annotated[
        Path | None,
        typer.Option(
            "--compare",
            help="Judge the traces in a folder across their backends; nothing is run.",
        ),
    ] = None,
    repro: Annotated[
        Path | None,
        typer.Option("--repro", help="Ask the backends for the node of a pack again."),
    ] = None,
    profile: Profile = "smoke",
    config: ConfigFile = None,
    set: Set = None,
    out: Out = Path("runs"),
    seed: Seed = None,
    json: Json = False,
) -> int:
    """Hold a backend against the float64 oracle: the ladder of a model, or golden vectors
    of official implementations.
    """
    from bench.commands import _cells

    if vectors or more:
        from bench.parity import official as golden

        return golden.compare(
            [*(vectors or []), *(more or [])], backends=backend or ["numpy"], as_json=json
        )
    if compare:
        from bench.parity.traces import compare_folder

        return compare_folder(compare, backends=backend or [], as_json=json)
    if repro:
        from bench.parity.repro import run

        return run(repro, backends=backend or ["numpy"], as_json=json)
    ladder = {key: value for key, value in (("locate", locate), ("rungs", rung)) if value}
    options = {"device": device, "seed": seed, "against": against, "parity": ladder or None}
    asked = [
        *(backend or []),
        *([against] if against and against not in (backend or []) else []),
    ]
    settings = _cells.configure(
        tasks=["parity"],
        backend=asked,
        model=model,
        profile=profile,
        file=config,
        overrides=set,
        **options,
    )
    return _cells.measure(settings, out=out, resume=None, as_json=json)
