"""What ONNX, or ONNX Runtime on the CPU, is known not to do."""

from __future__ import annotations

from backends.base import Gap
from backends.onnx.ops import KERNELS
from models import ops

GAPS: dict[str, str] = {}  # op -> why ONNX cannot; nothing is missing

_NO_BF16 = "ONNX, or ONNX Runtime on the CPU, has no bfloat16 for a node of it"
_NO_BF16_BACK = "ONNX Runtime on the CPU has no bfloat16 for a node of its gradient"
_NO_F16 = "ONNX Runtime's ScatterElements adds no float16"
_NO_INT = "ONNX defines it for floats alone"
_NOT_FINITE = "of NaN and infinity"
_NO_GEMM = "ONNX Runtime's Gemm, which rank 2 becomes, takes no {}"
# the first input is not empty; constants stand in for an empty result
_FULL = r"^[1-9]\d*(x[1-9]\d*)*[,;]"
# there is a product, if only of empty rows with empty columns
_PRODUCT = r"^([1-9]\d*x)+\d+, ([1-9]\d*x)*\d+x[1-9]"
# What ONNX Runtime has in bfloat16: it moves numbers, looks at their sign, or has nothing
# to compute (`linear` and `matmul` of empty inputs). `layer_norm` and
# `sparse_matmul` alone compute in it.
_HAS_BF16 = (
    "astype broadcast_to concat expand_dims flip layer_norm linear matmul permute_dims"
    " repeat reshape roll sign slice sparse_matmul split squeeze stack stop_gradient take"
    " take_along_axis unstack"
)
# of these the gradient adds, or fills with zeros; the others' moves numbers alone
_ADDS = "broadcast_to layer_norm linear matmul resize roll slice sparse_matmul take_along_axis"


def _without_bf16() -> str:
    """All other ops, so that a new one need not be named."""
    has = _HAS_BF16.split()
    # a composition that runs by its body has the gaps of the ops of that body
    own = [op for op in ops.table() if op in KERNELS or ops.get(op).body is None]
    return " ".join(op for op in own if op not in has)


def _back(op: str, case: str = "") -> Gap:
    """A gap of the gradient in bfloat16."""
    return Gap(op, _NO_BF16_BACK, dtype="bfloat16", question="gradient", case=case)


PART_GAPS = (
    Gap(_without_bf16(), _NO_BF16, dtype="bfloat16"),
    Gap("broadcast_to", _NO_BF16, dtype="bfloat16", case=r"shape=\((?!0)"),
    Gap("linear", _NO_BF16, dtype="bfloat16", case=_FULL),
    Gap("matmul", _NO_BF16, dtype="bfloat16", case=_PRODUCT),
    Gap("repeat", _NO_BF16, dtype="bfloat16", case=f"{_FULL} times=[2-9]"),
    Gap("resize", _NO_BF16, dtype="bfloat16", case="mode=nearest", varies=True),
    Gap("layer_norm linear", _NO_BF16, dtype="bfloat16", question="kernel"),
    # of the ops above: where `value` is a gap, the gradient is not asked for
    _back(_ADDS),
    _back("repeat", r"times=[2-9]"),
    _back("split", r"parts=[2-9]"),
    _back("take", r", [1-9].*;"),
    _back("unstack", r"^(?!1;)"),
    Gap("scatter_add", _NO_F16, dtype="float16"),
    Gap("take", _NO_F16, dtype="float16", question="gradient", case=", [1-9];"),
    Gap("take_along_axis", _NO_F16, dtype="float16", question="gradient"),
    # where a factor leads to the length, it repeats
    Gap(
        "resize",
        _NO_F16,
        dtype="float16",
        question="gradient",
        case="mode=nearest",
        varies=True,
    ),
    Gap("conv conv_transpose", _NO_INT, dtype="int64"),
    Gap("conv conv_transpose", _NO_INT, dtype="int32"),
    Gap("linear", _NO_GEMM.format("int64"), dtype="int64", case=r"^[1-9]x\d,"),
    Gap("linear", _NO_GEMM.format("int32"), dtype="int32", case=r"^[1-9]x\d,"),
    Gap(
        "max min",
        "ONNX Runtime passes over NaN, unless it comes first in a row",
        case=_NOT_FINITE,
        varies=True,
    ),
    Gap(
        "logsumexp",
        "over all of a row, ONNX Runtime passes over NaN that stands after infinity",
        case=_NOT_FINITE,
        varies=True,
    ),
    Gap(
        "max_pool",
        "ONNX Runtime's MaxPool passes over NaN",
        case=_NOT_FINITE,
        varies=True,
    ),
    Gap("argsort sort", "TopK compares with NaN, and orders nothing", case=_NOT_FINITE),
    Gap(
        "argmax argmin",
        "ONNX Runtime passes over NaN, unless it comes first",
        case=_NOT_FINITE,
        varies=True,
    ),
    Gap("relu", "ONNX Runtime's Relu takes no int64", dtype="int64"),
)
