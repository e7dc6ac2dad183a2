"""The harness is tested in PyTorch: what is wrong fails by name.

That is optimizers, lost weights and gradients; a doctored timer voids its number.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from backends.base import Backend
from bench import config as configs
from bench.coordinator.job import Finding, Job
from bench.exam import task as shape_ops
from bench.parity import task as parity
from bench.records import Exam, Parity, Throughput
from bench.speed import task as throughput
from bench.speed import timing
from models.optim import Optimizer

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: no backend to plant faults in"
)

from backends.torch import ops, program  # noqa: E402  # after the skip
from backends.torch import train as native  # noqa: E402

SIZES: dict[str, dict[str, Any]] = {"simple_baseline": {"width": 16, "stages": 1}}


def job(
    task: str,
    model: str = "",
    *,
    asked: Sequence[str] = (),
    optimizers: Sequence[str] = ("sgd",),
) -> Job:
    """A cell of tiny sizes."""
    # three steps: momentum is wrong from the second on
    config = configs.validate(
        {
            "model": {name: {"sizes": sizes} for name, sizes in SIZES.items()},
            "ops": list(asked),
            "exam": {"modes": ["customary"], "dtypes": ["float32"]},
            "parity": {
                "batch": 4,
                "frames": 5,
                "steps": 3,
                "optimizers": list(optimizers),
            },
            "throughput": {
                "batches": [2],
                "train_batch": 4,
                "rounds": 3,
                "seconds": 0.01,
            },
            "threads": 1,
        }
    )
    return Job(
        task=task, backend="torch", model=model, config=config, folder=Path("nowhere")
    )


def quiet(text: str, share: float) -> None:
    """Nobody listens."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a cell leaves behind lies in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def patient() -> Backend:
    """The backend that faults are planted in."""
    return backends.load("torch")


def ladder(patient: Backend, model: str, **options: Any) -> tuple[Finding, Parity]:
    finding = parity.run(job("parity", model, **options), patient, "cpu", quiet)
    assert isinstance(finding.payload, Parity)
    return finding, finding.payload


def exam(patient: Backend, *asked: str) -> tuple[Finding, Exam]:
    finding = shape_ops.run(job("shape_ops", asked=asked), patient, "cpu", quiet)
    assert isinstance(finding.payload, Exam)
    return finding, finding.payload


def half_the_gradient(a: Any, b: Any) -> Any:
    # the value of the product, from one part that is differentiated and one that is not
    return a @ (0.5 * b + 0.5 * b.detach())


def plant(monkeypatch: pytest.MonkeyPatch, op: str, kernel: Callable[..., Any]) -> None:
    monkeypatch.setattr(ops, "KERNELS", {**ops.KERNELS, op: kernel})


# the exam asks for the variance of one number
@pytest.mark.filterwarnings("ignore:var:UserWarning")
def test_an_honest_backend_passes_the_exam(patient: Backend) -> None:
    finding, found = exam(patient)
    assert (finding.status, finding.reason) == ("ok", "")
    questions = {"shape", "dtype", "value", "gradient", "kernel"}
    assert {row.question for row in found.rows} == questions
    # every op is asked about; four run by their bodies
    bodies = {"dropout", "logsumexp", "replica_mean", "resize"}
    assert {row.op for row in found.rows} == {*ops.KERNELS, *bodies}


def test_a_gradient_that_is_wrong_where_the_value_is_right_is_found(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, "matmul", half_the_gradient)
    finding, found = exam(patient, "matmul")
    assert finding.reason == "wrong answers: matmul"
    assert {row.question for row in found.rows if row.result == "failed"} == {
        "gradient"
    }


