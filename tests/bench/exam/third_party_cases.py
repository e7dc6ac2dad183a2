"""Third-party cases written by hand, for tests that must run without onnx.

They are small, and answered by arithmetic that fits on paper.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.exam.third_party.cases import Case, Node

# an array, or a list or number that becomes one: whole numbers int64, others float32
Given = Any


def array(value: Given) -> np.ndarray:
    """float32 for fractions, int64 for whole numbers, bool for truth values.

    Arrays stay as they are.
    """
    if isinstance(value, np.ndarray):
        return value
    found = np.asarray(value)
    # as ONNX has fractions; an array that is given in float64 stays one
    return found.astype(np.float32) if found.dtype == np.float64 else found


def case(
    op: str,
    given: list[Given],
    due: list[Given],
    *,
    name: str = "",
    opset: int = 22,
    **attributes: Any,
) -> Case:
    """One node with inputs (None: left out) and expected outputs."""
    inputs = {
        f"i{i}": array(value) for i, value in enumerate(given) if value is not None
    }
    outputs = {f"o{i}": array(value) for i, value in enumerate(due)}
    # an input that is left out keeps its place by an empty name
    names = tuple("" if value is None else f"i{i}" for i, value in enumerate(given))
    types = tuple(str(value.dtype) for value in (*inputs.values(), *outputs.values()))
    node = Node(op, names, tuple(outputs), attributes)
    return Case(name or op.lower(), {"": opset}, (node,), inputs, outputs, types)


def several(*nodes: tuple[Any, ...]) -> Case:
    """Nodes (operator, inputs, outputs, attributes) over an input x.

    The last of them makes y.
    """
    made = tuple(
        Node(op, tuple(inputs), tuple(outputs), *(rest or ({},)))
        for op, inputs, outputs, *rest in nodes
    )
    x, y = array([2.0]), array([2.0])
    return Case("several", {"": 22}, made, {"x": x}, {"y": y}, ("float32",))


def flattened() -> Case:
    """Six nodes: x as a matrix of as many rows as it has.

    The columns are divided out of its size, as integers.
    """
    x = array([[[1.0, 2.0], [3.0, 4.0]]])
    nodes = (
        Node("Shape", ("x",), ("rows",), {"start": 1, "end": 2}),
        Node("Size", ("x",), ("size",), {}),
        Node("Div", ("size", "rows"), ("columns",), {}),
        Node("Concat", ("rows", "columns"), ("shape",), {"axis": 0}),
        Node("Reshape", ("x", "shape"), ("y",), {}),
        Node("Cast", ("y",), ("z",), {"to": 7}),  # int64
    )
    return Case(
        "flattened",
        {"": 22},
        nodes,
        {"x": x},
        {"z": array([[1, 2], [3, 4]])},
        ("float32", "int64"),
    )


EYE = [[1.0, 0.0], [0.0, 1.0]]
SQUARE = [[1.0, 2.0], [3.0, 4.0]]
IMAGE = [[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]

CASES = (
    case(
        "Gemm",
        [SQUARE, EYE, [10.0, 20.0]],
        [[[2.0 + 5, 4.0 + 10], [6.0 + 5, 8.0 + 10]]],
        alpha=2.0,
        beta=0.5,
    ),
    # a row, which is a matrix of one
    case("MatMul", [[1.0, 2.0], SQUARE], [[7.0, 10.0]]),
    case(
        "Conv",
        [IMAGE, [[[[1.0, 1.0], [1.0, 1.0]]]]],
        [[[[[12.0, 16.0], [24.0, 28.0]]]]],
        kernel_shape=[2, 2],
    ),
    case(
        "ConvTranspose",
        [[[[1.0, 2.0]]], [[[1.0, 10.0]]]],
        [[[[1.0, 10.0, 2.0, 20.0]]]],
        strides=[2],
    ),
    case("MaxPool", [IMAGE], [[[[[5.0, 6.0], [8.0, 9.0]]]]], kernel_shape=[2, 2]),
    # the padding at the start is not counted
    case(
        "AveragePool",
        [IMAGE],
        [[[[[1.0, 2.5], [5.5, 7.0]]]]],
        kernel_shape=[2, 2],
        strides=[2, 2],
        pads=[1, 1, 0, 0],
    ),
    # no lower bound
    case("Clip", [[-2.0, 0.5, 7.0], None, np.float32(1)], [[-2.0, 0.5, 1.0]]),
    # halves go to the even number
    case("Round", [[-1.5, -0.5, 0.5, 1.5, 2.4]], [[-2.0, 0.0, 0.0, 2.0, 2.0]]),
    # a half holds no exponential of 30000
    case("Swish", [np.float16([0.0, 2.0, -30000.0])], [np.float16([0.0, 1.7616, 0.0])]),
    # nothing is as low as the padding, in halves as well
    case(
        "MaxPool",
        [np.float16([[[-5.0, -7.0]]])],
        [np.float16([[[-5.0, -5.0, -7.0]]])],
        kernel_shape=[2],
        pads=[1, 1],
        name="halfpool",
    ),
    case(
        "IsInf",
        [[np.inf, -np.inf, np.nan, 1.0]],
        [[True, False, False, False]],
        detect_negative=0,
    ),
    # back from the end
    case("Slice", [[0, 1, 2, 3, 4], [4], [0], [0], [-2]], [[4, 2]]),
    # parts that differ
    case("Split", [[1.0, 2.0, 3.0], [1, 2]], [[1.0], [2.0, 3.0]], axis=0),
    case(
        "Pad",
        [[1.0, 2.0, 3.0], [2, 1]],
        [[3.0, 2.0, 1.0, 2.0, 3.0, 2.0]],
        mode="reflect",
    ),
    case("Trilu", [[[1, 2], [3, 4]]], [[[1, 2], [0, 4]]]),
    case(
        "DepthToSpace",
        [[[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]]],
        [[[[[1.0, 2.0], [3.0, 4.0]]]]],
        blocksize=2,
    ),
    case("ReduceLogSum", [SQUARE, [1]], [[np.log(3.0), np.log(7.0)]], keepdims=0),
    case("ReduceProd", [SQUARE, [-1]], [[[2.0], [12.0]]]),
    # of two as large the last
    case(
        "ArgMax",
        [[[2.0, 2.0], [3.0, 1.0]]],
        [[1, 0]],
        axis=1,
        keepdims=0,
        select_last_index=1,
    ),
    case("CumSum", [[1, 2, 3], 0], [[0, 1, 3]], exclusive=1),
    # from the end
    case("Gather", [SQUARE, [-1]], [[[3.0, 4.0]]], axis=0),
    # twice to one place
    case(
        "ScatterElements",
        [[1.0, 2.0, 3.0], [0, 0], [10.0, 20.0]],
        [[31.0, 2.0, 3.0]],
        reduction="add",
    ),
    case("ScatterND", [[1.0, 2.0, 3.0], [[-1]], [9.0]], [[1.0, 2.0, 9.0]]),
    # the mean and the inverse deviation too
    case(
        "LayerNormalization",
        [[[1.0, 3.0]], [2.0, 2.0], [1.0, 1.0]],
        [[[-1.0, 3.0]], [[2.0]], [[1.0]]],
        epsilon=0.0,
    ),
    case(
        "BatchNormalization",
        [[[1.0], [3.0]], [1.0], [0.0], [1.0], [4.0]],
        [[[0.0], [1.0]]],
        epsilon=0.0,
    ),
    # (2 + 3) / 2
    case(
        "NegativeLogLikelihoodLoss",
        [[[-1.0, -2.0], [-3.0, -4.0]], [1, 0]],
        [np.float32(2.5)],
    ),
    # logits that are all the same: the mean of the values
    case(
        "Attention",
        [[[EYE]], [[EYE]], [[SQUARE]]],
        [[[[[2.0, 3.0], [2.0, 3.0]]]]],
        scale=1e-30,
    ),
    flattened(),
    # a query that may look at one key, and one that may look nowhere
    case(
        "Attention",
        [[[EYE]], [[EYE]], [[SQUARE]], [[True, False], [False, False]]],
        [[[[[1.0, 2.0], [0.0, 0.0]]]]],
    ),
)
