"""The smallest adapter there is: kernels, a tensor class of its own, and `program`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backends.base import Backend, EagerProgram, Program, Settings
from models import ops
from models.graph import Graph


class Tensor:
    """Native: NumPy's functions would not take it."""

    def __init__(self, array: np.ndarray) -> None:
        self.held = array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.held.shape

    @property
    def dtype(self) -> str:
        return f"tiny.{self.held.dtype}"


def kernel(reference: Callable[..., Any]) -> Callable[..., Any]:
    """An op's definition, over native tensors."""

    def run(*given: Any, **attributes: Any) -> Any:
        arrays = [one.held if isinstance(one, Tensor) else one for one in given]
        results = reference(*arrays, **attributes)
        if isinstance(results, tuple):
            return tuple(Tensor(np.asarray(one)) for one in results)
        return Tensor(np.asarray(results))

    return run


def astype(x: Tensor, *, dtype: str) -> Tensor:
    """To a reference, all floats are of one type."""
    return Tensor(x.held.astype(dtype))


# primitives alone: all compositions run by their bodies
KERNELS: dict[str, Callable[..., Any]] = {
    name: kernel(op.reference) for name, op in ops.table().items() if op.body is None
}
KERNELS["astype"] = astype


class TinyProgram(EagerProgram):
    """What an adapter writes."""

    def tensor(self, array: np.ndarray) -> Tensor:
        assert array.dtype.name != "bfloat16"
        return Tensor(array)

    def array(self, value: Tensor) -> np.ndarray:
        assert value.held.dtype.name != "bfloat16"
        return value.held


class TinyBackend(Backend):
    """A name, kernels, and programs over them: all else is the contract's."""

    name = "tiny"
    kernels = KERNELS

    def program(self, graph: Graph, settings: Settings) -> Program:
        return TinyProgram(graph, self.checked(settings), self.kernels)
