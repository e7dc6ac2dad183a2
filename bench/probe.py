"""One op alone as a graph: what the exam asks of a backend, and how a diverging node is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backends.base import Backend, Settings
from backends.numpy.ops import kernels
from models import ops
from models.builder import Builder
from models.graph import Graph
from models.optim import Optimizer
from models.passes import decompose
from models.value import Value, emit_all

Arrays = dict[str, np.ndarray]
PLAIN = Optimizer("sgd", 0.0, 0.0)


@dataclass(frozen=True)
class Probe:
    """Inputs x0, x1, ... and literals of one op; `where` is the model line it stands for, if any."""

    op: str
    operands: tuple[np.ndarray | float, ...]  # literals stay literals
    attributes: Mapping[str, Any]
    where: str = ""
    symbolic: bool = False  # the first axis of the first input is left open

    def arrays(self) -> Arrays:
        """The tensor inputs by name."""
        return {f"x{i}": operand for i, operand in enumerate(self.operands) if isinstance(operand, np.ndarray)}

    def differentiable(self) -> bool:
        """Whether any input can have a gradient."""
        return any(array.dtype.kind == "f" for array in self.arrays().values())

    def graph(self) -> Graph:
        """All tensors are inputs; results are outputs y0, y1, ..."""
        builder = Builder(f"probe_{self.op}")
        values = {name: builder.input(name, self._shape(name, array), dtype=_dtype(array)) for name, array in self.arrays().items()}
        for i, result in enumerate(self._emit(builder, values)):
            builder.output(f"y{i}", result)
        return builder.finish()

    def loss_graph(self, weights: Sequence[np.ndarray]) -> Graph:
        """Float tensors are parameters; the loss is the weighted sum of all float results."""
        builder = Builder(f"probe_{self.op}")
        values = {
            name: builder.param(name, array.shape, init=("zeros", 0.0), trainable=name not in self._state())
            if array.dtype.kind == "f"
            else builder.constant(name, array)
            for name, array in self.arrays().items()
        }
        total: Value | None = None
        results = self._emit(builder, values)
        smooth = results[:1] if ops.get(self.op).state else results  # new running state is never differentiated
        for result, weight in zip(smooth, weights, strict=False):
            if result.dtype == "float32":
                part = (result * builder.constant(f"w_{result.name}", weight)).sum(axis=tuple(range(weight.ndim)), keepdims=False)
                total = part if total is None else total + part
        if total is None:
            raise ValueError(f"{self.op} has no float result")
        builder.output("loss", total)
        return builder.finish()

    def reference(self, working: type[np.floating[Any]]) -> tuple[np.ndarray, ...]:
        """What the op's definition gives in a working precision."""
        operands = [_cast(operand, working) if isinstance(operand, np.ndarray) else operand for operand in self.operands]
        results = kernels(working)[self.op](*operands, **self.attributes)
        return tuple(map(np.asarray, results)) if isinstance(results, tuple) else (np.asarray(results),)

    def run(self, backend: Backend, settings: Settings, *, body: bool = False) -> tuple[np.ndarray, ...]:
        """What a backend gives: by its kernel, or by the op's body in primitives."""
        graph = decompose(self.graph(), has=()) if body else self.graph()
        program = backend.program(graph, settings)
        results = program({name: array.copy() for name, array in self.arrays().items()})
        return tuple(results[f"y{i}"] for i in range(len(results)))

    def gradients(self, backend: Backend, settings: Settings, weights: Sequence[np.ndarray]) -> Arrays:
        """Gradient of the weighted sum of results in each float input, by the backend's own differentiation."""
        trainer = backend.trainer(self.loss_graph(weights), PLAIN, settings)
        trainer.program.load({name: array for name, array in self.arrays().items() if array.dtype.kind == "f"})
        return trainer.gradients(trainer.program.put({}))[1]

    def oracle_gradients(self, weights: Sequence[np.ndarray], working: str) -> Arrays:
        """The same by the gradient graph in NumPy."""
        from backends.numpy.program import NumpyBackend

        return self.gradients(NumpyBackend(), Settings(precision=working), weights)

    def _state(self) -> set[str]:
        return {f"x{i}" for i in ops.get(self.op).state}

    def _emit(self, builder: Builder, values: Mapping[str, Value]) -> tuple[Value, ...]:
        arguments = [values[f"x{i}"] if isinstance(operand, np.ndarray) else operand for i, operand in enumerate(self.operands)]
        with builder.at(self.where or f"probe of {self.op}"):
            return emit_all(self.op, *arguments, **self.attributes)

    def _shape(self, name: str, array: np.ndarray) -> tuple[int | str, ...]:
        return ("batch", *array.shape[1:]) if self.symbolic and name == "x0" else array.shape


def draw(case: ops.Case, seed: Sequence[int]) -> tuple[np.ndarray, ...]:
    """Inputs of an exam case, as its draws say; floats in float32."""
    rng = np.random.default_rng(list(seed))
    draws = case.draws or ("normal",) * len(case.shapes)
    return tuple(_draw(rng, kind, shape, case.high) for kind, shape in zip(draws, case.shapes, strict=True))


def weights_for(results: Sequence[np.ndarray], seed: int) -> tuple[np.ndarray, ...]:
    """Fixed random weights that turn results into a scalar."""
    rng = np.random.default_rng(seed)
    return tuple(np.asarray(rng.normal(size=result.shape), np.float32) for result in results)


def has_gradient(op: str) -> bool:
    """Whether an op, or the primitives of its body, has gradient rules that let something through."""
    found = ops.get(op)
    return op not in ("sign", "astype", "stop_gradient") and (found.vjp is not None or found.body is not None)


def _draw(rng: np.random.Generator, kind: str, shape: tuple[int, ...], high: int) -> np.ndarray:
    count = int(np.prod(shape))
    match kind:
        case "positive":
            return np.asarray(rng.uniform(0.5, 2, shape), np.float32)
        case "unit":
            return np.asarray(rng.uniform(-0.9, 0.9, shape), np.float32)
        case "apart":  # a shuffled grid, no value at 0: neighbours 0.2 apart, drawn anew for every input
            return ((rng.permutation(count) - count // 2 + 0.3 + rng.uniform(0, 0.3)) * 0.2).reshape(shape).astype(np.float32)
        case "index":
            return np.asarray(rng.integers(0, high, shape))
        case "bool":
            return np.asarray(rng.random(shape) < 0.5)
    return np.asarray(rng.normal(size=shape), np.float32)


def _cast(array: np.ndarray, working: type[np.floating[Any]]) -> np.ndarray:
    return array.astype(working) if array.dtype.kind == "f" else array


def _dtype(array: np.ndarray) -> str:
    return "float32" if array.dtype.kind == "f" else str(array.dtype)
