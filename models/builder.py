"""Builder: the place where a model is written down.

It collects declarations and nodes, and freezes them into a checked Graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from keyword import iskeyword

import numpy as np

from models import dims
from models.dims import Length
from models.errors import SpecError, UnknownName
from models.graph import Graph, Node, Noise, Param, Type, check
from models.value import Value, author_line

# twenty times the largest of the zoo: a slip of the finger in a depth is told at once
MOST_NODES = 10_000


class Builder:
    """A graph under construction.

    Parameter names join the open scopes with dots, as PyTorch modules do.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        # fixed author line while a pass expands a node; empty: look at the stack
        self.location = ""
        self._scopes: list[str] = []
        self._frozen = 0  # how many `frozen` are open
        self._inputs: dict[str, Type] = {}
        self._params: dict[str, Param] = {}
        self._noise: dict[str, Noise] = {}
        self._constants: dict[str, np.ndarray] = {}
        self._nodes: list[Node] = []
        self._outputs: dict[str, str] = {}
        self._state: dict[str, str] = {}
        self._labels: dict[str, Value] = {}
        # names of values of every kind: they share one table, `Graph.types`
        self._taken: set[str] = set()
        self._counter = 0  # one for all ops, so that relu_7 is the seventh node

    @contextmanager
    def scope(self, name: str, /) -> Iterator[None]:
        """Prefix parameter names with `name.`"""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Parameters made inside keep their names and are not trained: a backbone that is given.

        No gradient is made for them, and no optimizer moves or decays them.
        """
        self._frozen += 1
        try:
            yield
        finally:
            self._frozen -= 1

    @contextmanager
    def at(self, where: str, /) -> Iterator[None]:
        """Attribute the nodes made inside to the model line `where`."""
        before, self.location = self.location, where
        try:
            yield
        finally:
            self.location = before

    def input(
        self, name: str, shape: Iterable[Length | str], /, *, dtype: str = "float32"
    ) -> Value:
        """A tensor given at every call.

        Axes named by text are symbolic: ("batch", "frames", 17, 2). Asking twice shares it.
        """
        type_ = Type(dims.as_shape(shape), dtype)
        self._sound(f"input {name}", type_)
        if self._inputs.get(name) == type_:
            return Value(self, name, type_)
        self._claim(name)
        self._inputs[name] = type_
        return Value(self, name, type_)

    def param(
        self,
        name: str,
        shape: Iterable[Length],
        /,
        *,
        init: tuple[str, float],
        trainable: bool = True,
        dtype: str = "float32",
    ) -> Value:
        """A stored array under the open scopes.

        Asking twice shares it; raises SpecError when shape or init then differ.
        """
        full = ".".join([*self._scopes, name])
        trained = trainable and not self._frozen
        param = Param(Type(tuple(shape), dtype), init, trained)
        self._sound(f"parameter {full}", param.type)
        if full in self._params and self._params[full] != param:
            raise SpecError(
                f"{author_line()}: parameter {full} is {self._params[full].type} already"
                f" and cannot be {param.type}; rename one"
            )
        if full not in self._params:
            self._claim(full)
            self._params[full] = param
        return Value(self, full, param.type)

    def noise(
        self, name: str, shape: Iterable[Length], /, *, kind: str, number: float
    ) -> Value:
        """A random input: fed in parity, drawn by the native generator in training."""
        # never shared: two masks of one name are two draws
        full = self._free(".".join([*self._scopes, name]))
        noise = Noise(Type(tuple(shape)), kind, number)
        self._sound(f"noise {full}", noise.type)
        self._claim(full)
        self._noise[full] = noise
        return Value(self, full, noise.type)

    def constant(self, name: str, array: np.ndarray, /) -> Value:
        """A fixed table (adjacency, permutation); float64 is stored as float32, the nominal type.

        Asking twice for the same table shares it; raises SpecError where the tables differ.
        """
        given = np.asarray(array)
        nominal = np.float32 if given.dtype == np.float64 else given.dtype
        # a copy: the author may go on writing into the array
        table = given.astype(nominal)
        type_ = Type(table.shape, str(table.dtype))
        self._sound(f"constant {name}", type_)
        if name not in self._constants:
            self._claim(name)
            self._constants[name] = table
        elif not _same(self._constants[name], table):
            raise SpecError(
                f"{author_line()}: constant {name} is another table already,"
                f" {self._constants[name].shape} {self._constants[name].dtype}; rename one"
            )
        return Value(self, name, type_)

    def output(self, name: str, value: Value, /) -> None:
        """Return `value` under `name`."""
        self._outputs[name] = self._own(value)

    def label(self, name: str, value: Value, /) -> Value:
        """Give an inner value a name under which it can be asked for later.

        Costs nothing where nobody asks. Raises SpecError where another value has the name:
        losses read by it.
        """
        named = self._own(value)
        if name in self._labels and self._labels[name].name != named:
            raise SpecError(
                f"{author_line()}: the label {name} is {self._labels[name].name} already;"
                " choose another"
            )
        self._labels[name] = value
        return value

    def labelled(self, name: str, /) -> Value:
        """The value that was labelled so. Raises UnknownName where none was."""
        if name not in self._labels:
            raise UnknownName("label", name, self._labels)
        return self._labels[name]

    def update(self, param: Value, value: Value, /) -> None:
        """After the step, `param` (state) holds `value`."""
        self._state[self._own(param)] = self._own(value)

    def _own(self, value: Value) -> str:
        """The name of a value of this graph: another's would be taken for one of its own."""
        if isinstance(value, Value) and value.graph is self:
            return value.name
        came = value if isinstance(value, Value) else type(value).__name__
        raise SpecError(
            f"{author_line()}: a value of graph {self.name} was due, {came} came; build each"
            " graph with its own Builder"
        )

    def add(self, node: Node) -> tuple[Value, ...]:
        """Append a node whose types are already inferred."""
        self._taken.add(node.name)
        if len(self._nodes) == MOST_NODES:
            raise SpecError(
                f"{author_line()}: more than {MOST_NODES:,} nodes in graph {self.name}; make"
                " its sizes smaller"
            )
        self._nodes.append(node)
        return tuple(
            Value(self, name, type_)
            for name, type_ in zip(node.results(), node.outputs, strict=True)
        )

    def fresh(self, op: str) -> str:
        """A value name that is no op name and not taken: linear_3."""
        self._counter += 1
        while f"{op}_{self._counter}" in self._taken:
            self._counter += 1
        return f"{op}_{self._counter}"

    def import_from(self, graph: Graph) -> dict[str, Value]:
        """Declare all inputs, parameters, noise and constants of `graph` here.

        A pass then copies the nodes over.
        """
        self._inputs = dict(graph.inputs)
        self._params = dict(graph.params)
        self._noise = dict(graph.noise)
        self._constants = dict(graph.constants)
        names = [*graph.inputs, *graph.params, *graph.noise, *graph.constants]
        # claimed all the same: a pass adds constants and noise of its own
        self._taken |= set(names)
        return {name: Value(self, name, graph.types[name]) for name in names}

    def finish(self) -> Graph:
        """Freeze and check. Raises SpecError when a rule is broken."""
        return check(
            Graph(
                name=self.name,
                inputs=self._inputs,
                params=self._params,
                noise=self._noise,
                constants=self._constants,
                nodes=tuple(self._nodes),
                outputs=self._outputs,
                state=self._state,
                labels={label: value.name for label, value in self._labels.items()},
            )
        )

    def _sound(self, what: str, type_: Type) -> None:
        if flaw := type_.flaw():
            raise SpecError(f"{author_line()}: {what} has {flaw}")

    def _claim(self, name: str) -> None:
        # PyTorch writes a module down as Python, and reads a parameter as `self.block.weight`
        if words := [part for part in name.split(".") if iskeyword(part)]:
            raise SpecError(
                f"{author_line()}: the name {name} holds {words[0]!r}, a word of Python that"
                " generated code cannot hold; choose another"
            )
        if name in self._taken:
            raise SpecError(
                f"{author_line()}: the name {name} is taken in graph {self.name}; choose"
                " another"
            )
        self._taken.add(name)

    def _free(self, name: str) -> str:
        if name not in self._taken:
            return name
        # from 2: the first of them carries no number
        numbered = (f"{name}_{i}" for i in count(2))
        return next(free for free in numbered if free not in self._taken)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    # bits, not numbers: a NaN is itself here, and -0.0 is not 0.0
    alike = one.dtype == other.dtype and one.shape == other.shape
    return alike and one.tobytes() == other.tobytes()
