"""One cell of a run, as it is sent to a worker."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from bench.config import Config, Model, completed
from bench.records import Cell, Payload
from bench.training.settings import Complete, Train
from models import title

# what is going on, and how much of it is done (0 to 1)
Progress = Callable[[str, float], None]
# how a task may say that a cell ended; how a worker ends, its parent says
Ending = Literal[
    "ok",
    "failed",
    "unsupported",
    "invalid",
    "not_measured",
    "out_of_memory",
    "not_written",
]
# what has failed is worse than what does not count, and that than what nobody claims
WORST: tuple[Ending, ...] = (
    "failed",
    "out_of_memory",
    "invalid",
    "unsupported",
    "ok",
    "not_measured",
)

# how a step may end its worker, as records have it
End = Literal["crashed", "timeout", "out_of_memory"]
ENDS: tuple[End, ...] = get_args(End)


def worst(endings: Container[Ending]) -> Ending:
    """How a cell ended whose parts ended so."""
    return next(one for one in WORST if one in endings)


def checkpoint_of(folder: Path, backend: str, model: str) -> Path:
    """Where a run folder has the weights of a model that was trained on a backend."""
    return folder / "checkpoints" / f"{backend}-{title(model)}.safetensors"


def chosen(last: Path, asked: str) -> Path:
    """The checkpoint that a configuration's `checkpoint` means, beside the last one."""
    if asked == "last":
        return last
    return last.with_suffix(".best.safetensors") if asked == "best" else Path(asked)


class Death(BaseModel):
    """How a worker of a job has ended, and at which step of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str = ""  # as its task calls it; empty where none is to blame
    part: str = ""  # of the step, where it has any
    status: End
    reason: str  # one line
    first: bool = True  # whether that worker had done no other step before


class Job(BaseModel):
    """Task, backend, model, and all of the run's configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str  # as in `bench.tasks`
    backend: str  # empty for what is about the data alone
    model: str  # empty for what is about a backend alone, too
    config: Config
    folder: Path  # the run folder
    # the task is one of several that compute in turns, and is given `turn()` to wait for
    # its own
    turns: bool = False
    # of the training, where its batch did not fit and `config` has a smaller one
    asked: Train | None = None
    # of workers that it was given before, in their order
    deaths: tuple[Death, ...] = ()
    # its time is over: what is known already is all that is to come of it
    over: bool = False

    @property
    def settings(self) -> Model:
        """The settings of this job's model."""
        return self.config.model.get(self.model) or Model()

    @property
    def training(self) -> Complete:
        """How its model is trained, with the published recipe's where the settings are empty."""
        return completed(self.model, self.settings.train)

    @property
    def cell(self) -> Cell:
        """What makes it the job it is, as `records.cell` has it of its record."""
        return (
            self.task,
            self.backend,
            self.model,
            self.config.device,
            self.config.precision,
        )

    @property
    def checkpoint(self) -> Path:
        """Where training leaves its last weights, and goes on from."""
        return checkpoint_of(self.folder, self.backend, self.model)

    @property
    def of_any_training(self) -> bool:
        """Whether what is evaluated is a file by its path, of which nothing is known but that."""
        return self.config.checkpoint not in ("last", "best")

    @property
    def evaluated(self) -> Path:
        """The checkpoint that is evaluated: the last one, unless another is asked for."""
        # what was taken from a run was chosen there already
        if self.config.run:
            return self.checkpoint
        return chosen(self.checkpoint, self.config.checkpoint)


@dataclass(frozen=True)
class Finding:
    """What a task brings back: a payload, and a verdict on the cell."""

    payload: Payload | None
    status: Ending = "ok"
    reason: str = ""
    actual_device: str | None = None  # as the framework says of what came out
    actual_precision: str | None = None  # of the programs that were made
