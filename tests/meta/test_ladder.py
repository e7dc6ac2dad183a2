"""The harness is tested: faults planted in a backend make ladder and exam fail by name, and a doctored timer voids its number."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from backends.base import Backend
from bench import config as configs
from bench.environment import ROOT
from bench.job import Finding, Job
from bench.records import Exam, Parity, Throughput
from bench.tasks import parity, shape_ops, throughput
from models.optim import Optimizer

torch = pytest.importorskip("torch", reason="PyTorch is not installed: no backend to plant faults in")

from torch.nn import functional as F  # noqa: E402  # after the skip

from backends.torch import ops, program  # noqa: E402
from backends.torch import train as native  # noqa: E402

# every hidden layer is square, so that a transposed weight fits
SIZES: dict[str, dict[str, Any]] = {
    "motionbert": {"width": 16, "representation": 16, "depth": 1, "heads": 2, "mlp_ratio": 1},
    "simple_baseline": {"width": 16, "stages": 1},
}


def job(task: str, model: str = "", *, asked: Sequence[str] = (), optimizers: Sequence[str] = ("sgd",)) -> Job:
    """A cell of tiny sizes."""
    config = configs.validate(
        {
            "model": {name: {"sizes": sizes} for name, sizes in SIZES.items()},
            "ops": list(asked),
            "parity": {"batch": 4, "frames": 5, "steps": 3, "optimizers": list(optimizers)},
            "throughput": {"batches": [2], "train_batch": 4, "rounds": 3, "seconds": 0.01},
            "threads": 1,
        }
    )
    return Job(task=task, backend="torch", model=model, config=config, folder=Path("nowhere"))


def quiet(text: str, share: float) -> None:
    """Nobody listens."""


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


def gelu_by_tanh(x: Any, *, approximate: str) -> Any:
    return F.gelu(x, approximate="tanh")


def momentum_swapped(x: Any, weight: Any, bias: Any, mean: Any, var: Any, *, eps: float, momentum: float) -> Any:
    return F.batch_norm(x, mean, var, weight, bias, True, 1 - momentum, eps), mean, var


def variance_biased(x: Any, weight: Any, bias: Any, mean: Any, var: Any, *, eps: float, momentum: float) -> Any:
    axes = [axis for axis in range(x.dim()) if axis != 1] if isinstance(x, torch.Tensor) else [0]
    y = F.batch_norm(x, None, None, weight, bias, True, 0.0, eps)
    new = (1 - momentum) * var + momentum * x.detach().var(axes, correction=0)
    return y, (1 - momentum) * mean + momentum * x.detach().mean(axes), new


def eps_left_out_of_batch_norm(x: Any, weight: Any, bias: Any, mean: Any, var: Any, *, eps: float) -> Any:
    return F.batch_norm(x, mean, var, weight, bias, False, 0.0, 1e-1)


def weight_transposed(x: Any, weight: Any, *bias: Any) -> Any:
    square = weight.shape[0] == weight.shape[1]
    return F.linear(x, weight.T if square else weight, *bias)


def eps_of_keras(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    return F.layer_norm(x, weight.shape, weight, bias, 1e-3)


def default_scale_doubled(query: Any, key: Any, value: Any, *, scale: float) -> Any:
    return F.scaled_dot_product_attention(query, key, value, scale=2 * scale)


def softmax_over_the_wrong_axis(x: Any, *, axis: int) -> Any:
    return F.softmax(x, -2 if axis in (-1, len(x.shape) - 1) else axis)


def gradient_cut(x: Any) -> Any:
    return x.relu().detach()


def half_the_gradient(a: Any, b: Any) -> Any:
    return a @ (0.5 * b + 0.5 * b.detach())


def weight_always_transposed(x: Any, weight: Any, *bias: Any) -> Any:
    return F.linear(x, weight.T, *bias)


ALWAYS = {"linear": weight_always_transposed}  # the exam's weights are not square
Fault = tuple[str, Callable[..., Any], str, str]
FAULTS: dict[str, Fault] = {  # what is wrong: op, its kernel, model that shows it, first rung that fails
    "tanh GELU for exact": ("gelu", gelu_by_tanh, "motionbert", "forward"),
    "LayerNorm eps 1e-3": ("layer_norm", eps_of_keras, "motionbert", "forward"),
    "attention scale": ("attention", default_scale_doubled, "motionbert", "forward"),
    "transposed weight": ("linear", weight_transposed, "motionbert", "forward"),
    "transposed weight, flat": ("linear", weight_transposed, "simple_baseline", "forward"),
    "softmax axis": ("softmax", softmax_over_the_wrong_axis, "motionbert", "forward"),
    "BatchNorm momentum swapped": ("batch_norm_train", momentum_swapped, "simple_baseline", "state"),
    "BatchNorm variance biased": ("batch_norm_train", variance_biased, "simple_baseline", "state"),
    "BatchNorm eps 0.1": ("batch_norm", eps_left_out_of_batch_norm, "simple_baseline", "forward"),
    "gradient cut": ("relu", gradient_cut, "simple_baseline", "gradient"),
}


def plant(monkeypatch: pytest.MonkeyPatch, op: str, kernel: Callable[..., Any]) -> None:
    monkeypatch.setattr(ops, "KERNELS", {**ops.KERNELS, op: kernel})


@pytest.mark.parametrize("model", SIZES)
def test_an_honest_backend_climbs_the_whole_ladder(model: str, patient: Backend) -> None:
    finding, found = ladder(patient, model, optimizers=("sgd", "adam", "adamw", "rmsprop"))
    assert (finding.status, finding.reason, found.first_failure, found.culprit) == ("ok", "", "", "")
    kinds = {check.kind for check in found.checks}
    assert kinds >= {"weights", "forward", "loss", "gradient", "step", "trajectory"}
    assert ("state" in kinds) == (model == "simple_baseline")
    assert all(check.ok for check in found.checks)


@pytest.mark.filterwarnings("ignore:var:UserWarning")  # the exam asks for the variance of one number
def test_an_honest_backend_passes_the_exam(patient: Backend) -> None:
    finding, found = exam(patient)
    assert (finding.status, finding.reason) == ("ok", "")
    assert {row.question for row in found.rows} == {"shape", "dtype", "value", "gradient", "kernel"}
    assert {row.op for row in found.rows} == set(ops.KERNELS) | {"dropout"}, "every op is asked about"


@pytest.mark.parametrize("fault", FAULTS)
def test_the_ladder_fails_and_its_culprit_is_the_op_at_its_model_line(
    fault: str, patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    op, kernel, model, rung = FAULTS[fault]
    plant(monkeypatch, op, kernel)
    finding, found = ladder(patient, model)
    assert finding.status == "failed"
    assert found.first_failure.startswith(f"{rung}: "), found.first_failure
    match = re.match(rf"{op} \S+ at (models/zoo/{model}\.py):(\d+) \(", found.culprit)
    assert match, found.culprit
    line = (ROOT / match[1]).read_text().splitlines()[int(match[2]) - 1]
    assert re.search(r"\w\(", line), "the line of the model file calls something"
    assert found.culprit in finding.reason and found.first_failure in finding.reason


@pytest.mark.parametrize("fault", FAULTS)
def test_the_exam_fails_and_names_the_op(fault: str, patient: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    op, kernel, _, rung = FAULTS[fault]
    plant(monkeypatch, op, ALWAYS.get(op, kernel))
    finding, found = exam(patient, op, "add")
    assert (finding.status, finding.reason) == ("failed", f"wrong answers: {op}")
    failed = {row.question for row in found.rows if row.result == "failed"}
    assert ("gradient" in failed) if rung == "gradient" else ("value" in failed)
    assert all(row.op == op for row in found.rows if row.result == "failed")


def test_a_gradient_that_is_wrong_where_the_value_is_right_is_found(patient: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "matmul", half_the_gradient)
    finding, found = exam(patient, "matmul")
    assert finding.reason == "wrong answers: matmul"
    assert {row.question for row in found.rows if row.result == "failed"} == {"gradient"}


def test_a_kernel_that_raises_is_the_answer_and_not_the_end(patient: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(x: Any, *, axis: int) -> Any:
        raise NotImplementedError("not on this device")

    plant(monkeypatch, "flip", broken)
    finding, found = exam(patient, "flip", "add")
    assert finding.reason == "wrong answers: flip"
    assert {row.note for row in found.rows if row.result == "failed"} == {"NotImplementedError: not on this device"}


def test_weights_that_do_not_come_back_fail_the_first_rung(patient: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    load = program.TorchProgram.load
    rounded = {"w2.bias"}
    monkeypatch.setattr(
        program.TorchProgram,
        "load",
        lambda self, params: load(self, {k: v.astype(np.float16) if k in rounded else v for k, v in params.items()}),
    )
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
                state.update(step=0, first=torch.zeros_like(param), second=torch.zeros_like(param))
            state["step"] += 1
            grad = param.grad + o.weight_decay * param
            state["first"].lerp_(grad, 1 - o.beta1)
            state["second"].lerp_(grad * grad, 1 - o.beta2)
            root = (state["second"] / (1 - o.beta2 ** state["step"]) + o.eps).sqrt()
            param.addcdiv_(state["first"] / (1 - o.beta1 ** state["step"]), root, value=-o.lr)


def adam_for_adamw(params: Any, o: Optimizer) -> Any:
    """Decay in the gradient where it should be decoupled."""
    return torch.optim.Adam(params, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps, weight_decay=o.weight_decay)


def adamw_of_another_default(params: Any, o: Optimizer) -> Any:
    """A decay that was not passed on: 4e-3 in place of 1e-2."""
    return torch.optim.AdamW(params, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps, weight_decay=4e-3)


def momentum_dampened(params: Any, o: Optimizer) -> Any:
    """Right in the first step, wrong from the second on."""
    return torch.optim.SGD(params, lr=o.lr, momentum=o.momentum, dampening=o.momentum, weight_decay=o.weight_decay)


def decay_forgotten(params: Any, o: Optimizer) -> Any:
    """No decay at all."""
    return torch.optim.SGD(params, lr=o.lr, momentum=o.momentum)


def centred(params: Any, o: Optimizer) -> Any:
    """RMSprop with the mean taken out."""
    return torch.optim.RMSprop(params, lr=o.lr, alpha=o.alpha, eps=o.eps, weight_decay=o.weight_decay, centered=True)


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
    rule: str, wrong: Callable[[Any, Optimizer], Any], patient: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = native.native_optimizer
    monkeypatch.setattr(native, "native_optimizer", lambda o, params: wrong(params, o) if o.rule == rule else make(o, params))
    finding, found = ladder(patient, "simple_baseline", optimizers=("sgd", "adam", "adamw", "rmsprop"))
    wrong_steps = [check.name for check in found.checks if check.kind == "step" and not check.ok]
    assert finding.status == "failed" and wrong_steps
    assert all(name.startswith(f"{rule} step ") for name in wrong_steps), wrong_steps
    assert not [check for check in found.checks if check.kind in ("forward", "gradient", "loss", "state") and not check.ok]
    assert "none alone" in finding.reason, "no node is to blame"


def timed(patient: Backend, model: str = "simple_baseline", **options: Any) -> tuple[Finding, Throughput]:
    finding = throughput.run(job("throughput", model), patient, "cpu", quiet, **options)
    assert isinstance(finding.payload, Throughput)
    return finding, finding.payload


def numbers(found: Throughput) -> list[float | None]:
    """Everything a reader could take for a speed."""
    return [value for row in found.timings for value in (row.seconds, row.low, row.high, row.p95, row.frames_per_second)]


def test_an_honest_timer_gives_numbers(patient: Backend) -> None:
    finding, found = timed(patient)
    assert (finding.status, finding.reason) == ("ok", "")
    assert [(row.what, row.batch, row.lies) for row in found.timings] == [("forward", 2, ()), ("train_step", 4, ())]
    for row in found.timings:
        assert row.seconds and row.low and row.high and row.low <= row.seconds <= row.high
        assert row.frames_per_second == pytest.approx(row.batch * row.frames / row.seconds)


CLOCKS: dict[str, tuple[Callable[[], float], str]] = {
    "still": (lambda: 1.0, "the timer runs at 0.00 times"),
    "half speed": (lambda: 0.5 * time.perf_counter(), "the timer runs at 0.5"),
    "double speed": (lambda: 2.0 * time.perf_counter(), "the timer runs at 2.0"),
    "milliseconds": (lambda: 1e3 * time.perf_counter(), "times the speed of the system's clock"),
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_doctored_clock_voids_every_number(clock: str, patient: Backend) -> None:
    ticking, lie = CLOCKS[clock]
    finding, found = timed(patient, clock=ticking)
    assert finding.status == "invalid" and lie in finding.reason
    assert numbers(found) == [None] * 10
    assert all(row.lies for row in found.timings)


def test_a_timer_that_does_not_wait_for_the_work_is_found(patient: Backend) -> None:
    """The clock runs right when looked at, but stands still for the work: each sample takes as long as the next."""
    readings: list[float] = []

    def overlooking() -> float:
        readings.append(time.perf_counter())
        began = len(readings) % 2 == 1
        return readings[-1] if began or readings[-1] - readings[-2] > 0.015 else readings[-2] + 1e-3

    finding, found = timed(patient, clock=overlooking)
    assert finding.status == "invalid" and "time does not grow with work" in finding.reason
    assert None in numbers(found)


def test_work_that_is_cached_voids_its_number(patient: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    run = program.TorchProgram.run
    cache: dict[int, Any] = {}
    monkeypatch.setattr(program.TorchProgram, "run", lambda self, feeds: cache.setdefault(id(self), run(self, feeds)))
    finding, found = timed(patient)
    forward, step = found.timings
    assert finding.status == "invalid"
    assert "changed inputs did not change the outputs: something is cached or skipped" in forward.lies
    assert forward.seconds is None and forward.frames_per_second is None
    assert step.seconds is not None and not step.lies, "the other number stands"


def test_a_training_step_that_trains_nothing_voids_its_number(patient: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native.TorchTrainer, "step", lambda self, feeds: self._loss(feeds).detach())
    finding, found = timed(patient)
    forward, step = found.timings
    assert finding.status == "invalid" and finding.reason.startswith("train_step at batch 4: changed inputs did not change")
    assert step.seconds is None and forward.seconds is not None
