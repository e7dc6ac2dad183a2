"""Third-party cases on one backend.

They are mapped, run, and each is compared in shape, element type and value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from backends.base import Backend, Settings, missing_ops
from bench.data.formats import yaml_file
from bench.exam.grouping import halved
from bench.exam.third_party.cases import Case
from bench.exam.third_party.mapping import NotMappable, feeds, mark, to_graph, together
from bench.parity import budget
from bench.processes.blame import said
from bench.records import ThirdPartyRow
from models.errors import BadInput

TOGETHER = (
    64  # cases that share a program: a framework that compiles is done in half the time
)
Results = list[np.ndarray]
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
    cases: Sequence[Case],
    declared: Mapping[str, str],
) -> Iterator[ThirdPartyRow]:
    """A row for each case, in their order.

    `declared` are the backend's gaps: one that fails is a gap, one that passes is a
    failure.
    """
    for done in range(0, len(cases), TOGETHER):
        some = cases[done : done + TOGETHER]
        yield from _together(backend, settings, some, declared)


def _together(
    backend: Backend,
    settings: Settings,
    cases: Sequence[Case],
    declared: Mapping[str, str],
) -> list[ThirdPartyRow]:
    """The rows of some cases, from as few programs as can be."""
    rows: dict[int, ThirdPartyRow] = {}
    for i, case in enumerate(cases):
        if row := _unasked(backend, case):
            rows[i] = row
    left = [i for i in range(len(cases)) if i not in rows]

    def ask(group: Sequence[Case]) -> list[Results]:
        return _came(backend, settings, group)

    # one that is known to fail would only have the others asked again
    alone = [[i] for i in left if cases[i].name in declared]
    sound = [i for i in left if cases[i].name not in declared]
    for company in (sound, *alone):
        group = [cases[i] for i in company]
        for i, came in zip(company, halved(ask, group), strict=True):
            rows[i] = _excused(cases[i], _judged(cases[i], came), declared)
    return [rows[i] for i in range(len(cases))]


def _unasked(backend: Backend, case: Case) -> ThirdPartyRow | None:
    """The row of a case that cannot be put: to the language, or to the backend."""
    try:
        graph = to_graph(case)
    except NotMappable as reason:
        return _row(case, "not_mappable", note=str(reason))
    if missing := missing_ops(backend, graph):
        reasons = [f"{op}: {reason}" for op, reason in sorted(missing.items())]
        return _row(case, "gap", note="; ".join(reasons))
    return None


def _came(backend: Backend, settings: Settings, cases: Sequence[Case]) -> list[Results]:
    """What one program of all of them gives, case by case."""
    graph = together(cases)
    program = backend.program(graph, settings)
    program.load({})  # no case has weights
    marks = [mark(i) for i in range(len(cases))]
    fed: dict[str, np.ndarray] = {}
    for case, own in zip(cases, marks, strict=True):
        fed |= feeds(case, graph, own)
    with np.errstate(all="ignore"):  # some cases are about what is infinite
        came = program(fed)
    return [
        [came[f"y{i}{own}"] for i in range(len(case.outputs))]
        for case, own in zip(cases, marks, strict=True)
    ]


def _judged(case: Case, came: Results | Exception) -> ThirdPartyRow:
    """Results held against what is due; whatever a framework raises is its answer."""
    if isinstance(came, Exception):
        return _row(case, "failed", note=said(came))
    return compare(case, came)


def _excused(
    case: Case,
    row: ThirdPartyRow,
    declared: Mapping[str, str],
) -> ThirdPartyRow:
    """The row of a case that may be a declared gap."""
    if case.name not in declared:
        return row
    if row.result == "passed":
        note = f"passes, though {GAPS.name} declares a gap: take it out"
        return row.model_copy(update={"result": "failed", "note": note})
    return row.model_copy(update={"result": "gap", "note": declared[case.name]})


def compare(case: Case, came: Results) -> ThirdPartyRow:
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
