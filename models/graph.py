"""Graph: a frozen, ordered list of nodes with typed inputs, parameters, noise and outputs;
printable, JSON round trip, checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from models import dims
from models.dims import Dim, Shape
from models.errors import SpecError

FLOATS = ("float32", "float16", "bfloat16")
Attributes = Mapping[str, Any]
# a value name, or a number written into the call (an axis length may be one)
Operand = str | float | int | bool | Dim


@dataclass(frozen=True)
class Type:
    """Shape (axes may be symbolic) and nominal dtype; the oracle computes floats in
    float64, autocast in less.
    """

    shape: Shape
    dtype: str = "float32"

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.shape))}) {self.dtype}"


@dataclass(frozen=True)
class Param:
    """A stored array: trained weights, or state (`trainable=False`) such as running
    statistics.

    `init` is (kind, number): zeros, ones, constant c, normal std, trunc_normal std, uniform
    bound.
    """

    type: Type
    init: tuple[str, float]
    trainable: bool = True


@dataclass(frozen=True)
class Noise:
    """A random input: parity feeds it, training draws it. kind: bernoulli p (1 with
    probability p), normal std, uniform high.
    """

    type: Type
    kind: str
    number: float


@dataclass(frozen=True)
class Node:
    """One operation. `outputs` has one type per result; result i of node n is called `n` (i
    = 0) or `n:i`.
    """

    name: str
    op: str
    inputs: tuple[Operand, ...]
    attributes: Attributes
    outputs: tuple[Type, ...]
    where: str  # file:line in the model that asked for it

    def results(self) -> tuple[str, ...]:
        """Names of the values this node makes."""
        return tuple(
            self.name if i == 0 else f"{self.name}:{i}" for i in range(len(self.outputs))
        )

    def values(self) -> tuple[str, ...]:
        """Names of the values this node reads (literals left out)."""
        return tuple(operand for operand in self.inputs if isinstance(operand, str))

    def __str__(self) -> str:
        arguments = [str(operand) for operand in self.inputs] + [
            f"{key}={value}" for key, value in self.attributes.items()
        ]
        types = ", ".join(map(str, self.outputs))
        return f"{self.name} = {self.op}({', '.join(arguments)})  # {types}  {self.where}"


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
        known |= {name: param.type for name, param in self.params.items()}
        known |= {name: noise.type for name, noise in self.noise.items()}
        known |= {
            name: Type(array.shape, str(array.dtype))
            for name, array in self.constants.items()
        }
        for node in self.nodes:
            known |= dict(zip(node.results(), node.outputs, strict=True))
        return known

    def axes(self) -> tuple[str, ...]:
        """Symbolic axis names, in the order in which the inputs mention them."""
        lengths = [length for type_ in self.inputs.values() for length in type_.shape]
        return tuple(
            dict.fromkeys(
                name for length in lengths for name in sorted(dims.names_in(length))
            )
        )

    def trainable(self) -> tuple[str, ...]:
        """Names of the trained parameters."""
        return tuple(name for name, param in self.params.items() if param.trainable)

    def parameter_count(self) -> int:
        """Number of trained scalars."""
        return int(
            sum(
                dims.bind((dims.size(self.params[name].type.shape),), {})[0]
                for name in self.trainable()
            )
        )

    def with_outputs(self, *names: str) -> Graph:
        """The same graph returning `names`: outputs, labels or value names.

        Raises SpecError for an unknown one.
        """
        known = {**self.labels, **self.outputs}
        unknown = [name for name in names if name not in known and name not in self.types]
        if unknown:
            raise SpecError(
                f"graph {self.name} has no output, label or value {', '.join(unknown)};"
                f" outputs and labels: {', '.join(known)}"
            )
        return replace(self, outputs={name: known.get(name, name) for name in names})

    def census(self) -> dict[str, int]:
        """How often each op occurs, most frequent first."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            counts[node.op] = counts.get(node.op, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    def to_json(self) -> str:
        """The graph as text; `from_json` gives an equal graph back."""
        return json.dumps(
            {
                "name": self.name,
                "inputs": {name: _type_json(type_) for name, type_ in self.inputs.items()},
                "params": {
                    name: [_type_json(p.type), list(p.init), p.trainable]
                    for name, p in self.params.items()
                },
                "noise": {
                    name: [_type_json(n.type), n.kind, n.number]
                    for name, n in self.noise.items()
                },
                "constants": {
                    name: [str(a.dtype), list(a.shape), a.ravel().tolist()]
                    for name, a in self.constants.items()
                },
                "nodes": [_node_json(node) for node in self.nodes],
                "outputs": dict(self.outputs),
                "state": dict(self.state),
                "labels": dict(self.labels),
            }
        )


