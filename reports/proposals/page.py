"""The page `proposals.md`: for each framework the order of building, then a proposal a cause."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from bench.records import FILE as RECORDS
from bench.records import Detours, Exam, Obstacle, Run
from reports import cells, links
from reports.blocks import (
    Block,
    Bullets,
    Heading,
    Inline,
    Link,
    Strong,
    bullets,
    text,
)
from reports.numbers import count, gigaflops
from reports.proposals import cause as causes
from reports.proposals import detour
from reports.proposals.cause import Cause, Found
from reports.proposals.cover import Step, greedy, running

FILE = "proposals.md"
TIMED = (
    "Costs are nodes and FLOPs, counted; and how much longer the largest call of an op took by"
    " its way round than by its kernel, where a backend that is here was timed."
)
Took = Callable[[str, str], str]  # model, op -> what its way round took, in words
ASKS = {"op": "Build", "rank": "Allow", "dtype": "Add", "graphs": "Allow"}


def page(run: Run) -> list[Block]:
    """All proposals of a run; nothing where no model lacks anything."""
    found: list[Block] = []
    for backend in cells.backends(run):
        here = causes.judged(run, backend)
        if any(payload.obstacles for _, payload in here):
            found += of_backend(run, backend, here)
    if not found:
        return []
    timed = cells.payloads(run.records, Detours)
    about = (
        TIMED
        if timed
        else "Nothing here was timed: costs are nodes and FLOPs, counted."
    )
    return [Heading(f"What to build next: {run.info.id}", 1), text(about), *found]


def of_backend(run: Run, backend: str, found: Found) -> list[Block]:
    """The order, and the proposals."""
    grades = " and ".join(sorted({payload.grade for _, payload in found}))
    blocks: list[Block] = [
        Heading(backend, 2),
        text(f"{_models(len(found))}, as {grades}. ", *evidence(run, backend)),
        *order(found),
    ]
    took = partial(detour.told, run, backend)
    for one, asking in causes.every(found).items():
        blocks += [*proposal(one, asking, found, took), *change(one, asking)]
        blocks.append(sources(run, backend, one, asking))
    return [*blocks, *limits(found)]


def order(found: Found) -> list[Block]:
    """The greedy cover, for running models and for training them."""
    blocks: list[Block] = []
    for training, what in ((False, "To run models"), (True, "To train them, too")):
        wanted = causes.wanted(found, training=training)
        free = sum(not lacks for lacks in wanted.values())
        blocks += [
            Heading(what),
            text(f"{count(free)} of {count(len(wanted))} lack nothing."),
            steps(greedy(wanted), free, len(wanted)),
        ]
    return blocks


def steps(found: Sequence[Step], free: int, of: int) -> Bullets:
    """A line for each step, with the sum of all until then."""
    lines: list[tuple[Inline, ...]] = []
    for step, sum_ in running(found, free, of):
        unlocks = ", ".join(step.unlocks)
        lines.append((Strong(step.title), f" unlocks {unlocks}: {sum_}"))
    return bullets(lines)


def _models(number: int) -> str:
    """`1 model`, `31 models`."""
    return f"{count(number)} model{'' if number == 1 else 's'}"


def proposal(
    one: Cause, asking: Sequence[tuple[str, Obstacle]], found: Found, took: Took
) -> list[Block]:
    """What is asked for, who needs it, whom it alone would free, and the way round."""
    verb = "Find out about" if one.unknown else ASKS[one.kind]
    plain = Cause(one.kind, one.what).title
    needing = causes.names(asking)
    alone = [
        model
        for model, lacks in causes.wanted(found, training=True).items()
        if lacks == {one}
    ]
    reason = next((each.reason for _, each in asking if each.reason), "no reason given")
    users = dict.fromkeys(op for _, each in asking for op in each.ops)
    if any(each.kind == "optimizer" for _, each in asking):
        users["the rule of an optimizer"] = None
    lines: list[tuple[Inline, ...]] = [
        (Strong("Why"), f": {reason}"),
        (Strong("Needed by"), f": {_models(len(needing))}: {', '.join(needing)}"),
        (Strong("Frees alone"), f": {', '.join(alone) or 'none'}"),
    ]
    if users:
        lines.append((Strong("Through"), f": {', '.join(users)}"))
    return [Heading(f"{verb} {plain}"), bullets([*lines, *routes(asking, took)])]


def routes(
    asking: Sequence[tuple[str, Obstacle]], took: Took
) -> list[tuple[Inline, ...]]:
    """Ways round, each with what it costs the models that could take it."""
    told: dict[str, list[str]] = {}
    for model, one in asking:
        if one.route:
            costs = told.setdefault(one.route, [])
            if one.extra:
                costs.append(
                    f"{model} {one.graph} {one.extra.nodes:+,} nodes,"
                    f" {gigaflops(one.extra.flops)} GFLOP more, {took(model, one.what)}"
                )
    if not told:
        return [(Strong("Way round"), ": none is known here")]
    return [
        (
            Strong("Way round"),
            f": {route}" + (f" ({'; '.join(costs)})" if costs else ""),
        )
        for route, costs in told.items()
    ]


def change(one: Cause, asking: Sequence[tuple[str, Obstacle]]) -> list[Block]:
    """What would change the answer."""
    if one.unknown:
        due = f"a manifest that says of {Cause(one.kind, one.what).title} yes or no"
    else:
        due = f"{one.title} in the framework, and an exam that it passes"
    if any(each.extra for _, each in asking):
        due += "; or the way round, written into the adapter"
    return [text("What would change it: ", due, ".")]


def sources(
    run: Run, backend: str, one: Cause, asking: Sequence[tuple[str, Obstacle]]
) -> Block:
    """Where one cause can be read: the manifest's line, its cells, and what the exam asked."""
    parts: list[Inline] = [f"Evidence: the feasibility of {backend} on"]
    models = set(causes.names(asking))
    for i, (record, _) in enumerate(
        each for each in causes.judged(run, backend) if each[0].model in models
    ):
        parts += [", " if i else " ", links.record(run, record, record.model)]
    for place in dict.fromkeys(each.source for _, each in asking if each.source):
        parts += ["; ", links.source(run, backend, place)]
    users = {one.what} | {op for _, each in asking for op in each.ops}
    if said := examined(run, backend, users if one.kind == "op" else set()):
        put = links.of_tasks(run, backend, "", ("shape_ops",))
        parts += [f"; the op exam: {said}", *put]
    return text(*parts, ".")


