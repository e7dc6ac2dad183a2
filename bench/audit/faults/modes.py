"""Ops that are wrong in one way of running, or one type, alone."""

from __future__ import annotations

from backends.base import Backend, Settings
from bench.audit.faults._made import kernel
from models.value import emit

KIND = "kernel"


def _other(settings: Settings) -> bool:
    """Not as the framework's users run it."""
    return settings.compiled is not None


def _one_way(backend: Backend) -> str:
    if len(backend.modes) > 1:
        return ""
    return f"programs run {next(iter(backend.modes))} here, and in no other way"


def _no_bfloat16(backend: Backend) -> str:
    """What is declared wrong cannot be made wrong."""
    asked = {
        "op": "multiply",
        "dtype": "bfloat16",
        "question": "value",
        "case": "",
        "mode": next(iter(backend.modes)),
        "device": "cpu",
    }
    gaps = (gap for gap in backend.part_gaps if gap.fits(**asked))
    return next((gap.reason for gap in gaps), "")


FAULTS = (
    kernel(
        "multiply",
        "1 % too large in a mode that is not customary",
        lambda a, b: emit("multiply", a, b) * 1.01,
        when=_other,
        needs=_one_way,
    ),
    kernel(
        "relu",
        "leaks in a mode that is not customary",
        lambda x: x.leaky_relu(slope=0.1),
        when=_other,
        needs=_one_way,
    ),
    kernel(
        "multiply",
        "5 % too large in float16",
        lambda a, b: (
            emit("multiply", a, b) * 1.05
            if getattr(a, "dtype", "") == "float16"
            else None
        ),
    ),
    kernel(
        "multiply",
        "5 % too large in bfloat16",
        lambda a, b: (
            emit("multiply", a, b) * 1.05
            if getattr(a, "dtype", "") == "bfloat16"
            else None
        ),
        needs=_no_bfloat16,
    ),
)
