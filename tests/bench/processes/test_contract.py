"""A watched backend: its answers are let through or refused by name, and where they lie is seen."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from backends.base import Backend, Breach, EagerProgram, Settings, Unsupported
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from bench.processes import contract, due
from bench.processes.blame import said
from bench.processes.contract import Stop, Watch, bare
from models import params
from models.builder import Builder
from models.graph import Graph
from models.optim import Optimizer
from tests.meta.raising import Fault, shaky

X = {"x": np.ones((2, 3), np.float32)}
PLAIN = Optimizer("sgd", 0.1, 0.0)
FULL = Settings(precision="fp32")


def graph() -> Graph:
    builder = Builder("small")
    x = builder.input("x", (2, 3))
    w = builder.param("w", (3,), init=("ones", 0.0))
    builder.output("y", x * w)
    builder.output("loss", (x * w).sum(axis=(0, 1), keepdims=False))
    return builder.finish()


def start() -> dict[str, np.ndarray]:
    return params.draw(graph().params, seed=0)


def everything(backend: Backend) -> dict[str, Any]:
    """All that the contract can be asked, once."""
    found = {name: getattr(backend, name) for name in ("kernels", "gaps", "part_gaps")}
    found |= {"modes": backend.modes, "device": backend.device("auto")}
    found |= {"devices": backend.devices(), "precisions": backend.precisions("cpu")}
    found |= {"peak": backend.peak_memory("cpu"), "pin": backend.pin(threads=1)}
    found |= {"editions": sorted(backend.editions())}
    found |= {"features": backend.features(), "repeats": backend.repeats("cpu")}
    backend.synchronize("cpu")
    program = backend.program(graph(), FULL)
    program.load(start())
    found |= {"params": program.params(), "called": program(X)}
    found |= {
        "weights": program.weights(),
        "of": program.device_of(program.put(X)["x"]),
    }
    trainer = backend.trainer(graph(), PLAIN, FULL)
    trainer.program.load(start())
    trainer.set_lr(0.01)
    loss, grads = trainer.gradients(trainer.program.put(X))
    trainer.apply(grads)
    step = trainer.step(trainer.program.put(X))
    trainer.load_state(trainer.state())
    return found | {"loss": loss, "grads": grads, "step": step}


def refusal(method: str, deed: Callable[[Any], Any]) -> str:
    """What is said of a wrong answer, where it is refused or where it is gone on with."""
    watch = Watch()
    watched = contract.watched(shaky(Fault(method, deed)), watch)
    try:
        everything(watched)
    except Breach as error:
        return str(error)
    return "; ".join(watch.breaches)


def test_an_honest_backend_is_passed_on_and_nothing_is_noted(backend: Backend) -> None:
    watch = Watch()
    came = everything(contract.watched(backend, watch))
    plain = everything(backend)
    assert came.keys() == plain.keys()
    for name in (
        "editions",
        "device",
        "devices",
        "precisions",
        "features",
        "repeats",
        "pin",
    ):
        assert came[name] == plain[name]
    np.testing.assert_array_equal(came["called"]["y"], plain["called"]["y"])
    assert came["loss"] == plain["loss"]
    assert watch.breaches == []
    assert watch.devices == {backend.device("auto")}
    assert list(watch.precisions) == ["fp32"]


def test_every_method_of_the_contract_is_looked_at() -> None:
    """Or one that is new would pass unseen: `anything` says that nobody needs its answer."""
    tables = ((contract.Backend, due.BACKEND), (contract.Program, due.PROGRAM))
    for role, looks in (*tables, (contract.Trainer, due.TRAINER)):
        public = {name for name in vars(role) if not name.startswith("_")}
        stated = {name for name in role.__annotations__ if not name.startswith("_")}
        left = {"checked", "name", "native", "graph"}
        assert (public | stated) - left <= looks.keys(), role


MAPPINGS = {
    "Backend.devices": "a dict of texts",
    "Backend.precisions": "a dict of texts",
    "Backend.features": "a dict of texts",
    "Backend.kernels": "a dict of functions by op",
    "Backend.gaps": "a dict of texts",
    "Backend.modes": "a dict of modes",
    "Backend.editions": "a dict of backends",
    "Backend.pin": "a dict of what was set",
    "Program.params": "a dict of arrays",
    "Program.put": "a dict of native tensors",
    "Program.run": "a dict of native tensors",
    "Program.weights": "a dict of native tensors",
    "Trainer.state": "a dict of arrays",
}


@pytest.mark.parametrize("came", [None, "pose", [1, 2], 3.0])
@pytest.mark.parametrize("method", MAPPINGS)
def test_what_is_no_mapping_is_refused(method: str, came: Any) -> None:
    kind = "None" if came is None else type(came).__name__
    said = refusal(method, lambda _: came)
    due_ = f"Numpy{method} gave {kind}; {MAPPINGS[method]} was due (raising.py:"
    assert said.startswith(due_)


@pytest.mark.parametrize(
    ("method", "deed", "said"),
    [
        ("Backend.device", lambda _: None, "None; a text was due"),
        ("Backend.devices", lambda _: {"cpu": None}, "None for cpu; a text was due"),
        ("Backend.features", lambda _: {1: ""}, ""),
        ("Backend.peak_memory", lambda _: "much", "str; a number of bytes or None"),
        ("Backend.peak_memory", lambda _: True, "bool; a number of bytes or None"),
        ("Backend.peak_memory", lambda _: -1, "int; a number of bytes or None"),
        ("Backend.pin", lambda _: {"a": []}, "list for a; a text or a whole number"),
        ("Backend.kernels", lambda _: {"add": 3}, "int for add; a function was due"),
        ("Backend.editions", lambda _: {"new": 3}, "int for new; a Backend was due"),
        ("Backend.part_gaps", lambda _: {}, "dict; a tuple of Gap was due"),
        ("Backend.part_gaps", lambda _: ("a",), "str among them; a tuple of Gap"),
        ("Backend.modes", lambda _: {}, "none; at least one mode was due"),
        ("Backend.modes", lambda _: {"turbo": True}, "a mode turbo; one of eager, "),
        ("Backend.modes", lambda _: {"eager": 3}, "int for eager; None, False or"),
        ("Backend.program", lambda _: "module", "str; a Program was due"),
        ("Backend.trainer", lambda _: None, "None; a Trainer was due"),
        ("Program.params", lambda _: {}, "no parameter w; each parameter of small"),
        ("Program.params", lambda p: {**p, "v": p["w"]}, "a parameter v; no parameter"),
        ("Program.params", lambda p: {"w": [1.0]}, "list for w; a NumPy array"),
        ("Program.params", lambda p: {"w": p["w"][:1]}, "shape (1,) for w; (3,) was"),
        ("Program.put", lambda _: {}, "nothing for input x; a native tensor was due"),
        ("Program.run", lambda o: {"y": o["y"]}, "no output loss; each output of"),
        ("Program.run", lambda o: {**o, "z\n": 1}, "a output z; no output but"),
        ("Program.run", lambda o: {**o, "y": None}, "None for output y; a native"),
        ("Program.numpy", lambda a: a.tolist(), "list; a NumPy array was due"),
        ("Program.numpy", lambda a: a.astype(str), "an array of str"),
        ("Program.numpy", lambda a: a.astype(object), "an array of object; an array"),
        ("Program.numpy", lambda a: a.astype(complex), "an array of complex128; an"),
        ("Program.device_of", lambda _: None, "None; a text was due"),
        ("Trainer.gradients", lambda g: g[1], "dict; a loss and a dict of gradients"),
        ("Trainer.gradients", lambda g: ("1", g[1]), "str for the loss; a float was"),
        ("Trainer.gradients", lambda g: (g[0], {}), "no gradient w; each gradient of"),
        ("Program.numpy", lambda a: a.ravel()[:0], "shape (0,) for gradient w; (3,)"),
        ("Trainer.gradients", lambda g: (g[0], None), "None; a dict of gradients was"),
        ("Trainer.step", lambda _: None, "None; the loss was due"),
        ("Trainer.step", lambda _: {"loss": 1.0}, "dict; the loss was due"),
        ("Trainer.step", lambda _: "1.0", "str; the loss was due"),
        ("Trainer.state", lambda s: {"#steps": 3}, "int for #steps; a NumPy array"),
    ],
)
def test_a_wrong_answer_is_refused_by_name(
    method: str, deed: Callable[[Any], Any], said: str
) -> None:
    came = refusal(method, deed)
    assert came.startswith(f"Numpy{method} gave {said}" if said else ""), came
    assert came.isprintable()


@pytest.mark.parametrize(
    ("method", "deed"),
    [
        # wrong numbers are for exam and ladder
        ("Program.numpy", lambda array: np.asarray(array * np.nan)),
        ("Program.run", lambda outputs: {name: x * 0 for name, x in outputs.items()}),
        # a framework that waits for its loss loses time, and nothing else
        ("Trainer.step", float),
        ("Backend.peak_memory", lambda _: None),
        ("Program.weights", lambda _: {}),
        ("Program.device_of", lambda _: ""),
    ],
)
def test_what_the_contract_allows_is_let_through(
    method: str, deed: Callable[[Any], Any]
) -> None:
    assert refusal(method, deed) == ""


class Tensor:
    """Native, as far as NumPy's own program can tell."""

    def __init__(self, array: Any) -> None:
        self.array = array


