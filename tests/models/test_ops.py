"""Every op on every case of its own.

Rules, body against reference, gradient against differences, and each backend by the op exam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from backends.base import Backend, Settings
from backends.numpy.backend import NumpyBackend
from bench.exam import questions
from bench.exam.draws import MASK, weights_for
from bench.exam.examining import examine_all
from bench.exam.probe import Probe
from bench.exam.question import Question, promised
from bench.exam.questions import Part
from bench.records import ExamRow
from models import dims, ops
from models.graph import FLOATS
from models.passes import decompose
from tests.asserts import assert_close

Arrays = Sequence[np.ndarray]
FP64 = Settings(precision="fp64")
OWN = Part(("float32",), variants="none")  # cases as they are, one of each
STEP = 1e-5  # of a finite difference: its own error is then some 1e-10


@dataclass(frozen=True)
class Asked:
    """One case of one op."""

    number: int
    probe: Probe
    case: str

    def __str__(self) -> str:
        return f"{self.probe.op}-{self.number}-{self.case}"


def asked(op: str) -> list[Asked]:
    """All cases of an op, with the numbers that the exam draws for them."""
    own = enumerate(questions.questions(op, OWN))
    return [Asked(i, one.probe, one.case) for i, one in own]


CASES = [one for name in ops.table() for one in asked(name)]
every_case = pytest.mark.parametrize("one", CASES, ids=str)


def has_slope(one: Asked) -> bool:
    """Whether inputs can move a float result, and the gradient is to say how."""
    op = ops.get(one.probe.op)
    ruled = op.vjp is not None or op.body is not None
    kinds = {result.dtype.kind for result in one.probe.reference(np.float64)}
    # stopped: the gradient is 0 by definition, the slope is 1
    moves = one.probe.differentiable() and op.gradient != "stopped"
    # a step of the difference is lost on a mask, or beside one
    case = op.cases[one.number]
    masked = "masked" in case.draws or case.attributes.get("value") == MASK
    return ruled and moves and not masked and "f" in kinds


SLOPES = [one for one in CASES if has_slope(one)]
every_slope = pytest.mark.parametrize("one", SLOPES, ids=str)


@every_case
@pytest.mark.parametrize("working", ["float32", "float64"])
def test_the_rules_tell_shape_and_dtype_of_the_reference(
    one: Asked, working: str
) -> None:
    probe, op = one.probe, ops.get(one.probe.op)
    operands = [x.astype(working) if x.dtype.kind == "f" else x for x in arrays(probe)]
    # the definition itself: the oracle's kernel of astype knows the working precision
    results = op.reference(*operands, **probe.attributes)
    came = list(results) if op.several else [results]
    due = promised(probe)
    shapes = [type_.shape for type_ in due]
    assert [np.shape(result) for result in came] == shapes
    # float types are nominal: floats stay in the precision they are in, or are float64
    kept = working if probe.differentiable() else "float64"
    dtypes = [kept if type_.dtype in FLOATS else type_.dtype for type_ in due]
    assert [str(result.dtype) for result in came] == dtypes


def arrays(probe: Probe) -> Arrays:
    return list(probe.arrays().values())


@every_case
def test_the_body_computes_what_the_reference_defines(one: Asked) -> None:
    flat = decompose(one.probe.graph(), has=())
    left = {node.op for node in flat.nodes}
    assert all(ops.get(op).body is None for op in left)
    came = one.probe.run(NumpyBackend(), FP64, body=True)
    for i, due in enumerate(one.probe.reference(np.float64)):
        assert_close(
            came[i],
            due,
            rtol=1e-12,
            what=f"{one} y{i}",
            dtype=str(due.dtype),
        )


@every_slope
def test_the_gradient_graph_agrees_with_central_differences(one: Asked) -> None:
    weights = weights_for(one.probe.reference(np.float64), seed=7)
    came = one.probe.oracle_gradients(weights, "fp64")
    # running state is replaced, never differentiated
    names = one.probe.floats().keys() - one.probe.state()
    assert came.keys() == names
    for name, gradient in came.items():
        due = differences(one.probe, weights, int(name.removeprefix("x")))
        assert_close(
            gradient,
            due,
            rtol=2e-8,
            what=f"d {one} / d {name}",
            dtype="float64",
        )


def differences(
    probe: Probe,
    weights: Arrays,
    at: int,
) -> np.ndarray:
    """(loss(x + h) - loss(x - h)) / 2h for each element of one input, in float64."""
    x = np.asarray(probe.operands[at], np.float64)
    slopes = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        nudge = np.zeros(x.shape)
        nudge[index] = STEP
        rise = loss(moved(probe, at, x + nudge), weights)
        fall = loss(moved(probe, at, x - nudge), weights)
        slopes[index] = (rise - fall) / (2 * STEP)
    return slopes


def moved(
    probe: Probe,
    at: int,
    x: np.ndarray,
) -> Probe:
    operands = list(probe.operands)
    operands[at] = x
    return replace(probe, operands=tuple(operands))


def loss(probe: Probe, weights: Arrays) -> float:
    """The weighted sum of the definition's results."""
    results = probe.reference(np.float64)
    if probe.state():
        results = results[:1]  # new running state is no function of the loss
    total = 0.0
    for y, weight in zip(results, weights, strict=False):
        if y.dtype.kind == "f":
            total += float(np.sum(y * weight))
    return total


