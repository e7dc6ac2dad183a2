"""Every op on every case of its exam: rules, body against reference, gradient against
differences, backends against the oracle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from backends.base import Backend, Program, Settings
from backends.numpy.program import NumpyProgram
from bench.exam.asking import halved
from models import dims, ops
from models.gradient import PREFIX, gradient
from models.graph import FLOATS, Graph, Type
from models.optim import Optimizer
from models.passes import decompose
from tests.asserts import assert_close
from tests.strategies import Arrays, Question, arrays_of, graph_of, marked, questions

Ask = Callable[[Sequence[Question]], list[Arrays]]
# values with the type that is asked for: oracles are wider
Due = dict[str, tuple[np.ndarray, str]]

QUESTIONS = questions()
FP64 = Settings(precision="fp64")
NO_DIFFERENCES = {"stop_gradient": "its gradient is 0 by definition, its slope is 1"}

# PyTorch's word on the variance of nothing
empty_variance = pytest.mark.filterwarnings("ignore:.*degrees of freedom is <= 0")
every_case = pytest.mark.parametrize("question", QUESTIONS, ids=str)


def differentiable(question: Question) -> bool:
    """Whether the graph has a loss that inputs can move."""
    graph = graph_of(question)
    return "loss" in graph.outputs and question.op not in NO_DIFFERENCES


DIFFERENTIABLE = [question for question in QUESTIONS if differentiable(question)]
every_gradient = pytest.mark.parametrize("question", DIFFERENTIABLE, ids=str)


def oracle(graph: Graph, arrays: Arrays) -> NumpyProgram:
    """The graph in float64 with the arrays as its parameters."""
    program = NumpyProgram(graph, FP64)
    program.load({name: arrays[name] for name in graph.params})
    return program


def run(graph: Graph, arrays: Arrays) -> dict[str, np.ndarray]:
    return oracle(graph, arrays)(arrays)


def reference(question: Question, arrays: Arrays) -> list[np.ndarray]:
    """Results of the reference, one entry per result."""
    results = ops.get(question.op).reference(*arrays.values(), **question.case.attributes)
    return list(results) if isinstance(results, tuple) else [results]


def inferred(question: Question) -> tuple[Type, ...]:
    """What the op table promises for nominal float32."""
    names = {"f": "float32", "i": "int64", "b": "bool"}
    types = [
        Type(array.shape, names[array.dtype.kind]) for array in question.arrays().values()
    ]
    return ops.infer(question.op, types, question.case.attributes)


@every_case
@pytest.mark.parametrize("working", ["float32", "float64"])
def test_the_rules_tell_shape_and_dtype_of_the_reference(
    question: Question, working: str
) -> None:
    arrays = {
        name: array.astype(working) if array.dtype.kind == "f" else array
        for name, array in question.arrays().items()
    }
    kept = (
        working if any(array.dtype.kind == "f" for array in arrays.values()) else "float64"
    )
    results = reference(question, arrays)
    due = inferred(question)
    assert [np.shape(result) for result in results] == [type_.shape for type_ in due]
    assert [str(result.dtype) for result in results] == [
        kept if type_.dtype in FLOATS else type_.dtype for type_ in due
    ]


@every_case
def test_the_body_computes_what_the_reference_defines(question: Question) -> None:
    arrays = question.arrays()
    flat = decompose(graph_of(question), has=())
    assert all(ops.get(node.op).body is None for node in flat.nodes)
    came = run(flat, arrays)
    for i, due in enumerate(reference(question, arrays)):
        assert_close(
            came[f"out{i}"],
            due,
            rtol=1e-12,
            what=f"{question.op} out{i}",
            dtype=str(due.dtype),
        )


@every_gradient
def test_the_gradient_graph_agrees_with_central_differences(question: Question) -> None:
    graph, arrays = graph_of(question), question.arrays()
    came = run(gradient(graph), arrays)
    for name in question.floats():
        due = differences(
            lambda moved, at=name: float(run(graph, {**arrays, at: moved})["loss"]),
            arrays[name],
        )
        assert_close(
            came[PREFIX + name],
            due,
            rtol=2e-8,
            what=f"d {question.op} / d {name}",
            dtype="float64",
        )


def differences(
    loss: Callable[[np.ndarray], float], x: np.ndarray, *, step: float = 1e-5
) -> np.ndarray:
    """(loss(x + h) - loss(x - h)) / 2h for each element, in float64."""
    slopes = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        nudge = np.zeros(x.shape)
        nudge[index] = step
        slopes[index] = (loss(x + nudge) - loss(x - nudge)) / (2 * step)
    return slopes


def judge(asked: Sequence[Question], ask: Ask, due: Callable[[Question], Due]) -> None:
    """Put all questions in one program, which a compiler then builds once.

    Raises AssertionError that names every case that is wrong.
    """
    __tracebackhide__ = True
    answers = halved(ask, asked)
    wrong = [
        said
        for question, came in zip(asked, answers, strict=True)
        if (said := complaint(question, came, due(question)))
    ]
    if wrong:
        raise AssertionError("\n".join(wrong)) from next(
            (came for came in answers if isinstance(came, Exception)), None
        )


def complaint(question: Question, came: Arrays | Exception, due: Due) -> str:
    """What is wrong with an answer; empty where nothing is."""
    if isinstance(came, Exception):
        return f"{question}: {type(came).__name__}: {came}"
    if not came.keys() >= due.keys():
        return f"{question}: {', '.join(came)} came, {', '.join(due)} was due"
    try:
        for name, (array, dtype) in due.items():
            assert_close(
                came[name], array, rtol=1e-5, what=f"{question} {name}", dtype=dtype
            )
    except AssertionError as error:
        return str(error)
    return ""


def shared_out(answers: Arrays, asked: Sequence[Question]) -> list[Arrays]:
    """What each question is told, without its mark."""
    return [
        {
            name.removesuffix(mark): array
            for name, array in answers.items()
            if name.endswith(mark)
        }
        for mark, _ in marked(asked)
    ]


def load(program: Program, arrays: Arrays) -> None:
    """Give a program its parameters out of the arrays."""
    program.load({name: arrays[name].astype(np.float32) for name in program.graph.params})


@pytest.mark.parametrize("op", ops.table())
@empty_variance
def test_a_backend_computes_what_the_reference_defines(op: str, backend: Backend) -> None:
    def ask(asked: Sequence[Question]) -> list[Arrays]:
        program, arrays = backend.program(graph_of(*asked), Settings()), arrays_of(*asked)
        load(program, arrays)
        return shared_out(program(arrays), asked)

    def due(question: Question) -> Due:
        pairs = zip(reference(question, question.arrays()), inferred(question), strict=True)
        return {
            f"out{i}": (_rounded(array, type_.dtype), type_.dtype)
            for i, (array, type_) in enumerate(pairs)
        }

    judge([question for question in QUESTIONS if question.op == op], ask, due)


def _rounded(array: np.ndarray, dtype: str) -> np.ndarray:
    """What a half can hold of a number that is there in float32."""
    return array.astype(np.float32).astype(dtype) if dtype in FLOATS[1:] else array


@pytest.mark.parametrize("op", dict.fromkeys(question.op for question in DIFFERENTIABLE))
@empty_variance
def test_a_backend_differentiates_as_the_gradient_graph(op: str, backend: Backend) -> None:
    def ask(asked: Sequence[Question]) -> list[Arrays]:
        trainer, arrays = (
            backend.trainer(
                graph_of(*asked), Optimizer("sgd", lr=0.1, weight_decay=0.0), Settings()
            ),
            arrays_of(*asked),
        )
        load(trainer.program, arrays)
        return shared_out(trainer.gradients(trainer.program.put(arrays))[1], asked)

    def due(question: Question) -> Due:
        exact = run(gradient(graph_of(question)), question.arrays())
        return {name: (exact[PREFIX + name], "float32") for name in question.floats()}

    judge([question for question in DIFFERENTIABLE if question.op == op], ask, due)


@every_case
def test_flops_are_a_whole_number(question: Question) -> None:
    shapes = [array.shape for array in question.arrays().values()]
    flops = ops.get(question.op).flops(
        [type_.shape for type_ in inferred(question)], shapes, question.case.attributes
    )
    assert isinstance(flops, int) and flops >= 0


def test_flops_of_known_layers() -> None:
    linear = ops.get("linear").flops([(5, 4)], [(5, 3), (4, 3), (4,)], {})
    conv = ops.get("conv").flops([(2, 4, 7)], [(2, 3, 9), (4, 3, 3)], {})
    assert linear == 5 * 4 * 3 * 2
    assert conv == 2 * 4 * 7 * 3 * 3 * 2
    assert (
        str(
            ops.get("linear").flops(
                [(dims.symbol("batch"), 4)], [(dims.symbol("batch"), 3), (4, 3)], {}
            )
        )
        == "24*batch"
    )


@pytest.mark.parametrize("name", ops.table())
def test_an_op_is_a_primitive_or_a_composition_and_is_examined(name: str) -> None:
    op = ops.get(name)
    assert (op.body is None) or (op.vjp is None), (
        "a composition is differentiated through its body"
    )
    assert len(op.cases) >= 2
    no_gradient = all(
        type_.dtype == "bool" for q in QUESTIONS if q.op == name for type_ in inferred(q)
    )
    assert no_gradient or op.body is not None or op.vjp is not None
