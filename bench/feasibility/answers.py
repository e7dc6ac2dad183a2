"""What a port would be, of what stands in its way: model, training, optimizer, precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.feasibility.abilities import Abilities
from bench.records import Answers, Extra, Obstacle
from bench.records.feasibility import Way
from models.optim import Optimizer

# by which a graph's type is called in the language
TYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16", "fp64": "float64"}
NATIVE = "native"
RULE = "through its rule in plain ops"


def answers(
    able: Abilities,
    obstacles: Sequence[Obstacle],
    extra: Mapping[str, Extra],
    optimizer: Optimizer,
    precision: str,
) -> Answers:
    """Each part answered by itself, and all of them together."""
    model = _graph("infer", obstacles, extra)
    training = _training(able, obstacles, extra)
    rule = _optimizer(able, obstacles, optimizer)
    return Answers(
        way=_way(model, training, rule),
        model=model,
        training=training,
        optimizer=rule,
        precision=_precision(able, precision),
    )


def _graph(name: str, obstacles: Sequence[Obstacle], extra: Mapping[str, Extra]) -> str:
    """How one graph can be had: native, through decomposition, blocked, or nobody knows."""
    here = [one for one in obstacles if one.graph == name and one.kind != "optimizer"]
    if missing := [one for one in here if not one.unknown]:
        return f"blocked by {named(missing)}{_round(missing)}"
    if here:
        return f"unknown: {named(here)}"
    more = extra[name]
    if not more.nodes and not more.flops:
        return NATIVE
    return f"through decomposition: {_cost([more])} forward"


def _round(missing: Sequence[Obstacle]) -> str:
    """What is known of ways round; the graph stays blocked until an adapter writes them."""
    known = [one for one in missing if one.extra]
    if not known:
        return ""
    ways = "; ".join(f"{one.title}: {one.route}" for one in known)
    cost = _cost([one.extra for one in known if one.extra])
    rest = [one for one in missing if not one.extra]
    beside = f"; none for {named(rest)}" if rest else ""
    return f"; a way round is known ({ways}): {cost}, in the adapter{beside}"


def _cost(found: Sequence[Extra]) -> str:
    """What comes on top, all together."""
    nodes = sum(one.nodes for one in found)
    flops = sum(one.flops for one in found)
    return f"{nodes:+,} nodes, {flops / 1e9:+.3g} GFLOP"


def _training(
    able: Abilities, obstacles: Sequence[Obstacle], extra: Mapping[str, Extra]
) -> str:
    forward = _graph("train", obstacles, extra)
    if able.autograd == "yes" or forward.startswith("blocked"):
        return forward
    backward = _graph("gradient", obstacles, extra)
    if able.autograd == "no":
        if backward.startswith(("blocked", "unknown")):
            return backward
        return "through the gradient graph only"
    if backward.startswith(("blocked", "unknown")):
        return f"unknown: autograd; its gradient graph is {backward}"
    return "unknown: autograd; through the gradient graph at least"


def _optimizer(
    able: Abilities, obstacles: Sequence[Obstacle], optimizer: Optimizer
) -> str:
    rule = optimizer.rule
    if not able.declared and able.autograd == "yes":
        # the contract asks for the rule, and the ladder holds it against the written one
        return f"{rule}: {NATIVE}"
    if able.optimizers is not None and rule in able.optimizers:
        return f"{rule}: {NATIVE}"
    here = [one for one in obstacles if one.kind == "optimizer"]
    if able.optimizers is None and able.declared:
        beside = f"; its rule in plain ops is blocked by {named(here)}" if here else ""
        return f"{rule}: unknown{beside or f'; {RULE} at least'}"
    if missing := [one for one in here if not one.unknown]:
        return f"{rule}: blocked by {named(missing)}"
    return f"{rule}: unknown: {named(here)}" if here else f"{rule}: {RULE}"


def _precision(able: Abilities, precision: str) -> str:
    if not able.declared:
        return f"{precision}: as the backend says of its devices"
    if able.dtypes is None:
        return f"{precision}: unknown"
    there = TYPES[precision] in able.dtypes
    return f"{precision}: {NATIVE if there else f'blocked by {TYPES[precision]}'}"


def _way(model: str, training: str, rule: str) -> Way:
    if model.startswith("blocked"):
        return "blocked"
    if model.startswith("unknown"):
        return "unknown"
    if training.startswith("blocked") or ": blocked" in rule:
        return "inference only"
    if training.startswith("unknown") or ": unknown" in rule:
        return "unknown"
    if training.startswith("through the gradient"):
        return "trainable through the gradient graph only"
    native = model == training == NATIVE
    return "native" if native else "through decomposition"


def named(obstacles: Sequence[Obstacle]) -> str:
    """What would have to be there, each once."""
    return ", ".join(dict.fromkeys(one.title for one in obstacles))
