"""The parity ladder: weights, forward, loss, gradients, one optimizer step, state, trajectory; the first rung that fails names the cause.

Every number is held against the float64 oracle, with the budget of `bench.tolerance`. Noise is fed, so stochastic graphs compare exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from backends.base import Backend, Settings
from backends.numpy.program import NumpyBackend
from bench import data, tolerance
from bench.config import Parity as Size
from bench.job import Finding, Job, Progress
from bench.records import Check, Parity
from bench.tasks import locate
from bench.tasks.train import optimizer_of
from bench.training.feed import build
from models import dims, module
from models import params as initial
from models.graph import Graph
from models.optim import Optimizer
from models.passes import to_inference
from models.spec import Spec

Arrays = dict[str, np.ndarray]
NEAR_ZERO = 1e-2  # a gradient tensor below this share of the largest gradient is judged against that share: it is a sum that cancels
NUDGE = 1e-7  # relative disturbance of the weights in the A/A runs: one float32 rounding
AA_RUNS = (1, 2, 3)  # seeds of the disturbances
ENVELOPE = 8.0  # the trajectory may leave the oracle this many times further than the A/A runs do


@dataclass(frozen=True)
class Bench:
    """One model on one backend, its oracle, and the numbers both are given."""

    spec: Spec
    backend: Backend
    device: str
    size: Size
    seed: int
    params: Arrays
    feeds: Arrays

    @property
    def oracle(self) -> Backend:
        """NumPy, whose precision is chosen by the settings."""
        return NumpyBackend()

    def runs(self) -> tuple[tuple[Backend, Settings], ...]:
        """The backend under test, the oracle, and float32 NumPy, which sets the budget."""
        exact, rough = Settings(precision="fp64"), Settings(precision="fp32")
        own = Settings(device=self.device, precision="fp64" if self.backend.name == "numpy" else "fp32")
        return (self.backend, own), (self.oracle, exact), (self.oracle, rough)


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """Climb the ladder to its end; failures below do not hide those above."""
    joints = len(data.protocol_for(job.config.data, job.config.protocol).joints)
    spec = build(job.model, job.settings, joints=joints)
    bench = prepare(spec, backend, device, job.config.parity, seed=job.config.seed)
    checks: list[Check] = []
    rungs = (weights, forward, equivalence, gradients, steps, lambda b: trajectory(b, optimizer_of(job, spec), progress))
    for done, rung in enumerate(rungs):
        progress(getattr(rung, "__name__", "trajectory").replace("<lambda>", "trajectory"), done / len(rungs))
        checks += rung(bench)
    failed = [check for check in checks if not check.ok]
    culprit = _culprit(bench) if failed or bench.size.locate else ""
    payload = Parity(checks=tuple(checks), first_failure=f"{failed[0].kind}: {failed[0].name}" if failed else "", culprit=culprit)
    reason = f"{payload.first_failure}; first node beyond its budget: {culprit or 'none alone'}" if failed else ""
    return Finding(payload, "failed" if failed else "ok", reason)


def _culprit(bench: Bench) -> str:
    """The first node that is wrong by itself, in the train graph or else in the other."""
    graphs = (bench.spec.train, bench.spec.infer)
    found = (locate.first_divergence(graph, bench.backend, bench.device, bench.params, bench.feeds) for graph in graphs)
    return next(filter(None, found), "")


def prepare(spec: Spec, backend: Backend, device: str, size: Size, *, seed: int) -> Bench:
    """Seeded weights, moved off their symmetric start (norms, zeros) so that every parameter matters, and seeded inputs and noise."""
    rng = np.random.default_rng([seed, 77])
    params = initial.draw(spec.parameters, seed=seed)
    for name, array in params.items():
        if array.dtype.kind == "f":
            shaken = array + rng.normal(0, 0.1, array.shape)
            params[name] = (np.abs(shaken) + 0.1 if name.endswith("running_var") else shaken).astype(np.float32)
    return Bench(spec, backend, device, size, seed, params, draw_feeds(spec, size, rng))


def draw_feeds(spec: Spec, size: Size, rng: np.random.Generator) -> Arrays:
    """Inputs, targets and noise of one train step."""
    lengths = {"batch": size.batch, "frames": max(size.frames, spec.frames)}
    feeds = {name: rng.normal(0, 0.5, dims.bind(type_.shape, lengths)) for name, type_ in spec.train.inputs.items()}
    for name, noise in spec.noise.items():
        shape = dims.bind(noise.type.shape, lengths)
        feeds[name] = (rng.random(shape) < noise.number) if noise.kind == "bernoulli" else rng.normal(0, noise.number, shape)
    return {name: np.asarray(array, np.float32) for name, array in feeds.items()}


def weights(bench: Bench) -> list[Check]:
    """Every array comes back as it went in."""
    backend, settings = bench.runs()[0]
    program = backend.program(bench.spec.train, settings)
    program.load(bench.params)
    back = program.params()
    worst = max((tolerance.error(back[name], array), name) for name, array in bench.params.items() if name in back)
    return [_check("weights", worst[1], worst[0], 0.0, "train")]


def forward(bench: Bench) -> list[Check]:
    """Outputs of both graphs, the loss, and the running statistics after one train-graph call."""
    checks = []
    for name, graph in (("infer", bench.spec.infer), ("train", bench.spec.train)):
        own, exact, rough = ({**outputs, **state} for outputs, state in _forward(bench, graph))
        for key, due in exact.items():
            kind = "loss" if key == "loss" else "state" if key in graph.state else "forward"
            checks.append(_judge(kind, key, own[key], due, rough[key], graph=name))
    return checks


def _forward(bench: Bench, graph: Graph) -> Iterator[tuple[Arrays, Arrays]]:
    for backend, settings in bench.runs():
        program = backend.program(graph, settings)
        program.load({name: bench.params[name] for name in graph.params})
        outputs = program({name: bench.feeds[name] for name in (*graph.inputs, *graph.noise)})
        yield outputs, {name: program.params()[name] for name in graph.state}


def equivalence(bench: Bench) -> list[Check]:
    """Where a model declares an inference graph of its own: it and the train graph, both still, agree on one training window."""
    if not hasattr(module(bench.spec.name), "infer"):
        return []
    still = to_inference(bench.spec.train, outputs=["pose"])
    if not dims.match(bench.spec.infer.inputs["keypoints"].shape, bench.feeds["keypoints"].shape, {}):
        return []
    (own, _), *_ = _forward(bench, bench.spec.infer)
    (twin, _), (exact, _), (rough, _) = _forward(bench, still)
    if own["pose"].shape != twin["pose"].shape:
        return []
    return [_judge("equivalence", "pose, train graph against inference graph", own["pose"], exact["pose"], rough["pose"], graph="infer")]


def gradients(bench: Bench) -> list[Check]:
    """d(loss)/d(parameter), each tensor."""
    own, exact, rough = (_gradients(bench, backend, settings) for backend, settings in bench.runs())
    scale = NEAR_ZERO * max(float(np.abs(grad).max(initial=0.0)) for grad in exact.values())
    return [_judge("gradient", name, own[name], due, rough[name], graph="train", scale=scale) for name, due in exact.items()]


def _gradients(bench: Bench, backend: Backend, settings: Settings) -> Arrays:
    trainer = backend.trainer(bench.spec.train, Optimizer("sgd", 0.0, 0.0), settings)
    trainer.program.load(bench.params)
    return trainer.gradients(trainer.program.put(bench.feeds))[1]


def steps(bench: Bench) -> list[Check]:
    """Two steps of each native optimizer on drawn gradients, against the written rule: what is judged is the optimizer alone.

    No gradient is small enough for weight decay to cancel it, and epsilon is large enough for its place to show.
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
            grads = {name: _clear(rng, before[name].shape) for name in bench.spec.train.trainable()}
            trainer.apply(grads)
            checks.append(_step_check(optimizer, step, before, grads, trainer.program.params(), state))
    return checks


