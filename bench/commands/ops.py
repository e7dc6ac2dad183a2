"""Examine a backend op by op: shape, dtype, value, gradient, kernel against body."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.commands import Backends, Device, Json, Out, Seed, Set
from bench.commands._chosen import refuse_beside
from models.errors import UnknownName

if TYPE_CHECKING:
    from bench.records import Record

EXAMPLES = (
    "ops --backend torch --op gelu",
    "ops --backend torch --accept gaps.py",
    "ops --backend onnx --third-party",
)
# of the exam: written out here too, since its own list would load what `--help` needs not
MODES = ("customary", "eager", "compiled")

Ops = Annotated[
    list[str] | None,
    typer.Option("--op", help="Op to examine, repeatable.", show_default="all"),
]
Mode = Annotated[
    str,
    typer.Option(
        "--mode",
        help="customary (as the framework's users run it), eager (op by op), compiled, or all.",
    ),
]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick", help="Only what `run --profile smoke` asks: a minute at most."
    ),
]
ThirdParty = Annotated[
    bool,
    typer.Option(
        "--third-party", help="Put the node cases of the onnx package instead."
    ),
]
Cases = Annotated[
    Path | None,
    typer.Option(
        "--cases",
        help="Folder of third-party cases; collected there first where it holds none.",
        show_default="the run's own",
    ),
]
Accept = Annotated[
    Path | None,
    typer.Option(
        "--accept",
        metavar="FILE",
        help="Write the gaps that are found, by cause, as Python for a backend's `part_gaps`.",
        show_default="not written",
    ),
]


def command(
    backend: Backends = None,
    op: Ops = None,
    mode: Mode = "all",
    seed: Seed = None,
    quick: Quick = False,
    third_party: ThirdParty = False,
    cases: Cases = None,
    device: Device = None,
    set: Set = None,
    accept: Accept = None,
    out: Out = None,
    json: Json = False,
) -> int:
    """Examine a backend op by op: shape, type, value, gradient.

    Kernels against compositions, too; in every type, layout and mode unless --quick.
    """
    from bench.commands._measure import configure, measure

    if mode not in (*MODES, "all"):
        raise UnknownName("mode", mode, [*MODES, "all"])
    asked: dict[str, Any]
    if third_party:
        other = None if mode == "all" else mode
        # its cases are whole graphs of another project, not sorted by our ops
        refuse_beside(
            "--third-party", op=op, mode=other, seed=seed, quick=quick, accept=accept
        )
        asked = {"tasks": ["third_party"], "onnx_cases": _collected(cases)}
    else:
        refuse_beside("the exam of our own ops", cases=cases)
        asked = _asked(mode, quick=quick) | {"ops": op, "seed": seed}
    settings = configure(
        backend=backend, model=None, device=device, overrides=set, **asked
    )
    # the exam is about a backend alone: no model's cell, and none to check beforehand
    settings = settings.model_copy(update={"model": {}})
    done = _accepting(accept)
    return measure(settings, out=out, resume=None, as_json=json, done=done)


def _accepting(file: Path | None) -> Callable[[Sequence[Record]], None]:
    """What is to be done with the records. Raises BadInput where a file is there already."""
    from bench.commands._gaps import accept
    from bench.data.formats import places

    if file is None:
        return lambda records: None
    places.new(file)
    return partial(accept, file)


def _asked(mode: str, *, quick: bool) -> dict[str, Any]:
    """The exam of our own ops, in a mode."""
    asked: dict[str, Any] = {"tasks": ["shape_ops"]}
    asked["profile"] = "smoke" if quick else "full"
    # all is what the profile says; one mode leaves the rest of its exam settings alone
    if mode != "all":
        asked["exam"] = {"modes": [mode]}
    return asked


def _collected(cases: Path | None) -> str | None:
    """The folder of the cases. Raises BadInput where none can be made for them."""
    from bench.data.formats import places

    if cases is None:
        return None
    if not cases.is_dir():
        places.folder(cases)  # they are collected there
    # resolved: the run that reads it may be resumed from elsewhere
    return str(cases.resolve())
