"""What the feasibility task finds: how ops are met, what is missing, what a port would be."""

from __future__ import annotations

from typing import Literal

from bench.records.frozen import Frozen


class OpNeed(Frozen):
    """One operation a model needs and how the backend meets it."""

    op: str
    count: int
    # unknown: of a framework that is known on paper alone, and nobody has said
    via: Literal["kernel", "body", "gap", "unknown"]
    reason: str = ""
    dtypes: tuple[str, ...] = ()  # in which the exam would file these nodes


class Extra(Frozen):
    """What bodies cost a graph beside kernels of their ops: nodes and forward FLOPs more."""

    nodes: int
    flops: int


class Obstacle(Frozen):
    """One thing that stands in the way of a graph, or that nobody knows not to."""

    # op, rank, dtype, graphs (a second one for inference), optimizer
    kind: Literal["op", "rank", "dtype", "graphs", "optimizer"]
    what: str  # that would have to be there: an op, a rank, a type, a rule
    graph: str  # train, infer or gradient
    nodes: int  # that need it
    ops: tuple[str, ...] = ()  # of the model, that need it
    unknown: bool = False  # the declaration does not say whether it is there
    reason: str = ""
    source: str = ""  # file and line of a manifest that say so
    # how it can be had of ops that are there, in words, and what that costs the graph
    route: str = ""
    extra: Extra | None = None

    @property
    def title(self) -> str:
        """In a word or two."""
        if self.kind == "graphs":
            return "a second graph for inference"
        before = {"rank": "rank ", "dtype": "type "}.get(self.kind, "")
        return f"{before}{self.what}"


# how a model can live in a framework, from best to worst
Way = Literal[
    "native",
    "through decomposition",
    "trainable through the gradient graph only",
    "inference only",
    "blocked",
    "unknown",
]


class Answers(Frozen):
    """What a port would be: each part of it answered by itself, in words."""

    way: Way
    model: str
    training: str
    optimizer: str
    precision: str


class Feasibility(Frozen):
    """Static answer: can this model be expressed there at all."""

    task: Literal["feasibility"] = "feasibility"
    grade: Literal["measured", "declared"] = "measured"
    graph_ops: dict[str, tuple[OpNeed, ...]]  # "train" / "infer" -> needs
    parameters: int
    flops: dict[str, int]  # "train" / "infer" -> forward FLOPs at batch 1
    # autograd, compile, export, precisions: "yes", "no", or a reason
    features: dict[str, str] = {}
    # parameters of the preset that was published; None where the model's file states none
    published: int | None = None
    # what one of the two graphs has and the other has not, in words
    differs: tuple[str, ...] = ()
    extra: dict[str, Extra] = {}  # by graph, where bodies stand in for kernels
    obstacles: tuple[Obstacle, ...] = ()
    # what shapes and a second graph ask of the framework, in words
    asks: tuple[str, ...] = ()
    answers: Answers | None = None  # None in records of before
    # by distribution: Python -> platforms; declared, or of what is installed; None: not known
    wheels: dict[str, dict[str, tuple[str, ...]]] | None = None