class Native(NumpyProgram):
    """A program whose tensors are no arrays; `left` are outputs that have become some."""

    left: tuple[str, ...] = ()
    lies = "cpu"

    def put(self, arrays: Any) -> Any:
        return {name: Tensor(array) for name, array in super().put(arrays).items()}

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        found = super().run({name: tensor.array for name, tensor in feeds.items()})
        return {k: x if k in self.left else Tensor(x) for k, x in found.items()}

    def numpy(self, value: Any) -> np.ndarray:
        return np.asarray(value.array if isinstance(value, Tensor) else value)

    def device_of(self, value: Any) -> str:
        return self.lies


class NativeBackend(NumpyBackend):
    def program(self, graph: Graph, settings: Settings) -> Native:
        return Native(graph, settings)


def test_an_array_is_no_native_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    program = contract.watched(NativeBackend(), Watch()).program(graph(), FULL)
    program.load(start())
    program(X)
    monkeypatch.setattr(Native, "left", ("y",))
    said = r"Native.run gave a NumPy array for output y; a native tensor \(Tensor\) was"
    with pytest.raises(Breach, match=said):
        program(X)


@pytest.mark.parametrize(
    ("seen", "scattered", "astray"),
    [
        (set(), False, set()),
        ({"cuda"}, False, set()),
        ({"cuda", "cpu"}, False, {"cpu"}),
        ({"cpu"}, False, {"cpu"}),
        # single ops: some may be there on the CPU alone, but not all of them
        ({"cuda", "cpu"}, True, set()),
        ({"cpu"}, True, {"cpu"}),
        (set(), True, set()),
    ],
)
def test_what_lies_elsewhere_is_astray(
    seen: set[str], scattered: bool, astray: set[str]
) -> None:
    watch = Watch(asked="cuda", scattered=scattered, devices=seen)
    assert watch.astray() == astray