def from_json(text: str) -> Graph:
    """Read a graph written by `Graph.to_json` and check it.

    Raises SpecError when it breaks the op table.
    """
    raw = json.loads(text)
    graph = Graph(
        name=raw["name"],
        inputs={name: _type(value) for name, value in raw["inputs"].items()},
        params={
            name: Param(_type(t), (init[0], init[1]), trainable)
            for name, (t, init, trainable) in raw["params"].items()
        },
        noise={
            name: Noise(_type(t), kind, number)
            for name, (t, kind, number) in raw["noise"].items()
        },
        constants={
            name: np.array(data, dtype).reshape(shape)
            for name, (dtype, shape, data) in raw["constants"].items()
        },
        nodes=tuple(
            Node(
                n["name"],
                n["op"],
                _thaw(n["inputs"]),
                _thaw(n["attributes"]),
                tuple(map(_type, n["outputs"])),
                n["where"],
            )
            for n in raw["nodes"]
        ),
        outputs=raw["outputs"],
        state=raw["state"],
        labels=raw["labels"],
    )
    check(graph)
    return graph


def check(graph: Graph) -> Graph:
    """Hold every node against the op table: known op, known operands, the shapes and dtypes
    its rules give. Raises SpecError.
    """
    # the op files themselves are built from Values, which are built from graphs
    from models import ops

    known: set[str] = {*graph.inputs, *graph.params, *graph.noise, *graph.constants}
    for node in graph.nodes:
        missing = [name for name in node.values() if name not in known]
        if missing:
            raise SpecError(
                f"{graph.name}: {node}: reads {', '.join(missing)}, which nothing before it"
                " makes"
            )
        due = ops.infer(
            node.op,
            [operand_type(graph, operand) for operand in node.inputs],
            node.attributes,
        )
        if due != node.outputs:
            raise SpecError(
                f"{graph.name}: {node}: the op table says {', '.join(map(str, due))}"
            )
        known |= set(node.results())
    loose = [
        name
        for name in [*graph.outputs.values(), *graph.state.values()]
        if name not in known
    ]
    if loose:
        raise SpecError(f"{graph.name}: outputs {', '.join(loose)} are made by no node")
    return graph


def operand_type(graph: Graph, operand: Operand) -> Type:
    """Type of a value, or of a literal (shape (), dtype `literal`, which adapts to its
    neighbour).
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


def _type_json(type_: Type) -> list[Any]:
    return [
        [length if isinstance(length, int) else str(length) for length in type_.shape],
        type_.dtype,
    ]


def _type(raw: list[Any]) -> Type:
    return Type(dims.as_shape(raw[0]), raw[1])


def _node_json(node: Node) -> dict[str, Any]:
    attributes = {key: _freeze(value) for key, value in node.attributes.items()}
    outputs = [_type_json(type_) for type_ in node.outputs]
    return {
        "name": node.name,
        "op": node.op,
        "inputs": _freeze(node.inputs),
        "attributes": attributes,
        "outputs": outputs,
        "where": node.where,
    }


def _freeze(value: Any) -> Any:
    if isinstance(value, Dim):
        return {"dim": str(value)}
    return [_freeze(item) for item in value] if isinstance(value, tuple) else value


def _thaw(value: Any) -> Any:
    if isinstance(value, dict):
        return (
            dims.parse(value["dim"])
            if set(value) == {"dim"}
            else {key: _thaw(item) for key, item in value.items()}
        )
    return tuple(_thaw(item) for item in value) if isinstance(value, list) else value
