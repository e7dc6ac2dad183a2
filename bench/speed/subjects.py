"""What is timed of a model on one backend.

The forward pass at each batch, length and mode, and the training step; each with the questions
that show whether it really computes, and computes the model.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from backends.base import Backend, Feeds, Program, Settings, Trainer
from bench.coordinator.job import Job
from bench.parity.feeds import drawn
from bench.parity.refused import scarce
from bench.parity.trial import fits, shaken
from bench.processes.blame import RAISED
from bench.processes.contract import bare, timed
from bench.speed import held
from bench.speed.asked import Asked, ask
from bench.speed.evidence import Held
from bench.speed.timing import Clock, Contender
from bench.training import restored
from bench.training.optimizer import optimizer_of
from models import dims
from models import params as initial
from models.flops import flops
from models.graph import Graph
from models.spec import Spec
from models.traffic import traffic

CUSTOMARY = "customary"
VARIES = 2  # values, of which there is a variance


@dataclass(frozen=True)
class Made:
    """Seconds that making a program took, and loading its weights."""

    make: float
    load: float


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One thing to time, and how to ask whether it really computes."""

    what: Literal["forward", "train_step"]
    batch: int
    window: int  # input frames of one call
    frames: int  # output frames of one call
    poses: int  # of one call, all hypotheses
    mode: str
    customary: bool
    flops: int
    bytes: int
    made: Made
    contender: Contender
    changed: Callable[[], bool]  # whether what should change does
    held: Callable[[], Held]  # what a timed call gave, against the reference
    asked: Callable[[Clock], Asked]  # calls that nothing can have prepared for
    devices: Callable[[], frozenset[str]]  # where that lay


@dataclass(frozen=True)
class Workshop:
    """What subjects are made with: a model, a backend, and a stream of random inputs."""

    spec: Spec
    backend: Backend
    settings: Settings
    rng: np.random.Generator
    weights: Mapping[str, np.ndarray]  # of both graphs
    slowed: (
        float  # share of its own time that each call is held up by, for the self-test
    )

    @property
    def half(self) -> str:
        """The half that was asked for; empty of a full precision."""
        precision = self.settings.precision
        return precision if precision in ("bf16", "fp16") else ""

    def feeds(self, graph: Graph, lengths: Mapping[str, int]) -> dict[str, np.ndarray]:
        """Random inputs and noise of a call."""
        return drawn(graph.inputs, graph.noise, dict(lengths), self.rng)

    def wait(self) -> None:
        """Until the device has done what it was given."""
        self.backend.synchronize(self.settings.device)

    def asking(
        self,
        call: Callable[[Any], Any],
        read: Callable[[Any], int],
        program: Program,
        size: Size,
        known: Any,
    ) -> Callable[[Clock], Asked]:
        """What asks calls that nothing can have prepared for."""

        def fresh() -> Any:
            return program.put(self.feeds(program.graph, size.lengths))

        return partial(ask, call, self.wait, read, known, fresh)

    def own(self, graph: Graph) -> dict[str, np.ndarray]:
        """The weights of one graph."""
        return {name: self.weights[name] for name in graph.params}


@dataclass(frozen=True)
class Size:
    """At which size and in which mode something is timed."""

    batch: int
    window: int
    mode: str
    compiled: bool | None
    customary: bool

    @property
    def lengths(self) -> dict[str, int]:
        """What the open axes are in a call."""
        return {"batch": self.batch, "frames": self.window}


@dataclass
class Last:
    """Work that keeps what it gave last, so that it can be looked at afterwards.

    Where it is to be `slowed`, it does some of its calls twice: by work, as a clock would show
    how busy the host is.
    """

    call: Callable[[], Any]
    slowed: float = 0.0
    value: Any = field(default=None, init=False)
    _owed: float = field(default=0.0, init=False)

    def work(self) -> Callable[[], None]:
        """What is timed."""

        def plain() -> None:
            self.value = self.call()

        def again() -> None:
            self._owed += self.slowed
            if self._owed >= 1:
                self._owed -= 1
                self.call()
            self.value = self.call()

        return again if self.slowed else plain


