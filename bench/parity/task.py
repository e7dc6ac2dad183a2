"""The parity ladder: weights, forward, loss, gradients, one optimizer step, state,
trajectory; the first rung that fails names the cause.

Every number is held against the float64 oracle, with the budget of `bench.parity.budget`.
Noise is fed, so stochastic graphs compare exactly. What was computed is kept as a trace
(`bench.parity.traces`), so that backends can be held against each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from backends.base import Backend, Settings
from backends.numpy.program import NumpyBackend
from bench import data
from bench.config import Parity as Size
from bench.coordinator.job import Finding, Job, Progress
from bench.parity import budget, chance, locate, repro, traces
from bench.parity.traces import Row, Trace
from bench.records import Check, Parity
from bench.training.feed import build
from bench.training.task import optimizer_of
from models import dims, module
from models import params as initial
from models.graph import Graph
from models.optim import Optimizer
from models.passes import to_inference
from models.spec import Spec

Arrays = dict[str, np.ndarray]
# a gradient tensor below this share of the largest gradient is judged against that share:
# it is a sum that cancels
NEAR_ZERO = 1e-2
# a gradient below this share in float64 is zero by mathematics (a bias before BatchNorm):
# judged against the largest
CANCELLED = 1e-12
NUDGE = 1e-7  # relative disturbance of the weights in the A/A runs: one float32 rounding


@dataclass(frozen=True)
class Judged:
    """A check with what it was made on; `allowed` is the largest absolute difference,
    broadcast over the value.
    """

    check: Check
    name: str  # the same on every backend
    value: np.ndarray
    allowed: np.ndarray
    scale: float = 1.0


@dataclass(frozen=True)
class Bench:
    """One model on one backend, its oracle, and the numbers both are given."""

    spec: Spec
    backend: Backend
    device: str
    size: Size
    seed: int
    folder: Path  # where traces and the oracle's trajectory are kept
    params: Arrays
    feeds: Arrays

    def graphs(self) -> tuple[Graph, Graph]:
        """Where a fault may lie, in the order it is looked for."""
        return self.spec.train, self.spec.infer

    @property
    def oracle(self) -> Backend:
        """NumPy, whose precision is chosen by the settings."""
        return NumpyBackend()

    def runs(self) -> tuple[tuple[Backend, Settings], ...]:
        """The backend under test, the oracle, and float32 NumPy, which sets the budget."""
        exact, rough = Settings(precision="fp64"), Settings(precision="fp32")
        own = Settings(
            device=self.device, precision="fp64" if self.backend.name == "numpy" else "fp32"
        )
        return (self.backend, own), (self.oracle, exact), (self.oracle, rough)


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """Climb the ladder to its end; failures below do not hide those above."""
    joints = len(data.protocol_for(job.config.data, job.config.protocol).joints)
    spec = build(job.model, job.settings, joints=joints)
    bench = prepare(
        spec, backend, device, job.config.parity, seed=job.config.seed, folder=job.folder
    )
    optimizer = optimizer_of(job, spec)
    judged = climb(bench, optimizer, progress)
    rows = {
        f"{j.check.kind}/{j.check.graph}/{j.name}": Row(j.value, j.allowed, j.scale)
        for j in judged
    }
    traces.save(
        traces.path(job.folder, job.backend, job.model),
        Trace(job.backend, job.model, _question(bench, optimizer), rows),
    )
    checks = tuple(item.check for item in judged)
    failed = [check for check in checks if not check.ok]
    fault = (
        locate.first_fault(bench.graphs(), backend, device, bench.params, bench.feeds)
        if failed or bench.size.locate
        else None
    )
    if fault and bench.size.locate:
        repro.write(
            job.folder / "repro" / f"{job.backend}-{job.model}",
            fault.probe,
            fault.text,
            backend=job.backend,
        )
    culprit = fault.text if fault else ""
    payload = Parity(
        checks=checks,
        first_failure=f"{failed[0].kind}: {failed[0].name}" if failed else "",
        culprit=culprit,
    )
    reason = (
        f"{payload.first_failure}; first node beyond its budget: {culprit or 'none alone'}"
        if failed
        else ""
    )
    return Finding(payload, "failed" if failed else "ok", reason)


def climb(bench: Bench, optimizer: Optimizer, progress: Progress) -> list[Judged]:
    """All rungs that were asked for."""
    rungs: dict[str, Callable[[], list[Judged]]] = {
        "weights": lambda: weights(bench),
        "forward": lambda: forward(bench),
        "equivalence": lambda: equivalence(bench),
        "gradient": lambda: gradients(bench),
        "step": lambda: steps(bench),
        "trajectory": lambda: trajectory(bench, optimizer, progress),
    }
    found: list[Judged] = []
    for done, (name, rung) in enumerate(rungs.items()):
        if name in (bench.size.rungs or rungs):
            progress(name, done / len(rungs))
            found += rung()
    return found


def _question(bench: Bench, optimizer: Optimizer) -> str:
    """All that decides the numbers of a ladder, as text."""
    size = bench.size.model_dump(exclude={"locate", "rungs"})
    asked = {
        "config": bench.spec.config,
        "parity": size,
        "optimizer": asdict(optimizer),
        "seed": bench.seed,
    }
    return json.dumps(asked, sort_keys=True, default=str)


def prepare(
    spec: Spec, backend: Backend, device: str, size: Size, *, seed: int, folder: Path
) -> Bench:
    """Seeded weights, moved off their symmetric start (norms, zeros) so that every
    parameter matters, and seeded inputs and noise.
    """
    rng = np.random.default_rng([seed, 77])
    params = initial.draw(spec.parameters, seed=seed)
    for name, array in params.items():
        if array.dtype.kind == "f":
            shaken = array + rng.normal(0, 0.1, array.shape)
            params[name] = (
                np.abs(shaken) + 0.1 if name.endswith("running_var") else shaken
            ).astype(np.float32)
    return Bench(
        spec,
        backend,
        device,
        size,
        seed,
        folder / "traces",
        params,
        draw_feeds(spec, size, rng),
    )


def draw_feeds(spec: Spec, size: Size, rng: np.random.Generator) -> Arrays:
    """Inputs, targets and noise of one train step."""
    lengths = {"batch": size.batch, "frames": max(size.frames, spec.frames)}
    feeds: Arrays = {
        name: rng.normal(0, 0.5, dims.bind(type_.shape, lengths))
        for name, type_ in spec.train.inputs.items()
    }
    for name, noise in spec.noise.items():
        shape = dims.bind(noise.type.shape, lengths)
        feeds[name] = (
            (rng.random(shape) < noise.number)
            if noise.kind == "bernoulli"
            else rng.normal(0, noise.number, shape)
        )
    return {name: np.asarray(array, np.float32) for name, array in feeds.items()}


def weights(bench: Bench) -> list[Judged]:
    """Every array comes back as it went in."""
    backend, settings = bench.runs()[0]
    program = backend.program(bench.spec.train, settings)
    program.load(bench.params)
    back = program.params()
    worst, name = max(
        (budget.error(back[name], array), name)
        for name, array in bench.params.items()
        if name in back
    )
    return [
        Judged(
            _check("weights", name, worst, 0.0, "train"),
            "all",
            _thinned({name: back[name] for name in sorted(back)}),
            np.zeros(()),
        )
    ]


def forward(bench: Bench) -> list[Judged]:
    """Outputs of both graphs, the loss, and the running statistics after one train-graph
    call.
    """
    checks = []
    for name, graph in (("infer", bench.spec.infer), ("train", bench.spec.train)):
        own, exact, rough = (
            {**outputs, **state} for outputs, state in _forward(bench, graph)
        )
        for key, due in exact.items():
            kind = "loss" if key == "loss" else "state" if key in graph.state else "forward"
            checks.append(_judge(kind, key, own[key], due, rough[key], graph=name))
    return checks


def _forward(bench: Bench, graph: Graph) -> Iterator[tuple[Arrays, Arrays]]:
    for backend, settings in bench.runs():
        program = backend.program(graph, settings)
        program.load({name: bench.params[name] for name in graph.params})
        outputs = program(
            {name: bench.feeds[name] for name in (*graph.inputs, *graph.noise)}
        )
        yield outputs, {name: program.params()[name] for name in graph.state}


def equivalence(bench: Bench) -> list[Judged]:
    """Where a model declares an inference graph of its own: it and the train graph, both
    still, agree on one training window.
    """
    if not hasattr(module(bench.spec.name), "infer"):
        return []
    still = to_inference(bench.spec.train, outputs=["pose"])
    if not dims.match(
        bench.spec.infer.inputs["keypoints"].shape, bench.feeds["keypoints"].shape, {}
    ):
        return []
    (own, _), *_ = _forward(bench, bench.spec.infer)
    (twin, _), (exact, _), (rough, _) = _forward(bench, still)
    if own["pose"].shape != twin["pose"].shape:
        return []
    return [
        _judge(
            "equivalence",
            "pose, train graph against inference graph",
            own["pose"],
            exact["pose"],
            rough["pose"],
            graph="infer",
        )
    ]


def gradients(bench: Bench) -> list[Judged]:
    """d(loss)/d(parameter), each tensor."""
    own, exact, rough = (
        _gradients(bench, backend, settings) for backend, settings in bench.runs()
    )
    largest = max(_largest(grad) for grad in exact.values())
    scales = {
        name: largest * (1.0 if _largest(due) < CANCELLED * largest else NEAR_ZERO)
        for name, due in exact.items()
    }
    return [
        _judge(
            "gradient", name, own[name], due, rough[name], graph="train", scale=scales[name]
        )
        for name, due in exact.items()
    ]


def _gradients(bench: Bench, backend: Backend, settings: Settings) -> Arrays:
    trainer = backend.trainer(bench.spec.train, Optimizer("sgd", 0.0, 0.0), settings)
    trainer.program.load(bench.params)
    return trainer.gradients(trainer.program.put(bench.feeds))[1]


def steps(bench: Bench) -> list[Judged]:
    """Two steps of each native optimizer on drawn gradients, against the written rule: what
    is judged is the optimizer alone.

    No gradient is small enough for weight decay to cancel it, and epsilon is large enough
    for its place to show.
    """
    backend, settings = bench.runs()[0]
    checks = []
    for rule in bench.size.optimizers:
        optimizer = Optimizer(rule, 1e-2, 1e-3, eps=1e-2)
        trainer = backend.trainer(bench.spec.train, optimizer, settings)
        trainer.program.load(bench.params)
        rng = np.random.default_rng([bench.seed, 55])
        state: dict[str, tuple[np.ndarray, ...]] = {}
        for step in (1, 2):
            before = trainer.program.params()
            grads = {
                name: _clear(rng, before[name].shape)
                for name in bench.spec.train.trainable()
            }
            trainer.apply(grads)
            checks.append(
                _step_check(optimizer, step, before, grads, trainer.program.params(), state)
            )
    return checks


def _clear(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of either sign, 0.1 to 1 in size."""
    return np.asarray(rng.uniform(0.1, 1, shape) * rng.choice([-1, 1], shape), np.float32)


