"""Write a model as a file of its framework, and hold what is read back against it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import Json


def command(
    model: Annotated[str, typer.Option("--model", help="Zoo model.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help=(
                "onnx, torch (.pt2), savedmodel; or keras, which PosePort is needed to"
                " read."
            ),
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="File to write; a folder for savedmodel.")
    ],
    graph: Annotated[
        str,
        typer.Option("--graph", help="infer, or train with the loss; noise is an input."),
    ] = "infer",
    preset: Annotated[str, typer.Option("--preset", help="Preset of sizes.")] = "paper",
    size: Annotated[
        list[str] | None,
        typer.Option("--size", help="key=value over the preset's sizes, repeatable."),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights", help="Checkpoint of a run (safetensors); else seeded initial ones."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", help="Seed of initial weights.", min=0)
    ] = 0,
    opset: Annotated[int | None, typer.Option("--opset", help="ONNX opset.")] = None,
    json: Json = False,
) -> int:
    """Write a model as a file of its framework, and hold what is read back against it."""
    import json as encoder
    from dataclasses import asdict

    from bench.takeaway.export import Order, export, sizes

    options = {} if opset is None else {"opset": opset}
    stored = str(weights) if weights else None
    order = Order(
        model,
        to,
        str(out),
        graph=graph,
        preset=preset,
        sizes=sizes(size or []),
        weights=stored,
        seed=seed,
        options=options,
    )
    done = export(order)
    if json:
        print(encoder.dumps(asdict(done)))
        return 0 if done.ok else 1
    figure = "not finite" if done.error is None else f"{done.error:.1e}"
    if not done.ok:
        print(
            f"{out}: nothing written: what {done.backend} read back is off by {figure},"
            f" {done.bound:.0e} allowed"
        )
        return 1
    print(
        f"{out}: {done.graph} graph of {done.model}, {sum(done.files.values()):,} bytes in"
        f" {len(done.files)} files"
    )
    for kind, types in (("input", done.inputs), ("output", done.outputs)):
        print(*(f"  {kind} {name} {text}" for name, text in types.items()), sep="\n")
    print(f"  read back by {done.backend}: off by {figure}, {done.bound:.0e} allowed")
    if done.scaling:
        print("  keypoints are to be standardised first: --json prints mean and std")
    return 0
