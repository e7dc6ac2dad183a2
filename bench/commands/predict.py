"""Lift the keypoints of any source with a model that a run has trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands import AllowMismatch, Json

if TYPE_CHECKING:
    from bench.evaluation.predict import Lifted

EXAMPLES = (
    "predict runs/ID --data keypoints:walk.json@1920x1080 --to poses.safetensors",
)

Folder = Annotated[Path, typer.Argument(help="Run folder with the trained model.")]
What = Annotated[
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
    data: What,
    to: To,
    backend: Backend = None,
    model: Model = None,
    figure: Figure = None,
    allow_mismatch: AllowMismatch = None,
    json: Json = False,
) -> int:
    """Lift 2D keypoints with a model that a run has trained."""
    # under another name: the option is called `json`, and typer shows parameters by theirs
    import json as encoder
    from dataclasses import asdict

    from bench.data.formats import mapped_file
    from bench.evaluation.predict import predict

    if figure:
        mapped_file.writable(figure)  # said now, not after the work
    found = predict(
        run,
        data,
        to,
        backend=backend,
        model=model,
        allow_mismatch=bool(allow_mismatch),
    )
    if figure:
        _draw(to, found.protocol, figure)
    if json:
        print(encoder.dumps(asdict(found)))
    else:
        _show(to, found)
    return 0


def _show(to: Path, found: Lifted) -> None:
    """What was written, for people."""
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
    for note in found.notes:
        print(f"  note: {note}")


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
