"""The survey as a page: tables of methods, numbers, blocks, data sets, and the study's.

Plain blocks; `reports.markdown` escapes what the files say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from reports.blocks import (
    Block,
    Bullets,
    Code,
    Figure,
    Heading,
    Inline,
    Row,
    Table,
    Text,
    bullets,
    table,
    text,
)
from reports.survey.entries import Dataset, Method, Result, Survey

DASH = "–"  # what was not found, and is not guessed
FIGURES = {
    "survey-years.png": (
        "Published MPJPE on Human3.6M over the years, by category; hollow: the source does not"
        " state the input. Protocols differ: a lower point is no proof of a better method"
    ),
    "survey-parameters.png": (
        "The same against parameters, where those of that very variant are known: counted here,"
        " or hollow, as published"
    ),
}
STUDIED = ("rmsprop", "adam")  # the optimizers that the study compared
OURS = ("Backend", "MPJPE (mm)", "PA-MPJPE (mm)", "Data", "Protocol", "Run")


@dataclass(frozen=True)
class Known:
    """What this project adds to one method's entry."""

    counts: Mapping[
        str, int
    ]  # parameters by preset of the zoo's model; none: not in the zoo
    ops: tuple[str, ...]
    open: tuple[str, ...] = ()  # blocks of which nobody can say what they need
    carried: Mapping[str, str] = field(default_factory=dict)  # by backend


@dataclass(frozen=True, kw_only=True)
class Own:
    """A score of our own, of a run; None is not measured."""

    optimizer: str
    backend: str
    mpjpe: float | None
    pa_mpjpe: float | None
    protocol: str  # with its hash
    data: str
    run: str


def page(
    survey: Survey,
    known: Mapping[str, Known],
    own: Iterable[Own] = (),
    notes: Mapping[str, str] | None = None,
    figures: str = "figures",
) -> list[Block]:
    """The whole page; `notes` says by backend how it trains, or why it could not be asked."""
    return [
        Heading("Survey of 3D human pose estimation", 1),
        *_introduction(),
        Heading("Methods", 2),
        methods(survey, known),
        *(Figure(f"{figures}/{name}", words) for name, words in FIGURES.items()),
        Heading("Feasibility", 2),
        *feasibility(survey, known, notes or {}),
        Heading("Published numbers", 2),
        text("Quoted, none measured here. Mirrors are third parties' copies."),
        numbers(survey),
        Heading("Building blocks", 2),
        blocks(survey),
        Heading("Data sets", 2),
        *datasets(survey),
        Heading("Pose2Mesh with another optimizer", 2),
        *study(survey, own),
    ]


def _introduction() -> Iterator[Text]:
    yield text(
        "Methods, their building blocks, what they have published, and whether the frameworks"
        f" that this project knows could hold them. {DASH}: not found, and not guessed."
    )
    yield text(
        "Whose numbers may stand beside each other is a matter of protocol: of joints,"
        " alignment, frames, input. Where a source does not state its own, there is a"
        f" {DASH} for it, too."
    )


def methods(survey: Survey, known: Mapping[str, Known]) -> Table:
    """A row for each method."""
    return table(_method(survey.methods[key], one) for key, one in known.items())


def _method(method: Method, known: Known) -> Row:
    return {
        "Method": method.title,
        "Year": str(method.year),
        "Category": ", ".join(method.category),
        "Building blocks": ", ".join(method.blocks),
        "Parameters, published": _published(method),
        "Counted here": _counted(known),
        "In the zoo": Code(method.model) if method.model else DASH,
        "Note": method.note or DASH,
    }


def _published(method: Method) -> str:
    counts = [
        f"{one.millions:g} M{f' {one.what}' if one.what else ''} ({one.source})"
        for one in method.published
    ]
    return "; ".join(counts) or DASH


def _counted(known: Known) -> str:
    counts = [f"{count:,} ({preset})" for preset, count in known.counts.items()]
    return ", ".join(counts) or DASH


