"""Hold a backend against the float64 oracle.

Either over the ladder of a model, or on golden vectors of official implementations.
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
    Precision,
    Profile,
    Run,
    Seed,
    Set,
)
from bench.commands._chosen import chosen, refuse_beside

Vectors = Annotated[
    list[Path] | None,
    typer.Option(
        "--vectors",
        help="Golden-vector files (safetensors), repeatable or followed by more.",
    ),
]
# so that a shell's `--vectors *.safetensors` works, of which the option takes the first
More = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE]...", help="More golden-vector files.", show_default=False
    ),
]
Against = Annotated[
    str | None,
    typer.Option(
        "--against", help="Backend to hold the others against, beside the oracle."
    ),
]
Rungs = Annotated[
    list[str] | None,
    typer.Option(
        "--rung", help="Rung to climb, repeatable: weights, forward, gradient, ..."
    ),
]
Locate = Annotated[
    bool,
    typer.Option(
        "--locate", help="Examine every node, and pack the first that is wrong."
    ),
]
Compare = Annotated[
    Path | None,
    typer.Option(
        "--compare",
        help="Judge the traces in a folder across their backends; nothing is run.",
    ),
]
Repro = Annotated[
    Path | None,
    typer.Option("--repro", help="Ask the backends for the node of a pack again."),
]


def command(
    more: More = None,
    vectors: Vectors = None,
    backend: Backends = None,
    model: Models = None,
    device: Device = None,
    precision: Precision = None,
    against: Against = None,
    rung: Rungs = None,
    locate: Locate = False,
    compare: Compare = None,
    repro: Repro = None,
    run: Run = None,
    profile: Profile = None,
    config: ConfigFile = None,
    set: Set = None,
    out: Out = None,
    seed: Seed = None,
    json: Json = False,
) -> int:
    """Hold a backend against the float64 oracle: a model's ladder, or golden vectors."""
    from bench.commands import _measure

    files = [*(vectors or []), *(more or [])]
    if files or compare or repro:
        made = {"--vectors": files, "--compare": compare, "--repro": repro}
        first, *others = [name for name, given in made.items() if given]
        refuse_beside(
            f"{first}, which makes no run",
            model=model,
            device=device,
            precision=precision,
            against=against,
            rung=rung,
            locate=locate,
            run=run,
            profile=profile,
            config=config,
            set=set,
            out=out,
            seed=seed is not None,
            **{other.removeprefix("--"): True for other in others},
        )
        return _answered(files, compare, repro, backend or [], as_json=json)
    settings = _measure.configure(
        tasks=["parity"],
        backend=_both(backend or [], against),
        model=model,
        profile=profile,
        file=config,
        overrides=set,
        run=run,
        parity=_ladder(locate, rung),
        against=against,
        device=device,
        precision=precision,
        seed=seed,
    )
    return _measure.measure(settings, out=out, resume=None, run=run, as_json=json)


def _answered(
    files: list[Path],
    compare: Path | None,
    repro: Path | None,
    backends: list[str],
    *,
    as_json: bool,
) -> int:
    """What makes no run; where several are asked for, the first of them."""
    from bench.commands import _parity_answers as answers

    # Traces name their own backends, so none named and `all` mean those that are there.
    if compare and not files:
        named = [] if "all" in backends else backends
        return answers.compared(compare, backends=named, as_json=as_json)
    asked = chosen(backends) or ["numpy"]  # the oracle where none is named
    if files:
        return answers.vectors(files, backends=asked, as_json=as_json)
    assert repro is not None
    return answers.pack(repro, backends=asked, as_json=as_json)


def _ladder(locate: bool, rungs: list[str] | None) -> dict[str, object] | None:
    """What is asked of the ladder; what is not leaves the profile as it is."""
    asked = {"locate": locate, "rungs": rungs}
    return {key: value for key, value in asked.items() if value} or None


def _both(backends: list[str], against: str | None) -> list[str]:
    """The other side of a comparison climbs the ladder too."""
    return backends + [name for name in [against] if name and name not in backends]