def _step_check(
    optimizer: Optimizer,
    step: int,
    before: Arrays,
    grads: Arrays,
    after: Arrays,
    state: dict[str, tuple[np.ndarray, ...]],
) -> Judged:
    """Worst parameter of one step, relative to the largest update; the rule itself in
    float32 sets the budget.
    """
    rows, largest = [], 0.0
    for name, grad in grads.items():
        old, wide = before[name].astype(np.float64), grad.astype(np.float64)
        slots = state.get(name, tuple(np.zeros_like(old) for _ in range(optimizer.slots())))
        narrow = tuple(slot.astype(np.float32) for slot in slots)
        rough, _ = optimizer.update(
            before[name].astype(np.float32), grad.astype(np.float32), narrow, step
        )
        due, state[name] = optimizer.update(old, wide, slots, step)
        largest = max(largest, _largest(due - old))
        rows.append((_largest(after[name] - due), _largest(rough - due), name))
    judged = [
        (error / largest, budget.bound("step", yardstick / largest), name)
        for error, yardstick, name in rows
    ]
    error, bound, worst = max(judged, key=lambda row: row[0] / row[1])
    check = _check("step", f"{optimizer.rule} step {step}: {worst}", error, bound, "train")
    value = _thinned({name: after[name] for name in grads})
    allowed = np.repeat(
        [bound * largest for _, bound, _ in judged],
        [len(traces.thin(after[name])) for name in grads],
    )
    return Judged(check, f"{optimizer.rule} step {step}", value, allowed, largest)


