"""What is known of an operation's meanings, and which of them an answer is.

A name is given only where an answer lies far nearer to a variant than variants lie to each other:
`NEAR` is a float32 rounding of a few sums, and a test holds any two variants ten times further
apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from backends.base import Backend
from models.optim import Optimizer
from models.spec import Spec

Arrays = Sequence[np.ndarray]
NEAR = 2e-5  # of the largest number that is due


@dataclass(frozen=True)
class Variant:
    """One meaning, and who has it."""

    name: str  # as manifests have it
    formula: str
    source: str  # frameworks and papers
    # what it computes in NumPy, as the op's `reference` or the optimizer's rule is called; None
    # where it is the language's own
    gives: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Found:
    """Which variants an answer is, and how it was told."""

    names: tuple[str, ...]  # several where the input cannot tell them apart
    note: str = ""


class Probe(Protocol):
    """One question about one meaning. The first variant is the language's own."""

    @property
    def about(self) -> str:
        """What is asked, in a few words."""

    @property
    def ops(self) -> tuple[str, ...]:
        """Ops whose meaning it is; a model that has one of them is concerned."""

    @property
    def rules(self) -> tuple[str, ...]:
        """Optimizers whose meaning it is."""

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The known ones."""

    @property
    def open(self) -> str:
        """Why the language leaves it open; empty where it does not."""

    @property
    def device(self) -> str:
        """The only kind of device on which there is anything to ask; empty: any."""

    def asked(self, backend: Backend, device: str) -> Found:
        """What a backend computes. Raises what the backend raises."""

    def concerns(self, spec: Spec, optimizer: Optimizer, variant: str) -> bool:
        """Whether a model, with its optimizer, computes something else by a variant."""

    def excuse(self, backend: Backend, device: str) -> str:
        """The gap by which a backend declares another meaning; empty where there is none."""


def declared(probe: Probe) -> str:
    """The variant that the language defines; empty where it leaves that open."""
    return "" if probe.open else probe.variants[0].name


def apart(came: Arrays, due: Arrays) -> float:
    """The largest difference, of the largest finite number that is due.

    Infinite where shapes differ, or where one has NaN or infinity and the other another number.
    """
    if [each.shape for each in came] != [each.shape for each in due]:
        return np.inf
    pairs = zip(came, due, strict=True)
    return max(_apart(*pair) for pair in pairs)


def _apart(came: np.ndarray, due: np.ndarray) -> float:
    mine, other = came.astype(np.float64), due.astype(np.float64)
    known = np.isfinite(other)
    if not np.array_equal(mine[~known], other[~known], equal_nan=True):
        return np.inf
    if not np.isfinite(mine[known]).all():
        return np.inf
    largest = np.abs(other[known]).max(initial=0.0) or 1.0
    return float(np.abs(mine[known] - other[known]).max(initial=0.0) / largest)


def named(came: Arrays, due: Mapping[str, Arrays]) -> Found:
    """The variants that an answer is, or how far off the nearest lies."""
    off = {name: apart(came, arrays) for name, arrays in due.items()}
    names = tuple(name for name, distance in off.items() if distance <= NEAR)
    if names:
        return Found(names)
    nearest = min(off, key=lambda name: off[name])
    if np.isinf(off[nearest]):
        return Found((), f"none of these: {shown(came)} came")
    told = (
        f"none of these: nearest is {nearest}, off by {off[nearest]:.2g} of the largest"
    )
    return Found((), told)


def shown(arrays: Arrays) -> str:
    """The first numbers of an answer that is like nothing known."""
    first = arrays[0]
    numbers = ", ".join(f"{number:.4g}" for number in first.ravel()[:6].astype(float))
    more = ", ..." if first.size > 6 else ""
    shape = "x".join(map(str, first.shape)) or "scalar"
    return f"{shape} of {numbers}{more}"