def _clear(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of either sign, 0.1 to 1 in size."""
    return np.asarray(rng.uniform(0.1, 1, shape) * rng.choice([-1, 1], shape), np.float32)


def _step_check(
    optimizer: Optimizer, step: int, before: Arrays, grads: Arrays, after: Arrays, state: dict[str, tuple[np.ndarray, ...]]
) -> Check:
    """Worst parameter of one step, relative to the largest update; the rule itself in float32 sets the budget."""
    rows, largest = [], 0.0
    for name, grad in grads.items():
        old, wide = before[name].astype(np.float64), grad.astype(np.float64)
        slots = state.get(name, tuple(np.zeros_like(old) for _ in range(optimizer.slots())))
        narrow = tuple(slot.astype(np.float32) for slot in slots)
        rough, _ = optimizer.update(before[name].astype(np.float32), grad.astype(np.float32), narrow, step)
        due, state[name] = optimizer.update(old, wide, slots, step)
        largest = max(largest, _largest(due - old))
        rows.append((_largest(after[name] - due), _largest(rough - due), name))
    judged = [(error / largest, tolerance.bound("step", yardstick / largest), name) for error, yardstick, name in rows]
    error, bound, worst = max(judged, key=lambda row: row[0] / row[1])
    return _check("step", f"{optimizer.rule} step {step}: {worst}", error, bound, "train")


def _largest(array: np.ndarray) -> float:
    return float(np.abs(array).max(initial=0.0))


def trajectory(bench: Bench, optimizer: Optimizer, progress: Progress) -> list[Check]:
    """K steps on fresh seeded batches: the loss curve stays within the envelope of A/A runs (weights nudged by one rounding)."""
    (backend, settings), (oracle, exact), (_, rough) = bench.runs()
    true = _losses(bench, oracle, exact, optimizer, nudge=0)
    apart = np.abs(_losses(bench, oracle, rough, optimizer, nudge=0) - true)
    for seed in AA_RUNS:
        progress(f"trajectory, A/A run {seed}", 0.9)
        apart = np.maximum(apart, np.abs(_losses(bench, oracle, exact, optimizer, nudge=seed) - true))
    own = _losses(bench, backend, settings, optimizer, nudge=0)
    floor = tolerance.bound("trajectory", 0.0) * abs(true[0])
    allowed = np.maximum(ENVELOPE * envelope(apart), floor)
    ratio = np.abs(own - true) / allowed
    worst = int(np.nanargmax(np.where(np.isfinite(ratio), ratio, np.inf)))
    scale = abs(true[0])
    name = f"loss of {len(true)} steps of {optimizer.rule}, worst at step {worst + 1}"
    return [_check("trajectory", name, float(abs(own - true)[worst] / scale), float(allowed[worst] / scale), "train")]


def envelope(apart: np.ndarray) -> np.ndarray:
    """Largest distance of the A/A runs up to twice each step: where runs part is chance (a ReLU that flips), how far they part is not."""
    highest = np.maximum.accumulate(apart)
    return highest[np.minimum(2 * np.arange(len(apart)) + 4, len(apart) - 1)]


def _losses(bench: Bench, backend: Backend, settings: Settings, optimizer: Optimizer, *, nudge: int) -> np.ndarray:
    trainer = backend.trainer(bench.spec.train, optimizer, settings)
    start = {name: bench.params[name] for name in bench.spec.train.params}
    if nudge:
        rng = np.random.default_rng([bench.seed, nudge])
        start = {
            name: array * (1 + NUDGE * rng.normal(size=array.shape)) if array.dtype.kind == "f" else array for name, array in start.items()
        }
    trainer.program.load(start)
    rng = np.random.default_rng([bench.seed, 99])
    losses = [trainer.step(trainer.program.put(draw_feeds(bench.spec, bench.size, rng))) for _ in range(bench.size.steps)]
    return np.array([float(loss) for loss in losses])


def _judge(kind: str, name: str, own: np.ndarray, due: np.ndarray, rough: np.ndarray, *, graph: str, scale: float = 0.0) -> Check:
    error = tolerance.error(own, due, scale=scale)
    bound = tolerance.bound(kind, tolerance.error(rough, due, scale=scale))
    shift = float(np.linalg.norm(_joints(own - due), axis=-1).max() * 1000) if name.startswith("pose") and own.shape == due.shape else None
    return _check(kind, name, error, bound, graph, millimetres=shift)


def _joints(pose: np.ndarray) -> np.ndarray:
    """(..., joints, 3), also of a flat pose."""
    return pose.reshape(len(pose), -1, 3)


def _check(kind: str, name: str, error: float, bound: float, graph: str, *, millimetres: float | None = None) -> Check:
    ok = bool(error <= bound)  # false where either is NaN
    return Check(kind=kind, name=name, error=error, bound=bound if np.isfinite(bound) else 0.0, ok=ok, graph=graph, millimetres=millimetres)