def _thinned(arrays: Arrays) -> np.ndarray:
    """Some entries of every array, in the order of the arrays."""
    return np.concatenate(
        [traces.thin(array).astype(np.float64) for array in arrays.values()]
    )


def _largest(array: np.ndarray) -> float:
    return float(np.abs(array).max(initial=0.0))


def trajectory(bench: Bench, optimizer: Optimizer, progress: Progress) -> list[Judged]:
    """K steps on fresh seeded batches: the loss curve stays within the envelope of A/A runs
    (weights nudged by one rounding).
    """
    backend, settings = bench.runs()[0]

    def oracle(precision: str, nudge: int, steps: int) -> np.ndarray:
        progress(f"trajectory of the oracle, {precision}, disturbance {nudge}", 0.9)
        return _losses(
            bench,
            bench.oracle,
            Settings(precision=precision),
            optimizer,
            steps,
            nudge=nudge,
        )

    steps = bench.size.steps
    envelope = chance.kept(
        bench.folder / f"oracle-{bench.spec.name}.safetensors",
        _question(bench, optimizer),
        oracle,
        steps,
    )
    own, true = _losses(bench, backend, settings, optimizer, steps), envelope.true[:steps]
    scale = abs(true[0])
    allowed = np.maximum(envelope.allowed(steps), budget.bound("trajectory", 0.0) * scale)
    ratio = np.abs(own - true) / allowed
    worst = int(np.nanargmax(np.where(np.isfinite(ratio), ratio, np.inf)))
    name = f"loss of {len(true)} steps of {optimizer.rule}, worst at step {worst + 1}"
    check = _check(
        "trajectory",
        name,
        float(abs(own - true)[worst] / scale),
        float(allowed[worst] / scale),
        "train",
    )
    return [Judged(check, "loss", own, allowed, float(scale))]


