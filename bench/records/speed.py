"""How fast: times with their intervals, what they rest on, and why some do not count.

Each field that is not there in records of before has a default that says so.
"""

from __future__ import annotations

from typing import Literal

from bench.records.frozen import Frozen

# How far two processes of one program may be apart with all else equal: what lies where in memory
# differs (Mytkowicz et al., 2009, "Producing wrong data without doing anything obviously wrong").
# Measured here: a standard deviation of 0.8 % (docs/measurements).
ONE_PROCESS = 0.02
NOISY = 0.1  # where the same program differs from itself by that much, no difference says anything


def least_difference(floor: float | None, processes: int) -> float:
    """The difference from which on one may be shown, relative.

    The host's A/A floor; and what one process on each side cannot tell.
    """
    return max(floor or 0.0, ONE_PROCESS if processes < 2 else 0.0)


def differs(value: float, low: float, high: float, least: float) -> bool:
    """Whether a ratio is beyond its interval and the least difference, either way alike."""
    return not low <= 1 <= high and max(value, 1 / value) - 1 > least


def _noisy(floor: float | None) -> bool:
    # `not <=`: a floor that is no number is no floor
    return floor is not None and not floor <= NOISY


class Ratio(Frozen):
    """Seconds here over seconds there, the median over rounds, with its 95 % interval.

    In each round both were timed, in turn. Of several processes it is the mean of their medians,
    and the interval is Student's.
    """

    against: str  # backend
    value: float
    low: float
    high: float
    floor: float | None = None  # the larger A/A floor of the two; None was not kept
    processes: int = 1  # of each of the two

    @property
    def shown(self) -> bool:
        """Whether there is a difference: beyond the interval, and beyond the least one."""
        least = least_difference(self.floor, self.processes)
        return differs(self.value, self.low, self.high, least)


class Latency(Frozen):
    """Seconds of single calls, each waited for: a sample of many calls hides the slow ones."""

    calls: int
    p50: float
    p90: float
    p99: float | None  # None of fewer than a hundred calls


class Limits(Frozen):
    """What this framework reached on this device with the plainest work, in the same run."""

    flops_per_second: float  # the best of some matrix products
    bytes_per_second: float  # an addition of two arrays too large for a cache
    launch_seconds: float  # an addition of two numbers
    precision: str = "fp32"

    def least_seconds(self, flops: int, moved: int) -> float:
        """The roofline: no call is quicker, as far as its operations and bytes are as counted."""
        return max(flops / self.flops_per_second, moved / self.bytes_per_second)


class Timing(Frozen):
    """Timed repetitions of one thing at one size.

    Seconds are medians with a 95 % bootstrap interval.
    """

    what: Literal["forward", "train_step"]
    batch: int
    frames: int  # output frames of a call
    window: int | None = None  # input frames of a call
    mode: str = ""  # as `Backend.modes` calls it
    customary: bool = True  # whether it is the backend's customary mode
    precision: str
    threads: int
    seconds: float | None
    low: float | None
    high: float | None
    p95: float | None
    samples: int
    frames_per_second: float | None  # batch x output frames / median seconds
    poses_per_second: float | None = None  # every hypothesis of a frame is a pose
    latency: Latency | None = None
    compile_seconds: float | None = None  # first call
    make_seconds: float | None = None  # the program, from its graph
    load_seconds: float | None = None  # weights into it
    # from before the program is made to its first result, weights and all
    first_result_seconds: float | None = None
    warm_up_steps: int = 0
    steady: bool = True
    # which call, from 1, begins the steady segment; None where none was found
    steady_from: int | None = None
    peak_memory_bytes: int | None = None
    peak_of: Literal["process so far", "own process"] = "process so far"
    peak_rss_bytes: int | None = None  # of its own process, where it had one
    flops: int | None = None
    bytes: int | None = None  # inputs, weights and outputs of each node
    rounds: tuple[float, ...] = ()  # seconds per call in each round
    parts: tuple[
        int, ...
    ] = ()  # how many of them each process had, where there were several
    span: tuple[float, float] | None = None  # of the rounds, by the system's clock
    noise_floor: float | None = None  # of this timing against its twin
    drift: float | None = None  # last third of the rounds over the first, less 1
    # the same of a fixed piece of work that no framework has a part in
    calibration_drift: float | None = None
    others: float | None = None  # processors that others kept busy meanwhile
    output_error: float | None = None  # of a timed call against the NumPy reference
    output_bound: float | None = None
    ratio: Ratio | None = None  # where other backends were timed in the same rounds
    behind: Ratio | None = None  # to the fastest of them, where it is another
    lies: tuple[str, ...] = ()  # lie detectors that fired; any entry voids the number
    # what the host did meanwhile: the number stands here, and counts for nothing
    doubts: tuple[str, ...] = ()
    unchecked: dict[str, str] = {}  # detector -> why it could not be asked

    @property
    def title(self) -> str:
        """What was timed, in words: `forward at batch 16`, `train_step at batch 1, compiled`."""
        mode = "" if self.customary else f", {self.mode}"
        return f"{self.what} at batch {self.batch}{mode}"

    @property
    def fault(self) -> str:
        """Why it does not count; empty where it does."""
        # lies first: a number that was made up may well be steady
        if self.lies or self.doubts:
            return ", ".join(self.lies or self.doubts)
        if self.seconds is None:
            return "not measured"
        if _noisy(self.noise_floor):
            return f"the same program differs from itself by {self.noise_floor:.1%}"
        return "" if self.steady else "never got steady"


class Throughput(Frozen):
    """Speed of one model on one backend and device."""

    task: Literal["throughput"] = "throughput"
    timings: tuple[Timing, ...]
    noise_floor: float | None = None  # relative spread of an A/A run on this host
    harness_seconds: float | None = None  # a call of a program that does nothing
    idle_cores: float | None = (
        None  # kept busy by this worker while others had their turn
    )
    limits: Limits | None = None
    export_bytes: dict[str, int] = {}  # format -> size of the files
    left_out: dict[str, str] = {}  # what was asked for and not timed -> why
    # TF32, threads, matmul precision
    settings: dict[str, str | int | float | bool] = {}
    # backends timed in turns with this one, itself among them
    together: tuple[str, ...] = ()

    @property
    def void(self) -> bool:
        """Whether no timing of it counts."""
        return not self.counting

    @property
    def counting(self) -> tuple[Timing, ...]:
        """The timings that count."""
        if self.noisy:
            return ()
        return tuple(timing for timing in self.timings if not timing.fault)

    def floor(self, row: Timing) -> float | None:
        """A timing's own A/A floor; of a record that has none of it, that of all its timings."""
        return self.noise_floor if row.noise_floor is None else row.noise_floor

    @property
    def noisy(self) -> bool:
        """Whether the host was, so that no timing counts: of records whose timings do not say."""
        unsaid = all(timing.noise_floor is None for timing in self.timings)
        return unsaid and _noisy(self.noise_floor)
