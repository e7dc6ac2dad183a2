"""Write a model as a file of its framework, and try it."""

from __future__ import annotations

import json as encoder
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.commands import Json, Run
from bench.commands._counted import counted
from bench.commands._said import say
from models.errors import BadInput

MOST = 2**31 - 1  # of a seed, as in a configuration

# `--help` must not wait for NumPy and YAML
if TYPE_CHECKING:
    from bench.takeaway.export import Exported

EXAMPLES = (
    "export --model motionbert --preset small --to onnx --out lifter.onnx",
    "export --run runs/ID --to torch --out lifter.pt2 --with-preprocessing",
)

Model = Annotated[
    str | None,
    typer.Option("--model", help="Zoo model; with --run, where it has several."),
]
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
Preset = Annotated[
    str | None,
    typer.Option("--preset", help="Preset of sizes; `paper` if left out."),
]
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
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed", help="Seed of initial weights; 0 if left out.", min=0, max=MOST
    ),
]
Preprocessing = Annotated[
    bool,
    typer.Option(
        "--with-preprocessing",
        help="Scaling and standardising inside: pixels and image size in, mm out.",
    ),
]
Mean = Annotated[
    bool,
    typer.Option("--mean", help="The pose is the mean of the model's hypotheses."),
]
Clip = Annotated[
    int | None,
    typer.Option(
        "--clip",
        metavar="FRAMES",
        help="Clips of so many frames go in: windows, edges and their mean inside.",
    ),
]
Opset = Annotated[int | None, typer.Option("--opset", help="ONNX opset.")]


def command(
    to: To,
    out: Target,
    model: Model = None,
    run: Run = None,
    graph: Graph = "infer",
    preset: Preset = None,
    size: Sizes = None,
    weights: Weights = None,
    seed: Seed = None,
    with_preprocessing: Preprocessing = False,
    mean: Mean = False,
    clip: Clip = None,
    opset: Opset = None,
    json: Json = False,
) -> int:
    """Write a model as a file of its framework, and try it."""
    from dataclasses import asdict

    from bench.coordinator.spec import sizes
    from bench.takeaway.export import Order, export

    given = {"preset": preset, "sizes": sizes(size or []), "seed": seed}
    asked = given | {"weights": str(weights) if weights else None}
    order = Order(
        format=to,
        out=str(out),
        graph=graph,
        with_preprocessing=with_preprocessing,
        mean=mean,
        clip=clip,
        # an option that a format does not have is an error there, so it is left out here
        options={} if opset is None else {"opset": opset},
        **_model(model, run, asked),
    )
    done = export(order)
    say(*([encoder.dumps(asdict(done))] if json else _told(out, done)))
    return 0 if done.ok else 1


def _model(
    name: str | None, run: Path | None, asked: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Which model is written: the one that is named, or that a finished run has trained."""
    import models
    from bench.coordinator import taking

    # None is "not said", as everywhere, and so are no sizes
    given = {key: value for key, value in asked.items() if value not in (None, {})}
    if run is None:
        if name is None:
            listed = ", ".join(models.names())
            raise BadInput(f"--model is missing: name one: {listed}; or give --run RUN")
        return {"model": name, **given}
    for key in given:
        option = key.replace("sizes", "size")
        raise BadInput(f"--{option} with --run {run}: the run brings it; leave it out")
    return taking.exported(run, name)


def _told(out: Path, done: Exported) -> list[str]:
    """What was written and how it is called, or why nothing was."""
    figure = "not finite" if done.error is None else f"{done.error:.1e}"
    held = f"off by {figure}, {done.bound:.0e} allowed"
    if not done.ok:
        return [f"{out}: nothing written: what {done.backend} read back is {held}"]
    size, whole = sum(done.files.values()), counted(len(done.files), "file")
    lines = [
        f"{out}: {done.graph} graph of {done.model}, {size:,} bytes in {whole}",
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