@dataclass
class Plan:
    """What is timed, by its name and in order, and what is not -> why."""

    subjects: dict[str, Callable[[], Subject]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def plan(job: Job, backend: Backend, device: str, spec: Spec) -> Plan:
    """What makes each thing that a job asks to be timed.

    Made one by one: what a backend cannot do of them costs no other its number.
    """
    size, seed = job.config.throughput, job.config.seed
    settings = Settings(device=device, precision=job.config.precision)
    rng = np.random.default_rng(seed)
    weights = restored.weights(job, spec.parameters)
    if weights is None:
        # no time depends on them; as the ladder's, so that each matters to what comes out
        weights = shaken(initial.draw(spec.parameters, seed=seed), rng)
    workshop = Workshop(spec, backend, settings, rng, weights, size.slowed)
    found = Plan()
    asked: list[tuple[str, Any, Graph, int]] = [
        ("forward", _forward, spec.infer, batch) for batch in size.batches
    ]
    if size.train:
        make = partial(_train_step, job)
        asked += [("train_step", make, spec.train, batch) for batch in size.train_batch]
    for what, make, graph, batch in asked:
        for name, one in _sizes(f"{what} at batch {batch}", job, backend, batch, spec):
            if reason := _unfit(graph, one, spec):
                found.left_out[name] = reason
            elif isinstance(one, str):
                found.left_out[name] = one
            else:
                found.subjects[name] = partial(make, workshop, one)
    return found


def _sizes(
    name: str, job: Job, backend: Backend, batch: int, spec: Spec
) -> Iterator[tuple[str, Size | str]]:
    """Each length and mode of a batch, by its whole name; or why there is none."""
    size, modes = job.config.throughput, backend.modes
    usual = next(iter(modes))
    for window in size.frames or (spec.frames,):
        long = f", {window} frames" if size.frames else ""
        for asked in size.modes:
            said = f"{name}{long}" + ("" if asked == CUSTOMARY else f", {asked}")
            mode = usual if asked == CUSTOMARY else asked
            if mode not in modes:
                yield said, f"programs run {' or '.join(modes)} there"
            elif asked == CUSTOMARY or mode != usual or CUSTOMARY not in size.modes:
                yield said, Size(batch, window, mode, modes[mode], mode == usual)


def _unfit(graph: Graph, size: Size | str, spec: Spec) -> str:
    """Why a graph cannot be called with so many frames or samples; empty where it can."""
    if isinstance(size, str):
        return ""
    if found := scarce(graph, size.lengths, VARIES):
        return (
            f"batch norm at {found[0]} would have one value a channel, and no variance"
        )
    if size.window == spec.frames:
        return ""
    if "frames" not in graph.axes():
        return f"its window is of {spec.frames} frames, and of no others"
    return "" if fits(graph, size.lengths) else "its window is longer than that"


def _forward(workshop: Workshop, size: Size) -> Subject:
    graph = workshop.spec.infer
    settings = replace(workshop.settings, compiled=size.compiled)
    program, make = _took(lambda: workshop.backend.program(graph, settings))
    _, load = _took(lambda: program.load(workshop.own(graph)))
    # Inputs are on the device before the clock starts.
    fed = workshop.feeds(graph, size.lengths)
    one, other = program.put(fed), program.put(workshop.feeds(graph, size.lengths))
    # what watches its answers is not to be timed
    plain = bare(program)
    last = Last(lambda: plain.run(one), workshop.slowed)

    def changed() -> bool:
        poses = _pose(program, one), _pose(program, other)
        # outputs that are no numbers have not followed the inputs
        return not np.array_equal(*poses, equal_nan=True)

    def hold() -> Held:
        # asked once more where it gave anything else: it is watched, and says what was due
        gave = last.value if isinstance(last.value, Mapping) else program.run(one)
        came = {name: program.numpy(value) for name, value in gave.items()}
        return held.outputs(graph, workshop.own(graph), fed, came, workshop.half)

    return Subject(
        what="forward",
        contender=Contender(
            f"forward {size.batch}", last.work(), workshop.wait, timed(plain, "run")
        ),
        changed=changed,
        held=hold,
        asked=workshop.asking(plain.run, _read(program), program, size, one),
        devices=lambda: _places(plain, last.value),
        made=Made(make, load),
        **_counts(graph, size),
    )


def _train_step(job: Job, workshop: Workshop, size: Size) -> Subject:
    spec, graph = workshop.spec, workshop.spec.train
    # As in training, the framework draws the noise itself, and pays for it.
    drawing = replace(workshop.settings, draw_noise=True, compiled=size.compiled)
    rule = optimizer_of(job, spec)
    trainer, make = _took(lambda: workshop.backend.trainer(graph, rule, drawing))
    _, load = _took(lambda: trainer.program.load(workshop.own(graph)))
    fed = workshop.feeds(graph, size.lengths)
    feeds = trainer.program.put(fed)
    plain = bare(trainer)
    last = Last(lambda: plain.step(feeds), workshop.slowed)
    work = last.work()

    def hold() -> Held:
        # the weights of a step in the middle of many are nowhere to be had: one more, the same
        before = _copied(trainer)
        work()
        # asked once more where it gave nothing: it is watched, and says what was due
        loss = trainer.step(feeds) if last.value is None else last.value
        return held.loss(graph, before, fed, float(loss), workshop.half)

    return Subject(
        what="train_step",
        contender=Contender("train step", work, workshop.wait, timed(plain, "step")),
        changed=lambda: _moves(trainer, feeds),
        held=hold,
        asked=workshop.asking(plain.step, _number, trainer.program, size, feeds),
        devices=lambda: _places(plain.program, {"loss": last.value}),
        made=Made(make, load),
        # forward plus twice as much for the backward pass, the usual count
        **_counts(graph, size, passes=3),
    )


def _read(program: Program) -> Callable[[Any], int]:
    """What reads all outputs, and gives how many bytes they are."""
    return lambda came: sum(program.numpy(one).nbytes for one in came.values())


def _number(loss: Any) -> int:
    return np.asarray(float(loss)).nbytes


def _took(make: Callable[[], Any]) -> tuple[Any, float]:
    """What was made, and the seconds that it took."""
    start = time.perf_counter()
    return make(), time.perf_counter() - start


def _moves(trainer: Trainer, feeds: Feeds) -> bool:
    """Whether a step changes what is trained."""
    before = _copied(trainer)
    trainer.step(feeds)
    after = trainer.program.params()
    names = trainer.program.graph.trainable()
    return any(not np.array_equal(before[name], after[name]) for name in names)


def _copied(trainer: Trainer) -> dict[str, np.ndarray]:
    """The weights as they are now: a framework may give views of what its next step changes."""
    return {name: np.array(array) for name, array in trainer.program.params().items()}


def _pose(program: Program, feeds: Feeds) -> np.ndarray:
    return program.numpy(program.run(feeds)["pose"])


def _places(program: Program, values: Mapping[str, Any]) -> frozenset[str]:
    """Where results lie, as far as the framework says; an array of NumPy does not."""
    with suppress(*RAISED):  # which is noted where the program is watched
        native = [
            value
            for value in values.values()
            if not isinstance(value, np.ndarray | np.generic | float)
        ]
        return frozenset(program.device_of(value) for value in native)
    return frozenset()


def _counts(graph: Graph, size: Size, *, passes: int = 1) -> dict[str, Any]:
    """The size of a call, what it costs, and the frames and poses that it gives."""
    bound = {
        name: dims.bind(graph.types[value].shape, size.lengths)
        for name, value in graph.outputs.items()
    }
    shape = bound["pose"]
    # (batch, frames, joints, 3), or flat: the pose of one frame
    frames = shape[1] if len(shape) == 4 else 1
    drawn_poses = bound.get("hypotheses", (0, 1))[1]
    return {
        "flops": passes * flops(graph, size.lengths),
        "bytes": passes * traffic(graph, size.lengths),
        "batch": size.batch,
        "window": size.window,
        "frames": frames,
        "poses": size.batch * frames * drawn_poses,
        "mode": size.mode,
        "customary": size.customary,
    }
