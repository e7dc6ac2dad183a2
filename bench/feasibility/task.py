"""Can this model be expressed there at all: every op it needs, by kernel, by body, or not.

Static: nothing is run. What a kernel is worth is for the op exam and the parity ladder to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import models
from backends.base import Backend, missing_ops
from bench.coordinator.job import Finding, Job, Progress
from bench.coordinator.spec import spec_of
from bench.feasibility.types import types_of
from bench.processes.blame import RAISED, said
from bench.records import Feasibility, OpNeed
from bench.training.optimizer import optimizer_of
from models import differences
from models.flops import of_window
from models.graph import Graph
from models.spec import Spec
from models.stepping import step_graph

# What a training step is where the framework differentiates nothing by itself: the gradient
# graph with the optimizer's rule, whose ops the backend must have too.
GRADIENT = "gradient"
Via = Literal["kernel", "body", "gap"]
Needs = Mapping[str, tuple[OpNeed, ...]]  # by graph


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """What each graph needs of the backend; unsupported where it lacks anything."""
    spec = spec_of(job)
    # both: training needs ops that inference does without, and the other way round
    graphs = {"train": spec.train, "infer": spec.infer}
    operations = {name: of_window(graph, spec.frames) for name, graph in graphs.items()}
    features, broken = _features(backend)
    if not features.get("autograd", "yes").startswith("yes"):
        graphs[GRADIENT] = step_graph(spec.train, optimizer_of(job, spec))
    needs = {name: _needs(backend, graph) for name, graph in graphs.items()}
    payload = Feasibility(
        graph_ops=needs,
        parameters=spec.parameter_count(),
        flops=operations,
        features=features,
        published=published(spec),
        differs=differences.between(spec),
    )
    lacking = _lacking(backend, needs)
    if broken:
        reason = "; ".join(filter(None, [broken, lacking]))
        return Finding(payload, "failed", reason)
    # no failure of the backend: what it does not claim to have, nothing has tried
    return Finding(payload, "unsupported" if lacking else "ok", lacking)


def published(spec: Spec) -> int | None:
    """Parameters of the model as its paper has it; None where the file does not say."""
    return models.stage(spec.name).parameters.get("paper")


def _features(backend: Backend) -> tuple[dict[str, str], str]:
    """What the backend offers, and what went wrong where it was asked.

    Then that is the feature: ops are covered whatever else it may offer.
    """
    try:
        return dict(backend.features()), ""
    except MemoryError:
        raise
    except RAISED as error:
        return {"features": said(error)}, said(error)


def _needs(backend: Backend, graph: Graph) -> tuple[OpNeed, ...]:
    """How each op of a graph is met."""
    missing = missing_ops(backend, graph)
    # known, since the kernel may be taken away: by another precision, mode or version
    alone = missing_ops(backend, graph, by_body=True)
    types = types_of(graph)
    needs = []
    for op, count in graph.census().items():
        via, reason = _met(backend, op, missing, alone)
        # always told: without them an exam in a type that no node has counts against it
        dtypes = types.get(op, ())
        need = OpNeed(op=op, count=count, via=via, reason=reason, dtypes=dtypes)
        needs.append(need)
    return tuple(needs)


def _met(
    backend: Backend, op: str, missing: Mapping[str, str], alone: Mapping[str, str]
) -> tuple[Via, str]:
    """By what one op is met, and what there is to say of that."""
    if op in missing:
        return "gap", missing[op]
    if op in backend.kernels:
        return "kernel", f"by its kernel alone: {alone[op]}" if op in alone else ""
    return "body", ""


def _lacking(backend: Backend, needs: Needs) -> str:
    """All gaps on one line, those of training without autograd apart."""
    gaps: dict[str, str] = {}
    backward: dict[str, str] = {}
    for graph, ops in needs.items():
        for need in ops:
            if need.via == "gap" and need.op not in gaps:
                found = backward if graph == GRADIENT else gaps
                found[need.op] = need.reason
    parts = []
    if gaps:
        parts.append(f"{backend.name} has no {_listed(gaps)}")
    if backward:
        parts.append(f"its gradient graph needs {_listed(backward)}")
    return "; ".join(parts)


def _listed(gaps: Mapping[str, str]) -> str:
    return ", ".join(f"{op} ({reason})" for op, reason in sorted(gaps.items()))
