"""Numbers that are rounded, cut off or hidden on their way in or out of a program."""

from __future__ import annotations

from bench.audit.fault import Fault
from bench.audit.planting.graphs import Rewrite, inputs, results, rounded
from bench.audit.planting.proxy import Planting
from models.value import Value, emit

KIND = "program"
# binary digits of types that are narrower than float32
BFLOAT16, TF32 = 8, 11


def _fewer(digits: int, value: Value) -> Value:
    """With fewer digits, where it has those of float32."""
    return rounded(value, digits) if value.dtype == "float32" else value


def _shown(value: Value) -> Value:
    """0 for what is no number."""
    return emit("where", emit("equal", value, value), value, 0.0)


def _fault(name: str, graph: Rewrite, model: str = "simple_baseline") -> Fault:
    return Fault(
        name=name,
        planting=Planting(graph=graph),
        model=model,
        tasks=("parity", "shape_ops", "train", "evaluate"),
        ops=("divide", "log", "sqrt"),
    )


FAULTS = (
    _fault(
        "results with the digits of bfloat16", results(lambda x: _fewer(BFLOAT16, x))
    ),
    _fault("results with the digits of TF32", results(lambda x: _fewer(TF32, x))),
    _fault("inputs with the digits of bfloat16", inputs(lambda x: _fewer(BFLOAT16, x))),
    _fault("inputs with the digits of TF32", inputs(lambda x: _fewer(TF32, x))),
    _fault("inputs cut off at 1", inputs(lambda x: x.maximum(-1.0).minimum(1.0))),
    _fault("inputs cut off at 5", inputs(lambda x: x.maximum(-5.0).minimum(5.0))),
    _fault("no number becomes 0", results(_shown)),
    _fault(
        "results cut off at 100", results(lambda x: x.maximum(-100.0).minimum(100.0))
    ),
)
