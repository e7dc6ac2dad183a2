"""The commands: one file each, holding `command` and `EXAMPLES`; the help shows both.

What starts with an underscore serves them. They are the only place of `bench` that prints. Heavy
imports stay inside a command, so that `--help` is quick. Options that several commands share are
defined here once; each says its default, and a test holds that against the configuration's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Signature, signature
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
        "--device",
        metavar="NAME",
        help="auto, cpu, mps, cuda, or one of several: cuda:1.",
        show_default="auto",
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
Recipe = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME",
        help="What is trained and how: MODEL, MODEL-quick, another name, or a YAML file.",
        show_default="the model's own",
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "--override",
        metavar="FILE",
        help="YAML file with settings over those of profile and recipe.",
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
Experiment = Annotated[
    str | None,
    typer.Option(
        "--experiment",
        metavar="NAME",
        help="What the run folder's name begins with.",
        show_default="none",
    ),
]
Init = Annotated[
    Path | None,
    typer.Option(
        "--init",
        metavar="FOLDER",
        help="Run whose trained weights of the same names the training starts from.",
        show_default="none",
    ),
]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        help="A few batches of few data, with all checks on.",
    ),
]
Tensorboard = Annotated[
    bool | None,
    typer.Option(
        "--tensorboard",
        help="Write curves as event files, too, into the run folder.",
        show_default="not written",
    ),
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        metavar="NAME",
        help="Weights to score: last, best (where it was kept), or a file.",
        show_default="last",
    ),
]
Procrustes = Annotated[
    bool,
    typer.Option(
        "--procrustes", help="Show PA-MPJPE, after similarity alignment, too."
    ),
]
PerJoint = Annotated[
    bool, typer.Option("--per-joint", help="Show the error of each joint, too.")
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


Manifests = Annotated[
    list[Path] | None,
    typer.Option(
        "--manifest",
        metavar="FILE",
        help="YAML file that declares a framework that is not here; repeatable.",
        show_default="none",
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
    recipe: Recipe = None,
    config: ConfigFile = None,
    set: Set = None,
    out: Out = None,
    resume: Resume = None,
    run: Run = None,
    experiment: Experiment = None,
    seed: Seed = None,
    seeds: Seeds = None,
    json: Json = False,
) -> dict[str, Any]:
    """What every command asks for that measures models, by name."""
    return locals()


def _training(
    init: Init = None, debug: Debug = False, tensorboard: Tensorboard = None
) -> dict[str, Any]:
    """What those ask for that train, too."""
    return locals()


def _scoring(
    checkpoint: Checkpoint = None,
    procrustes: Procrustes = False,
    per_joint: PerJoint = False,
) -> dict[str, Any]:
    """What those ask for that score, too."""
    return locals()


def _declaring(manifest: Manifests = None) -> dict[str, Any]:
    """What those ask for that judge a framework on paper, too."""
    return locals()


def measuring(
    tasks: Sequence[str] | None,
    doc: str,
    *,
    trains: bool = False,
    scores: bool = False,
    declares: bool = False,
) -> Callable[..., int]:
    """A command that measures `tasks` (the usual ones where None) into a run folder.

    One that `trains` takes the standard profile unless told, whose minutes make a model worth
    having, and asks which model: all of the zoo would take an hour. One that `scores` can show
    more of the scores. One that `declares` takes manifests of frameworks on paper.
    """

    def command(**options: Any) -> int:
        # here, for `--help`: it loads pydantic, NumPy and the zoo
        from bench.commands._measure import measured

        return measured(tasks, trains=trains, **options)

    asked: list[Callable[..., Any]] = [_options]
    if trains:
        asked.append(_training)
    if scores:
        asked.append(_scoring)
    if declares:
        asked.append(_declaring)
    parameters = [
        parameter
        for function in asked
        for parameter in signature(function, eval_str=True).parameters.values()
    ]
    # typer makes options of what it says that it takes
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__doc__ = doc  # what `--help` says
    return command
