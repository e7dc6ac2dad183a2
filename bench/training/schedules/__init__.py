"""How the learning rate goes from step to step: one file for each rule, listed by the folder.

    schedule: cosine
    schedule: {step: {every: 500, factor: 0.5}}

The file of a rule gives the factor of the rate twice, as `factor`, which trainings take, and as
`oracle`, in other words, by which they are made again. Both are functions of where the training
is and of nothing else: a resume needs to keep no state of theirs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from bench.data.formats import options
from models.errors import BadInput, UnknownName
from models.folder import files

FOLDER = Path(__file__).parent
USUAL = "cosine"


@dataclass(frozen=True)
class Now:
    """Where a training is before a step."""

    step: int  # finished ones
    steps: int  # of all
    rise: int  # of the warm-up
    epochs: float  # finished, parts of one among them
    # errors of the validations so far
    validation: Sequence[float] = ()


class _Rule(Protocol):
    """What the file of a rule offers."""

    # share of the steps in which the rate rises where nothing is asked for
    WARM_UP: float
    # options of which one is given at most
    EITHER: tuple[str, ...]
    factor: Callable[..., float]
    oracle: Callable[..., float]


@dataclass(frozen=True)
class Schedule:
    """One of the rules with all its options, checked."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def warm_up(self, steps: int) -> int:
        """Steps in which the rate rises where nothing is asked for."""
        share = _rule(self.name).WARM_UP
        return max(1, int(steps * share)) if share else 0

    def factor(self, now: Now) -> float:
        """The factor of the learning rate: a linear rise, then the rule's."""
        if now.step < now.rise:
            return (now.step + 1) / now.rise
        return _rule(self.name).factor(now, **self.options)

    def oracle(self, now: Now) -> float:
        """The rule's factor in other words; the rise is left to who asks."""
        return _rule(self.name).oracle(now, **self.options)

    @property
    def watches(self) -> bool:
        """Whether the rate hangs on validations."""
        return self.name == "plateau"


def names() -> list[str]:
    """The rules that there are."""
    return list(files(FOLDER))


def read(said: object) -> Schedule:
    """The schedule that a setting asks for: a name, or a name with options.

    Raises UnknownName for the rule, BadInput naming the option that is wrong.
    """
    if said is None:
        said = USUAL
    asked = {said: {}} if isinstance(said, str) else said
    if not isinstance(asked, Mapping) or len(asked) != 1:
        raise BadInput(
            f"a name or {{name: {{option: value}}}} was due, {said!r:.60} came"
        )
    ((name, given),) = asked.items()
    if name not in names():
        raise UnknownName("schedule", str(name), names())
    factor = _rule(name).factor
    # `cosine:` with nothing after it is null in YAML
    given = {} if given is None else given
    found = options.checked(factor, given, f"schedule {name}", FOLDER)
    _refuse_both(name, found)
    return Schedule(name, found)


def _refuse_both(name: str, given: Mapping[str, Any]) -> None:
    """Raise BadInput for options of which a rule would drop all but one."""
    both = [key for key in _rule(name).EITHER if given[key] is not None]
    if len(both) > 1:
        raise BadInput(
            f"schedule {name}: {' and '.join(both)} are both given; leave one out"
        )


def _rule(name: str) -> _Rule:
    return cast(_Rule, importlib.import_module(f"{__name__}.{name}"))
