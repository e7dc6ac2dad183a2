"""Graph: a frozen, ordered list of nodes with typed inputs, parameters, noise and outputs.

It prints readably and goes to JSON and back. What must hold of one stands in `rules.py`, how
its JSON is read in `reading.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from models import dims
from models.dims import Dim, Shape
from models.errors import SpecError

FLOATS = ("float32", "float16", "bfloat16")
DTYPES = (*FLOATS, "int64", "int32", "bool")
INITIALISERS = ("zeros", "ones", "constant", "normal", "trunc_normal", "uniform")
NOISES = ("bernoulli", "normal", "uniform")
Attributes = Mapping[str, Any]
# a value name, or a number written into the call (an axis length may be one)
Operand = str | float | int | bool | Dim

LONGEST = 2**31 - 1  # of an axis


@dataclass(frozen=True)
class Type:
    """Shape (axes may be symbolic) and nominal dtype.

    The oracle computes floats in float64, autocast in less.
    """

    shape: Shape
    dtype: str = "float32"

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # kept: the rules look calls up by their types, thousands of times a model
        return hash((self.shape, self.dtype))

    def flaw(self) -> str:
        """What is wrong with it, in words that follow "has"; empty where nothing is."""
        for length in self.shape:
            # a truth value is an int to Python, and no length
            number = isinstance(length, int) and not isinstance(length, bool)
            if not isinstance(length, Dim) and not (number and length >= 0):
                return f"the length {length!r}, which is no whole number and no axis"
            if isinstance(length, int) and length > LONGEST:
                return f"a length of more than {LONGEST:,}, which no framework counts"
        if self.dtype not in DTYPES:
            return f"dtype {self.dtype!r}, which is none of {', '.join(DTYPES)}"
        return ""

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.shape))}) {self.dtype}"


@dataclass(frozen=True)
class Param:
    """A stored array: trained weights, or state (`trainable=False`) such as running statistics.

    `init` is (kind, number): zeros, ones, constant c, normal std, trunc_normal std, uniform
    bound. zeros and ones do not look at their number.
    """

    type: Type
    init: tuple[str, float]
    trainable: bool = True


@dataclass(frozen=True)
class Noise:
    """A random input: parity feeds it, training draws it.

    kind: bernoulli p (1 with probability p), normal std, uniform high.
    """

    type: Type
    kind: str
    number: float


@dataclass(frozen=True)
class Node:
    """One operation.

    `outputs` has one type per result; result i of node n is called `n` (i = 0) or `n:i`.
    """

    name: str
    op: str
    inputs: tuple[Operand, ...]
    attributes: Attributes
    outputs: tuple[Type, ...]
    where: str  # file:line in the model that asked for it

    def results(self) -> tuple[str, ...]:
        """Names of the values this node makes."""
        # nearly every node has one, and passes ask for it all the time
        if len(self.outputs) == 1:
            return (self.name,)
        others = (f"{self.name}:{i}" for i in range(1, len(self.outputs)))
        # a node without results has no name to give either
        return (self.name, *others) if self.outputs else ()

    def values(self) -> tuple[str, ...]:
        """Names of the values this node reads (literals left out)."""
        return tuple(operand for operand in self.inputs if isinstance(operand, str))

    def __str__(self) -> str:
        operands = [str(operand) for operand in self.inputs]
        attributes = [f"{key}={value}" for key, value in self.attributes.items()]
        call = f"{self.op}({', '.join(operands + attributes)})"
        types = ", ".join(map(str, self.outputs))
        return f"{self.name} = {call}  # {types}  {self.where}"


@dataclass(frozen=True)
class Graph:
    """What is computed.

    Node order is execution order. `state` maps a parameter to the value that replaces it
    after a step.
    """

    name: str
    inputs: Mapping[str, Type]
    params: Mapping[str, Param]
    noise: Mapping[str, Noise]
    constants: Mapping[str, np.ndarray]
    nodes: tuple[Node, ...]
    outputs: Mapping[str, str]
    state: Mapping[str, str] = field(default_factory=dict)
    # named inner values, returned only when asked for
    labels: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def types(self) -> dict[str, Type]:
        """Type of every value by name."""
        known = dict(self.inputs)
        for name, param in self.params.items():
            known[name] = param.type
        for name, noise in self.noise.items():
            known[name] = noise.type
        for name, array in self.constants.items():
            known[name] = Type(array.shape, str(array.dtype))
        for node in self.nodes:
            results = zip(node.results(), node.outputs, strict=True)
            known.update(results)
        return known

    def axes(self) -> tuple[str, ...]:
        """Symbolic axis names, in the order in which the inputs mention them."""
        names: dict[str, None] = {}
        for type_ in self.inputs.values():
            for length in type_.shape:
                # sorted: it is a set, and two runs could bind the axes in another order
                names |= dict.fromkeys(sorted(dims.names_in(length)))
        return tuple(names)

    def trainable(self) -> tuple[str, ...]:
        """Names of the trained parameters."""
        return tuple(name for name, param in self.params.items() if param.trainable)

    def parameter_count(self) -> int:
        """Number of trained scalars."""
        shapes = [self.params[name].type.shape for name in self.trainable()]
        # no axis is bound: a parameter has no symbolic axis
        return sum(dims.bind(map(dims.size, shapes), {}))

    def with_outputs(self, *names: str) -> Graph:
        """The same graph returning `names`: outputs, labels or value names.

        Raises SpecError for an unknown one.
        """
        # an output hides a label of the same name
        known = {**self.labels, **self.outputs}
        values = known.keys() | self.types.keys()
        unknown = [name for name in names if name not in values]
        if unknown:
            raise SpecError(
                f"graph {self.name} has no output, label or value {', '.join(unknown)};"
                f" outputs and labels: {', '.join(known)}"
            )
        outputs = {name: known.get(name, name) for name in names}
        return replace(self, outputs=outputs)

    def census(self) -> dict[str, int]:
        """How often each op occurs, most frequent first."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            counts[node.op] = counts.get(node.op, 0) + 1
        # ties by name, so that a census prints alike on every machine
        ordered = sorted(counts, key=lambda op: (-counts[op], op))
        return {op: counts[op] for op in ordered}

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    def to_json(self) -> str:
        """The graph as text; `from_json` gives an equal graph back."""
        whole = {
            "name": self.name,
            "inputs": _each(_type_json, self.inputs),
            "params": _each(_param_json, self.params),
            "noise": _each(_noise_json, self.noise),
            "constants": _each(_constant_json, self.constants),
            "nodes": [_node_json(node) for node in self.nodes],
            "outputs": dict(self.outputs),
            "state": dict(self.state),
            "labels": dict(self.labels),
        }
        return json.dumps(whole)


