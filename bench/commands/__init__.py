"""The commands: one file each, holding `command` and `EXAMPLES`; the help shows both.

What starts with an underscore serves them. They are the only place of `bench` that prints. Heavy
imports stay inside a command, so that `--help` is quick. Options that several commands share are
defined here once; each says its default, and a test holds that against the configuration's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

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
Profile = Annotated[
    str,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="What it may cost: smoke, standard or full.",
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
    Path,
    typer.Option(
        "--out", metavar="FOLDER", help="Folder that run folders are made in."
    ),
]
Resume = Annotated[
    Path | None,
    typer.Option(
        "--resume",
        metavar="FOLDER",
        help="Run folder to go on with; finished cells are kept.",
        show_default="a new one",
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


def measuring(tasks: Sequence[str] | None, doc: str) -> Callable[..., int]:
    """A command that measures `tasks` (the usual ones where None) into a run folder."""

    # named as people type them: typer makes the options of the names
    def command(
        backend: Backends = None,
        model: Models = None,
        device: Device = None,
        precision: Precision = None,
        data: Data = None,
        protocol: ProtocolName = None,
        allow_mismatch: AllowMismatch = None,
        profile: Profile = "smoke",
        config: ConfigFile = None,
        set: Set = None,
        out: Out = Path("runs"),
        resume: Resume = None,
        seed: Seed = None,
        json: Json = False,
    ) -> int:
        from bench.commands._measure import configure, measure  # slow: not for `--help`

        settings = configure(
            tasks=tasks,
            backend=backend,
            model=model,
            profile=profile,
            file=config,
            overrides=set,
            device=device,
            precision=precision,
            data=data,
            protocol=protocol,
            allow_mismatch=allow_mismatch,
            seed=seed,
        )
        return measure(settings, out=out, resume=resume, as_json=json)

    command.__doc__ = doc  # what `--help` says
    return command