def feasibility(
    survey: Survey, known: Mapping[str, Known], notes: Mapping[str, str]
) -> Iterator[Block]:
    """What carries each method, by backend; nothing was run for it."""
    yield text(
        "By the ops that a method needs and the kernels that a backend has, and by nothing"
        " that was run. A method of the zoo is judged by its own graphs, any other by its"
        " building blocks, which are the least that it needs."
    )
    yield bullets(
        [
            (Code("native"), ": a kernel for every op"),
            (Code("composed"), ": these ops run by their compositions"),
            (Code("blocked"), ": these ops are missing, and why"),
            (Code("open"), ": nobody can say what these blocks need"),
        ]
    )
    if notes:
        lines = [(Code(name), f": {words}") for name, words in notes.items()]
        yield bullets(lines)
        yield table(_carried(survey, known))
    else:
        yield text("No backend was asked.")


def _carried(survey: Survey, known: Mapping[str, Known]) -> Iterator[Row]:
    for key, one in known.items():
        row: Row = {"Method": survey.methods[key].title}
        row["Judged by"] = "its graphs" if one.counts else "its blocks"
        yield row | dict[str, Inline](one.carried)


def numbers(survey: Survey) -> Table:
    """A row for each published score."""
    return table(
        _result(survey, method, one)
        for method in survey.methods.values()
        for one in method.results
    )


def _result(survey: Survey, method: Method, one: Result) -> Row:
    return {
        "Method": method.title,
        "Data": survey.datasets[one.data].title,
        "Input": ", ".join(filter(None, [one.input, one.detail])),
        "MPJPE (mm)": plain(one.mpjpe),
        "PA-MPJPE (mm)": plain(one.pa_mpjpe),
        "PCK (%)": plain(one.pck),
        "AUC (%)": plain(one.auc),
        "Protocol": one.protocol or DASH,
        "Set apart": one.aside or DASH,
        "Source": one.source,
    }


def plain(value: float | None) -> str:
    """A number as its source has it, but for zeros at its end."""
    return DASH if value is None else f"{value:g}"


def blocks(survey: Survey) -> Table:
    """A row for each building block."""
    return table(
        {
            "Block": Code(name),
            "Is": block.about + (f"; {block.note}" if block.note else ""),
            "Needs": ", ".join(block.ops) or f"open: {block.open}",
        }
        for name, block in survey.blocks.items()
    )


def datasets(survey: Survey) -> Iterator[Block]:
    """A part for each data set."""
    for one in survey.datasets.values():
        yield Heading(one.title, 3)
        yield _facts(one)


def _facts(one: Dataset) -> Bullets:
    lines = {
        "content": one.content,
        "licence": one.licence,
        "size": one.size,
        "protocol": one.protocol,
        "read here by": one.reader,
    }
    told: list[tuple[Inline, ...]] = [
        (f"{name}: {words or DASH}",) for name, words in lines.items()
    ]
    told += [(f"trap: {trap}",) for trap in one.traps]
    return bullets(told)


def study(survey: Survey, own: Iterable[Own]) -> Iterator[Block]:
    """The study's table, and our own numbers under their own hash."""
    known = survey.pose2mesh_study
    yield text(
        f"From the {known.source}. Ours, where a run was given by --run, stand beside the hash"
        " of their own protocol: the study's is not known to be the same."
    )
    yield table(
        {
            "Method": row.method,
            "MPJPE (mm)": plain(row.mpjpe),
            "PA-MPJPE (mm)": plain(row.pa_mpjpe),
            "Whose": "the study's table",
        }
        for row in known.rows
    )
    yield table(_ours(list(own)))


def _ours(own: list[Own]) -> Iterator[Row]:
    """Our own numbers by optimizer; a dash where no run of it was given."""
    rules = dict.fromkeys([*STUDIED, *(one.optimizer for one in own)])
    for rule in rules:
        name = f"Pose2Mesh, {rule or DASH}"
        mine = [one for one in own if one.optimizer == rule]
        for one in mine:
            yield _own(name, one)
        if not mine:
            yield _row(name, [DASH] * len(OURS))


def _own(name: str, one: Own) -> Row:
    told = [
        one.backend,
        _measured(one.mpjpe),
        _measured(one.pa_mpjpe),
        one.data,
        one.protocol,
        one.run,
    ]
    return _row(name, told)


def _row(name: str, told: list[str]) -> Row:
    return {"Ours": name, **dict(zip(OURS, told, strict=True))}


def _measured(value: float | None) -> str:
    return DASH if value is None else f"{value:.1f}"
