"""For `EagerProgram.compiled`, where a framework captures one call and plays it again.

What was captured fits inputs of the same shapes and types alone, and writes into the same buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Captured = Callable[..., Any]


def by_shapes(capture: Callable[[], Captured]) -> Captured:
    """A function of mappings of tensors, which captures anew for each set of shapes and types.

    `capture` makes what captures, once for a set; a tensor has a `shape` and a `dtype`.
    """
    held: dict[Any, Captured] = {}

    def call(*given: Mapping[str, Any]) -> Any:
        shapes = tuple(
            # by its name: the class of a type may be none that hashes
            (name, tuple(tensor.shape), str(tensor.dtype))
            for mapping in given
            for name, tensor in mapping.items()
        )
        if shapes not in held:
            held[shapes] = capture()
        return held[shapes](*given)

    return call


def each(change: Callable[[Any], Any], found: Any) -> Any:
    """`change` done to every tensor of mappings and tuples; None stays."""
    if isinstance(found, Mapping):
        return {name: each(change, value) for name, value in found.items()}
    if isinstance(found, tuple):
        return tuple(each(change, value) for value in found)
    return found if found is None else change(found)
