"""What a training is asked for: keys of `model.NAME.train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, model_validator

from bench.kinds import (
    Chance,
    Count,
    Fading,
    Keep,
    Natural,
    Positive,
    Rule,
    Share,
    Strict,
    Weight,
    clips,
    weighs,
)
from bench.training import schedules
from models.errors import BadInput

Inputs = Literal["screen", "zscore"]
# two ways to say how long a training is
LENGTH = frozenset({"steps", "epochs"})


def _known(schedule: Any) -> Any:
    """As it came, where it is a schedule."""
    schedules.read(schedule)
    return schedule


class Group(Strict):
    """Parameters that train otherwise than the others."""

    params: str  # a glob of official names: head.*
    lr: Positive | None = None
    frozen: bool = False

    @model_validator(mode="after")
    def _one(self) -> Group:
        if self.frozen == (self.lr is not None):
            raise BadInput(f"{self.params}: one of lr and frozen=true was due")
        return self


class NormMomentum(Strict):
    """A momentum of batch norm that falls exponentially.

    It is the batch's share in the running statistics, as PyTorch's.
    """

    start: Chance
    end: Chance
    over: Count | None = None  # steps; all of the training's where left out


class Train(Strict):
    """Empty fields take the model's published recipe."""

    steps: Count = 1000
    # passes through the training windows, in the place of steps
    epochs: Positive | None = None
    # validations without a better one after which a training ends before its last step
    patience: Count | None = None
    batch: Count | None = None  # windows
    # batches whose mean gradients make one step
    accumulate: Count = 1
    # processes or devices that train together, each on its share of every batch
    replicas: Count = 1
    # activations are made again on the way back, for memory
    gradient_checkpointing: bool = False
    lr: Positive | None = None
    # how the rate goes on from there: a rule of `schedules/`, by name or as {name: options};
    # where left out a cosine, which falls to 1 % over the steps
    schedule: Annotated[Any, AfterValidator(_known)] = None
    # steps in which the rate rises; of a cosine a fiftieth, of other rules none
    warm_up: Natural | None = None
    weight_decay: Weight | None = None
    optimizer: Rule | None = None
    # numbers of the optimizer's rule, which is to have them (`models/optim.py`)
    momentum: Fading | None = None
    beta1: Fading | None = None
    beta2: Fading | None = None
    alpha: Fading | None = None
    eps: Positive | None = None
    amsgrad: bool | None = None
    # the first that fits a parameter has it
    groups: tuple[Group, ...] = ()
    # gradients of a step: `norm` of all together, or `value` of each entry, at most
    clip: Annotated[dict[str, Positive] | None, AfterValidator(clips)] = None
    loss: Annotated[dict[str, Weight] | None, AfterValidator(weighs)] = None
    # by joint name, in losses that weigh; 1 where left out
    joint_weights: dict[str, Weight] = {}
    # "screen": x / w * 2 - 1; "zscore": that, standardised by the training set
    inputs: Inputs | None = None
    # decay per step of the mean of the weights, which is what is then evaluated
    average: Share | None = None
    # else it stays as the model's file has it
    norm_momentum: NormMomentum | None = None
    # a checkpoint, whose arrays of the same name and shape the training starts from
    start: Path | None = None
    continues: bool = False  # with its optimizer's state and its step, of any backend
    stride: Count | None = None  # frames from one training window to the next
    shortest: Count = 1  # clips of fewer frames are left out of the training
    # clips of more frames are cut into pieces of so many before that
    longest: Count | None = None
    flip: bool = True
    validate_every: Count = 250  # steps
    validation_windows: Count = 2048
    # held-out: takes of the training side, which are then not trained on. Where left out the
    # test's, but for a training that goes by its validations: no test is to have chosen
    validate_on: Literal["test", "held-out"] | None = None
    keep: Keep = Keep()

    @model_validator(mode="after")
    def _falls(self) -> Self:
        falls = self.norm_momentum
        # the graph is made before the data are read, of which an epoch is
        if falls and falls.over is None and self.epochs is not None:
            raise BadInput(
                "norm_momentum of a training in epochs: a number of steps was due, such as"
                " {start: 0.1, end: 0.001, over: 1000}"
            )
        return self

    @property
    def chooses(self) -> bool:
        """Whether the validations decide on anything."""
        by_rate = schedules.read(self.schedule).watches
        return by_rate or self.patience is not None

    def steps_of(self, batches: int) -> int:
        """All steps, where an epoch has so many batches."""
        if self.epochs is None:
            return self.steps
        return max(1, round(self.epochs * batches / self.accumulate))


class Complete(Train):
    """A training with all that it needs; where nobody says, the published recipe does."""

    batch: Count
    lr: Positive
    weight_decay: Weight
    optimizer: Rule
    inputs: Inputs


NEEDED = [key for key, field in Complete.model_fields.items() if field.is_required()]
