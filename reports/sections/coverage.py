"""Can each model be expressed there at all: its ops, and how the backend meets them."""

from __future__ import annotations

from pathlib import Path

from bench.records import Exam, Feasibility, OpNeed, Record, Run
from reports import cells
from reports.blocks import Block, Code, Heading, Inline, bullets, table, text
from reports.numbers import count, gigaflops, millions
from reports.sections.shape_ops import score

ORDER = 30
TITLE = "Op coverage"


def render(run: Run, figures: Path) -> list[Block]:
    """One row for each model and graph; then gaps, features, and which op is met how."""
    found = cells.payloads(run.records, Feasibility)
    if not found:
        return [
            text(
                "Op coverage was not measured: the run holds no feasibility record with"
                " numbers."
            )
        ]
    page: list[Block] = [
        text(
            "An op is met by a ",
            Code("kernel"),
            " of the framework, by a ",
            Code("body"),
            " composed of simpler ops, or it is a ",
            Code("gap"),
            ". Kinds are different ops, nodes how often they occur in the graph.",
        ),
        table(row for record, payload in found for row in rows(record, payload)),
    ]
    return (
        page
        + examined(run)
        + gaps(found)
        + features(found)
        + [Heading("Which op is met how"), *map(detail, *zip(*found, strict=True))]
    )


def examined(run: Run) -> list[Block]:
    """What the op exam found of each backend, type by type; its own page has the details."""
    exams = cells.payloads(run.records, Exam)
    types = sorted({row.dtype for _, exam in exams for row in exam.rows})
    lines = [by_type(record, exam, types) for record, exam in exams]
    return (
        [
            Heading("What the op exam says of each type"),
            table(lines, caption="Questions passed / asked"),
        ]
        if types
        else []
    )


def by_type(record: Record, exam: Exam, types: list[str]) -> dict[str, Inline]:
    """How one backend did in each element type."""
    head: dict[str, Inline] = {
        "Backend": Code(record.backend),
        "Ops": count(len({row.op for row in exam.rows})),
    }
    return head | {
        dtype: score([row for row in exam.rows if row.dtype == dtype]) for dtype in types
    }


def rows(record: Record, payload: Feasibility) -> list[dict[str, Inline]]:
    """A row for each graph of a model."""
    about: dict[str, Inline] = {
        "Model": Code(record.model),
        "Backend": Code(record.backend),
    }
    return [
        about | {"Graph": graph} | figures_of(payload, graph, needs)
        for graph, needs in payload.graph_ops.items()
    ]


def figures_of(
    payload: Feasibility, graph: str, needs: tuple[OpNeed, ...]
) -> dict[str, Inline]:
    """Kinds and nodes by how they are met, parameters and FLOPs."""
    met: dict[str, Inline] = {
        f"{via.capitalize()} (kinds / nodes)": tally(needs, via)
        for via in ("kernel", "body", "gap")
    }
    return met | {
        "Params (M)": millions(payload.parameters),
        "Forward GFLOP, batch 1": gigaflops(payload.flops.get(graph)),
        "Grade": payload.grade,
    }


def tally(needs: tuple[OpNeed, ...], via: str) -> str:
    """How many kinds and nodes are met that way."""
    met = [need for need in needs if need.via == via]
    return f"{count(len(met))} / {count(sum(need.count for need in met))}"


def gaps(found: list[tuple[Record, Feasibility]]) -> list[Block]:
    """Every gap with its reason, or a line that there is none."""
    missing = {
        (cells.label(record), need.op): need.reason or "no reason given"
        for record, payload in found
        for needs in payload.graph_ops.values()
        for need in needs
        if need.via == "gap"
    }
    if not missing:
        return [text("No model needs an op that its backend cannot do.")]
    items = [(Code(op), f" for {who}: {reason}") for (who, op), reason in missing.items()]
    return [Heading("Gaps in ops that a model needs"), bullets(items)]


def features(found: list[tuple[Record, Feasibility]]) -> list[Block]:
    """What else the backend can do with each model."""
    rows = [
        cells.columns(record) | dict(payload.features)
        for record, payload in found
        if payload.features
    ]
    return [Heading("Features"), table(rows)] if rows else []


def detail(record: Record, payload: Feasibility) -> Block:
    """Every op of one model, and the sizes it was built with."""
    needs = {
        (need.op, need.via): need.reason
        for ops in payload.graph_ops.values()
        for need in ops
    }
    nodes = {
        (graph, need.op, need.via): need.count
        for graph, ops in payload.graph_ops.items()
        for need in ops
    }
    rows = [
        {"Op": Code(op), "Via": via}
        | {
            f"Nodes in {graph}": count(nodes.get((graph, op, via), 0))
            for graph in payload.graph_ops
        }
        | {"Note": reason or "none"}
        for (op, via), reason in sorted(needs.items())
    ]
    sizes = (
        ", ".join(f"{key}={value}" for key, value in record.config.items())
        or "sizes not recorded"
    )
    return table(rows, caption=f"{cells.label(record)} ({sizes})", folded=True)
