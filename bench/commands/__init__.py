"""The commands: one file each, holding `command`; what starts with an underscore serves them.

They are the only place of `bench` that prints. Heavy imports stay inside a command, so that
`--help` is quick. Options that several commands share are defined here once.
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
        "--backend", help="Backend to use, repeatable; `all` means every installed one."
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", help="Zoo model, repeatable; all if left out."),
]
Device = Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Precision = Annotated[
    str | None, typer.Option("--precision", help="fp32, bf16 or fp16 (autocast).")
]
Data = Annotated[
    str | None,
    typer.Option("--data", help="`synthetic`, or KIND:PATH such as bvh:FOLDER."),
]
ProtocolName = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        help="Evaluation protocol; the default one of the data's kind if left out.",
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        help="smoke, standard or full; where left out, standard for train and evaluate,"
        " else smoke.",
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="YAML file with settings over the profile's."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="key=value over everything else, e.g. model.motionbert.train.steps=500.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Folder that run folders are made in; `runs` if left out."
    ),
]
Resume = Annotated[
    Path | None,
    typer.Option(
        "--resume",
        help="Run folder to go on with; finished cells are kept, more tasks count.",
    ),
]
Run = Annotated[
    Path | None,
    typer.Option(
        "--run",
        help="Finished run that brings data, protocol, sizes and trained weights.",
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON document on stdout and nothing else there."
    ),
]
Seed = Annotated[
    int | None, typer.Option("--seed", help="Seed of weights, data and noise.")
]


# named as people type them, `set` and `json` too: typer makes the options of the names
def _options(
    backend: Backends = None,
    model: Models = None,
    device: Device = None,
    precision: Precision = None,
    data: Data = None,
    protocol: ProtocolName = None,
    profile: Profile = None,
    config: ConfigFile = None,
    set: Set = None,
    out: Out = None,
    resume: Resume = None,
    run: Run = None,
    seed: Seed = None,
    json: Json = False,
) -> int:
    """What every command asks for that measures models."""
    raise NotImplementedError  # a signature: `measuring` answers


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

        return measured(tasks, trains=trains, **options)

    command.__doc__ = doc  # what `--help` says of the command
    return command
