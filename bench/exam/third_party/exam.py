"""One third-party case on one backend.

It is mapped, run, and compared in shape, element type and value.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from backends.base import Backend, Settings, missing_ops
from bench.data.formats import yaml_file
from bench.exam.third_party.cases import Case
from bench.exam.third_party.mapping import NotMappable, feeds, to_graph
from bench.parity import budget
from bench.processes.blame import said
from bench.records import ThirdPartyRow
from models.errors import BadInput
from models.graph import Graph

Result = Literal["passed", "failed", "gap", "not_mappable"]
GAPS = Path(__file__).parent / "gaps.yaml"
# a half is so coarse that more than an op's roundings would excuse anything
KINDS = {"float32": "third party", "float16": "node"}


def gaps(backend: str, path: Path = GAPS) -> dict[str, str]:
    """Case -> why it cannot pass on a backend, or (`all`) on any.

    Raises BadInput where the file says anything else.
    """
    content: dict[str, dict[str, str]] = yaml_file.read(path)
    for name, listed in content.items():
        reasons = listed.values() if isinstance(listed, dict) else [None]
        if not all(isinstance(reason, str) and reason for reason in reasons):
            raise BadInput(f"{path}: under {name}, a mapping of case to reason was due")
    return content.get("all", {}) | content.get(backend, {})


def examine(
    backend: Backend,
    settings: Settings,
    case: Case,
    declared: Mapping[str, str],
) -> ThirdPartyRow:
    """The row of one case.

    `declared` are the backend's gaps: one that fails is a gap, one that passes is a
    failure.
    """
    try:
        graph = to_graph(case)
    except NotMappable as reason:
        return _row(case, "not_mappable", note=str(reason))
    row = _answer(backend, settings, case, graph)
    # a kernel that is missing has its reason already
    if case.name not in declared or row.result == "gap":
        return row
    if row.result == "passed":
        note = f"passes, though {GAPS.name} declares a gap: take it out"
        return row.model_copy(update={"result": "failed", "note": note})
    return row.model_copy(update={"result": "gap", "note": declared[case.name]})


def _answer(
    backend: Backend,
    settings: Settings,
    case: Case,
    graph: Graph,
) -> ThirdPartyRow:
    """What the backend makes of the graph, held against what is due."""
    if missing := missing_ops(backend, graph):
        reasons = [f"{op}: {reason}" for op, reason in sorted(missing.items())]
        return _row(case, "gap", note="; ".join(reasons))
    try:
        program = backend.program(graph, settings)
        program.load({})  # no case has weights
        with np.errstate(all="ignore"):  # some cases are about what is infinite
            came = program(feeds(case, graph))
    except MemoryError:
        raise
    except Exception as error:  # whatever a framework raises is its answer
        return _row(case, "failed", note=said(error))
    return compare(case, [came[f"y{i}"] for i in range(len(case.outputs))])


def compare(case: Case, came: list[np.ndarray]) -> ThirdPartyRow:
    """Hold results against the expected outputs, the worst one counting."""
    pairs = []
    for (name, due), array in zip(case.outputs.items(), came, strict=True):
        if (array.shape, array.dtype) != (due.shape, due.dtype):
            note = f"{name}: {array.shape} {array.dtype} came, {due.shape} {due.dtype} was due"
            return _row(case, "failed", note=note)
        pairs.append((_error(array, due), _bound(str(due.dtype))))
    # by how much of its bound each uses up: outputs may be of several types
    error, bound = max(pairs, key=lambda pair: pair[0] / pair[1])
    result: Result = "passed" if error <= bound else "failed"
    return _row(case, result, error=error, bound=bound)


def _bound(dtype: str) -> float:
    """Of integers and truth values too, whose error is 0 or infinite."""
    known = dtype if dtype in KINDS else "float32"
    return budget.bound(KINDS[known], 0.0, dtype=known)


def _error(came: np.ndarray, due: np.ndarray) -> float:
    """Error relative to the largest finite value due.

    NaN and infinity must lie where they are due. Integers and truth values are exact.
    """
    # NaN differs from itself; isnan takes no integers
    both_nan = (came != came) & (due != due)
    same = (came == due) | both_nan
    if due.dtype.kind != "f":
        return 0.0 if same.all() else float("inf")
    # what is the same, infinite or not, is out of the comparison; the scale keeps its size
    finite = np.abs(due[np.isfinite(due)])
    return budget.error(
        np.where(same, 0, came),
        np.where(same, 0, due),
        scale=float(finite.max(initial=0.0)),
    )


def _row(
    case: Case,
    result: Result,
    *,
    error: float | None = None,
    bound: float | None = None,
    note: str = "",
) -> ThirdPartyRow:
    return ThirdPartyRow(
        case=case.name,
        op=case.op,
        result=result,
        error=error,
        bound=bound,
        note=note,
    )
