"""What the lie detectors are shown of one timing."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.speed.asked import Asked
from bench.speed.host import Seen, drift


@dataclass(frozen=True)
class Held:
    """How far what timed calls gave is from the NumPy reference, or why nobody can say.

    `like` is another precision than the one asked for, whose error this is.
    """

    error: float | None = None
    bound: float | None = None
    like: str = ""
    unchecked: str = ""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known of a timing beside its samples.

    `single`, `double`: seconds of once and twice the work; `changed`: whether new inputs changed
    the outputs; `clocks`: speed of the timer against the system's.
    """

    single: float
    double: float
    changed: bool
    clocks: float
    asked_device: str
    devices: frozenset[str] = frozenset()  # where results of timed calls lay
    asked_precision: str = "fp32"
    asked: Asked = field(default_factory=Asked)
    held: Held = field(default_factory=Held)
    rounds: tuple[float, ...] = ()
    floor: float = 0.0
    host: Seen = field(default_factory=Seen)
    cores: int = 1

    @property
    def drift(self) -> float | None:
        """Of the rounds."""
        return drift(self.rounds)

    @property
    def calibration_drift(self) -> float | None:
        """Of the fixed piece of work, in the same rounds."""
        return drift(self.host.calibration)
