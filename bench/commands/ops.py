"""Examine a backend op by op: shape, dtype, value, gradient, kernel against body."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import Backends, Device, Json, Out


def command(
    backend: Backends = None,
    op: Annotated[list[str] | None, typer.Option("--op", help="Op to examine, repeatable; all if left out.")] = None,
    device: Device = None,
    out: Out = Path("runs"),
    json: Json = False,
) -> int:
    """Examine a backend op by op: shape, dtype, value, gradient, kernel against body."""
    from bench.cells import configure, measure

    settings = configure(tasks=["shape_ops"], backend=backend, model=None, device=device, ops=op)
    return measure(settings.model_copy(update={"model": {}}), out=out, resume=None, as_json=json)
