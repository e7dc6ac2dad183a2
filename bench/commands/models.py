"""List the zoo: parameters, ops and graphs of each model."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.commands import Json
from bench.commands._chosen import refuse_beside

EXAMPLES = (
    "models",
    "models motionbert --preset small",
)

Name = Annotated[str | None, typer.Argument(help="One model: print its graphs.")]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset", help="Preset of the one model's sizes; `paper` if left out."
    ),
]


def command(
    name: Name = None,
    preset: Preset = None,
    json: Json = False,
) -> int:
    """List the zoo: parameters, ops and graphs of each model."""
    if name is None:
        refuse_beside("the list of all models", preset=preset)
        _list(as_json=json)
    else:
        _show(name, preset or "paper", as_json=json)
    return 0


def _show(name: str, preset: str, *, as_json: bool) -> None:
    """Both graphs of one model, node by node."""
    import json

    import models

    # Dropout and batch normalization differ between them: neither stands for the other.
    spec = models.build(name, preset=preset)
    graphs = {"train": spec.train, "infer": spec.infer}
    if as_json:
        # A graph writes its own JSON; read back, it becomes a part of this document.
        parts = {key: json.loads(graph.to_json()) for key, graph in graphs.items()}
        print(json.dumps(parts))
    else:
        print(f"{spec.train}\n\n{spec.infer}")


def _list(*, as_json: bool) -> None:
    """Every model in every preset of sizes."""
    import json

    import models
    from bench.commands._tables import table

    rows = [row for model in models.names() for row in _rows(model)]
    if as_json:
        print(json.dumps(rows))
        return
    # The table says in words what the keys of the JSON say in one.
    head = ("model", "preset", "parameters", "input frames", "distinct ops", "recipe")
    table(head, [[str(value) for value in row.values()] for row in rows])


def _rows(model: str) -> list[dict[str, object]]:
    """A row for each preset of a model."""
    import models

    rows: list[dict[str, object]] = []
    for preset in models.module(model).PRESETS:
        spec = models.build(model, preset=preset)
        rows.append(
            {
                "model": model,
                "preset": preset,
                "parameters": spec.parameter_count(),
                "frames": spec.frames,
                # Of the training graph: all that a backend must have to do both.
                "ops": len(spec.train.census()),
                "recipe": spec.recipe.source,
            }
        )
    return rows