def operand_type(graph: Graph, operand: Operand) -> Type:
    """Type of a value, or of a literal.

    A literal has shape () and dtype `literal`, which adapts to its neighbour.
    """
    return graph.types[operand] if isinstance(operand, str) else Type((), "literal")


def _lines(graph: Graph) -> Iterator[str]:
    yield f"graph {graph.name}"
    for name, type_ in graph.inputs.items():
        yield f"  input {name}: {type_}"
    for name, noise in graph.noise.items():
        yield f"  noise {name}: {noise.type} {noise.kind} {noise.number}"
    for name, param in graph.params.items():
        yield f"  {'param' if param.trainable else 'state'} {name}: {param.type}"
    for name, array in graph.constants.items():
        yield f"  constant {name}: {array.shape} {array.dtype}"
    for node in graph.nodes:
        yield f"  {node}"
    for name, value in graph.outputs.items():
        yield f"  output {name} = {value}"
    for name, value in graph.state.items():
        yield f"  update {name} = {value}"


# JSON has no tuples and no symbolic lengths. A shape may hold a length as bare text, because
# nothing else in a shape is text; among operands text is a value's name, so there, and among
# attributes, a symbolic length is {"dim": text}.


def _each(write: Callable[..., Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    return {name: write(one) for name, one in declared.items()}


def _type_json(type_: Type) -> list[Any]:
    shape = [
        str(length) if isinstance(length, Dim) else length for length in type_.shape
    ]
    return [shape, type_.dtype]


def _param_json(param: Param) -> list[Any]:
    return [_type_json(param.type), list(param.init), param.trainable]


def _noise_json(noise: Noise) -> list[Any]:
    return [_type_json(noise.type), noise.kind, noise.number]


def _constant_json(array: np.ndarray) -> list[Any]:
    return [str(array.dtype), list(array.shape), array.ravel().tolist()]


def _node_json(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "op": node.op,
        "inputs": _freeze(node.inputs),
        "attributes": _each(_freeze, node.attributes),
        "outputs": [_type_json(type_) for type_ in node.outputs],
        "where": node.where,
    }


def _freeze(value: Any) -> Any:
    if isinstance(value, Dim):
        return {"dim": str(value)}
    if isinstance(value, tuple):
        return [_freeze(item) for item in value]
    return value
