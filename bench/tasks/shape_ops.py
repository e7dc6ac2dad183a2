"""The op exam: every op by its own cases; shape, dtype, value, gradient, and kernel against body, each asked on its own."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backends.base import Backend, Settings
from bench import tolerance
from bench.job import Finding, Job, Progress
from bench.probe import Probe, draw, has_gradient, weights_for
from bench.records import Exam, ExamRow
from models import ops
from models.graph import Type


@dataclass(frozen=True)
class Question:
    """One case of one op on one backend."""

    backend: Backend
    settings: Settings
    probe: Probe
    case: str


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """Ask everything; the exam fails when an answer is wrong and no gap explains it."""
    names = list(dict.fromkeys(job.config.ops)) or list(ops.table())
    wanted = [(name, ops.get(name)) for name in names]
    rows: list[ExamRow] = []
    for done, (name, op) in enumerate(wanted):
        progress(name, done / len(wanted))
        for probe, case in probes(name, op):
            rows += examine(Question(backend, Settings(device=device), probe, case))
    progress("done", 1.0)
    wrong = sorted({row.op for row in rows if row.result == "failed"})
    payload = Exam(rows=tuple(rows), gaps=dict(backend.gaps))
    return Finding(payload, "failed" if wrong else "ok", f"wrong answers: {', '.join(wrong)}" if wrong else "")


def probes(name: str, op: ops.Op) -> Iterator[tuple[Probe, str]]:
    """The op's cases with fixed and with symbolic first axis, and shape and index ops also on integers and truth values."""
    for i, case in enumerate(op.cases):
        drawn = draw(case, (zlib.crc32(name.encode()), i))
        text = describe(case)
        yield Probe(name, drawn, case.attributes), text
        if _may_be_symbolic(name, case):
            yield Probe(name, drawn, case.attributes, symbolic=True), f"{text} dynamic"
        if op.group == "shape":
            for dtype in ("int64", "bool"):
                if name != "pad" or (dtype == "int64" and case.attributes["value"] == int(case.attributes["value"])):
                    yield Probe(name, tuple(np.asarray(x > 0 if dtype == "bool" else x * 8, dtype) for x in drawn), case.attributes), text


def examine(question: Question) -> list[ExamRow]:
    """The rows of one case. A backend that raises has failed every question of it."""
    if question.probe.op in question.backend.gaps:
        return [_row(question, "value", "gap", note=question.backend.gaps[question.probe.op])]
    try:
        results = question.probe.run(question.backend, question.settings)
    except Exception as error:  # whatever a framework raises is its answer
        return [_row(question, "value", "failed", note=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")]
    due, rough = question.probe.reference(np.float64), question.probe.reference(np.float32)
    rows = [_shape(question, results, due), _dtype(question, results), _compare(question, "value", results, due, rough)]
    if rows[0].result == "passed":
        rows += _guarded(question, "kernel", lambda: _kernel(question, results, due, rough))
        rows += _guarded(question, "gradient", lambda: _gradient(question, due))
    return rows


def describe(case: ops.Case) -> str:
    """Shapes and attributes, readable."""
    shapes = ", ".join("x".join(map(str, shape)) or "scalar" for shape in case.shapes)
    attributes = ", ".join(f"{key}={value}" for key, value in case.attributes.items())
    return f"{shapes}; {attributes}" if attributes else shapes


def _guarded(question: Question, asked: str, answer: Callable[[], list[ExamRow]]) -> list[ExamRow]:
    try:
        return answer()
    except Exception as error:  # as in examine
        return [_row(question, asked, "failed", note=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")]


def _shape(question: Question, results: Sequence[np.ndarray], due: Sequence[np.ndarray]) -> ExamRow:
    came, wanted = [result.shape for result in results], [array.shape for array in due]
    return _row(
        question, "shape", "passed" if came == wanted else "failed", note="" if came == wanted else f"{came} came, {wanted} was due"
    )


def _dtype(question: Question, results: Sequence[np.ndarray]) -> ExamRow:
    wanted = [type_.dtype for type_ in _types(question.probe)]
    came = [str(result.dtype) for result in results]
    kept = ["float32" if dtype == "float64" and question.backend.name == "numpy" else dtype for dtype in came]
    return _row(
        question, "dtype", "passed" if kept == wanted else "failed", note="" if kept == wanted else f"{came} came, {wanted} was due"
    )


def _types(probe: Probe) -> tuple[Type, ...]:
    graph = probe.graph()
    return tuple(graph.types[value] for value in graph.outputs.values())


def _compare(
    question: Question, asked: str, results: Sequence[np.ndarray], due: Sequence[np.ndarray], rough: Sequence[np.ndarray]
) -> ExamRow:
    """Worst result against its own budget."""
    kind = "gradient of node" if asked == "gradient" else "node"
    pairs = [
        (tolerance.error(result, array), tolerance.bound(kind, tolerance.error(other, array)))
        for result, array, other in zip(results, due, rough, strict=True)
    ]
    error, bound = max(pairs, key=lambda pair: pair[0] / pair[1])
    return _row(question, asked, "passed" if error <= bound else "failed", error=error, bound=bound)


def _kernel(question: Question, results: Sequence[np.ndarray], due: Sequence[np.ndarray], rough: Sequence[np.ndarray]) -> list[ExamRow]:
    """A native kernel of a composition against the body it stands for."""
    name = question.probe.op
    if ops.get(name).body is None or name not in question.backend.kernels:
        return []
    body = question.probe.run(question.backend, question.settings, body=True)
    compared = _compare(question, "kernel", results, body, rough)
    return [compared]


def _gradient(question: Question, due: Sequence[np.ndarray]) -> list[ExamRow]:
    probe = question.probe
    if probe.symbolic or not probe.differentiable() or not has_gradient(probe.op) or due[0].dtype == np.bool_:
        return []
    weights = weights_for(due, seed=1)
    exact, rough = (probe.oracle_gradients(weights, working) for working in ("fp64", "fp32"))
    came = probe.gradients(question.backend, question.settings, weights)
    names = list(exact)
    return [_compare(question, "gradient", [came[n] for n in names], [exact[n] for n in names], [rough[n] for n in names])]


def _may_be_symbolic(name: str, case: ops.Case) -> bool:
    """Whether the case still stands when the first axis is only called `batch`."""
    if name in ("reshape", "broadcast_to", "conv_transpose") or not case.shapes[0]:
        return False
    probe = Probe(name, tuple(np.zeros(shape, np.float32) for shape in case.shapes), case.attributes, symbolic=True)
    if case.draws:
        probe = Probe(name, draw(case, (0,)), case.attributes, symbolic=True)
    try:
        probe.graph()
    except ValueError:
        return False
    return True


def _row(question: Question, asked: str, result: str, *, error: float | None = None, bound: float | None = None, note: str = "") -> ExamRow:
    dtypes = [str(array.dtype) for array in question.probe.arrays().values()]
    return ExamRow(
        op=question.probe.op,
        case=question.case,
        question=asked,  # type: ignore[arg-type]  # pydantic checks the word
        mode="compiled" if question.settings.compiled else "eager",
        dtype=dtypes[0] if dtypes else "float32",
        result=result,  # type: ignore[arg-type]
        error=error,
        bound=bound,
        note=note,
    )
