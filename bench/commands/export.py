"""Write a model as a file of its framework, and try it."""

from __future__ import annotations

import json as encoder
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands import Json

# `--help` must not wait for NumPy and YAML
if TYPE_CHECKING:
    from bench.takeaway.export import Exported

EXAMPLES = (
    "export --model motionbert --preset small --to onnx --out lifter.onnx",
    "export --model videopose3d --to torch --out lifter.pt2 --weights FILE.safetensors",
)

Model = Annotated[str, typer.Option("--model", help="Zoo model.")]
To = Annotated[
    str,
    typer.Option(
        "--to",
        help="onnx, torch (.pt2), savedmodel; or keras, which PosePort is needed to read.",
    ),
]
Target = Annotated[
    Path, typer.Option("--out", help="File to write; a folder for savedmodel.")
]
Graph = Annotated[
    str,
    typer.Option("--graph", help="infer, or train with the loss; noise is an input."),
]
Preset = Annotated[str, typer.Option("--preset", help="Preset of sizes.")]
Sizes = Annotated[
    list[str] | None,
    typer.Option("--size", help="key=value over the preset's sizes, repeatable."),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights", help="Checkpoint of a run (safetensors); else seeded initial ones."
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of initial weights.", min=0)]
Preprocessing = Annotated[
    bool,
    typer.Option(
        "--with-preprocessing",
        help="Scaling and standardising inside: pixels and image size in, mm out.",
    ),
]
Opset = Annotated[int | None, typer.Option("--opset", help="ONNX opset.")]


def command(
    model: Model,
    to: To,
    out: Target,
    graph: Graph = "infer",
    preset: Preset = "paper",
    size: Sizes = None,
    weights: Weights = None,
    seed: Seed = 0,
    with_preprocessing: Preprocessing = False,
    opset: Opset = None,
    json: Json = False,
) -> int:
    """Write a model as a file of its framework, and try it."""
    from dataclasses import asdict

    from bench.takeaway.export import Order, export, sizes

    order = Order(
        model,
        to,
        str(out),
        graph=graph,
        preset=preset,
        sizes=sizes(size or []),
        weights=str(weights) if weights else None,
        seed=seed,
        with_preprocessing=with_preprocessing,
        # an option that a format does not have is an error there, so it is left out here
        options={} if opset is None else {"opset": opset},
    )
    done = export(order)
    if json:
        print(encoder.dumps(asdict(done)))
    else:
        print(*_told(out, done), sep="\n")
    return 0 if done.ok else 1


def _told(out: Path, done: Exported) -> list[str]:
    """What was written and how it is called, or why nothing was."""
    figure = "not finite" if done.error is None else f"{done.error:.1e}"
    held = f"off by {figure}, {done.bound:.0e} allowed"
    if not done.ok:
        return [f"{out}: nothing written: what {done.backend} read back is {held}"]
    size, count = sum(done.files.values()), len(done.files)
    lines = [
        f"{out}: {done.graph} graph of {done.model}, {size:,} bytes in {count} files",
        *(f"  input {name} {text}" for name, text in done.inputs.items()),
        *(f"  output {name} {text}" for name, text in done.outputs.items()),
        f"  read back by {done.backend}: {held}",
    ]
    weights = done.about["weights"]
    if weights["random"]:
        lines.append(
            f"  weights are random (seed {weights['seed']}), of no training: its poses mean"
            " nothing; give --weights"
        )
    if done.scaling:
        # too many numbers for a screen, and useless when typed off it
        lines.append(
            "  keypoints are to be standardised first: --json prints mean and std"
        )
    return lines
