"""An exception as one line: which method of the contract, what, and where, whatever it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backends.base import Settings, Unsupported
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from backends.numpy.train import NumpyTrainer
from bench.processes import blame
from models.builder import Builder
from models.errors import BadInput
from models.graph import Graph
from models.optim import Optimizer

HERE = "test_blame.py"
FEEDS = {"x": np.ones((2, 3), np.float32)}


class Mute(Exception):
    """Its text cannot be had."""

    def __init__(self, worse: type[BaseException]) -> None:
        self.worse = worse

    def __str__(self) -> str:
        raise self.worse


class Loud(NumpyProgram):
    """Raises in `put`, in a helper of its own."""

    error: BaseException

    def put(self, arrays: Any) -> Any:
        return self._moved(arrays)

    def _moved(self, arrays: Any) -> Any:
        raise self.error


class Idle(NumpyTrainer):
    """Raises in `step`."""

    def step(self, feeds: Any) -> Any:
        raise ValueError("no step today")


class Deviceless(NumpyBackend):
    """Raises where it is asked for devices, and where for its kernels."""

    def devices(self) -> dict[str, str]:
        raise OSError("no driver")

    @property
    def gaps(self) -> Any:
        raise KeyError("gaps")


def graph() -> Graph:
    builder = Builder("small")
    x = builder.input("x", (2, 3))
    w = builder.param("w", (3,), init=("ones", 0.0))
    builder.output("y", x * w)
    builder.output("loss", (x * w).sum(axis=(0, 1), keepdims=False))
    return builder.finish()


def line(function: Callable[..., Any]) -> int:
    """The line of the first `raise` of a function."""
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, text in enumerate(lines) if "raise " in text)


def raised(call: Callable[[], Any]) -> str:
    try:
        call()
    except BaseException as error:
        return blame.said(error)
    raise AssertionError("nothing was raised")


def loud(error: BaseException) -> str:
    program = Loud(graph(), Settings(precision="fp32"))
    program.error = error
    return raised(lambda: program(FEEDS))


def test_a_method_is_named_and_the_deepest_line_of_the_backend() -> None:
    due = f"Loud.put raised ValueError: no (test_blame.py:{line(Loud._moved)})"
    assert loud(ValueError("no")) == due


def test_of_trainers_and_backends_too() -> None:
    trainer = Idle(graph(), Optimizer("sgd", 0.1, 0.0), Settings(precision="fp32"))
    due = f"Idle.step raised ValueError: no step today ({HERE}:{line(Idle.step)})"
    assert raised(lambda: trainer.step({})) == due


def test_what_the_contract_carries_out_itself_only_leads_to_the_method() -> None:
    due = "Deviceless.devices raised OSError: no driver ("
    assert raised(lambda: Deviceless().device("cpu")).startswith(due)


def test_a_property_is_a_method_of_the_contract() -> None:
    due = "Deviceless.gaps raised KeyError: 'gaps' ("
    assert raised(lambda: Deviceless().gaps).startswith(due)


def test_what_fails_in_the_contract_alone_is_named_all_the_same() -> None:
    class Nowhere(NumpyBackend):
        def devices(self) -> Any:
            return None

    due = "Nowhere.device raised AttributeError: "
    assert raised(lambda: Nowhere().device("cpu")).startswith(due)


def test_a_kernel_is_the_backends_own_line() -> None:
    backend = NumpyBackend()
    program = backend.program(graph(), Settings(precision="fp32"))
    program.load({"w": np.ones(3, np.float32)})
    said = raised(lambda: program.run({"x": np.ones((2, 5))}))
    # the sum is NumPy's own, and the line is the method's
    assert said.startswith("NumpyProgram.run raised ValueError: operands could not be")
    assert "(program.py:" in said or "(ops.py:" in said


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError(), "ValueError ("),
        (ValueError("two\nlines\r\n\tof it"), "ValueError: two lines of it ("),
        (ValueError("\x1b[1;31mred\x1b[0m alert\x07"), "ValueError: red alert ("),
        (ValueError("lone \ud800"), "ValueError: lone ("),
        (SystemExit(3), "SystemExit: 3 ("),
        (KeyboardInterrupt(), "KeyboardInterrupt ("),
        (Mute(ValueError), "Mute: (its text cannot be had: ValueError) ("),
        (Mute(SystemExit), "Mute: (its text cannot be had: SystemExit) ("),
        (Mute(RecursionError), "Mute: (its text cannot be had: RecursionError) ("),
    ],
)
def test_strange_exceptions_make_one_line(error: BaseException, words: str) -> None:
    said = loud(error)
    assert said.startswith(f"Loud.put raised {words}"), said
    assert said.isprintable() and said.encode()


def test_a_book_is_cut() -> None:
    assert len(loud(ValueError("word " * 1_000_000))) < 400


def test_what_was_written_for_people_stands_as_it_is() -> None:
    assert loud(Unsupported("no such\nthing")) == "no such\\nthing"
    assert loud(blame.Breach("X.put gave None")) == "X.put gave None"
    assert blame.said(BadInput("no checkpoint")) == "no checkpoint"


def test_but_what_a_method_lets_through_is_named_with_it() -> None:
    program = NumpyProgram(graph(), Settings(precision="fp32"))
    said = raised(lambda: program.load({}))
    assert said.startswith("NumpyProgram.load raised BadInput: ")


def test_outside_the_contract_the_deepest_line_is_given() -> None:
    def wrong() -> None:
        raise ArithmeticError("two")

    assert raised(wrong) == f"ArithmeticError: two ({HERE}:{line(wrong)})"


def test_what_was_never_raised_has_no_place() -> None:
    assert blame.said(ValueError("x")) == "ValueError: x"


def test_a_class_without_a_file_has_no_place() -> None:
    made: dict[str, Any] = {"__name__": "gone"}
    exec("class Made: pass", made)
    assert blame.home(made["Made"]) == ""


def test_bad_input_of_a_call_is_no_persons_fault_but_of_what_they_gave() -> None:
    program = Loud(graph(), Settings())
    program.error = BadInput("mine")
    with pytest.raises(BadInput) as caught:
        program(FEEDS)
    assert blame.astray(caught.value)
    with pytest.raises(BadInput) as caught:
        program.load({"w": np.ones(5, np.float32)})
    assert not blame.astray(caught.value)
    # and what nobody's call has raised
    assert not blame.astray(BadInput("typed so"))
