"""What each method of a backend must give: one look for each, by its name.

A look lets the answer pass or raises `Breach`, which says what came and what was due. Whether
the numbers are right is no matter of the contract: that is for exam and ladder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, get_args

import numpy as np

from backends.base import Backend, Breach, Gap, Program, Trainer
from bench.processes import calls
from bench.processes.blame import READY_MADE, home, plain
from bench.records import ExamRow
from models.graph import FLOATS, Graph

# the words that the records know for the ways in which a program runs
MODES = get_args(ExamRow.model_fields["mode"].annotation)
NUMBERS = "fiub"  # kinds of NumPy types that a graph can have; bfloat16 is of none


class Call(NamedTuple):
    """One answer of a backend, a program or a trainer: whose it is, and to what."""

    owner: Any
    method: str
    graph: Graph | None = None  # of a program or trainer
    given: tuple[Any, ...] = ()

    @property
    def name(self) -> str:
        """As a person looks for it."""
        return calls.of(self.owner, self.method)

    def refuse(self, came: str, due: str) -> NoReturn:
        """Raises Breach: what came, what was due, and the line of the method."""
        raise Breach(f"{self.name} gave {came}; {due} was due{self._place()}")

    def _place(self) -> str:
        made = getattr(type(self.owner), self.method, None)
        code = getattr(getattr(made, "fget", made), "__code__", None)
        if code is None:
            return ""
        # a ready-made method gives what the class that has it was written to give
        if code.co_filename in READY_MADE:
            return home(type(self.owner))
        return f" ({Path(code.co_filename).name}:{code.co_firstlineno})"


Look = Callable[[Call, Any], None]


def anything(call: Call, came: Any) -> None:
    """Nobody looks at what comes back."""


def text(call: Call, came: Any) -> None:
    """A word or a reason."""
    if not isinstance(came, str):
        call.refuse(kind(came), "a text")


def reasons(call: Call, came: Any) -> None:
    """Texts by name."""
    _mapping(call, came, "a dict of texts")
    for name, value in came.items():
        if not isinstance(value, str):
            call.refuse(f"{kind(value)} for {shown(name)}", "a text")


def settings(call: Call, came: Any) -> None:
    """What was pinned."""
    _mapping(call, came, "a dict of what was set")
    for name, value in came.items():
        if not isinstance(value, str | int | bool):
            call.refuse(f"{kind(value)} for {shown(name)}", "a text or a whole number")


def memory(call: Call, came: Any) -> None:
    """Bytes, or None where the framework does not say."""
    whole = isinstance(came, int) and not isinstance(came, bool) and came >= 0
    if came is not None and not whole:
        call.refuse(kind(came), "a number of bytes or None")


def kernels(call: Call, came: Any) -> None:
    """Functions by op."""
    _mapping(call, came, "a dict of functions by op")
    for name, value in came.items():
        if not callable(value):
            call.refuse(f"{kind(value)} for {shown(name)}", "a function")


def part_gaps(call: Call, came: Any) -> None:
    """Gaps of some cases."""
    if not isinstance(came, tuple | list):
        call.refuse(kind(came), "a tuple of Gap")
    for value in came:
        if not isinstance(value, Gap):
            call.refuse(f"{kind(value)} among them", "a tuple of Gap")


def modes(call: Call, came: Any) -> None:
    """The ways in which a program can run, at least one."""
    _mapping(call, came, "a dict of modes")
    if not came:
        call.refuse("none", "at least one mode")
    for name, value in came.items():
        if name not in MODES:
            call.refuse(f"a mode {shown(name)}", f"one of {', '.join(MODES)}")
        if value not in (None, False, True):
            call.refuse(f"{kind(value)} for {name}", "None, False or True")


def truth(call: Call, came: Any) -> None:
    """Yes or no."""
    if not isinstance(came, bool):
        call.refuse(kind(came), "True or False")


def editions(call: Call, came: Any) -> None:
    """Backends by name."""
    _mapping(call, came, "a dict of backends")
    for name, value in came.items():
        if not isinstance(value, Backend):
            call.refuse(f"{kind(value)} for {shown(name)}", "a Backend")


def program(call: Call, came: Any) -> None:
    """A graph realised."""
    if not isinstance(came, Program):
        call.refuse(kind(came), "a Program")


def trainer(call: Call, came: Any) -> None:
    """A train graph realised."""
    if not isinstance(came, Trainer):
        call.refuse(kind(came), "a Trainer")


def feeds(call: Call, came: Any) -> None:
    """Inputs as native tensors, by the names they were given under."""
    _mapping(call, came, "a dict of native tensors")
    inputs = call.graph.inputs if call.graph else {}
    for name in call.given[0] if call.given else ():
        if name in inputs and came.get(name) is None:
            call.refuse(f"nothing for input {shown(name)}", "a native tensor")


def outputs(call: Call, came: Any) -> None:
    """All outputs of the graph by name, and no others; native where the feeds are."""
    _mapping(call, came, "a dict of native tensors")
    if call.graph is None:
        return
    _names(call, came, call.graph.outputs, "output")
    for name, value in came.items():
        if value is None:
            call.refuse(f"None for output {shown(name)}", "a native tensor")
        if isinstance(value, np.ndarray):
            _hold_native(call, name)


def _hold_native(call: Call, name: str) -> None:
    """An output that is an array, where the feeds are none: it has left the device."""
    assert call.graph is not None
    fed = call.given[0].values() if call.given else ()
    native = [value for value in fed if not isinstance(value, np.ndarray)]
    # int64 may have to leave it, where the framework has no such type
    floats = call.graph.types[call.graph.outputs[name]].dtype in FLOATS
    if native and floats:
        due = f"a native tensor ({type(native[0]).__name__})"
        call.refuse(f"a NumPy array for output {shown(name)}", due)


def array(call: Call, came: Any) -> None:
    """One tensor as an array of numbers."""
    _array(call, came, "")


def params(call: Call, came: Any) -> None:
    """Weights and state, in the shapes that the graph declares."""
    _mapping(call, came, "a dict of arrays")
    if call.graph is not None:
        _names(call, came, call.graph.params, "parameter")
        _shapes(call, came)


def gradients(call: Call, came: Any) -> None:
    """The loss as a number, and a gradient for each trained parameter."""
    if not isinstance(came, tuple) or len(came) != 2:
        call.refuse(kind(came), "a loss and a dict of gradients")
    loss, grads = came
    if not isinstance(loss, float | np.floating):
        call.refuse(f"{kind(loss)} for the loss", "a float")
    _mapping(call, grads, "a dict of gradients")
    if call.graph is not None:
        _names(call, grads, call.graph.trainable(), "gradient")
        _shapes(call, grads)


def loss(call: Call, came: Any) -> None:
    """One number, native; what else it may be is not read here, which would wait for it."""
    if came is None or isinstance(came, str | bytes | Mapping | tuple | list):
        call.refuse(kind(came), "the loss")


def state(call: Call, came: Any) -> None:
    """The optimizer's state as arrays."""
    _mapping(call, came, "a dict of arrays")
    for name, value in came.items():
        _array(call, value, f" for {shown(name)}")


