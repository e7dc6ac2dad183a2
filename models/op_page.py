"""The page `docs/ops.md`: every op as a kernel is called, made of the op files.

`python -m models.pages` writes it with the others; a test holds it to them.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FunctionType

from models import ops
from models.builder import Builder
from models.graph import Graph
from models.ops import Case, Op
from models.passes import decompose
from models.value import emit_all

HEAD = """<!-- Written by `python -m models.pages`; do not edit. -->

# Ops

A kernel is called with its tensors by position and its attributes by keyword, all of them
always: the language has no defaults. Attributes stand after `*`, and are Python numbers, texts
and tuples, never tensors. Every name in the first column may have a kernel; of the {primitives}
primitives a backend needs those that its models use, and the {compositions} compositions run by
their bodies where they have none.

- Beside a tensor, elementwise ops of two and three are given Python numbers, too, in any place:
  `divide(1.0, x)`, `where(mask, 0, x)`.
- Elementwise ops and `matmul` broadcast as NumPy does. Types are never mixed: a result has the
  type of its tensors, and a comparison is `bool`.
- Axes are numbers from 0 in the order of the shape; reductions take a tuple of them. `argmax`,
  `argmin` and `argsort` give `int64`.
- *Mixed precision* is what becomes of an op under bf16 or fp16: `product` computes in the half,
  `full` in float32, `follow` in the type of its inputs.
- *Gradient* says whether one flows back: `zero` is 0 wherever it is defined, `stopped` is 0 by
  definition, `between floats` flows where input and result are no whole numbers.

Bodies are written in other compositions, too: the last column names the primitives that are left
at the bottom, over all cases of the exam. What an op computes stands in its file in `models/ops`,
whose `reference` is the definition in NumPy.
"""


def page() -> str:
    """The page, in Markdown."""
    table = ops.table()
    primitives = [name for name, op in table.items() if op.body is None]
    compositions = [name for name in table if name not in primitives]
    head = HEAD.format(primitives=len(primitives), compositions=len(compositions))
    lines = [*head.splitlines(), "", "## Primitives", ""]
    lines += [
        "| op | called as | gives | mixed precision | gradient |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(name, table[name]) for name in primitives]
    lines += ["", "## Compositions", ""]
    lines += [
        "| op | called as | gives | mixed precision | gradient | its body needs |",
        "|---|---|---|---|---|---|",
    ]
    for name in compositions:
        lines.append(f"{_row(name, table[name])} {', '.join(needs(name))} |")
    return "\n".join([*lines, ""])


def call(name: str) -> str:
    """How a kernel is called: `slice(x, *, axis: int, ...)`."""
    op = ops.get(name)
    tensors = list(_tensors(op))
    attributes = []
    for one in inspect.signature(op.shape).parameters.values():
        if one.kind is one.KEYWORD_ONLY:
            hint = str(one.annotation).strip("'").replace("Shape", "tuple[int, ...]")
            attributes.append(f"{one.name}: {_plain(hint)}")
    # what follows a star is by keyword already
    open_ended = any(tensor.startswith("*") for tensor in tensors)
    star = ["*"] if attributes and not open_ended else []
    return f"{name}({', '.join([*tensors, *star, *attributes])})"


def needs(name: str) -> list[str]:
    """The primitives that the body of a composition comes down to, over all its cases."""
    found: set[str] = set()
    for case in ops.get(name).cases:
        found |= set(decompose(_graph(name, case), has=()).census())
    return sorted(found)


def _graph(name: str, case: Case) -> Graph:
    builder = Builder(name)
    values = []
    for i, shape in enumerate(case.shapes):
        draw = case.draws[i] if i < len(case.draws) else "normal"
        dtype = {"index": "int64", "bool": "bool"}.get(draw, "float32")
        values.append(builder.input(f"x{i}", shape, dtype=dtype))
    with builder.at(name):
        for i, result in enumerate(emit_all(name, *values, **case.attributes)):
            builder.output(f"y{i}", result)
    return builder.finish()


def _row(name: str, op: Op) -> str:
    given = "a tuple of tensors" if op.several else "a tensor"
    cells = (f"`{name}`", f"`{call(name)}`", given, op.precision, op.gradient)
    return f"| {' | '.join(cells)} |"


def _tensors(op: Op) -> Iterator[str]:
    """Names of the positional ones: as the definition has them, where it is a function of ours."""
    written = isinstance(op.reference, FunctionType)
    own = written and op.reference.__module__.startswith(ops.__name__)
    named = inspect.signature(op.reference if own else op.shape).parameters.values()
    if not own and named and next(iter(named)).kind is inspect.Parameter.VAR_POSITIONAL:
        # one of NumPy's elementwise functions
        count = max(len(case.shapes) for case in op.cases)
        yield from ("condition", "x", "y") if count == 3 else ("x", "y")[:count]
        return
    for one in named:
        if one.kind not in (one.KEYWORD_ONLY, one.VAR_KEYWORD):
            yield f"*{one.name}" if one.kind is one.VAR_POSITIONAL else one.name


def _plain(hint: str) -> str:
    """A type of an attribute as a kernel sees it: open lengths are bound by then."""
    words = {"Ints": "tuple[int, ...]", "Length": "int", "Mode": "str"}
    return words.get(hint, hint)
