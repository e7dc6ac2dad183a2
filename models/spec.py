"""Spec: a model as two graphs over the same parameters; Stage: how a zoo file writes one.

How one is trained is no part of it: that stands in the YAML file beside the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from models.errors import SpecError
from models.graph import Graph, Noise, Param

if TYPE_CHECKING:
    from models.body import Body
    from models.value import Value


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One training of a family: a pair of graphs, what they minimise, what it claims.

    The stages of a family share its sizes, and their parameters by name. What the file itself
    says at its top level is the stage that the plain name means.
    """

    # (g, size) -> the pose; one that depends on the skeleton takes `body` by keyword, a Body
    # or, where a model is built for no data, None
    train: Callable[..., Value]
    # the inference graph; None: the train graph without dropout, by running statistics
    infer: Callable[..., Value] | None = None
    loss: Mapping[str, float]  # weights of its terms by name, as published
    # (pose, size) -> a term that `loss` weighs by name, beside those of `losses/`
    losses: Mapping[str, Callable[[Value, Any], Value]] = field(default_factory=dict)
    # whether both graphs give the same pose of a training window, without dropout
    agree: bool = True
    parameters: Mapping[str, int] = field(default_factory=dict)  # published, by preset
    # the skeleton where a build is given none, or what makes it of sizes: a mesh has a detail
    body: Body | Callable[[Any], Body] | None = None


@dataclass(frozen=True)
class Spec:
    """`train` ends in `loss` and knows dropout and batch statistics; `infer` runs in production.

    Mode belongs to the graph: nothing is switched when a model is run.
    """

    name: str
    config: Mapping[str, Any]
    train: Graph
    infer: Graph
    frames: int  # input frames of a training window
    # whether the one pose of a window is its last frame's; else it is the middle one's
    causal: bool = False

    @cached_property
    def parameters(self) -> Mapping[str, Param]:
        """Every stored array by its official PyTorch name."""
        # either graph may leave out what it does not read; where both hold it, they agree
        both = {**self.infer.params, **self.train.params}
        inferred = self.infer.params.items()
        differing = [name for name, param in inferred if both[name].type != param.type]
        if differing:
            raise SpecError(
                f"{self.name}: train and infer graphs disagree on {', '.join(differing)}"
            )
        return both

    @property
    def noise(self) -> Mapping[str, Noise]:
        """Random inputs of the train graph."""
        return self.train.noise

    @property
    def reads(self) -> str:
        """The input that the model is shown: `keypoints`, `poses` from their root, or `images`."""
        others = [name for name in ("poses", "images") if name in self.infer.inputs]
        return others[0] if others else "keypoints"

    @property
    def makes(self) -> str:
        """What its output `pose` is of: `keypoints`, of two coordinates, or `poses`."""
        shape = self.infer.types[self.infer.outputs["pose"]].shape
        return "keypoints" if len(shape) == 4 and shape[-1] == 2 else "poses"

    @property
    def masked(self) -> bool:
        """Whether it hides a part of what it reads, and says which: its output `hidden`."""
        return "hidden" in self.infer.outputs

    @property
    def meshed(self) -> bool:
        """Whether it makes a surface beside the pose: its output `vertices`."""
        return "vertices" in self.infer.outputs

    @property
    def lifts(self) -> bool:
        """Whether it makes poses of all the keypoints that it is shown."""
        return not self.masked and (self.reads, self.makes) == ("keypoints", "poses")

    @property
    def task(self) -> str:
        """What it does, in words: `makes poses of keypoints`."""
        part = " that it hides in part" if self.masked else ""
        return f"makes {self.makes} of {self.reads}{part}"

    @property
    def loss(self) -> str:
        """Name of the loss value in the train graph."""
        return self.train.outputs["loss"]

    def parameter_count(self) -> int:
        """Trained scalars, as papers count them."""
        return self.train.parameter_count()
