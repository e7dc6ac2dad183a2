"""Can this model be expressed there at all: every op it needs, by kernel, by body, or not.

Static: nothing is run. What a kernel is worth is for the op exam and the parity ladder to say.
"""

from __future__ import annotations

from backends.base import Backend, missing_ops
from bench.coordinator.job import Finding, Job, Progress
from bench.coordinator.spec import spec_of
from bench.feasibility.types import types_of
from bench.records import Feasibility, OpNeed
from models.flops import flops
from models.graph import Graph
from models.passes import decompose


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """What each graph needs of the backend; unsupported where it lacks anything."""
    spec = spec_of(job)
    # both: training needs ops that inference does without, and the other way round
    graphs = {"train": spec.train, "infer": spec.infer}
    needs: dict[str, tuple[OpNeed, ...]] = {}
    operations: dict[str, int] = {}
    gaps = set[str]()
    for name, graph in graphs.items():
        types = types_of(graph)
        needs[name] = tuple(
            need.model_copy(update={"dtypes": types.get(need.op, ())})
            for need in _needs(backend, graph)
        )
        operations[name] = _flops(graph, spec.frames)
        gaps |= {need.op for need in needs[name] if need.via == "gap"}
    payload = Feasibility(
        graph_ops=needs,
        parameters=spec.parameter_count(),
        flops=operations,
        features=backend.features(),
    )
    if not gaps:
        return Finding(payload)
    # no failure of the backend: what it does not claim to have, nothing has tried
    reason = f"{backend.name} has no {', '.join(sorted(gaps))}"
    return Finding(payload, "unsupported", reason)


def _flops(graph: Graph, frames: int) -> int:
    """Of one window: what is open beside the batch is a length of frames."""
    lengths = dict.fromkeys(graph.axes(), frames)
    lengths["batch"] = 1
    return flops(graph, lengths)


def _needs(backend: Backend, graph: Graph) -> tuple[OpNeed, ...]:
    # missing after decomposition: an op that has a body is none of them
    missing = missing_ops(backend, graph)
    asked = graph.census()
    needs = [_need(backend, op, count, missing) for op, count in asked.items()]
    # what no model names and a body needs: without it the body runs no more than the op
    inner = decompose(graph, has=backend.kernels).census()
    for op in sorted(missing.keys() - asked.keys()):
        reason = f"{missing[op]}, and bodies need it"
        needs.append(OpNeed(op=op, count=inner[op], via="gap", reason=reason))
    return tuple(needs)


def _need(
    backend: Backend,
    op: str,
    count: int,
    missing: dict[str, str],
) -> OpNeed:
    if op in backend.kernels:
        return OpNeed(op=op, count=count, via="kernel")
    if op in missing:
        return OpNeed(op=op, count=count, via="gap", reason=missing[op])
    # decomposition has left no trace of it, so it has a body
    return OpNeed(op=op, count=count, via="body")
