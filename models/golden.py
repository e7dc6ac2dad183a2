"""How a file of golden vectors is read: what it feeds, and where its answers lie in our graphs.

Most files feed `input/x` and `input/target` and show `eval/out`, and `plain` reads them. A zoo
file whose vectors are laid out otherwise has `golden(official, config, arrays)` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import models
from models.graph import Graph
from models.passes import to_inference
from models.spec import Spec

Array = np.ndarray
Arrays = Mapping[str, Array]


def _as_it_is(value: Array) -> Array:
    return value


def alone(frames: Array) -> Array:
    """The one frame of (b, 1, ...), as models of pictures give it."""
    return frames[:, 0]


@dataclass(frozen=True)
class Shown:
    """A graph of one output that gives an array of the file, once `layout` has moved its axes."""

    graph: Graph
    layout: Callable[[Array], Array] = _as_it_is


@dataclass(frozen=True, kw_only=True)
class Golden:
    """A pair of graphs that a file speaks of. One file may speak of several."""

    spec: Spec
    feeds: Arrays  # inputs and noise of both graphs, under our names
    outputs: Mapping[str, Shown]  # of `eval/NAME`
    trained: Mapping[str, Shown]  # of `train/NAME`
    suffix: str = ""  # of the keys of loss, gradients and statistics
    # parameter here -> in the file
    names: Mapping[str, str] = field(default_factory=dict)

    def key(self, parameter: str) -> str:
        """What the file calls a parameter."""
        return self.names.get(parameter, parameter)


@dataclass(frozen=True)
class Tables:
    """What a file says of constants, which no network computes: arrays made here, by its keys."""

    made: Arrays


def read(
    official: str, config: Mapping[str, Any], arrays: Arrays
) -> list[Golden | Tables]:
    """What a file of `official` holds, by the zoo file that claims this class.

    Raises UnknownName where none does, BadInput for arguments that make no network, KeyError
    for an array that is not there.
    """
    name, _ = models.official_size(official, config)
    own = getattr(models.module(name), "golden", None)
    if own is None:
        return [plain(models.from_official(official, config), arrays)]
    found: list[Golden | Tables] = own(official, config, arrays)
    return found


def shown(arrays: Arrays) -> list[str]:
    """Names of the outputs that a file shows, as `eval/NAME`."""
    return [key.removeprefix("eval/") for key in arrays if key.startswith("eval/")]


def plain(
    spec: Spec, arrays: Arrays, *, names: Iterable[str] | None = None, suffix: str = ""
) -> Golden:
    """Keypoints in, poses out; what else the file shows is a label of the train graph.

    Of a file that speaks of several graphs, `names` are those of this one, with their `suffix`.
    """
    mine = shown(arrays) if names is None else names
    return Golden(
        spec=spec,
        feeds={
            "keypoints": arrays[f"input/x{suffix}"],
            "target": arrays[f"input/target{suffix}"],
        },
        outputs={name: _shown(spec, name.removesuffix(suffix)) for name in mine},
        trained={"out": Shown(spec.train.with_outputs("pose"))},
        suffix=suffix,
    )


def _shown(spec: Spec, name: str) -> Shown:
    """The pose is the inference graph's own; anything else is asked of the train graph, still."""
    if name == "out":
        return Shown(spec.infer)
    return Shown(to_inference(spec.train, outputs=[name]))