def _losses(
    bench: Bench,
    backend: Backend,
    settings: Settings,
    optimizer: Optimizer,
    steps: int,
    *,
    nudge: int = 0,
) -> np.ndarray:
    trainer = backend.trainer(bench.spec.train, optimizer, settings)
    start = {name: bench.params[name] for name in bench.spec.train.params}
    if nudge:
        rng = np.random.default_rng([bench.seed, nudge])
        start = {
            name: (
                array * (1 + NUDGE * rng.normal(size=array.shape))
                if array.dtype.kind == "f"
                else array
            )
            for name, array in start.items()
        }
    trainer.program.load(start)
    rng = np.random.default_rng([bench.seed, 99])
    losses = [
        trainer.step(trainer.program.put(draw_feeds(bench.spec, bench.size, rng)))
        for _ in range(steps)
    ]
    return np.array([float(loss) for loss in losses])


def _judge(
    kind: str,
    name: str,
    own: np.ndarray,
    due: np.ndarray,
    rough: np.ndarray,
    *,
    graph: str,
    scale: float = 0.0,
) -> Judged:
    error, yardstick = (
        budget.error(own, due, scale=scale),
        budget.error(rough, due, scale=scale),
    )
    bound = budget.bound(kind, yardstick)
    shift = (
        float(np.linalg.norm(_joints(own - due), axis=-1).max() * 1000)
        if name.startswith("pose") and own.shape == due.shape
        else None
    )
    size = max(_largest(due), scale) or 1.0
    check = _check(
        kind,
        name,
        error,
        bound,
        graph,
        millimetres=shift,
        note=f"float32 NumPy is off by {yardstick:.1e}",
    )
    return Judged(check, name, own, np.array(bound * size), size)


def _joints(pose: np.ndarray) -> np.ndarray:
    """(..., joints, 3), also of a flat pose."""
    return pose.reshape(len(pose), -1, 3)


def _check(
    kind: str,
    name: str,
    error: float,
    bound: float,
    graph: str,
    *,
    millimetres: float | None = None,
    note: str = "",
) -> Check:
    ok = bool(error <= bound)  # false where either is NaN
    limit = bound if np.isfinite(bound) else 0.0
    return Check(
        kind=kind,
        name=name,
        error=error,
        bound=limit,
        ok=ok,
        graph=graph,
        millimetres=millimetres,
        note=note,
    )
