"""Can this model be expressed there at all: every op it needs, by kernel, by body, or not.

Static: nothing is run. What a kernel is worth is for the op exam and the parity ladder to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import backends
import models
from backends.base import Backend
from bench.coordinator.job import Finding, Job, Progress
from bench.coordinator.spec import spec_of
from bench.feasibility import adapting, asked, obstacles, wheels
from bench.feasibility.abilities import Abilities, of_backend
from bench.feasibility.answers import answers
from bench.feasibility.needs import extra, flops, needs
from bench.processes.blame import RAISED, said
from bench.records import Feasibility, Obstacle, OpNeed
from bench.training.optimizer import optimizer_of
from models import differences
from models.gradient import gradient
from models.opening import Call, calls
from models.optim import Optimizer
from models.spec import Spec
from models.stepping import update_graph

# What a training step is where the framework differentiates nothing by itself: the gradient
# graph with the optimizer's rule, whose ops the backend must have too.
GRADIENT = "gradient"
FEW = 6  # things that are named in a line
BOUNDS = ("rank", "dtype", "graphs")  # obstacles that are no ops
# of the contract, besides kernels, gaps and features; a backend that is watched is held to it
DECLARED = ("part_gaps", "modes", "draws_noise", "keeps", "devices", "optimizers")
Needs = Mapping[str, tuple[OpNeed, ...]]  # by graph


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """What each graph needs of the backend; unsupported where it lacks anything."""
    features, breach = _features(backend)
    broken = list(filter(None, [breach, *_misdeclared(backend)]))
    found = finding(job, of_backend(backend, features, job.config.without))
    payload = _with_wheels(found.payload, backend.name)
    if not broken:
        return Finding(payload, found.status, found.reason)
    reason = "; ".join(filter(None, [*broken, found.reason]))
    return Finding(payload, "failed", reason)


def _misdeclared(backend: Backend) -> list[str]:
    """What is wrong with the rest of what it declares: only here is it read as such.

    Who asks for one rule or device later may not see that there is no answer at all.
    """
    broken = []
    for name in DECLARED:
        try:
            stated: Any = getattr(backend, name)
            if callable(stated):
                stated()
        except MemoryError:
            raise
        except RAISED as error:
            broken.append(said(error))
    return broken


def _with_wheels(payload: object, name: str) -> Feasibility:
    """With what a backend's distributions were installed from."""
    assert isinstance(payload, Feasibility)
    here = backends.distributions(name) if name in backends.names() else ()
    return payload.model_copy(update={"wheels": wheels.installed(here) or None})


def finding(job: Job, able: Abilities) -> Finding:
    """What each graph needs, of what is known of a framework; nothing is run."""
    spec = spec_of(job)
    optimizer = optimizer_of(job, spec)
    lengths = dict.fromkeys((*spec.train.axes(), *spec.infer.axes()), spec.frames)
    lengths["batch"] = 1
    forward = {"train": calls(spec.train), "infer": calls(spec.infer)}
    rule = _rule(spec, able, optimizer)
    # both: training needs ops that inference does without, and the other way round
    graphs = dict(forward)
    if able.autograd != "yes":
        graphs[GRADIENT] = calls(gradient(spec.train))
    more = {name: extra(each, able, lengths) for name, each in graphs.items()}
    in_the_way = _in_the_way(graphs, able, lengths)
    in_the_way += [*asked.second_graph(spec, able), *_of_rule(rule, able)]
    if able.autograd != "yes":
        graphs[GRADIENT] += rule
    found = {name: needs(each, able) for name, each in graphs.items()}
    payload = Feasibility(
        grade="declared" if able.declared else "measured",
        graph_ops=found,
        parameters=spec.parameter_count(),
        flops={name: _total(each, lengths) for name, each in forward.items()},
        features=dict(able.features),
        published=published(spec),
        differs=differences.between(spec),
        extra=more,
        obstacles=tuple(in_the_way),
        asks=(*asked.shapes(spec, able), *adapting.told(spec, able, optimizer)),
        answers=answers(able, in_the_way, more, optimizer, job.config.precision),
    )
    lacking = _lacking(able, found, in_the_way)
    # no failure of the backend: what it does not claim to have, nothing has tried
    return Finding(payload, "unsupported" if lacking else "ok", lacking)


def _total(calls: Sequence[Call], lengths: Mapping[str, int]) -> int:
    """FLOPs of a graph."""
    return sum(flops(call, lengths) for call in calls)


def _in_the_way(
    graphs: Mapping[str, Sequence[Call]], able: Abilities, lengths: Mapping[str, int]
) -> list[Obstacle]:
    """What the graphs need and is not known to be there."""
    return [
        one
        for name, each in graphs.items()
        for one in obstacles.of_graph(name, each, able, lengths)
    ]


def _rule(spec: Spec, able: Abilities, optimizer: Optimizer) -> list[Call]:
    """What the optimizer's rule calls in plain ops; nothing where the framework has it."""
    own = able.optimizers is not None and optimizer.rule in able.optimizers
    if own or (not able.declared and able.autograd == "yes"):
        return []
    return calls(update_graph(spec.train, optimizer))


def _of_rule(rule: Sequence[Call], able: Abilities) -> list[Obstacle]:
    found = obstacles.of_graph(GRADIENT, rule, able, {})
    return [
        one.model_copy(update={"kind": "optimizer"})
        for one in found
        if one.kind == "op"
    ]


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


def _lacking(able: Abilities, needs: Needs, found: Sequence[Obstacle]) -> str:
    """All that is not there on one line, what training without autograd lacks apart."""
    missing = [
        (graph, need.op, need.reason)
        for graph, ops in needs.items()
        for need in ops
        if need.via == "gap"
    ]
    # ops are told by those of the model, whose bodies come down to what is missing
    missing += [
        (one.graph, one.title.removeprefix("a "), one.reason)
        for one in found
        if not one.unknown and one.kind in BOUNDS
    ]
    forward = {what: why for graph, what, why in missing if graph != GRADIENT}
    backward = {what: why for _, what, why in missing if what not in forward}
    parts = []
    if forward:
        parts.append(f"{able.name} has no {_listed(forward)}")
    if backward:
        parts.append(f"its gradient graph needs {_listed(backward)}")
    return "; ".join(parts)


def _listed(missing: Mapping[str, str]) -> str:
    """The first few, those of one reason together; all of them are in the report."""
    by_reason: dict[str, list[str]] = {}
    for what in sorted(missing)[:FEW]:
        by_reason.setdefault(missing[what], []).append(what)
    told = ", ".join(f"{', '.join(each)} ({why})" for why, each in by_reason.items())
    more = len(missing) - FEW
    return f"{told} and {more} more" if more > 0 else told
