"""Kinds of values in a configuration: names that exist, numbers within sense."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from bench import tasks
from bench.parity import rungs
from models import optim
from models.errors import BadInput, UnknownName, shortened


class Strict(BaseModel):
    """A part of a configuration: every key is known, and none changes."""

    # JSON, by which a worker hears of it, has no infinity: it would arrive as "left out"
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _named(kind: str, names: Callable[[], Iterable[str]]) -> AfterValidator:
    """A name that a registry knows; what it knows is asked when it is needed."""

    def check(name: str) -> str:
        known = list(names())
        if name not in known:
            raise UnknownName(kind, name, known)
        return name

    return AfterValidator(check)


def _faults() -> Iterable[str]:
    from bench.audit import catalogue  # it reads every fault's file

    return set(catalogue.kinds().values())


def _single(names: tuple[str, ...]) -> tuple[str, ...]:
    """Each once: to be named twice asks for nothing more."""
    return tuple(dict.fromkeys(names))


def _number(value: object) -> object:
    """Not true or false, which pydantic takes for 1 and 0."""
    if isinstance(value, bool):
        raise BadInput(f"a number was due, {str(value).lower()} came")
    return value


def _bytes(said: object) -> int:
    """`2GB` -> 2,000,000,000; a number is of bytes."""
    number = isinstance(said, int | float) and not isinstance(said, bool)
    match = MEMORY.fullmatch(f"{said:.0f}" if number else str(said))
    unit = match[2].lower() if match else ""
    if match is None or unit not in UNITS:
        raise BadInput(f"memory such as 2GB was due, {shortened(repr(said))} came")
    size = int(float(match[1]) * UNITS[unit])
    if not LEAST <= size <= MOST_MEMORY:
        raise BadInput(f"128MiB to 1PB was due, {shortened(repr(said))} came")
    return size


def _device(name: str) -> str:
    """A kind of device, or one of several CUDA devices."""
    if not DEVICE.match(name):
        raise BadInput(
            f"'auto', 'cpu', 'cuda' or 'mps' was due, or one of several by its number, such"
            f" as cuda:1, got {shortened(repr(name))}"
        )
    return name


def weighs(weights: dict[str, float] | None) -> dict[str, float] | None:
    """Weights of which one at least counts: a loss that is always zero teaches nothing."""
    if weights is not None and not any(weights.values()):
        raise BadInput(f"a weight above 0 was due, {shortened(weights)} came")
    return weights


def clips(given: dict[str, float] | None) -> dict[str, float] | None:
    """How gradients are clipped: by one of the two rules that there are."""
    if given is None:
        return None
    for stray in given.keys() - {"norm", "value"}:
        raise UnknownName("rule of clipping", stray, ("norm", "value"))
    if len(given) != 1:
        raise BadInput(f"one of norm and value was due, {shortened(given)} came")
    return given


# far above all use, and below what the clocks, seeds and counters of frameworks take
MOST = 2**31 - 1
LONGEST = 10_000_000.0  # seconds: four months
PROCESSORS = 4096
LEAST = 2**27  # bytes: an interpreter with NumPy takes about as much
MOST_MEMORY = 10**15
UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "mib": 2**20, "gib": 2**30}
MEMORY = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")
# no machine has a thousand of them
DEVICE = re.compile(r"(auto|cpu|mps|cuda(:(0|[1-9][0-9]{0,2}))?)\Z")

Whole = Annotated[int, BeforeValidator(_number), Field(le=MOST)]
Real = Annotated[float, BeforeValidator(_number)]
Count = Annotated[Whole, Field(ge=1)]
Natural = Annotated[Whole, Field(ge=0)]
Positive = Annotated[Real, Field(gt=0)]
Weight = Annotated[Real, Field(ge=0)]
Part = Annotated[Real, Field(ge=0, le=1)]
Chance = Annotated[Real, Field(gt=0, le=1)]
Share = Annotated[Real, Field(gt=0, lt=1)]
Fading = Annotated[Real, Field(ge=0, lt=1)]
Seconds = Annotated[Positive, Field(le=LONGEST)]
Memory = Annotated[int, BeforeValidator(_bytes)]
Names = Annotated[tuple[str, ...], AfterValidator(_single)]
Task = Annotated[str, _named("task", tasks.table)]
Tasks = Annotated[tuple[Task, ...], AfterValidator(_single)]
Faults = Annotated[
    tuple[Annotated[str, _named("kind of fault", _faults)], ...],
    AfterValidator(_single),
]
Rung = Annotated[str, _named("rung", rungs.names)]
# a run is gone on with, and predicts, from other folders
Device = Annotated[str, AfterValidator(_device)]
Placed = Annotated[Path, AfterValidator(Path.absolute)]
Rule = Annotated[str, _named("optimizer", lambda: optim.RULES)]


def _steps(value: object) -> object:
    """A file's name, or the list that such a file holds."""
    if isinstance(value, str | Path | list | tuple) or value is None:
        return value
    raise BadInput(
        f"a YAML file of steps or a list of them was due, {shortened(repr(value))} came"
    )


# what each step is, `bench/data/augment.py` says when the run begins
Changes = Annotated[Path | tuple[Any, ...], BeforeValidator(_steps)]


class Keep(Strict):
    """Checkpoints that stay beside the last one, which is always kept and gone on from."""

    best: bool = False  # of the lowest validation error
    improved: bool = False  # each validated one that was better than all before
    top: Count | None = None  # so many of the lowest errors
    every: Count | None = None  # steps
    every_epochs: Count | None = None  # in the place of steps

    @model_validator(mode="after")
    def _one(self) -> Keep:
        if self.every and self.every_epochs:
            raise BadInput("keep: one of every and every_epochs was due, both came")
        return self

    def of_steps(self, epoch: float) -> Keep:
        """The same, where an epoch is of so many steps."""
        if self.every_epochs is None:
            return self
        steps = max(1, round(self.every_epochs * epoch))
        return self.model_copy(update={"every": steps, "every_epochs": None})
