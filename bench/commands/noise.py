"""Learn a 2D detector's errors from keypoints it gave beside the true ones.

They are kept in a file for `corrupt` and `augment`; `bench/data/detector/noise_fit.py` learns them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands import Json
from bench.commands._said import say

if TYPE_CHECKING:
    from bench.data.detector.fitted_noise import FittedNoise

EXAMPLES = ("noise true.npy seen.npy --to detector.json",)

TRUE = "True keypoints, px: .npy, VideoPose3D's 2D .npz, or a file of the source `keypoints`."
SEEN = "The detector's keypoints of the same clips."

Truth = Annotated[Path, typer.Argument(help=TRUE)]
Seen = Annotated[Path, typer.Argument(help=SEEN)]
To = Annotated[Path, typer.Option("--to", help="JSON file to write.")]
SkeletonName = Annotated[
    str, typer.Option("--skeleton", help="Skeleton of both files.")
]
Width = Annotated[int, typer.Option("--width", help="Width of the pictures in pixels.")]


def command(
    true: Truth,
    seen: Seen,
    to: To,
    skeleton: SkeletonName = "h36m17",
    width: Width = 1000,
    json: Json = False,
) -> int:
    """Learn a 2D detector's errors from keypoints that it gave.

    They lie beside the true ones, frame by frame. What is learnt is kept in a file for `corrupt`
    and `augment`.
    """
    import json as encoder

    from bench.commands._tables import table
    from bench.data.detector import fitted_noise, noise_fit
    from bench.data.formats import places

    places.file(to)  # said now, not after the work
    model = noise_fit.fit_files(true, seen, skeleton=skeleton, width=width)
    fitted_noise.save(model, to)
    rows = _rows(model)
    if json:
        print(encoder.dumps({"file": str(to), "joints": rows}))
        return 0
    table([*rows[0]], [[_cell(value) for value in row.values()] for row in rows])
    # by name alone: a list of steps looks beside itself
    say(f"written to {to}; use it in a file of steps: {{fitted: {{file: {to.name}}}}}")
    return 0


def _rows(model: FittedNoise) -> list[dict[str, object]]:
    """A row for each joint; lengths are pixels in a picture 1000 px wide."""
    # the root of the summed variances: how far off in the plane, whichever way the ellipse lies
    spread = model.covariance.trace(axis1=1, axis2=2) ** 0.5
    return [
        {
            "joint": joint,
            "bias x": float(model.bias[place, 0]),
            "bias y": float(model.bias[place, 1]),
            "spread": float(spread[place]),
            "memory": float(model.memory[place]),
            "outliers": float(model.outliers[place]),
            "outlier size": float(model.outlier[place]),
            "misses": float(model.misses[place]),
        }
        for place, joint in enumerate(model.joints)
    ]


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
