"""Learn a 2D detector's errors from keypoints it gave beside the true ones, and keep them
in a file for `corrupt` and `augment`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands import Json

if TYPE_CHECKING:
    from bench.data.detector.fitted_noise import FittedNoise


def command(
    true: Annotated[
        Path,
        typer.Argument(
            help=(
                "True keypoints, px: .npy, VideoPose3D's 2D .npz, or a file of the source"
                " `keypoints`."
            )
        ),
    ],
    seen: Annotated[
        Path, typer.Argument(help="The detector's keypoints of the same clips.")
    ],
    to: Annotated[Path, typer.Option("--to", help="JSON file to write.")],
    skeleton: Annotated[
        str, typer.Option("--skeleton", help="Skeleton of both files.")
    ] = "h36m17",
    width: Annotated[
        int, typer.Option("--width", help="Width of the pictures in pixels.")
    ] = 1000,
    json: Json = False,
) -> int:
    """Learn a 2D detector's errors from keypoints it gave beside the true ones, and keep
    them in a file for `corrupt` and `augment`.
    """
    import json as encoder

    from bench.commands._cells import table
    from bench.data.detector import fitted_noise, noise_fit

    model = noise_fit.fit_files(true, seen, skeleton=skeleton, width=width)
    fitted_noise.save(model, to)
    rows = _rows(model)
    if json:
        print(encoder.dumps({"file": str(to), "joints": rows}))
    else:
        table(
            [*rows[0]],
            [
                [
                    f"{value:.3g}" if isinstance(value, float) else str(value)
                    for value in row.values()
                ]
                for row in rows
            ],
        )
        print(
            f"written to {to}; use it in a file of steps: {{fitted: {{file: {to.name}}}}}"
        )
    return 0


def _rows(model: FittedNoise) -> list[dict[str, object]]:
    """A row for each joint; lengths are pixels in a picture 1000 px wide."""
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
