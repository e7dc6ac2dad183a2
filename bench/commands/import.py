"""Take a published checkpoint over, under the names of the zoo."""

from __future__ import annotations

import json as encoder
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands import Json
from bench.commands._said import say
from models.errors import UnknownName

# `--help` must not wait for NumPy
if TYPE_CHECKING:
    from bench.importing.checkpoint import Imported

EXAMPLES = (
    "import checkpoint --model motionbert latest_epoch.bin --to motionbert.safetensors",
)
KINDS = ("checkpoint",)
SHOWN = 6  # names of what was left out

Kind = Annotated[str, typer.Argument(help="What is brought: checkpoint.")]
File = Annotated[
    Path, typer.Argument(help="PyTorch's .pth, .pt, .bin or .tar, or .safetensors.")
]
Model = Annotated[
    str,
    typer.Option("--model", help="Zoo model, or FAMILY:STAGE, whose weights it has."),
]
To = Annotated[Path, typer.Option("--to", help="File to write, .safetensors.")]
Preset = Annotated[
    str | None, typer.Option("--preset", help="Preset of sizes; `paper` if left out.")
]
Sizes = Annotated[
    list[str] | None,
    typer.Option("--size", help="key=value over the preset's sizes, repeatable."),
]


def command(
    kind: Kind,
    file: File,
    model: Model,
    to: To,
    preset: Preset = None,
    size: Sizes = None,
    json: Json = False,
) -> int:
    """Take a published checkpoint over, under the names of the zoo.

    Nothing in the file is run. What comes of it goes to `export --weights`, and trainings
    start from it (`--set model.NAME.train.start=FILE`).
    """
    from dataclasses import asdict

    from bench.coordinator.spec import sizes
    from bench.importing.checkpoint import Order, bring

    if kind not in KINDS:
        raise UnknownName("kind of import", kind, KINDS)
    order = Order(model, str(file), str(to), preset or "paper", sizes(size or []))
    done = bring(order)
    if json:
        print(encoder.dumps(asdict(done)))
    else:
        say(*_told(done))
    return 0


def _told(done: Imported) -> list[str]:
    whose = f"weights of {done.model}, preset {done.preset}"
    size = f"{done.arrays} arrays, {done.parameters:,} parameters"
    lines = [f"{done.path}: {whose}: {size}"]
    if done.place or done.prefix:
        place = f"key {done.place}" if done.place else "the top of the file"
        lines.append(f"  from {place}, prefix {done.prefix or 'none'}")
    if done.left_out:
        more = len(done.left_out) - SHOWN
        listed = ", ".join(done.left_out[:SHOWN]) + (f", {more} more" * (more > 0))
        lines.append(f"  left out, for the model does without: {listed}")
    return lines
