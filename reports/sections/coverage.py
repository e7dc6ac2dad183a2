"""Can each model be expressed there at all: its ops, and how the backend meets them."""

from __future__ import annotations

from pathlib import Path

from bench.records import Exam, Feasibility, OpNeed, Record, Run
from reports import cells
from reports.blocks import Block, Code, Heading, Row, bullets, table, text
from reports.numbers import count, gigaflops, millions
from reports.sections.shape_ops import score

AFTER = ("environment",)
TITLE = "Op coverage"
BACKWARD = "gradient"  # the graph that is neither train nor infer


def render(run: Run, figures: Path) -> list[Block]:
    """A row for each model and graph; then gaps, features, and which op is met how."""
    found = cells.payloads(run.records, Feasibility)
    if not found:
        said = "Op coverage was not measured: the run holds no feasibility record with"
        return [text(f"{said} numbers.")]
    rows = [row for record, payload in found for row in graph_rows(record, payload)]
    details = [detail(record, payload) for record, payload in found]
    return [
        legend(),
        *backward(found),
        table(rows),
        *examined(run),
        *gaps(found),
        *alone(found),
        *features(found),
        *differing(found),
        # Long, and of interest only for who ports a model: last, and folded.
        Heading("Which op is met how"),
        *details,
    ]


def legend() -> Block:
    """What the words of the tables mean."""
    return text(
        "An op is met by a ",
        Code("kernel"),
        " of the framework, by a ",
        Code("body"),
        " composed of simpler ops, or it is a ",
        Code("gap"),
        "; where a manifest does not say, it is unknown. Kinds are different ops, nodes how"
        " often they occur in the graph.",
    )


def backward(found: list[tuple[Record, Feasibility]]) -> list[Block]:
    """What the graph is that only some backends have."""
    if all(BACKWARD not in payload.graph_ops for _, payload in found):
        return []
    said = " is a training step where a framework differentiates nothing by itself"
    return [
        text("The graph ", Code(BACKWARD), f"{said}: gradients and optimizer rule.")
    ]


def examined(run: Run) -> list[Block]:
    """What the op exam found of each backend, type by type; its own page has the details."""
    exams = cells.payloads(run.records, Exam)
    types = sorted({row.dtype for _, exam in exams for row in exam.rows})
    if not types:
        return []
    rows = [by_type(record, exam, types) for record, exam in exams]
    title = Heading("What the op exam says of each type")
    return [title, table(rows, caption="Questions passed / asked")]


def by_type(record: Record, exam: Exam, types: list[str]) -> Row:
    """How one backend did in each element type."""
    ops = {row.op for row in exam.rows}
    cell: Row = {"Backend": Code(record.backend), "Ops": count(len(ops))}
    # A type that was put to another backend alone shows as "not asked", not as a blank.
    for dtype in types:
        cell[dtype] = score([row for row in exam.rows if row.dtype == dtype])
    return cell


def graph_rows(record: Record, payload: Feasibility) -> list[Row]:
    """A row for each graph of a model."""
    # Without device and precision: a manifest is about the model, and runs nowhere.
    about: Row = {
        "Model": Code(record.model),
        "Backend": Code(record.backend),
    }
    return [
        about | {"Graph": graph} | tallies(needs) | sizes(payload, graph)
        for graph, needs in payload.graph_ops.items()
    ]


def tallies(needs: tuple[OpNeed, ...]) -> Row:
    """How many kinds and nodes are met in each way."""
    cell: Row = {}
    for via in ("kernel", "body", "gap", "unknown"):
        met = [need for need in needs if need.via == via]
        if via == "unknown" and not met:
            continue  # of a declaration alone
        nodes = sum(need.count for need in met)
        title = f"{via.capitalize()} (kinds / nodes)"
        cell[title] = f"{count(len(met))} / {count(nodes)}"
    return cell


def sizes(payload: Feasibility, graph: str) -> Row:
    """Parameters and FLOPs, and how well all of it is known."""
    operations = payload.flops.get(graph)
    # not "not measured": the step goes forward by the train graph, which has its own row
    forward = "as train" if graph == BACKWARD else gigaflops(operations)
    return {
        "Params (M)": millions(payload.parameters),
        "Forward GFLOP, batch 1": forward,
        "Grade": payload.grade,
    }


def gaps(found: list[tuple[Record, Feasibility]]) -> list[Block]:
    """Every gap with its reason, or a line that there is none."""
    missing = reasons(found, "gap")
    if not missing:
        return [text("No model needs an op that its backend cannot do.")]
    return [Heading("Gaps in ops that a model needs"), bullets(missing)]


def alone(found: list[tuple[Record, Feasibility]]) -> list[Block]:
    """Compositions that nothing stands in for, the day that their kernel fails."""
    items = reasons(found, "kernel")
    return [Heading("Ops without a second way"), bullets(items)] if items else []


def reasons(
    found: list[tuple[Record, Feasibility]], via: str
) -> list[tuple[Code, str]]:
    """What is to be said of the ops that are met in one way."""
    # By model and op: graphs lack an op for the same reason, which is told once.
    told: dict[tuple[str, str], str] = {}
    for record, payload in found:
        for graph, needs in payload.graph_ops.items():
            for need in needs:
                if need.via != via or not (need.reason or via == "gap"):
                    continue
                where = " in its gradient graph" if graph == BACKWARD else ""
                said = f"{where}: {need.reason or 'no reason given'}"
                told.setdefault((cells.label(record), need.op), said)
    return [(Code(op), f" for {who}{said}") for (who, op), said in told.items()]


def features(found: list[tuple[Record, Feasibility]]) -> list[Block]:
    """What else the backend can do with each model."""
    rows = [
        cells.columns(record) | dict(payload.features)
        for record, payload in found
        if payload.features
    ]
    return [Heading("Features"), table(rows)] if rows else []


def differing(found: list[tuple[Record, Feasibility]]) -> list[Block]:
    """What a model's graphs do not have in common; no matter of a backend, so told once."""
    told = {record.model: payload.differs for record, payload in found}
    items = [
        (Code(model), f": {sentence}")
        for model, sentences in told.items()
        for sentence in sentences
    ]
    if not items:
        return []
    return [Heading("What differs between training and inference"), bullets(items)]


def detail(record: Record, payload: Feasibility) -> Block:
    """Every op of one model, and the sizes it was built with."""
    # One op may be met in two ways, by its attributes: then it has two rows.
    reasons = {(need.op, need.via): need.reason for need in cells.needs(payload)}
    nodes = {
        (graph, need.op, need.via): need.count
        for graph, needs in payload.graph_ops.items()
        for need in needs
    }
    rows = []
    for (op, via), reason in sorted(reasons.items()):
        row: Row = {"Op": Code(op), "Via": via}
        for graph in payload.graph_ops:
            # 0, not "not measured": the graph was walked, and the op is not in it.
            row[f"Nodes in {graph}"] = count(nodes.get((graph, op, via), 0))
        rows.append(row | {"Note": reason or "none"})
    sizes = ", ".join(f"{key}={value}" for key, value in record.config.items())
    caption = f"{cells.label(record)} ({sizes or 'sizes not recorded'})"
    return table(rows, caption=caption, folded=True)
