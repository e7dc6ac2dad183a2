"""Another precision than the one asked for, or that precision done badly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from backends.base import Backend, Feeds, Settings
from bench.audit.fault import UNTRAINED, Fault
from bench.audit.faults._stepping import Stepping
from bench.audit.planting.graphs import Rewrite, When, always, both, nodes, rounded
from bench.audit.planting.proxy import Planting
from models.value import Value, emit

KIND = "precision"
HALF = "bf16"
# rungs that are climbed in all digits, whatever the run asks for
FULL = ("weights", *UNTRAINED, "gradient", "step", "update", "noise", "trajectory")
PRODUCTS = ("linear", "matmul", "attention", "conv")  # what hardware computes in less


def _full(settings: Settings) -> Settings:
    return replace(settings, precision="fp32") if _in_half(settings) else settings


def _in_half(settings: Settings) -> bool:
    return settings.precision == HALF


def _products(digits: int, *, when: When = always) -> Rewrite:
    """Operands of every product with fewer digits, where they have those of float32."""

    def of(op: str) -> Callable[..., Value]:
        def wrong(*operands: Value, **attributes: Any) -> Value:
            narrow = [
                rounded(operand, digits) if operand.dtype == "float32" else operand
                for operand in operands
            ]
            return emit(op, *narrow, **attributes)

        return wrong

    return both(*[nodes(op, of(op), when=when) for op in PRODUCTS])


def _times(op: str, factor: float) -> Rewrite:
    """An op that is too large in the half alone."""
    return nodes(
        op,
        lambda *operands, **attributes: emit(op, *operands, **attributes) * factor,
        when=_in_half,
    )


def _no_half(backend: Backend) -> str:
    return backend.precisions("cpu").get(HALF, "no such precision")


class _NarrowWeights(Stepping):
    """After each step, weights have the digits of the half."""

    def stepped(self, feeds: Feeds) -> Any:
        loss = self.inner.step(feeds)
        if _in_half(self.program.settings):
            narrow = {
                name: array.astype("bfloat16").astype(array.dtype)
                for name, array in self.weights().items()
                if name in self.trained()
            }
            self.put_back(self.trained(), narrow)
        return loss


def _in(
    name: str, planting: Planting, op: str = "", model: str = "simple_baseline"
) -> Fault:
    """A fault of a run that asks for the half."""
    return Fault(
        name=name,
        planting=planting,
        op=op,
        model=model,
        tasks=("parity",),
        blind=FULL,
        precision=HALF,
        needs=_no_half,
    )


def _unasked(name: str, digits: int) -> Fault:
    """A fault of a run that asks for all digits."""
    planting = Planting(graph=_products(digits))
    return Fault(name=name, planting=planting, model="simple_baseline")


FAULTS = (
    _in("bf16 asked for, fp32 run", Planting(settings=_full)),
    _in("bf16 asked for, fp32 trained in", Planting(training=_full)),
    _in("bf16: weights are kept in it", Planting(trainer=_NarrowWeights)),
    _in("bf16: linear 5 % too large", Planting(graph=_times("linear", 1.05)), "linear"),
    _in(
        "bf16: attention 5 % too large",
        Planting(graph=_times("attention", 1.05)),
        "attention",
        "poseformer",
    ),
    _in(
        "bf16: layer_norm 5 % too large",
        Planting(graph=_times("layer_norm", 1.05)),
        "layer_norm",
        "motionbert",
    ),
    _in("bf16: relu 5 % too large", Planting(graph=_times("relu", 1.05)), "relu"),
    _in(
        "bf16: products with half of its digits",
        Planting(graph=_products(4, when=_in_half)),
    ),
    _unasked("fp32 asked for, products of bfloat16", 8),
    _unasked("fp32 asked for, products of TF32", 11),
)