def test_a_kernel_that_raises_is_the_answer_and_not_the_end(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(x: Any, *, axis: int) -> Any:
        raise NotImplementedError("not on this device")

    plant(monkeypatch, "flip", broken)
    finding, found = exam(patient, "flip", "add")
    assert finding.reason.startswith("wrong answers: flip")
    notes = {row.note for row in found.rows if row.result == "failed"}
    assert len(notes) == 1
    assert "raised NotImplementedError: not on this device (" in notes.pop()


def test_weights_that_do_not_come_back_fail_the_first_rung(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = program.TorchProgram.load

    def rounding(self: Any, params: Any) -> None:
        load(self, {**params, "w2.bias": params["w2.bias"].astype(np.float16)})

    monkeypatch.setattr(program.TorchProgram, "load", rounding)
    _, found = ladder(patient, "simple_baseline")
    assert found.first_failure == "weights: w2.bias"


class EpsInsideTheRoot(torch.optim.Optimizer):
    """Adam whose epsilon is added before the root."""

    def __init__(self, params: Any, rule: Optimizer) -> None:
        super().__init__(params, {"lr": rule.lr})
        self.rule = rule

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        o = self.rule
        for param in self.param_groups[0]["params"]:
            state = self.state[param]
            if not state:
                zeros = torch.zeros_like(param)
                state.update(step=0, first=zeros, second=zeros.clone())
            state["step"] += 1
            grad = param.grad + o.weight_decay * param
            state["first"].lerp_(grad, 1 - o.beta1)
            state["second"].lerp_(grad * grad, 1 - o.beta2)
            first = state["first"] / (1 - o.beta1 ** state["step"])
            second = state["second"] / (1 - o.beta2 ** state["step"])
            # right would be: second.sqrt() + eps
            param.addcdiv_(first, (second + o.eps).sqrt(), value=-o.lr)


def adam_for_adamw(params: Any, o: Optimizer) -> Any:
    """Decay in the gradient where it should be decoupled."""
    return torch.optim.Adam(
        params,
        lr=o.lr,
        betas=(o.beta1, o.beta2),
        eps=o.eps,
        weight_decay=o.weight_decay,
    )


def adamw_of_another_default(params: Any, o: Optimizer) -> Any:
    """A decay that was not passed on: 4e-3 in place of 1e-2."""
    return torch.optim.AdamW(
        params, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps, weight_decay=4e-3
    )


def momentum_dampened(params: Any, o: Optimizer) -> Any:
    """Right in the first step, wrong from the second on."""
    return torch.optim.SGD(
        params,
        lr=o.lr,
        momentum=o.momentum,
        dampening=o.momentum,
        weight_decay=o.weight_decay,
    )


def decay_forgotten(params: Any, o: Optimizer) -> Any:
    """No decay at all."""
    return torch.optim.SGD(params, lr=o.lr, momentum=o.momentum)


def centred(params: Any, o: Optimizer) -> Any:
    """RMSprop with the mean taken out."""
    return torch.optim.RMSprop(
        params,
        lr=o.lr,
        alpha=o.alpha,
        eps=o.eps,
        weight_decay=o.weight_decay,
        centered=True,
    )


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("adamw", adam_for_adamw),
        ("adamw", adamw_of_another_default),
        ("adam", EpsInsideTheRoot),
        ("sgd", momentum_dampened),
        ("sgd", decay_forgotten),
        ("rmsprop", centred),
    ],
)
def test_a_wrong_optimizer_fails_the_step_rung_by_name(
    rule: str,
    wrong: Callable[[Any, Optimizer], Any],
    patient: Backend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make = native.native_optimizer

    def made(o: Optimizer, params: Any) -> Any:
        return wrong(params, o) if o.rule == rule else make(o, params)

    monkeypatch.setattr(native, "native_optimizer", made)
    # the others are right, and must not be blamed
    rules = ("sgd", "adam", "adamw", "rmsprop")
    finding, found = ladder(patient, "simple_baseline", optimizers=rules)
    assert finding.status == "failed"
    failed = [check for check in found.checks if not check.ok]
    steps = [check.name for check in failed if check.kind == "step"]
    assert steps
    assert all(name.startswith(f"{rule} ") for name in steps), steps
    # what the optimizer has no part in
    assert not {"forward", "gradient", "loss", "state"} & {c.kind for c in failed}
    assert "no single node is wrong" in finding.reason, "no node is to blame"


def timed(
    patient: Backend, model: str = "simple_baseline", **options: Any
) -> tuple[Finding, Throughput]:
    finding = throughput.run(job("throughput", model), patient, "cpu", quiet, **options)
    assert isinstance(finding.payload, Throughput)
    return finding, finding.payload


def numbers(found: Throughput) -> list[float | None]:
    """Everything a reader could take for a speed."""
    return [
        value
        for row in found.timings
        for value in (row.seconds, row.low, row.high, row.p95, row.frames_per_second)
    ]


def test_an_honest_timer_gives_numbers(patient: Backend) -> None:
    finding, found = timed(patient)
    assert (finding.status, finding.reason) == ("ok", "")
    assert [(row.what, row.batch, row.lies) for row in found.timings] == [
        ("forward", 2, ()),
        ("train_step", 4, ()),
    ]
    for row in found.timings:
        assert (
            row.seconds and row.low and row.high and row.low <= row.seconds <= row.high
        )
        assert row.frames_per_second == pytest.approx(
            row.batch * row.frames / row.seconds
        )


# what a clock says, and what is said of it
CLOCKS: dict[str, tuple[Callable[[], float], str]] = {
    "still": (lambda: 1.0, "the timer runs at 0.00 times"),
    "half speed": (lambda: 0.5 * time.perf_counter(), "the timer runs at 0.5"),
    "double speed": (lambda: 2.0 * time.perf_counter(), "the timer runs at 2.0"),
    "milliseconds": (
        lambda: 1e3 * time.perf_counter(),
        "times the speed of the system's clock",
    ),
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_doctored_clock_voids_every_number(clock: str, patient: Backend) -> None:
    ticking, lie = CLOCKS[clock]
    finding, found = timed(patient, clock=ticking)
    assert finding.status == "invalid" and lie in finding.reason
    # five for the forward pass, five for the step
    assert numbers(found) == [None] * 10
    assert all(row.lies for row in found.timings)


def test_a_timer_that_does_not_wait_for_the_work_is_found(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock runs right while the harness sleeps to look at it.

    But for the work, each sample takes as long as the next.
    """
    now, sleep = [0.0], time.sleep

    def sleeping(seconds: float) -> None:
        start = time.monotonic()
        sleep(seconds)
        now[0] += time.monotonic() - start

    def overlooking() -> float:
        now[0] += 5e-4
        return now[0]

    monkeypatch.setattr(timing.time, "sleep", sleeping)
    finding, found = timed(patient, clock=overlooking)
    assert (
        finding.status == "invalid" and "time does not grow with work" in finding.reason
    )
    assert None in numbers(found)


def test_work_that_is_cached_voids_its_number(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = program.TorchProgram.run
    cache: dict[int, Any] = {}

    def cached(self: Any, feeds: Any) -> Any:
        # whatever is fed, the first answer
        return cache.setdefault(id(self), run(self, feeds))

    monkeypatch.setattr(program.TorchProgram, "run", cached)
    finding, found = timed(patient)
    forward, step = found.timings
    assert finding.status == "invalid"
    lie = "changed inputs did not change the outputs: something is cached or skipped"
    assert lie in forward.lies
    assert forward.seconds is None and forward.frames_per_second is None
    assert step.seconds is not None and not step.lies, "the other number stands"


def test_a_training_step_that_trains_nothing_voids_its_number(
    patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def idle(self: Any, feeds: Any) -> Any:
        return self._loss(feeds).detach()  # the loss of a step, without the step

    monkeypatch.setattr(native.TorchTrainer, "step", idle)
    finding, found = timed(patient)
    forward, step = found.timings
    assert finding.status == "invalid"
    said = "train_step at batch 4: changed inputs did not change"
    assert finding.reason.startswith(said)
    assert step.seconds is None and forward.seconds is not None
