"""Published methods: year, blocks, numbers, parameters, and what could carry them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.commands import Backends, Json
from bench.commands._chosen import chosen, refuse_beside
from bench.commands._said import say
from models.errors import BadInput, UnknownName

# `--help` must not wait for pydantic
if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.commands._carried import Carrier
    from reports.survey.entries import Method, Survey
    from reports.survey.page import Known, Own

EXAMPLES = (
    "survey",
    "survey --category mesh --backend torch",
    "survey --backend all --to survey.md",
)

Category = Annotated[
    str | None,
    typer.Option(
        "--category",
        metavar="NAME",
        help="Of these alone: single frame, video, graph, probabilistic, image or mesh.",
        show_default="all",
    ),
]
Runs = Annotated[
    list[Path] | None,
    typer.Option(
        "--run",
        metavar="FOLDER",
        help="Finished run of Pose2Mesh to set beside the study's table, repeatable.",
        show_default="none",
    ),
]
To = Annotated[
    Path | None,
    typer.Option(
        "--to", help="Markdown file to write all of it to, and figures/ beside it."
    ),
]


def command(
    backend: Backends = None,
    category: Category = None,
    run: Runs = None,
    to: To = None,
    json: Json = False,
) -> int:
    """Published methods, and what could carry them.

    A framework is asked, in a process of its own, where --backend names it.
    """
    import json as encoder

    from bench.commands import _surveyed
    from bench.commands._carried import carrier

    if to:
        refuse_beside("the whole survey that --to writes", category=category)
        _writable(to)
    survey = _surveyed.read()
    methods = _of_category(survey, category)
    own = [one for folder in run or () for one in _surveyed.own(folder)]
    carriers = {name: carrier(name) for name in chosen(backend)}
    known = _surveyed.joined(survey, methods, carriers)
    if to:
        _write(to, survey, known, own, _notes(carriers))
    if json:
        print(encoder.dumps(_document(survey, methods, known, own, _notes(carriers))))
    else:
        _show(methods, known, _notes(carriers))
        if to:
            say("", f"survey: {to}")
    return 0


def _of_category(survey: Survey, category: str | None) -> Mapping[str, Method]:
    """The methods of one category, or all. Raises UnknownName."""
    from typing import get_args

    from reports.survey.entries import Category as Known

    if category is None:
        return survey.methods
    if category not in get_args(Known):
        raise UnknownName("category", category, get_args(Known))
    return {
        key: method
        for key, method in survey.methods.items()
        if category in method.category
    }


def _notes(carriers: Mapping[str, Carrier]) -> dict[str, str]:
    """How each backend that was asked trains, or why it gave no answer."""
    return {
        name: one.error or f"autograd: {one.autograd}" for name, one in carriers.items()
    }


def _writable(to: Path) -> None:
    """Raise BadInput for a page that cannot be written, before anything else is done."""
    from bench.data.formats import places
    from reports.survey.page import FIGURES

    if to.suffix.lower() != ".md":
        raise BadInput(f"{to}: a name that ends in .md was due")
    places.file(to)
    figures = to.parent / "figures"
    if figures.exists():
        for name in FIGURES:
            places.file(figures / name)
    else:
        places.folder(figures)


def _write(
    to: Path,
    survey: Survey,
    known: Mapping[str, Known],
    own: list[Own],
    notes: Mapping[str, str],
) -> None:
    from bench.data.formats import places
    from reports import markdown, replace
    from reports.survey import figures, page

    with places.writing(to):
        folder = to.parent / "figures"
        folder.mkdir(exist_ok=True)
        figures.draw(survey, known, folder)
        replace(to, markdown.page(page.page(survey, known, own, notes)))


def _document(
    survey: Survey,
    methods: Mapping[str, Method],
    known: Mapping[str, Known],
    own: list[Own],
    notes: Mapping[str, str],
) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "methods": {
            key: method.model_dump() | {"here": asdict(known[key])}
            for key, method in methods.items()
        },
        "blocks": {key: one.model_dump() for key, one in survey.blocks.items()},
        "datasets": {key: one.model_dump() for key, one in survey.datasets.items()},
        "study": survey.pose2mesh_study.model_dump(),
        "own": [asdict(one) for one in own],
        "backends": dict(notes),
    }


def _show(
    methods: Mapping[str, Method], known: Mapping[str, Known], notes: Mapping[str, str]
) -> None:
    from bench.commands._tables import table

    rows = [_row(method, known[key]) for key, method in methods.items()]
    table([*rows[0]], [list(row.values()) for row in rows])
    for name, words in notes.items():
        say(f"{name}: {words}")


def _row(method: Method, known: Known) -> dict[str, str]:
    from reports.survey.figures import leading
    from reports.survey.page import DASH, plain

    best = leading(method)
    counted = known.counts.get("paper")
    row = {
        "method": method.title,
        "year": str(method.year),
        "category": ", ".join(method.category),
        "H36M mm": plain(best.mpjpe) if best else DASH,
        "parameters": DASH if counted is None else f"{counted:,}",
        "zoo": method.model or DASH,
        "blocks": ", ".join(method.blocks),
    }
    return row | dict(known.carried)
