"""Hold a backend against the float64 oracle: the ladder of a model, or golden vectors of official implementations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import Backends, ConfigFile, Device, Json, Models, Out, Profile, Seed, Set

Vectors = Annotated[list[Path] | None, typer.Option("--vectors", help="Golden-vector files (safetensors), repeatable or followed by more.")]
More = Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="More golden-vector files.", show_default=False)]


def command(
    more: More = None,
    vectors: Vectors = None,
    backend: Backends = None,
    model: Models = None,
    device: Device = None,
    locate: Annotated[bool, typer.Option("--locate", help="Examine every node, also when all rungs hold.")] = False,
    profile: Profile = "smoke",
    config: ConfigFile = None,
    set: Set = None,
    out: Out = Path("runs"),
    seed: Seed = None,
    json: Json = False,
) -> int:
    """Hold a backend against the float64 oracle: the ladder of a model, or golden vectors of official implementations."""
    from bench import cells

    if vectors or more:
        from bench.vectors import compare

        return compare([*(vectors or []), *(more or [])], backends=backend or ["numpy"], as_json=json)
    located = {"parity": {"locate": True}} if locate else {}
    settings = cells.configure(
        tasks=["parity"], backend=backend, model=model, profile=profile, file=config, overrides=set, device=device, seed=seed, **located
    )
    return cells.measure(settings, out=out, resume=None, as_json=json)
