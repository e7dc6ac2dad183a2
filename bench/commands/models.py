"""List the zoo: parameters, ops and graphs of each model."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.commands import Json


def command(
    name: Annotated[str | None, typer.Argument(help="One model: print its graphs.")] = None,
    preset: Annotated[str, typer.Option("--preset", help="Preset of sizes.")] = "paper",
    json: Json = False,
) -> int:
    """List the zoo: parameters, ops and graphs of each model."""
    import json as encoder

    import models
    from bench.commands._tables import table

    if name is not None:
        spec = models.build(name, preset=preset)
        graphs = {"train": spec.train, "infer": spec.infer}
        print(
            encoder.dumps(
                {key: encoder.loads(graph.to_json()) for key, graph in graphs.items()}
            )
            if json
            else f"{spec.train}\n\n{spec.infer}"
        )
        return 0
    rows = [row for model in models.names() for row in _rows(model)]
    if json:
        print(encoder.dumps(rows))
    else:
        table(
            ("model", "preset", "parameters", "input frames", "distinct ops", "recipe"),
            [[str(value) for value in row.values()] for row in rows],
        )
    return 0


def _rows(model: str) -> list[dict[str, object]]:
    import models

    specs = {
        preset: models.build(model, preset=preset)
        for preset in models.module(model).PRESETS
    }
    return [
        {
            "model": model,
            "preset": preset,
            "parameters": spec.parameter_count(),
            "frames": spec.frames,
            "ops": len(spec.train.census()),
            "recipe": spec.recipe.source,
        }
        for preset, spec in specs.items()
    ]
