"""`bench backends check` tells each breach in a line: the call, what came, what was due."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Backend, Settings
from bench.kit.caller import SHEETS
from bench.kit.check import Told, check
from bench.kit.sheets import Asking
from bench.processes import blame, contract
from bench.processes.contract import Watch
from bench.processes.hearing import Ended
from bench.processes.question import SHORT
from models.graph import Graph
from tests.backends.eager import KERNELS, Tensor, TinyBackend, TinyProgram
from tests.bench.kit.packages import bench, installed


def told(backend: Backend, *sheets: str) -> list[str]:
    """What is said of a backend, in this process."""
    watch = Watch()
    asking = Asking(contract.watched(backend, watch), "cpu", lambda call: None)
    found = []
    for name in sheets or SHEETS:
        try:
            found += list(SHEETS[name](asking))
        except blame.RAISED as error:
            found.append(blame.said(error))
    return [*found, *watch.breaches]


def made(backend: dict[str, Any] | None = None, **program: Any) -> Backend:
    """An adapter with a member of its backend or its program replaced."""
    kind = type("BadProgram", (TinyProgram,), program)

    def realised(self: Backend, graph: Graph, settings: Settings) -> Any:
        return kind(graph, settings, self.kernels)

    found: Backend = type(
        "Bad", (TinyBackend,), {"program": realised, **(backend or {})}
    )()
    return found


def test_a_whole_adapter_is_told_nothing() -> None:
    assert told(made()) == []


def test_the_built_in_are_told_nothing(backend: Backend) -> None:
    allowed = ["numpy is the oracle and is fed its noise; it draws none"]
    assert told(backend) == (allowed if backend.name == "numpy" else [])


def wide(self: Any, value: Tensor) -> Any:
    return value.held.astype(np.float64)


def stuck(self: Any, feeds: Any) -> Any:
    outputs, _ = self.native(self._params, feeds, self._constants)
    return dict(outputs)


def less(self: Any, feeds: Any) -> Any:
    return dict(list(TinyProgram.run(self, feeds).items())[1:])


def captured(self: Any, feeds: Any) -> Any:
    """The third call of a shape computes with the batch of the second, as the fourth does."""
    shape = next(iter(feeds.values())).shape
    held = self.__dict__.setdefault("held", {}).setdefault(shape, [])
    held.append(feeds)
    return TinyProgram.run(self, held[min(len(held), 2) - 1])


def overwriting(self: Any, feeds: Any) -> Any:
    """All calls of a shape write into the same tensors."""
    outputs = TinyProgram.run(self, feeds)
    own = self.__dict__.setdefault("own", {})
    for name, value in outputs.items():
        kept = own.setdefault((name, value.shape), Tensor(value.held.copy()))
        kept.held[...] = value.held
        outputs[name] = kept
    return outputs


def anything(self: Any, params: Any) -> None:
    held = getattr(self, "_params", {})
    self._params = held | {name: Tensor(np.array(a)) for name, a in params.items()}


def nan(x: Tensor) -> Tensor:
    return Tensor(x.held * np.nan)


def flat(x: Tensor) -> Tensor:
    return Tensor(x.held.ravel())


def short(array: np.ndarray) -> Any:
    return Tensor(array.astype(np.int32) if array.dtype == np.int64 else array)


CASES: dict[str, tuple[Callable[[], Backend], str]] = {
    "another type": (
        lambda: made(array=wide),
        r"^BadProgram.run and .numpy gave float64 for y; float32 was due",
    ),
    "narrow integers": (
        lambda: made(tensor=lambda self, array: short(array)),
        r"gave int32 for counted; int64 was due",
    ),
    "an output left out": (
        lambda: made(run=less),
        r"^BadProgram.run gave no output y; each output of layer was due",
    ),
    "a batch that is held": (
        lambda: made(run=captured),
        r"^BadProgram.run and .numpy gave y off by .* of the largest; NumPy's",
    ),
    "outputs written over": (
        lambda: made(run=overwriting),
        r"^BadProgram.run and .numpy, read after the next call, gave y off by",
    ),
    "running statistics that stay": (
        lambda: made(run=stuck),
        r"^BadProgram.params gave bn.running_mean off by 1 of the largest; NumPy's",
    ),
    "weights that do not fit are taken": (
        lambda: made(load=anything),
        r"^BadProgram.load took weights without fc.bias; BadInput was due",
    ),
    "NaN": (
        lambda: made({"kernels": {**KERNELS, "tanh": nan}}),
        r"^BadProgram.run and .numpy gave y off by nan of the largest",
    ),
    "another shape": (
        lambda: made({"kernels": {**KERNELS, "tanh": flat}}),
        r"BadProgram.run raised .* \(",
    ),
    "a kernel of no op": (
        lambda: made({"kernels": {**KERNELS, "tahn": nan}}),
        r"^unknown Backend.kernels: op 'tahn': did you mean tan?h",
    ),
    "a gap with a kernel": (
        lambda: made({"gaps": {"tanh": "none"}}),
        r"^Backend.gaps gave tanh, which has a kernel; one of the two was due",
    ),
    "a rule of no name": (
        lambda: made({"optimizers": lambda self: {"adm": ""}}),
        r"^unknown Backend.optimizers: optimizer 'adm': did you mean adam",
    ),
    "a device of no name": (
        lambda: made({"devices": lambda self: {"cpu": "", "gpu": ""}}),
        r"^unknown Backend.devices: device 'gpu'",
    ),
    "no full precision": (
        lambda: made({"precisions": lambda self, device: {"bf16": ""}}),
        r"^Backend.precisions gave no fp32 \(it is not named\); full precision was due",
    ),
    "None for a memory that is a text": (
        lambda: made({"peak_memory": lambda self, device: "much"}),
        r"^Bad.peak_memory gave str; a number of bytes or None was due",
    ),
    "a method that raises": (
        lambda: made({"features": lambda self: 1 / 0}),
        r"^Bad.features raised ZeroDivisionError: division by zero \(test_check.py:",
    ),
    "a place elsewhere": (
        lambda: made(device_of=lambda self, value: "cuda"),
        r"^BadProgram.device_of gave cuda; cpu was due",
    ),
    "noise that it says it draws, and does not": (
        lambda: made({"draws_noise": True}),
        r"noisy was fed no drop.mask|noisy was fed no drop",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_breach_is_a_line(case: str) -> None:
    make, due = CASES[case]
    lines = told(make())
    assert any(re.search(due, line) for line in lines), lines
    assert all(line.isprintable() for line in lines)


def test_a_trainer_that_forgets_its_slots_is_told() -> None:
    class Forgetful(TinyBackend):
        def trainer(self, *given: Any) -> Any:
            trainer: Any = super().trainer(*given)
            trainer.load_state = lambda state: None
            return trainer

    lines = told(Forgetful(), "trainers")
    assert any(
        "a step of adam from a saved state, gave fc.weight off by" in x for x in lines
    )


def test_a_trainer_that_holds_a_batch_is_told() -> None:
    class Holding(TinyBackend):
        def trainer(self, *given: Any) -> Any:
            trainer: Any = super().trainer(*given)
            right, held = trainer.gradients, []

            def gradients(feeds: Any) -> Any:
                held.append(feeds)
                return right(held[min(len(held), 2) - 1])

            trainer.gradients = gradients
            return trainer

    lines = told(Holding(), "trainers")
    assert any("two steps of sgd, gave fc.weight off by" in line for line in lines)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("outside"), "bad")


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        (
            "import time; time.sleep(60)",
            r"Program.run did not come back in 4 s in tanh \(ops.py:\d+\)",
        ),
        ("import os; os.abort()", r"Program.run ended with signal SIGABRT in tanh \("),
        (
            "import os; os._exit(3)",
            r"Program.run ended with exit code 3, and said nothing",
        ),
        ("raise SystemExit(0)", r"BadProgram.run raised SystemExit: 0 \(ops.py:\d+\)"),
    ],
)
def test_a_hang_and_a_crash_are_lines_and_the_rest_is_asked(
    deed: str, said: str, package: Path
) -> None:
    source = package / "poseport_bad" / "ops.py"
    text = source.read_text()
    wrong = text.replace('    "tanh": np.tanh,\n', "")
    wrong = wrong.replace(
        "def astype", f"def tanh(x: Tensor) -> Tensor:\n    {deed}\n\n\ndef astype"
    )
    source.write_text(wrong)
    try:
        done = bench(package, "backends", "check", "bad", "--limit", "4")
    finally:
        source.write_text(text)
    assert (done.returncode, done.stderr) == (1, "")
    *lines, last = done.stdout.splitlines()
    assert re.search(said, lines[0]), done.stdout
    assert "Traceback" not in done.stdout
    # the graphs without tanh were asked all the same, trainers among them
    calls = re.fullmatch(r"bad: (\d+) calls, \d breaches", last)
    assert calls is not None and int(calls[1]) > 100


def test_what_an_adapter_prints_is_not_taken_for_an_answer(package: Path) -> None:
    source = package / "poseport_bad" / "backend.py"
    text = source.read_text()
    source.write_text(
        text.replace(
            "        return array", "        print('hello')\n        return array"
        )
    )
    try:
        done = bench(package, "backends", "check", "bad", "--json")
    finally:
        source.write_text(text)
    assert '"breaches": []' in done.stdout and "hello" not in done.stdout


def test_the_limit_is_of_a_call_and_not_of_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silences = []

    def listen(command: object, hear: Any, *, silence: float, **given: object) -> Ended:
        silences.append(silence)
        if len(silences) == 1:
            silences.append(hear('["call", "load() of backend mine"]'))
        return Ended(-9, "", late=True)

    monkeypatch.setattr("bench.processes.hearing.listen", listen)
    told = check("mine", limit=0.5)
    assert silences == [SHORT, 0.5]
    due = "load() of backend mine did not come back in 0.5 s; an answer was due"
    assert told.breaches == [due]
    silences.append(0.0)
    late = "the start of backend mine did not come back in 120 s; an answer was due"
    assert check("mine", limit=0.5).breaches == [late]


@pytest.mark.parametrize("line", ["junk\n", "3\n", "[1]\n", '["a", "b", "c"]\n', "\n"])
def test_a_line_that_the_child_has_not_written_is_passed_over(line: str) -> None:
    whole = Told()
    whole.hear(line)
    assert whole == Told()
