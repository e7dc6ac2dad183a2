"""Graph -> a Python function over NumPy arrays.

In float64 it is the oracle, in float32 the yardstick of the error budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from backends.base import Arrays, Feeds, Program, Settings, Unsupported
from backends.emit import function
from backends.kernels import Kernel
from backends.numpy.halves import WAYS, rounding
from backends.numpy.ops import Working, kernels
from models import params as initial
from models.graph import FLOATS, Graph, Type

WORKING: Mapping[str, Working] = {"fp64": np.float64, "fp32": np.float32}


def table(precision: str) -> Mapping[str, Kernel]:
    """The kernels of a precision; a half is float32 whose results are rounded."""
    own = kernels(WORKING.get(precision, np.float32))
    return rounding(own, precision) if precision in WAYS else own


class NumpyProgram(Program):
    """`native` is the emitted function `run(params, feeds, constants)`."""

    def __init__(self, graph: Graph, settings: Settings) -> None:
        if settings.draw_noise and graph.noise:
            # what it drew, nobody could be compared with
            raise Unsupported("numpy is the oracle and is fed its noise; it draws none")
        self.graph = graph
        self.working = WORKING.get(settings.precision, np.float32)
        self.native = function(graph, table(settings.precision))
        self._constants = {
            name: self._cast(array) for name, array in graph.constants.items()
        }
        self._params: dict[str, np.ndarray] = {}

    def load(self, params: Arrays) -> None:
        """Keep weights in the working precision.

        Raises BadInput where names or shapes do not fit.
        """
        initial.fit(self.graph.params, params)
        self._params = {name: self._cast(params[name]) for name in self.graph.params}

    def params(self) -> dict[str, np.ndarray]:
        """Weights and state."""
        return dict(self._params)

    def put(self, arrays: Arrays) -> Feeds:
        """Cast to the working precision."""
        noise = {name: noise.type for name, noise in self.graph.noise.items()}
        feeds = {}
        for name, type_ in {**self.graph.inputs, **noise}.items():
            # rounded first, as the backends that compute in halves get it
            given = type_.dtype if is_half(type_) else None
            feeds[name] = self._cast(np.asarray(arrays[name], given))
        return feeds

    # what is no number is an answer like any other, and seen in the result
    @np.errstate(all="ignore")
    def run(self, feeds: Feeds) -> dict[str, Any]:
        """Outputs by name; state is replaced.

        Halves are computed in the working precision and, but for float64, rounded at the
        end.
        """
        outputs, state = self.native(self._params, feeds, self._constants)
        # a sum over all axes is a NumPy scalar, no array
        self._params |= {name: np.asarray(value) for name, value in state.items()}
        if self.working is np.float64:
            return dict(outputs)
        rounded = {}
        for name, value in outputs.items():
            type_ = self.graph.types[self.graph.outputs[name]]
            rounded[name] = np.asarray(value, type_.dtype) if is_half(type_) else value
        return rounded

    @np.errstate(all="ignore")
    def taps(self, feeds: Feeds) -> dict[str, np.ndarray]:
        """Every inner value by name; state stays as it is."""
        run = function(self.graph, kernels(self.working), taps=True)
        # outputs and new state are among the values
        _, _, values = run(self._params, feeds, self._constants)
        return {name: np.asarray(value) for name, value in values.items()}

    def numpy(self, value: Any) -> np.ndarray:
        """An array already."""
        return np.asarray(value)

    def weights(self) -> dict[str, Any]:
        """Weights and state."""
        return dict(self._params)

    def device_of(self, value: Any) -> str:
        """NumPy knows no other place."""
        return "cpu"

    def _cast(self, array: np.ndarray) -> np.ndarray:
        array = np.asarray(array)
        # bfloat16 is a type of its own to NumPy, of no kind that it knows
        is_float = array.dtype.kind == "f" or str(array.dtype) in FLOATS
        return array.astype(self.working) if is_float else array


def is_half(type_: Type) -> bool:
    """Whether a type is a float of less than 32 bits."""
    return type_.dtype in FLOATS[1:]  # float32 comes first
