"""What is known of a model before anything is run: sizes, cost, ops, lengths, both graphs.

`bench models NAME` and the pages of `docs/models` say it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import models
from models import differences, dims, lengths
from models.flops import of_window
from models.graph import Graph
from models.spec import Spec

RULE = "of one sample of a training window, a multiply-add counts as two"


@dataclass(frozen=True, kw_only=True)
class GraphFacts:
    """One of the two graphs."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    noise: Mapping[str, str]
    renews: int  # arrays that a run replaces, such as running statistics
    ops: Mapping[str, int]  # how often each occurs, the most frequent first
    flops: int  # forward, by RULE
    # frames that it takes, and None for no end; the window's own where its length is fixed
    least: int
    most: int | None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A model, or a stage of one, at a preset."""

    model: str
    preset: str
    presets: tuple[str, ...]
    stages: tuple[str, ...]  # of the family
    reference: str  # what its file begins with
    loss: Mapping[str, float]
    sizes: Mapping[str, Any]
    parameters: int  # trained scalars
    published: int | None
    frames: int  # of a training window
    # frames behind one pose, where a window has one; None where each frame that goes in has one
    receptive: int | None
    train: GraphFacts
    infer: GraphFacts
    differs: tuple[str, ...]
    notes: tuple[str, ...]  # what is unverified or left out
    # patterns of names that official checkpoints have and it has not
    dead: tuple[str, ...]

    @property
    def field(self) -> str:
        """What a pose sees, in words."""
        seen = self.receptive
        return f"receptive field {seen} frames" if seen else "a pose for each frame"


def facts(name: str, *, preset: str = "paper") -> Facts:
    """All of it. Raises UnknownName for a model, stage or preset that does not exist."""
    spec = models.build(name, preset=preset)
    file, stage = models.module(name), models.stage(name)
    family = name.partition(":")[0]
    return Facts(
        model=name,
        preset=preset,
        presets=tuple(file.PRESETS),
        stages=tuple(models.stages(family)),
        reference=inspect.cleandoc(file.__doc__ or ""),
        loss=dict(stage.loss),
        sizes=asdict(file.PRESETS[preset]),
        parameters=spec.parameter_count(),
        published=stage.parameters.get(preset),
        frames=spec.frames,
        receptive=_receptive(spec),
        train=_graph(spec, spec.train),
        infer=_graph(spec, spec.infer),
        differs=differences.between(spec),
        notes=tuple(getattr(file, "NOTES", ())),
        dead=tuple(getattr(file, "DEAD", ())),
    )


def _receptive(spec: Spec) -> int | None:
    axes = {"batch": 1, "frames": spec.frames}
    pose = dims.bind(spec.infer.types[spec.infer.outputs["pose"]].shape, axes)
    many = len(pose) == 4 and pose[1] > 1
    return None if many else spec.frames


def _graph(spec: Spec, graph: Graph) -> GraphFacts:
    least, most = _taken(spec, graph)
    return GraphFacts(
        inputs={name: str(type_) for name, type_ in graph.inputs.items()},
        outputs={name: str(graph.types[made]) for name, made in graph.outputs.items()},
        noise={
            name: f"{noise.type} {noise.kind} {noise.number:g}"
            for name, noise in graph.noise.items()
        },
        renews=len(graph.state),
        ops=graph.census(),
        flops=of_window(graph, spec.frames),
        least=least,
        most=most,
    )


def _taken(spec: Spec, graph: Graph) -> tuple[int, int | None]:
    if "frames" not in graph.axes():
        return spec.frames, spec.frames
    return lengths.bounds(graph, "frames", {"batch": 2, "frames": spec.frames})
