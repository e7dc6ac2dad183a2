"""Can this model be expressed there at all: every op it needs, by kernel, by body, or not."""

from __future__ import annotations

from backends.base import Backend, missing_ops
from bench.coordinator.job import Finding, Job, Progress
from bench.coordinator.spec import spec_of
from bench.records import Feasibility, OpNeed
from models import ops
from models.flops import flops
from models.graph import Graph


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """Static: nothing is run."""
    spec = spec_of(job)
    graphs = {"train": spec.train, "infer": spec.infer}
    needs = {name: _needs(backend, graph) for name, graph in graphs.items()}
    payload = Feasibility(
        graph_ops=needs,
        parameters=spec.parameter_count(),
        flops={name: _flops(graph, spec.frames) for name, graph in graphs.items()},
        features=backend.features(),
    )
    gaps = {need.op for graph in needs.values() for need in graph if need.via == "gap"}
    if not gaps:
        return Finding(payload)
    reason = f"{backend.name} has no {', '.join(sorted(gaps))}"
    return Finding(payload, "unsupported", reason)


def _flops(graph: Graph, frames: int) -> int:
    """Of one window: what is open beside the batch is a length of frames."""
    lengths = dict.fromkeys(graph.axes(), frames) | {"batch": 1}
    return flops(graph, lengths)


def _needs(backend: Backend, graph: Graph) -> tuple[OpNeed, ...]:
    # Missing after decomposition: the primitives of a body count too.
    missing = missing_ops(backend, graph)
    return tuple(_need(backend, op, count, missing) for op, count in graph.census().items())


def _need(backend: Backend, op: str, count: int, missing: dict[str, str]) -> OpNeed:
    if op in backend.kernels:
        return OpNeed(op=op, count=count, via="kernel")
    if op in missing:
        return OpNeed(op=op, count=count, via="gap", reason=missing[op])
    if ops.get(op).body is not None:
        return OpNeed(op=op, count=count, via="body")
    return OpNeed(op=op, count=count, via="gap", reason="no kernel and no body")
