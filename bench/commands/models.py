"""List the zoo, or tell of one model: cost, ops, graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.commands import Json
from bench.commands._chosen import refuse_beside
from bench.commands._said import say

# `--help` must not wait for NumPy
if TYPE_CHECKING:
    from models.facts import Facts, GraphFacts

EXAMPLES = (
    "models",
    "models motionbert --preset small",
    "models motionbert --graphs",
)

Name = Annotated[
    str | None, typer.Argument(help="One model, or FAMILY:STAGE: what is known of it.")
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset", help="Preset of the one model's sizes; `paper` if left out."
    ),
]
Graphs = Annotated[
    bool, typer.Option("--graphs", help="Its graphs instead, node by node.")
]


def command(
    name: Name = None,
    preset: Preset = None,
    graphs: Graphs = False,
    json: Json = False,
) -> int:
    """List the zoo, or tell of one model: cost, ops, graphs."""
    if name is None:
        refuse_beside("the list of all models", preset=preset, graphs=graphs)
        _list(as_json=json)
    elif graphs:
        _show(name, preset or "paper", as_json=json)
    else:
        _tell(name, preset or "paper", as_json=json)
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
        say(*f"{spec.train}\n\n{spec.infer}".split("\n"))


def _tell(name: str, preset: str, *, as_json: bool) -> None:
    """What is known of one model."""
    import json
    from dataclasses import asdict

    from models.facts import facts

    found = facts(name, preset=preset)
    if as_json:
        print(json.dumps(asdict(found) | {"recipes": dict(_recipes(name))}))
    else:
        say(*_told(found))


def _recipes(model: str) -> list[tuple[str, str]]:
    """The recipes that lie beside a model or stage, and what each is."""
    from bench import recipes

    return [(name, recipes.about(name)) for name in recipes.of_model(model)]


def _told(found: Facts) -> list[str]:
    published = "" if found.published is None else f" ({found.published:,} published)"
    sizes = ", ".join(f"{key}={value}" for key, value in found.sizes.items())
    lines = [
        f"{found.model}, preset {found.preset} of {', '.join(found.presets)}",
        *(f"  {line}".rstrip() for line in found.reference.splitlines()),
        f"sizes       {sizes}",
        f"parameters  {found.parameters:,}{published}",
        *(f"recipe      {name}: {about}" for name, about in _recipes(found.model)),
        f"window      {found.frames} frames in training, {found.field}",
    ]
    if len(found.stages) > 1:
        lines.append(f"stages      {', '.join(found.stages)}")
    lines += [*_graph("train", found.train), *_graph("infer", found.infer), "differs"]
    lines += [f"  {sentence}" for sentence in found.differs]
    if found.notes:
        lines += ["unverified or left out", *(f"  {note}" for note in found.notes)]
    return lines


def _graph(name: str, graph: GraphFacts) -> list[str]:
    from models.facts import RULE

    most = "and more" if graph.most is None else f"to {graph.most}"
    ops = ", ".join(f"{count} x {op}" for op, count in graph.ops.items())
    return [
        f"{name} graph",
        *(f"  input {key} {type_}" for key, type_ in graph.inputs.items()),
        # a mask for each dropout: their shapes are in the JSON
        f"  {len(graph.noise)} noise inputs",
        *(f"  output {key} {type_}" for key, type_ in graph.outputs.items()),
        f"  takes {graph.least} {most} frames, renews {graph.renews} arrays",
        f"  {graph.flops:,} FLOP {RULE}",
        f"  ops {ops}",
    ]


def _list(*, as_json: bool) -> None:
    """Every model and stage in every preset of sizes."""
    import json

    import models
    from bench.commands._tables import table

    rows = [row for model in models.networks() for row in _rows(model)]
    if as_json:
        print(json.dumps(rows))
        return
    # The table says in words what the keys of the JSON say in one.
    head = ("model", "preset", "parameters", "input frames", "distinct ops", "recipe")
    table(head, [[str(value) for value in row.values()] for row in rows])


def _rows(model: str) -> list[dict[str, Any]]:
    """A row for each preset of a model."""
    import models

    rows: list[dict[str, Any]] = []
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
                "recipe": next((about for _, about in _recipes(model)), ""),
            }
        )
    return rows
