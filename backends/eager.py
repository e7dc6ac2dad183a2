"""A program over a table of kernels, for a framework that computes op by op, and its tape.

What is left for the framework are two methods: an array as its tensor, and back again. Types,
constants, weights and running state are seen to here, the same for each of them. Where it
differentiates functions of tensors, a third is how; where it compiles them, a fourth.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from backends.emit import function
from backends.graph_trainer import RuleTrainer
from backends.kernels import Kernel
from backends.program import Arrays, Feeds, Program, Settings, Unsupported
from models import params as initial
from models.errors import BadInput
from models.graph import Graph
from models.passes import decompose

BFLOAT16 = "bfloat16"

Natives = Mapping[str, Any]  # tensors of the framework, by name
Function = Callable[..., Any]


class EagerProgram(Program):
    """`native` is the emitted function `run(params, feeds, constants)`; ops are looked up in it.

    A composition without a kernel runs by its body. Weights are drawn until some are loaded.
    Raises Unsupported for a graph that needs an op which has neither.
    """

    def __init__(
        self,
        graph: Graph,
        settings: Settings,
        kernels: Mapping[str, Kernel],
    ) -> None:
        self.graph = graph
        self.settings = settings
        self.kernels = kernels
        flat = decompose(graph, has=kernels)
        if lacking := sorted(flat.census().keys() - kernels.keys()):
            raise Unsupported(
                f"no kernel of {', '.join(lacking)}; {graph.name} needs it"
            )
        self.native = function(flat, kernels)
        # bodies may have constants of their own
        self._constants = {
            name: self._placed(array, str(array.dtype))
            for name, array in flat.constants.items()
        }
        self._computed = self.compilable(self.compute)
        self._params: dict[str, Any] = {}
        self.load(initial.draw(graph.params, seed=settings.seed))

    @abstractmethod
    def tensor(self, array: np.ndarray) -> Any:
        """A tensor of the framework, on `self.settings.device`, of the array's type.

        Never one of bfloat16, which is made of float32 by the kernel `astype`.
        """

    @abstractmethod
    def array(self, value: Any) -> np.ndarray:
        """A tensor of the framework as NumPy has it; never one of bfloat16."""

    def compiled(self, function: Function) -> Function:
        """A function that gives the same, made once and called often; as it is by default.

        Its arguments are mappings of tensors by name, and hold all that changes from call to
        call: weights, state, batch and noise. Their shapes may change, too. It gives mappings
        of tensors, or tensors, in tuples.
        """
        return function

    def compilable(self, function: Function) -> Function:
        """`compiled`, unless the settings ask for op by op."""
        if self.settings.compiled is False:
            return function
        return self.compiled(function)

    def load(self, params: Arrays) -> None:
        """Take weights and state.

        Raises BadInput where names or shapes do not fit.
        """
        fitted = initial.fit(self.graph.params, params)
        self._params = {
            name: self._placed(array, self.graph.params[name].type.dtype)
            for name, array in fitted.items()
        }

    def params(self) -> dict[str, np.ndarray]:
        """Weights and state, as copies."""
        return {name: self.numpy(value) for name, value in self._params.items()}

    def put(self, arrays: Arrays) -> Feeds:
        """Inputs and noise in the types that the graph declares.

        Raises BadInput where one is missing.
        """
        due = {**self.graph.inputs}
        for name, noise in self.graph.noise.items():
            due[name] = noise.type
        if missing := [name for name in due if name not in arrays]:
            raise BadInput(
                f"{self.graph.name} was fed no {', '.join(missing)}; it reads"
                f" {', '.join(due)}"
            )
        return {
            name: self._placed(arrays[name], type_.dtype) for name, type_ in due.items()
        }

    def run(self, feeds: Feeds) -> dict[str, Any]:
        """Outputs by name, native; state is replaced."""
        outputs, state = self._computed(self._params, feeds)
        self._params |= state
        return dict(outputs)

    def compute(
        self, params: Mapping[str, Any], feeds: Feeds
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Outputs and new state at some weights, native: a function, which changes nothing."""
        outputs, state = self.native(params, feeds, self._constants)
        return outputs, state

    def numpy(self, value: Any) -> np.ndarray:
        """An array of its own."""
        if BFLOAT16 in str(getattr(value, "dtype", "")):
            wide = self.kernels["astype"](value, dtype="float32")
            return np.array(self.array(wide), BFLOAT16)
        return np.array(self.array(value))

    def weights(self) -> Mapping[str, Any]:
        """Weights and state, native."""
        return dict(self._params)

    def _placed(self, array: np.ndarray, dtype: str) -> Any:
        """A tensor of a type; bfloat16 goes there as float32, which all frameworks take."""
        if dtype != BFLOAT16:
            return self.tensor(np.array(array, dtype, order="C"))
        # rounded by NumPy, so that the framework has nothing left to round
        rounded = np.array(np.asarray(array, BFLOAT16), "float32", order="C")
        return self.kernels["astype"](self.tensor(rounded), dtype=BFLOAT16)


class TapeTrainer(RuleTrainer):
    """Gradients by the framework's tape, the optimizer by its rule in NumPy.

    `differentiate` is called at the first step, so a subclass may be set up by then.
    """

    program: EagerProgram

    @cached_property
    def _slopes(self) -> Function:
        # the batch is an argument, so that what compiles this holds none
        def loss(weights: Natives, fixed: Natives, feeds: Feeds) -> Any:
            outputs, _ = self.program.compute({**fixed, **weights}, feeds)
            return outputs["loss"]

        return self.program.compilable(self.differentiate(loss))

    @abstractmethod
    def differentiate(self, loss: Function) -> Function:
        """A function as `loss`, `(weights, fixed, feeds)`, of its value and its gradients.

        Both are native, gradients by name as in `weights`; None, or none of the name, is the
        gradient of a weight that the loss does not know. It is asked for once.
        """

    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss and gradients; running statistics move."""
        program = self.program
        fixed = dict(program.weights())
        trained = {name: fixed.pop(name) for name in program.graph.trainable()}
        found, native = self._slopes(trained, fixed, feeds)
        grads = {}
        for name, weight in trained.items():
            grad = native.get(name)
            if grad is None:
                grads[name] = np.zeros_like(program.numpy(weight))
            else:
                grads[name] = program.numpy(grad)
        loss = float(program.numpy(found))
        if program.graph.state:
            # once more: what came of the tape's own call is still tied to it
            program.run(feeds)
        return loss, grads
