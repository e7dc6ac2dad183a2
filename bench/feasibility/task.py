"""Can this model be expressed there at all: every op it needs, by kernel, by body, or not."""

from __future__ import annotations

from backends.base import Backend, missing_ops
from bench import data
from bench.coordinator.job import Finding, Job, Progress
from bench.records import Feasibility, OpNeed
from bench.training.feed import build
from models import ops
from models.flops import flops
from models.graph import Graph


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """Static: nothing is run."""
    joints = len(data.protocol_for(job.config.data, job.config.protocol).joints)
    spec = build(job.model, job.settings, joints=joints)
    graphs = {"train": spec.train, "infer": spec.infer}
    payload = Feasibility(
        graph_ops={name: _needs(backend, graph) for name, graph in graphs.items()},
        parameters=spec.parameter_count(),
        flops={
            name: flops(graph, dict.fromkeys(graph.axes(), spec.frames) | {"batch": 1})
            for name, graph in graphs.items()
        },
        features=backend.features(),
    )
    gaps = sorted(
        {
            need.op
            for needs in payload.graph_ops.values()
            for need in needs
            if need.via == "gap"
        }
    )
    return Finding(
        payload,
        "unsupported" if gaps else "ok",
        f"{backend.name} has no {', '.join(gaps)}" if gaps else "",
    )


def _needs(backend: Backend, graph: Graph) -> tuple[OpNeed, ...]:
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