def tensors(call: Call, came: Any) -> None:
    """Native tensors by name."""
    _mapping(call, came, "a dict of native tensors")


def kind(came: Any) -> str:
    """What came, in a word: values may be of any size."""
    return "None" if came is None else type(came).__name__


def shown(name: Any) -> str:
    """A name that a backend gave, whatever it holds."""
    return plain(name) if isinstance(name, str) else f"a {type(name).__name__}"


def _mapping(call: Call, came: Any, due: str) -> None:
    if not isinstance(came, Mapping):
        call.refuse(kind(came), due)
    for name in came:
        if not isinstance(name, str):
            call.refuse(f"{kind(name)} for a name", "a text")


def _names(call: Call, came: Mapping[Any, Any], due: Iterable[str], what: str) -> None:
    wanted = set(due)
    if came.keys() == wanted:
        return
    for name in wanted:
        if name not in came:
            call.refuse(f"no {what} {name}", f"each {what} of {_title(call)}")
    for name in came:
        if name not in wanted:
            call.refuse(
                f"a {what} {shown(name)}", f"no {what} but those of {_title(call)}"
            )


def _shapes(call: Call, came: Mapping[str, Any]) -> None:
    assert call.graph is not None
    for name, value in came.items():
        _array(call, value, f" for {name}")
        wanted = call.graph.params[name].type.shape
        if value.shape != wanted:
            call.refuse(f"shape {value.shape} for {name}", f"{wanted}")


def _array(call: Call, came: Any, which: str) -> None:
    if not isinstance(came, np.ndarray):
        call.refuse(f"{kind(came)}{which}", "a NumPy array")
    if came.dtype.kind not in NUMBERS and came.dtype.name not in FLOATS:
        call.refuse(f"an array of {came.dtype.name}{which}", "an array of numbers")


def _title(call: Call) -> str:
    return call.graph.name if call.graph else "the graph"


BACKEND: Mapping[str, Look] = {
    "kernels": kernels,
    "gaps": reasons,
    "part_gaps": part_gaps,
    "modes": modes,
    "editions": editions,
    "draws_noise": truth,
    "keeps": text,
    "replicas": text,
    "devices": reasons,
    "device": text,
    "precisions": reasons,
    "program": program,
    "trainer": trainer,
    "synchronize": anything,
    "peak_memory": memory,
    "pin": settings,
    "features": reasons,
    "optimizers": reasons,
    "repeats": text,
}
PROGRAM: Mapping[str, Look] = {
    "title": text,
    "load": anything,
    "params": params,
    "put": feeds,
    "run": outputs,
    "numpy": array,
    "weights": tensors,
    "device_of": text,
}
TRAINER: Mapping[str, Look] = {
    "program": program,
    "gradients": gradients,
    "apply": anything,
    "step": loss,
    "set_lr": anything,
    "state": state,
    "load_state": anything,
}
