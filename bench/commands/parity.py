"""Hold a backend against the float64 oracle.

Either over the ladder of a model, or on golden vectors of official implementations.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

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

EXAMPLES = (
    "parity --backend torch --model videopose3d",
    "parity --backend jax --against torch",
    "parity --backend torch --locate",
    "parity --backend torch --device cuda --vectors a.safetensors b.safetensors",
)

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
        "--against",
        help="Backend to hold the others against, beside the oracle.",
        show_default="none",
    ),
]
Rungs = Annotated[
    list[str] | None,
    typer.Option(
        "--rung",
        help="Rung to climb, repeatable: weights, forward, gradient, ...",
        show_default="all",
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
    """Hold a backend against the float64 oracle, or golden vectors."""
    asked = ([*(vectors or []), *(more or [])], compare, repro)
    said: dict[str, Any] = {
        "model": model,
        "device": device,
        "precision": precision,
        "against": against,
        "run": run,
        "profile": profile,
        "seed": seed,
    }
    rest: dict[str, Any] = {"rung": rung, "locate": locate, "config": config}
    rest |= {"set": set, "out": out}
    if any(asked):
        return _answered(*asked, backend or [], said | rest, as_json=json)
    said["backend"] = _both(backend or [], against)
    return _climbed(said, **rest, as_json=json)


def _climbed(
    said: Mapping[str, Any],
    *,
    rung: list[str] | None,
    locate: bool,
    config: Path | None,
    set: list[str] | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """A run of ladders."""
    from bench.commands._measure import configure, measure

    ladder = _ladder(locate, rung)
    settings = configure(
        tasks=["parity"], file=config, overrides=set, parity=ladder, **said
    )
    return measure(settings, out=out, resume=None, run=said["run"], as_json=as_json)


def _answered(
    files: list[Path],
    compare: Path | None,
    repro: Path | None,
    backends: list[str],
    beside: Mapping[str, Any],
    *,
    as_json: bool,
) -> int:
    """What makes no run. Raises BadInput for an option that it has no use for."""
    from bench.commands import _parity_answers as answers

    made = {"vectors": files, "compare": compare, "repro": repro}
    first, *others = [name for name, given in made.items() if given]
    twice = {name: made[name] for name in others}
    # a file of golden vectors may be asked of any device
    device = beside["device"] or "cpu"
    rest = {k: v for k, v in beside.items() if k != "device" or not files}
    refuse_beside(f"--{first}, which makes no run", **twice, **rest)
    # Traces name their own backends, so none named and `all` mean those that are there.
    if compare:
        named = [] if "all" in backends else backends
        return answers.compared(compare, backends=named, as_json=as_json)
    asked = chosen(backends) or ["numpy"]  # the oracle where none is named
    if files:
        return answers.vectors(files, backends=asked, device=device, as_json=as_json)
    assert repro is not None
    return answers.pack(repro, backends=asked, as_json=as_json)


def _ladder(locate: bool, rungs: list[str] | None) -> dict[str, object] | None:
    """What is asked of the ladder; what is not leaves the profile as it is."""
    asked = {"locate": locate, "rungs": rungs}
    return {key: value for key, value in asked.items() if value} or None


def _both(backends: list[str], against: str | None) -> list[str]:
    """The other side of a comparison climbs the ladder too."""
    return backends + [name for name in [against] if name and name not in backends]