def test_where_outputs_lie_is_asked_of_the_framework(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Native, "lies", "cuda")
    watch = Watch()
    program = contract.watched(NativeBackend(), watch).program(graph(), FULL)
    program.load(start())
    assert watch.devices == set()
    program(X)
    assert watch.devices == {"cuda"}


def test_of_a_loss_that_is_a_number_the_weights_are_asked() -> None:
    watch = Watch()
    trainer = contract.watched(NumpyBackend(), watch).trainer(graph(), PLAIN, FULL)
    trainer.program.load(start())
    assert isinstance(trainer.step(trainer.program.put(X)), float)
    assert watch.devices == {"cpu"}


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_what_would_end_the_process_becomes_an_answer(error: BaseException) -> None:
    def deed(_: Any) -> Any:
        raise error

    said = refusal("Program.run", deed)
    assert said.startswith(f"NumpyProgram.run raised {type(error).__name__}")


def test_but_for_the_stop_that_ends_the_run() -> None:
    def deed(_: Any) -> Any:
        raise Stop

    with pytest.raises(Stop):
        refusal("Program.run", deed)


def test_a_backend_without_an_attribute_is_told_which(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(NumpyBackend, "kernels")
    watched = contract.watched(NumpyBackend(), Watch())
    with pytest.raises(Breach, match=r"NumpyBackend.kernels is missing; docs/"):
        _ = watched.kernels
    with pytest.raises(AttributeError):
        _ = watched.no_such_thing  # type: ignore[attr-defined]
    assert copy.copy(watched).name == "numpy"


def test_what_is_unsupported_stays_so() -> None:
    watched = contract.watched(NumpyBackend(), Watch())
    with pytest.raises(Unsupported, match="no mixed precision"):
        watched.program(graph(), Settings(precision="bf16"))
    with pytest.raises(Unsupported, match="device cuda is not usable"):
        watched.checked(Settings(device="cuda"))


def test_editions_are_watched_too() -> None:
    class Edited(NumpyBackend):
        def editions(self) -> Mapping[str, Backend]:
            return {"new": shaky(Fault("Program.run", lambda _: None))}

    watch = Watch()
    edition = contract.watched(Edited(), watch).editions()["new"]
    with pytest.raises(Breach, match="NumpyProgram.run gave None"):
        everything(edition)


def test_the_bare_program_is_the_backends_own() -> None:
    program = contract.watched(NumpyBackend(), Watch()).program(graph(), FULL)
    assert type(bare(program)) is NumpyProgram
    assert bare(bare(program)) is bare(program)
    trainer = contract.watched(NumpyBackend(), Watch()).trainer(graph(), PLAIN, FULL)
    assert trainer.program is trainer.program


class Heir(EagerProgram):
    """An adapter's own program, whose `run` is ready-made."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph, FULL, {"multiply": np.multiply})

    def tensor(self, array: Any) -> Any:
        return array

    def array(self, value: Any) -> Any:
        return value


def test_a_ready_made_method_is_laid_at_the_door_of_its_class() -> None:
    builder = Builder("small")
    builder.output("y", builder.input("x", (2,)) * builder.input("z", (2,)))
    made = Heir(builder.finish())
    call = due.Call(made, "run", made.graph)
    _, line = inspect.findsource(Heir)
    with pytest.raises(
        Breach, match=rf"Heir.run gave .* \(test_contract.py:{line + 1}\)$"
    ):
        due.outputs(call, {"y": None})


def test_so_is_a_kernel_that_has_no_line_of_python() -> None:
    builder = Builder("small")
    builder.output("y", builder.input("x", (2,)) * builder.input("z", (2,)))
    _, line = inspect.findsource(Heir)
    program = Heir(builder.finish())
    with pytest.raises(ValueError) as caught:
        program.run({"x": np.ones(2), "z": np.ones(3)})
    assert said(caught.value).endswith(f" (test_contract.py:{line + 1})")
