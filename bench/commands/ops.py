"""Examine a backend op by op: shape, dtype, value, gradient, kernel against body."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bench.commands import Backends, Device, Json, Out, Seed
from models.errors import BadInput, UnknownName

MODES = ("customary", "eager", "compiled")


def command(
    backend: Backends = None,
    op: Annotated[
        list[str] | None,
        typer.Option("--op", help="Op to examine, repeatable; all if left out."),
    ] = None,
    mode: Annotated[
        str,
        typer.Option(
            "--mode",
            help=(
                "customary (as the framework's users run it), eager (op by op), compiled,"
                " or all."
            ),
        ),
    ] = "all",
    seed: Seed = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Only what `run --profile smoke` asks: a minute at most."
        ),
    ] = False,
    third_party: Annotated[
        bool,
        typer.Option(
            "--third-party", help="Put the node cases of the onnx package instead."
        ),
    ] = False,
    cases: Annotated[
        Path | None,
        typer.Option(
            "--cases",
            help=(
                "Folder of collected third-party cases; collected there first where it"
                " holds none."
            ),
        ),
    ] = None,
    device: Device = None,
    out: Out = Path("runs"),
    json: Json = False,
) -> int:
    """Examine a backend op by op: shape, dtype, value, gradient, kernel against body; in
    every type, layout and mode unless --quick.
    """
    from bench.commands._measure import configure, measure

    if mode not in (*MODES, "all"):
        raise UnknownName("mode", mode, [*MODES, "all"])
    if not third_party:
        exam: dict[str, Any] = {} if mode == "all" else {"exam": {"modes": [mode]}}
        profile = "smoke" if quick else "full"
        settings = configure(
            tasks=["shape_ops"],
            backend=backend,
            model=None,
            profile=profile,
            device=device,
            ops=op,
            seed=seed,
            **exam,
        )
    elif op:
        raise BadInput(
            f"--op {op[0]} with --third-party: the third-party exam puts all of its cases;"
            " leave --op out"
        )
    else:
        settings = configure(
            tasks=["third_party"],
            backend=backend,
            model=None,
            device=device,
            onnx_cases=cases and str(cases.resolve()),
        )
    return measure(
        settings.model_copy(update={"model": {}}), out=out, resume=None, as_json=json
    )