def examined(run: Run, backend: str, ops: set[str]) -> str:
    """What the exam of a backend, where it was put, found of some ops."""
    here = [record for record in run.records if record.backend == backend]
    rows = [row for _, exam in cells.payloads(here, Exam) for row in exam.rows]
    told = []
    for op in sorted(ops):
        asked = [row.result for row in rows if row.op == op]
        if asked:
            passed = count(asked.count("passed"))
            told.append(f"{op} passed {passed} of {count(len(asked))}")
    return ", ".join(told)


def limits(found: Found) -> list[Block]:
    """What shapes and a second graph ask: costs, and no bars."""
    told: dict[str, list[str]] = {}
    for record, payload in found:
        for one in payload.asks:
            told.setdefault(one, []).append(record.model)
    if not told:
        return []
    lines = [
        (Strong(asked), f": {', '.join(models)}") for asked, models in told.items()
    ]
    return [Heading("What they ask of shapes and graphs"), bullets(lines)]


def evidence(run: Run, backend: str) -> list[Inline]:
    """Where it can be read: the report, the records, and the manifest where there is one."""
    report, file = Link("report.md", "report.md"), Link(RECORDS, RECORDS)
    parts: list[Inline] = ["Evidence: ", report, ", ", file]
    declared = run.info.config.get("declared")
    if isinstance(declared, dict) and backend in declared:
        parts += [", ", links.source(run, backend, str(declared[backend]))]
    return parts
