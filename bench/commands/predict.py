"""Lift the keypoints of any source with a model that a run has trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import Json

Folder = Annotated[Path, typer.Argument(help="Run folder with the trained model.")]
Lifted = Annotated[
    str,
    typer.Option(
        "--data", help="What to lift: keypoints:PATH@WIDTHxHEIGHT, or any other source."
    ),
]
To = Annotated[
    Path,
    typer.Option(
        "--to", help="File to write: safetensors, an array of poses for each clip."
    ),
]
Backend = Annotated[
    str | None,
    typer.Option(
        "--backend", help="Which backend's training, where there are several."
    ),
]
Model = Annotated[
    str | None,
    typer.Option("--model", help="Which model, where there are several."),
]
Figure = Annotated[
    Path | None,
    typer.Option("--figure", help="PNG to draw a few poses of the first clip in."),
]


def command(
    run: Folder,
    data: Lifted,
    to: To,
    backend: Backend = None,
    model: Model = None,
    figure: Figure = None,
    json: Json = False,
) -> int:
    """Lift the keypoints of any source with a model that a run has trained."""
    # under another name: the option is called `json`, and typer shows parameters by theirs
    import json as encoder
    from dataclasses import asdict

    from bench.data.formats import places
    from bench.evaluation.predict import predict

    if figure:
        places.file(figure)  # said now, not after the work
    found = predict(run, data, to, backend=backend, model=model)
    if figure:
        _draw(to, found.protocol, figure)
    if json:
        print(encoder.dumps(asdict(found)))
    else:
        print(
            f"{to}: {found.clips} clips, {found.frames:,} frames by {found.model} on"
            f" {found.backend}"
        )
        print(
            f"  arrays TAKE/CAMERA (frames, {len(found.joints)}, 3): mm in the camera"
            f" frame, relative to {found.root}"
        )
        print(f"  joints {', '.join(found.joints)}")
        print(f"  trained under protocol {found.protocol} {found.protocol_hash}")
    return 0


def _draw(poses: Path, protocol: str, figure: Path) -> None:
    """Four poses, spread over the first clip."""
    import numpy as np
    from safetensors.numpy import load_file

    from bench.data import protocols
    from bench.data.geometry import skeletons
    from reports import plot

    first = next(iter(load_file(poses).values()))  # (frames, joints, 3), mm
    frames = np.linspace(0, len(first) - 1, min(4, len(first))).astype(int)
    # the file has joints by number: which are joined is for the protocol's skeleton to say
    skeleton = skeletons.load(protocols.load(protocol).skeleton)
    plot.poses(figure, skeleton.bones, first[frames])
