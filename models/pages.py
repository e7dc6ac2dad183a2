"""`python -m models.pages` writes `docs/models`, a page for each family, and `docs/ops.md`.

A test holds the pages to it. What a page says of what is unverified stands in the file's `NOTES`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import models
from models import op_page
from models.facts import RULE, Facts, GraphFacts, facts

FOLDER = Path(__file__).parents[1] / "docs" / "models"
OPS = FOLDER.parent / "ops.md"
HEAD = "<!-- Written by `python -m models.pages`; do not edit. -->"


def page(family: str) -> str:
    """One page, in Markdown."""
    plain = facts(family)
    title, _, reference = plain.reference.partition("\n")
    lines = [HEAD, "", f"# {family}", "", title]
    if reference:
        lines += ["", *reference.strip().splitlines()]
    for name in models.stages(family):
        lines += ["", *_stage(name)]
    lines += ["", "## Published code", "", *_published(family, plain)]
    lines += ["", "## Unverified or left out", "", *_left_out(plain)]
    return "\n".join(lines) + "\n"


def _stage(name: str) -> Iterator[str]:
    known = [facts(name, preset=preset) for preset in models.module(name).PRESETS]
    paper = next(one for one in known if one.preset == "paper")
    yield f"## `--model {name}`"
    yield ""
    yield f"Loss: {_weighed(paper.loss)}, where a recipe gives no other. {_recipes(name)}"
    yield ""
    yield from _sizes(known)
    yield ""
    yield f"GFLOP {RULE}. At the preset `paper`, {paper.field}:"
    yield ""
    yield from _graphs(paper.train, paper.infer)
    yield ""
    yield "What differs between the graphs:"
    yield ""
    yield from (f"- {sentence}" for sentence in paper.differs)


def _recipes(name: str) -> str:
    family = name.partition(":")[0]
    file = f"models/zoo/{family}.yaml"
    return f"How it is trained stands in [{file}](../../{file})."


def _weighed(loss: Mapping[str, float]) -> str:
    return " + ".join(f"{weight:g} {name}" for name, weight in loss.items())


def _sizes(known: list[Facts]) -> Iterator[str]:
    yield "| preset | parameters | published | frames | GFLOP train | GFLOP infer | sizes |"
    yield "|---|---|---|---|---|---|---|"
    for one in known:
        published = "" if one.published is None else f"{one.published:,}"
        sizes = ", ".join(f"{key} {value}" for key, value in one.sizes.items())
        cells = (
            f"`{one.preset}`",
            f"{one.parameters:,}",
            published,
            str(one.frames),
            f"{one.train.flops / 1e9:.4g}",
            f"{one.infer.flops / 1e9:.4g}",
            sizes,
        )
        yield f"| {' | '.join(cells)} |"


def _graphs(train: GraphFacts, infer: GraphFacts) -> Iterator[str]:
    yield "| | train | infer |"
    yield "|---|---|---|"
    for what, told in (
        ("inputs", _typed(train.inputs, infer.inputs)),
        ("outputs", _typed(train.outputs, infer.outputs)),
        ("frames", (_frames(train), _frames(infer))),
        ("noise inputs", (str(len(train.noise)), str(len(infer.noise)))),
        ("arrays renewed", (str(train.renews), str(infer.renews))),
        ("ops", (_ops(train), _ops(infer))),
    ):
        yield f"| {what} | {told[0]} | {told[1]} |"


def _typed(*declared: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        "<br>".join(f"`{name}` {type_}" for name, type_ in one.items())
        for one in declared
    )


def _frames(graph: GraphFacts) -> str:
    if graph.least == graph.most:
        return str(graph.least)
    return (
        f"{graph.least} and more"
        if graph.most is None
        else f"{graph.least} to {graph.most}"
    )


def _ops(graph: GraphFacts) -> str:
    return ", ".join(f"{count} x {op}" for op, count in graph.ops.items())


def _published(family: str, plain: Facts) -> Iterator[str]:
    classes = [
        f"`{official}` ({name})"
        for official, name in models.claimed().items()
        if name.partition(":")[0] == family
    ]
    if classes:
        yield f"The same network as {', '.join(classes)}: parameters bear the same names."
    else:
        yield "No class of published code is claimed."
    if plain.dead:
        listed = ", ".join(f"`{name}`" for name in plain.dead)
        yield ""
        yield f"Checkpoints may hold more, which no graph reads and `import` leaves out: {listed}."


def _left_out(plain: Facts) -> Iterator[str]:
    yield from [f"- {note}" for note in plain.notes] or ["Nothing is noted."]


def write() -> None:
    """Write every page, and take away those of models that are gone."""
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.glob("*.md"):
        if file.stem not in models.names():
            file.unlink()
    for family in models.names():
        FOLDER.joinpath(f"{family}.md").write_text(page(family), encoding="utf-8")
    OPS.write_text(op_page.page(), encoding="utf-8")


if __name__ == "__main__":
    write()
