"""How the parity ladder is climbed: its part of a configuration."""

from __future__ import annotations

from pydantic import Field

from bench.kinds import Count, Rule, Rung, Seconds, Strict, Whole
from models import optim


class Parity(Strict):
    """Size of the parity ladder."""

    preset: str | None = None  # of its own; that of the run where left out
    # of one sample, batch norm has no variance
    batch: Whole = Field(default=4, ge=2)
    frames: Whole = Field(default=9, ge=2)  # where the model leaves the length open
    steps: Count = 20  # of the trajectory
    optimizers: tuple[Rule, ...] = Field(default=tuple(optim.RULES), min_length=1)
    rungs: tuple[Rung, ...] = ()  # these only; all where empty
    # examine every node, also when all rungs hold, and pack the first that is wrong
    locate: bool = False
    # a rung may take so long: then its process is killed, and the others are climbed in another
    seconds: Seconds = 900
