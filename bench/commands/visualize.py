"""Draw one clip: keypoints over pictures, a skeleton or a body, as picture or film."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands import Json
from bench.commands._chosen import refuse_beside
from bench.commands._said import say
from models.errors import BadInput, Missing, UnknownName

EXAMPLES = (
    "visualize poses.safetensors --to walk.gif",
    "visualize runs/ID --data bvh:FOLDER --as mesh --to body.png",
    "visualize keypoints:walk.json@1920x1080 --to overlay.png",
)

# `--help` must not wait for NumPy
if TYPE_CHECKING:
    from bench.evaluation.views import View

SHOWN = 4  # frames of a picture
MOST = (
    500  # frames of a film: each takes a tenth of a second, and a GIF's stay in memory
)
ENDS = (".png", ".gif", ".mp4")

What = Annotated[
    str,
    typer.Argument(
        help="File that predict has written, run folder with a trained model, or source of data."
    ),
]
To = Annotated[Path, typer.Option("--to", help="File to draw: .png, .gif or .mp4.")]
As = Annotated[
    str | None,
    typer.Option(
        "--as",
        help="2d (keypoints), 3d (skeleton), mesh.",
        show_default="2d of a source, else 3d",
    ),
]
Clip = Annotated[
    str | None,
    typer.Option("--clip", help="TAKE/CAMERA, or TAKE.", show_default="the first"),
]
Every = Annotated[
    int, typer.Option("--every", help="A film's frames: one of so many.", min=1)
]
Source = Annotated[
    str | None,
    typer.Option(
        "--data", help="What a run's model lifts.", show_default="the run's own"
    ),
]
Backend = Annotated[
    str | None,
    typer.Option("--backend", help="Of a run, where several trained the model."),
]
Model = Annotated[
    str | None, typer.Option("--model", help="Of a run, where it has several.")
]


def command(
    what: What,
    to: To,
    kind: As = None,
    clip: Clip = None,
    every: Every = 1,
    data: Source = None,
    backend: Backend = None,
    model: Model = None,
    json: Json = False,
) -> int:
    """Draw a clip: keypoints, a skeleton or a body."""
    import json as encoder

    from bench.commands._progress import waiting
    from bench.data.formats import places

    _check(to)
    with _viewed(what, clip, data=data, backend=backend, model=model) as view:
        kind = _kind(view, kind, what)
        frames = _frames(view, to, every)
        said = f"drawing {len(frames)} frames"
        with waiting(said, quiet=json), places.writing(to):
            _draw(view, kind, to, frames, view.fps / every)
    told = {"path": str(to), "clip": view.name, "as": kind, "frames": len(frames)}
    if json:
        print(encoder.dumps(told))
    else:
        say(f"{to}: {kind} of {view.name}, {len(frames)} frames")
    return 0


def _check(to: Path) -> None:
    """Raise BadInput or Missing where nothing can be drawn into the file."""
    from bench.data.formats import places

    end = to.suffix.lower()
    if end not in ENDS:
        raise BadInput(
            f"{to}: pictures are drawn to no {end or 'file without an end'}; give a name"
            f" that ends in one of {', '.join(ENDS)}"
        )
    places.new(to)
    if end == ".mp4" and shutil.which("ffmpeg") is None:
        raise Missing(f"{to}: ffmpeg is not here; install it, or give a .gif")


@contextmanager
def _viewed(
    what: str,
    clip: str | None,
    *,
    data: str | None,
    backend: str | None,
    model: str | None,
) -> Iterator[View]:
    """The clip; while it is drawn, the files that it is read from are there."""
    from tempfile import TemporaryDirectory

    from bench import records
    from bench.evaluation import views
    from bench.evaluation.predict import predict

    path = Path(what)
    if path.is_dir():
        source = data or str(records.read(path).info.config["data"])
        with TemporaryDirectory() as scratch:
            file = Path(scratch) / "poses.safetensors"
            predict(path, source, file, backend=backend, model=model)
            yield views.of_file(file, clip)
        return
    refuse_beside(what, data=data, backend=backend, model=model)
    if path.is_file():
        yield views.of_file(path, clip)
    elif path.suffix and ":" not in what:
        raise BadInput(f"{what}: is not there; give a file, a run or a source of data")
    else:
        yield views.of_source(what, clip)


def _kind(view: View, asked: str | None, what: str) -> str:
    """How the clip is drawn. Raises BadInput where it has nothing of that."""
    from bench.evaluation import views

    if asked not in (None, *views.KINDS):
        raise UnknownName("way to draw, --as", asked, views.KINDS)
    if asked in view.kinds:
        return asked
    if asked:
        has = ", ".join(view.kinds)
        raise BadInput(
            f"--as {asked}: {view.name} of {what} can be drawn as {has}; keypoints are in"
            " sources of data, poses in those with 3D poses and in files of predict"
        )
    return view.kinds[0]


def _frames(view: View, to: Path, every: int) -> Sequence[int]:
    """Which are drawn: some for a picture, those that are asked for of a film."""
    import numpy as np

    points = view.keypoints if view.poses is None else view.poses
    assert points is not None  # a view has one of them
    count = len(points)
    if to.suffix.lower() == ".png":
        some: list[int] = (
            np.linspace(0, count - 1, min(SHOWN, count)).astype(int).tolist()
        )
        return some
    frames = range(0, count, every)
    if len(frames) > MOST:
        raise BadInput(
            f"{view.name}: {count:,} frames make a film of {len(frames):,}, and {MOST} is"
            f" the most; give --every {-(-count // MOST)}"
        )
    return frames


def _draw(view: View, kind: str, to: Path, frames: Sequence[int], fps: float) -> None:
    from reports import plot

    moves = to.suffix.lower() != ".png"
    if kind == "2d":
        assert view.keypoints is not None  # as `kinds` says
        shown = (to, view.bones, view.keypoints, frames, view.size, view.picture)
        plot.watching(*shown, fps) if moves else plot.overlays(*shown)
        return
    if kind == "mesh":
        vertices, faces = view.surface(frames)
        if moves:
            plot.breathing(to, faces, vertices, fps)
        else:
            plot.surfaces(to, faces, vertices)
        return
    assert view.poses is not None
    poses = view.poses[list(frames)]
    if moves:
        plot.walking(to, view.bones, poses, fps)
    else:
        plot.poses(to, view.bones, poses)
