"""The commands: one file each, holding `command` and `EXAMPLES`; the help shows both.

What starts with an underscore serves them. They are the only place of `bench` that prints. Heavy
imports stay inside a command, so that `--help` is quick. Options that several commands share are
defined here once; each says its default, and a test holds that against the configuration's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

# None is "not said", everywhere: what profile and configuration file say then stays
Backends = Annotated[
    list[str] | None,
    typer.Option(
        "--backend",
        metavar="NAME",
        help="Backend to use, repeatable; `all` means every installed one.",
        show_default="numpy",
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", metavar="NAME", help="Zoo model, repeatable.", show_default="all"
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device", metavar="NAME", help="auto, cpu, cuda or mps.", show_default="auto"
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        "--precision",
        metavar="NAME",
        help="fp32, bf16 or fp16 (autocast).",
        show_default="fp32",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="SOURCE",
        help="`synthetic`, or KIND:PATH such as bvh:FOLDER.",
        show_default="synthetic",
    ),
]
ProtocolName = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        metavar="NAME",
        help="Evaluation protocol.",
        show_default="that of the data's kind",
    ),
]
AllowMismatch = Annotated[
    bool | None,
    typer.Option(
        "--allow-mismatch",
        help="Take keypoints that do not lie where the poses project; changes the hash.",
        show_default="such are refused",
    ),
]
AllowSmallerBatch = Annotated[
    bool | None,
    typer.Option(
        "--allow-smaller-batch",
        help="Halve a batch that memory lacks room for, whatever it does to batch statistics.",
        show_default="no",
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="What it may cost: smoke, standard or full.",
        show_default="standard for train and evaluate, else smoke",
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="YAML file with settings over the profile's.",
        show_default="none",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="key=value over everything else, repeatable; `config` lists the keys.",
        show_default="none",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FOLDER",
        help="Folder that run folders are made in.",
        show_default="runs",
    ),
]
Resume = Annotated[
    Path | None,
    typer.Option(
        "--resume",
        metavar="FOLDER",
        help="Run folder to go on with; finished cells are kept, more tasks count.",
        show_default="a new one",
    ),
]
Run = Annotated[
    Path | None,
    typer.Option(
        "--run",
        metavar="FOLDER",
        help="Finished run that brings data, protocol, sizes and trained weights.",
        show_default="none",
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON document on stdout and nothing else there."
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="NUMBER",
        help="Seed of weights, data and noise.",
        show_default="0",
    ),
]

Seeds = Annotated[
    int | None,
    typer.Option(
        "--seeds",
        metavar="NUMBER",
        help="Trainings of each model on each backend, with seeds from --seed on.",
        show_default="1",
    ),
]


# named as people type them, `set` and `json` too: typer makes the options of the names
def _options(
    backend: Backends = None,
    model: Models = None,
    device: Device = None,
    precision: Precision = None,
    data: Data = None,
    protocol: ProtocolName = None,
    allow_mismatch: AllowMismatch = None,
    allow_smaller_batch: AllowSmallerBatch = None,
    profile: Profile = None,
    config: ConfigFile = None,
    set: Set = None,
    out: Out = None,
    resume: Resume = None,
    run: Run = None,
    seed: Seed = None,
    seeds: Seeds = None,
    json: Json = False,
) -> dict[str, Any]:
    """What every command asks for that measures models, by name."""
    return locals()


def measuring(
    tasks: Sequence[str] | None, doc: str, *, trains: bool = False
) -> Callable[..., int]:
    """A command that measures `tasks` (the usual ones where None) into a run folder.

    One that `trains` takes the standard profile unless told, whose minutes make a model worth
    having, and asks which model: all of the zoo would take an hour.
    """

    @wraps(_options)
    def command(**options: Any) -> int:
        # here, for `--help`: it loads pydantic, NumPy and the zoo
        from bench.commands._measure import measured

        return measured(tasks, trains=trains, **_options(**options))

    command.__doc__ = doc  # what `--help` says
    return command
