"""Graph -> a Python function over NumPy arrays, in float64 (the oracle) or float32 (the
yardstick of the error budget).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from backends.base import Arrays, Feeds, Program, Settings, Unsupported
from backends.emit import function
from backends.numpy.ops import kernels
from models import params as initial
from models.graph import FLOATS, Graph, Type

WORKING: Mapping[str, type[np.floating[Any]]] = {"fp64": np.float64, "fp32": np.float32}


class NumpyProgram(Program):
    """`native` is the emitted function `run(params, feeds, constants)`."""

    def __init__(self, graph: Graph, settings: Settings) -> None:
        if settings.draw_noise and graph.noise:
            raise Unsupported("numpy is the oracle and is fed its noise; it draws none")
        self.graph = graph
        self.working = WORKING[settings.precision]
        self.native = function(graph, kernels(self.working))
        self._constants = {
            name: self._cast(array) for name, array in graph.constants.items()
        }
        self._params: dict[str, np.ndarray] = {}

    def load(self, params: Arrays) -> None:
        """Keep weights in the working precision; raises BadInput where names or shapes do
        not fit.
        """
        initial.fit(self.graph.params, params)
        self._params = {name: self._cast(params[name]) for name in self.graph.params}

    def params(self) -> dict[str, np.ndarray]:
        """Weights and state."""
        return dict(self._params)

    def put(self, arrays: Arrays) -> Feeds:
        """Cast to the working precision."""
        types = {
            **self.graph.inputs,
            **{name: noise.type for name, noise in self.graph.noise.items()},
        }
        return {
            name: self._cast(
                np.asarray(arrays[name], type_.dtype if is_half(type_) else None)
            )
            for name, type_ in types.items()
        }

    def run(self, feeds: Feeds) -> dict[str, Any]:
        """Outputs by name; state is replaced.

        Halves are computed in the working precision and, but for float64, rounded at the
        end.
        """
        outputs, state = self.native(self._params, feeds, self._constants)
        self._params |= {name: np.asarray(value) for name, value in state.items()}
        types = {
            name: self.graph.types[value] for name, value in self.graph.outputs.items()
        }
        exact = self.working is np.float64
        return {
            name: (
                value
                if exact or not is_half(types[name])
                else np.asarray(value, types[name].dtype)
            )
            for name, value in outputs.items()
        }

    def taps(self, feeds: Feeds) -> dict[str, np.ndarray]:
        """Every inner value by name; state stays as it is."""
        values = function(self.graph, kernels(self.working), taps=True)(
            self._params, feeds, self._constants
        )[2]
        return {name: np.asarray(value) for name, value in values.items()}

    def numpy(self, value: Any) -> np.ndarray:
        """An array already."""
        return np.asarray(value)

    def _cast(self, array: np.ndarray) -> np.ndarray:
        array = np.asarray(array)
        return (
            array.astype(self.working)
            if str(array.dtype) in FLOATS or array.dtype.kind == "f"
            else array
        )


def is_half(type_: Type) -> bool:
    """Whether a type is a float of less than 32 bits."""
    return type_.dtype in FLOATS[1:]
