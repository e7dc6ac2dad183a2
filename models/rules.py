"""What must hold of a graph: names given once, types that exist, nodes the op table allows.

`results` asks the op table about one call, while a model is written; `hold` asks about a
whole graph, after every pass and when one is read from a file.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

import numpy as np

from models import ops
from models.dims import Dim
from models.errors import SpecError
from models.nodes import (
    INITIALISERS,
    NOISES,
    Attributes,
    Graph,
    Node,
    Type,
    operand_type,
)
from models.ops import Op

# what Python counts as each kind of number; bool is an int there, and is sorted out first
_NUMBERS: dict[Any, tuple[type, ...]] = {
    int: (int, np.integer),
    # a symbolic length may stand wherever a number is written into a call
    float: (int, float, np.integer, np.floating, Dim),
}

# Blocks repeat, and every pass asks again: a model has thousands of calls, of which a few dozen
# differ.
_KNOWN: dict[tuple[Any, ...], tuple[Type, ...]] = {}
MOST = 100_000  # calls that are remembered


def results(
    op: str, operands: Sequence[Type], attributes: Attributes
) -> tuple[Type, ...]:
    """Types of what an op makes. Raises ValueError saying what was due."""
    record = ops.get(op)
    # as text: to Python, an axis `True` equals the axis 1, and is refused
    call = (record.shape, record.dtype, op, tuple(operands), repr(attributes))
    if call not in _KNOWN:
        if len(_KNOWN) == MOST:
            _KNOWN.clear()
        _KNOWN[call] = _results(op, record, operands, attributes)
    return _KNOWN[call]


def _results(
    op: str, record: Op, operands: Sequence[Type], attributes: Attributes
) -> tuple[Type, ...]:
    _hold_operands(op, record, operands)
    _hold_attributes(op, record, attributes)
    try:
        return ops.infer(op, operands, attributes)
    except (ArithmeticError, LookupError, TypeError) as error:
        # A rule says in words what it looks at. What it takes for granted, such as a second
        # tensor among the operands, ends here.
        said = f"these operands and attributes do not fit ({error})"
        raise ValueError(said) from None


def hold(graph: Graph) -> None:
    """Every rule. Raises SpecError for the first that is broken."""
    _hold_declarations(graph)
    _hold_names(graph)
    known = {*graph.inputs, *graph.params, *graph.noise, *graph.constants}
    for node in graph.nodes:
        _hold_node(graph, node, known)
        known |= set(node.results())
    _hold_ends(graph, known)


def _hold_operands(op: str, record: Op, operands: Sequence[Type]) -> None:
    if all(type_.dtype == "literal" for type_ in operands):
        raise ValueError("at least one operand must be a tensor")
    # The shape rule of an elementwise op takes any number of shapes: how many operands an op
    # has is what its exam asks. `concat` and `stack` take as many as there are.
    counts = {len(case.shapes) for case in record.cases}
    if not counts or _takes_any_number(record.reference):
        return
    if len(operands) not in counts:
        due = " or ".join(map(str, sorted(counts)))
        raise ValueError(f"{op} takes {due} operands, not {len(operands)}")


def _hold_attributes(op: str, record: Op, attributes: Attributes) -> None:
    due = _attribute_types(record.shape)
    if set(attributes) != set(due):
        came, wanted = (", ".join(names) or "none" for names in (attributes, due))
        raise ValueError(f"attributes {came} came, {op} takes {wanted}")
    for name, hint in due.items():
        if not _fits(attributes[name], hint):
            raise ValueError(
                f"attribute {name} must be {_in_words(hint)}, not {attributes[name]!r}"
            )


@cache
def _takes_any_number(reference: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(reference).parameters.values()
    except ValueError:  # a function written in C need not show its parameters
        return False
    return next(iter(parameters)).kind is inspect.Parameter.VAR_POSITIONAL


@cache
def _attribute_types(shape: Callable[..., Any]) -> dict[str, Any]:
    """The shape rule is the declaration: its keyword-only arguments are the op's attributes."""
    hints = get_type_hints(shape)
    parameters = inspect.signature(shape).parameters.values()
    keywords = [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]
    return {name: hints.get(name, Any) for name in keywords}


