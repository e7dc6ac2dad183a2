"""Lift the keypoints of any source with a model that a run has trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands import AllowMismatch, Json
from bench.commands._counted import counted
from bench.commands._said import say
from models.errors import BadInput

EXAMPLES = (
    "predict runs/ID --data keypoints:walk.json@1920x1080 --to poses.safetensors",
    "predict runs/ID --data bvh:FOLDER --split test --to people.glb",
    "predict runs/ID --data synthetic --clip 'S9*Walking*' --every 10 --to bodies.obj",
)

# `--help` must not wait for NumPy
if TYPE_CHECKING:
    import numpy as np

    from bench.evaluation.predict import Lifted, Look

Folder = Annotated[Path, typer.Argument(help="Run folder with the trained model.")]
Source = Annotated[
    str,
    typer.Option(
        "--data",
        help="What to lift: keypoints:PATH@WIDTHxHEIGHT, or any other source. A model of"
        " pictures needs poses beside them, which say how far away people are.",
    ),
]
To = Annotated[
    Path,
    typer.Option(
        "--to",
        help="File to write, by its end: .safetensors, .npz, .json, .bvh, .obj, .glb; a folder"
        " of that name where .bvh has several clips or .obj several frames.",
    ),
]
Clips = Annotated[
    list[str] | None,
    typer.Option(
        "--clip",
        metavar="NAME",
        help="Clip to lift, TAKE/CAMERA or TAKE, * for anything; repeatable.",
        show_default="all",
    ),
]
Every = Annotated[
    int,
    typer.Option("--every", metavar="N", help="Write every N-th frame of a clip."),
]
Split = Annotated[
    str,
    typer.Option(
        "--split",
        metavar="NAME",
        help="Clips to lift: those that a protocol trains on (train) or tests on (test).",
        show_default="all",
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
    data: Source,
    to: To,
    backend: Backend = None,
    model: Model = None,
    figure: Figure = None,
    clip: Clips = None,
    every: Every = 1,
    split: Split = "",
    allow_mismatch: AllowMismatch = None,
    json: Json = False,
) -> int:
    """Lift 2D keypoints with a model that a run has trained."""
    from bench.commands._progress import spoken
    from bench.evaluation.parts import Part
    from bench.evaluation.predict import predict

    if figure:
        _check(figure, to)
    with spoken(quiet=json) as progress:
        found = predict(
            run,
            data,
            to,
            backend=backend,
            model=model,
            allow_mismatch=bool(allow_mismatch),
            part=Part(tuple(clip or ()), every, split),
            progress=progress,
        )
    if figure:
        _draw(found, figure)
    if json:
        _print(found)
    else:
        _show(to, found)
    return 0


def _check(figure: Path, to: Path) -> None:
    """Raise BadInput for a figure that cannot be written; now, not after the work."""
    from bench.data.formats import places

    places.new(figure)
    if figure.absolute() == to.absolute():
        raise BadInput(f"--figure {figure}: that is --to as well; give two names")


def _print(found: Lifted) -> None:
    """What was written, for programs."""
    import json
    from dataclasses import asdict

    told = asdict(found)
    # to be drawn, and the files have them all
    for name in ("looks", "surfaces", "faces"):
        del told[name]
    print(json.dumps(told))


def _show(to: Path, found: Lifted) -> None:
    """What was written, for people."""
    from bench.evaluation.predict import FOLLOWS, OWN

    say(
        f"{to}: {counted(found.clips, 'clip')}, {counted(found.frames, 'frame')} by"
        f" {found.model} on {found.backend}"
    )
    if found.surface == FOLLOWS:
        say(
            f"  a skeleton that moves, an animation a clip, and {FOLLOWS}: metres, y up"
        )
    elif found.surfaces:
        say(
            f"  a surface a frame, {len(found.surfaces[0]):,} vertices: metres, y up,"
            f" relative to {found.root}"
        )
        say(f"  the surface is {found.surface}")
    else:
        say(
            f"  arrays TAKE/CAMERA (frames, {len(found.joints)}, 3): mm in the camera"
            f" frame, relative to {found.root}"
        )
    if found.surface == OWN and not found.surfaces:
        say("  arrays TAKE/CAMERA/vertices (frames, V, 3), alike; and faces (F, 3)")
    say(
        f"  the {found.root} itself is where the model puts it, at most"
        f" {found.root_off:.3g} mm from 0"
    )
    say(f"  joints {', '.join(found.joints)}")
    say(f"  trained under protocol {found.protocol} {found.protocol_hash}")
    for note in found.notes:
        say(f"  note: {note}")


def _draw(found: Lifted, figure: Path) -> None:
    """Four poses or surfaces of the first clip, poses under the pictures they were made of."""
    import numpy as np

    from bench.data import protocols
    from bench.data.formats import places
    from bench.data.geometry import skeletons
    from reports import plot

    skeleton = skeletons.load(protocols.load(found.protocol).skeleton)
    seen = [_seen(look) for look in found.looks]
    with places.writing(figure):
        if found.surfaces:
            plot.surfaces(figure, np.array(found.faces), np.array(found.surfaces))
        else:
            plot.poses(figure, skeleton.bones, np.array(found.examples), seen)


def _seen(look: Look) -> tuple[np.ndarray, np.ndarray]:
    """A picture (height, width, 3) and where in it joints are (joints, 2), pixels."""
    from base64 import b64decode

    import numpy as np

    height, width = look.size
    colours = np.frombuffer(b64decode(look.colours), np.uint8)
    planes = colours.reshape(3, height, width)
    return np.moveaxis(planes, 0, -1), (np.array(look.places) + 0.5) * (width, height)