@every_slope
def test_no_input_is_within_a_difference_of_a_kink_or_a_tie(one: Asked) -> None:
    """What `apart` promises: of two inputs as of one, and of 0."""
    draws = ops.get(one.probe.op).cases[one.number].draws
    # where no draws are given, all are normal
    pairs = zip(arrays(one.probe), draws, strict=False)
    drawn = [x.ravel() for x, kind in pairs if kind == "apart"]
    values = np.concatenate([[0.0], *drawn])
    gaps = np.diff(np.sort(values))
    assert gaps.min(initial=np.inf) > 100 * STEP


def failed(op: str, backend: Backend) -> list[ExamRow]:
    """Wrong answers of a backend to the own cases of an op."""
    put = [Question(backend, Settings(), one.probe, one.case) for one in asked(op)]
    rows = examine_all(put)
    return [row for row in rows if row.result == "failed"]


# PyTorch's word on the variance of nothing
@pytest.mark.filterwarnings("ignore:.*degrees of freedom is <= 0")
@pytest.mark.parametrize("op", ops.table())
def test_a_backend_answers_every_case_of_an_op(op: str, backend: Backend) -> None:
    """Shape, dtype, value, gradient, and its kernel against the body."""
    assert failed(op, backend) == []


def halves() -> list[Asked]:
    to = {
        dtype: one
        for one in asked("astype")
        if (dtype := one.probe.attributes["dtype"])
    }
    return [to[dtype] for dtype in FLOATS[1:]]


@pytest.mark.parametrize("one", halves(), ids=str)
def test_a_backend_rounds_to_the_nearest_half(one: Asked, backend: Backend) -> None:
    """To the last digit: the exam's budget for halves is that of sums of them."""
    (came,) = one.probe.run(backend, Settings())
    (x,) = arrays(one.probe)
    dtype = one.probe.attributes["dtype"]
    due = x.astype(dtype)
    assert_close(came, due, rtol=0, what=str(one), dtype=dtype)


FLAT = [one for one in CASES if ops.get(one.probe.op).gradient == "zero"]


@pytest.mark.parametrize("one", FLAT, ids=str)
def test_a_backend_finds_no_slope_where_there_is_none(
    one: Asked, backend: Backend
) -> None:
    """What the exam does not ask."""
    weights = weights_for(one.probe.reference(np.float64), seed=7)
    came = one.probe.gradients(backend, Settings(), weights)
    assert came.keys() == one.probe.floats().keys()
    for name, x in one.probe.floats().items():
        assert_close(
            came[name],
            np.zeros(x.shape),
            rtol=0,
            what=f"d {one} / d {name}",
            dtype="float32",
        )


@every_case
def test_flops_are_a_whole_number(one: Asked) -> None:
    outputs = [type_.shape for type_ in promised(one.probe)]
    inputs = [x.shape for x in arrays(one.probe)]
    rule = ops.get(one.probe.op).flops
    flops = rule(outputs, inputs, one.probe.attributes)
    assert isinstance(flops, int)  # not one of NumPy's: records are JSON
    assert flops >= 0


def test_flops_of_known_layers() -> None:
    # one product and one sum for each weight that an element of the result meets
    linear, conv = ops.get("linear"), ops.get("conv")
    x, weight, bias = (5, 3), (4, 3), (4,)
    assert linear.flops([(5, 4)], [x, weight, bias], {}) == 5 * 4 * 3 * 2
    batch = dims.symbol("batch")
    symbolic = linear.flops([(batch, 4)], [(batch, 3), weight], {})
    assert str(symbolic) == "24*batch"
    x, weight = (2, 3, 9), (4, 3, 3)
    assert conv.flops([(2, 4, 7)], [x, weight], {}) == 2 * 4 * 7 * 3 * 3 * 2


@pytest.mark.parametrize("name", ops.table())
def test_an_op_is_a_primitive_or_a_composition_and_is_examined(name: str) -> None:
    op = ops.get(name)
    both = op.body is not None and op.vjp is not None
    assert not both, "a composition is differentiated through its body"
    # one case alone may be right by luck
    assert len(op.cases) >= 2
    dtypes = {type_.dtype for one in asked(name) for type_ in promised(one.probe)}
    truth = dtypes == {"bool"}
    assert truth or op.body is not None or op.vjp is not None


@pytest.mark.parametrize("name", ops.table())
def test_what_an_op_says_of_its_attributes_is_about_those_it_has(name: str) -> None:
    op = ops.get(name)
    has = {key for case in op.cases for key in case.attributes}
    axes = {*op.axes, *op.axes_of_result}
    assert axes <= has
    # an axis that nobody declares would never be asked from the end
    assert axes == has & {"axis", "axes"}