def _fits(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return any(_fits(value, one) for one in get_args(hint))
    if get_origin(hint) is tuple:
        # all tuples of attributes are of one kind: tuple[int, ...]
        inner = get_args(hint)[0]
        return isinstance(value, tuple) and all(_fits(one, inner) for one in value)
    if hint in _NUMBERS:
        return isinstance(value, _NUMBERS[hint]) and not isinstance(value, bool)
    return isinstance(value, hint)


def _in_words(hint: Any) -> str:
    # Dim is a length of the language, not something a person writes by its class name
    text = hint.__name__ if isinstance(hint, type) else str(hint)
    return text.replace("models.dims.Dim", "axis length")


def _hold_declarations(graph: Graph) -> None:
    for kind, name, type_ in _declared(graph):
        if flaw := type_.flaw():
            _broken(graph, f"{kind} {name} has {flaw}")
    for name, param in graph.params.items():
        _hold_kind(graph, f"parameter {name}: initialiser", param.init[0], INITIALISERS)
    for name, noise in graph.noise.items():
        _hold_kind(graph, f"noise {name}: kind", noise.kind, NOISES)


def _declared(graph: Graph) -> Iterator[tuple[str, str, Type]]:
    for name, type_ in graph.inputs.items():
        yield "input", name, type_
    for name, param in graph.params.items():
        yield "parameter", name, param.type
    for name, noise in graph.noise.items():
        yield "noise", name, noise.type
    for name, array in graph.constants.items():
        yield "constant", name, Type(array.shape, str(array.dtype))


def _hold_names(graph: Graph) -> None:
    """A name twice would make `graph.types` keep the later one without a word."""
    # a node as it is: its text is for a complaint, and there are thousands of nodes
    givers: list[tuple[str, str | Node]] = [
        (name, f"{kind} {name}") for kind, name, _ in _declared(graph)
    ]
    givers += [(name, node) for node in graph.nodes for name in node.results()]
    first: dict[str, str | Node] = {}
    for name, giver in givers:
        if name in first:
            other = first[name]
            _broken(graph, f"{giver}: the name {name} is that of {other}; rename one")
        first[name] = giver


def _hold_node(graph: Graph, node: Node, known: set[str]) -> None:
    missing = [name for name in node.values() if name not in known]
    if missing:
        names = ", ".join(missing)
        _broken(graph, f"{node}: reads {names}, which nothing before it makes")
    for operand in node.inputs:
        if not isinstance(operand, (str, int, float, Dim)):
            _broken(
                graph, f"{node}: reads {operand!r}, which is no value, number or length"
            )
    operands = [operand_type(graph, operand) for operand in node.inputs]
    try:
        due = results(node.op, operands, node.attributes)
    except ValueError as error:
        got = ", ".join(map(str, operands))
        _broken(graph, f"{node}: {error}; got {got}")
    # equal tuples: of a wrong number of results, a wrong shape and a wrong dtype
    if due != node.outputs:
        _broken(graph, f"{node}: the op table says {', '.join(map(str, due))}")


def _hold_ends(graph: Graph, known: set[str]) -> None:
    """What is returned, kept or labelled exists, and state fits the parameter it replaces."""
    _hold_made(graph, "outputs", graph.outputs, known)
    _hold_made(graph, "state", graph.state, known)
    _hold_made(graph, "labels", graph.labels, known)
    for name, value in graph.state.items():
        if name not in graph.params:
            _broken(graph, f"state {name} is no parameter; declare it with g.param")
        due, came = graph.params[name].type, graph.types[value]
        if came != due:
            _broken(graph, f"state {name} is {due} and cannot become {value}, {came}")


def _hold_made(
    graph: Graph, what: str, names: Mapping[str, str], known: Iterable[str]
) -> None:
    loose = [value for value in names.values() if value not in known]
    if loose:
        _broken(graph, f"{what} {', '.join(loose)} are made by no node")


def _hold_kind(graph: Graph, where: str, kind: str, known: tuple[str, ...]) -> None:
    if kind not in known:
        _broken(graph, f"{where} is {kind!r}, which is none of {', '.join(known)}")


def _broken(graph: Graph, what: str) -> NoReturn:
    # names come from files, too: whatever stands in them, the message is one line
    raise SpecError(" ".join(f"{graph.name}: {what}".splitlines()))
