"""Faults of the pipeline as one call each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.audit.fault import USUAL, Fault, Patch, Setting

Make = Callable[[Any], Any]
WINDOWS = "data.batches.windows"


def always(value: Any) -> Make:
    """Whatever was there, `value` takes its place."""
    return lambda real: value


def sides_kept(values: Any, skeleton: Any) -> Any:
    """A mirror that leaves left and right where they are."""
    turned = values.copy()
    turned[..., 0] *= -1
    return turned


def x_kept(values: Any, skeleton: Any) -> Any:
    """A mirror that exchanges left and right alone."""
    return values[..., list(skeleton.mirror), :]


def fault(
    name: str,
    place: str,
    make: Make,
    setting: Setting = USUAL,
    model: str = "videopose3d without dropout",
) -> Fault:
    """A function, named MODULE:ATTRIBUTE below `bench`, is what `make` makes of it."""
    module, attribute = place.split(":")
    patch: Patch = (f"bench.{module}", attribute, make)
    return Fault(
        name=name,
        patches=(patch,),
        model=model,
        setting=setting,
        tasks=("train", "evaluate"),
    )
