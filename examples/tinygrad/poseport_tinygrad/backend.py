"""tinygrad as a backend: arrays in and out, one realisation a call, gradients by its own."""

from typing import Any

import numpy as np
from tinygrad import Tensor

from backends.base import Backend, EagerProgram, Feeds, Settings, TapeTrainer
from models.graph import Graph
from models.optim import Optimizer
from poseport_tinygrad import ops


class TinygradProgram(EagerProgram):
    """A graph, run lazily over the kernels of `ops.py` and computed at once."""

    def tensor(self, array: np.ndarray) -> Tensor:
        # in a buffer: of a single number tinygrad would make a constant
        return Tensor(array.reshape(-1)).reshape(array.shape).realize()

    def array(self, value: Tensor) -> np.ndarray:
        return value.numpy()

    def run(self, feeds: Feeds) -> dict[str, Any]:
        outputs = super().run(feeds)
        Tensor.realize(*outputs.values(), *self.weights().values())
        return outputs


class TinygradTrainer(TapeTrainer):
    """Gradients by tinygrad, steps by the written rules."""

    def differentiate(self, loss: Any, weights: Any) -> Any:
        grads = (found := loss(weights)).gradient(*weights.values())
        return found.realize(*grads), dict(zip(weights, grads))


class TinygradBackend(Backend):
    """What is not written here is as `backends.base.Backend` has it: the CPU, float32."""

    name = "tinygrad"
    kernels = ops.KERNELS
    gaps = ops.GAPS
    part_gaps = ops.PART_GAPS

    def program(self, graph: Graph, settings: Settings) -> TinygradProgram:
        return TinygradProgram(graph, self.checked(settings), self.kernels)

    def trainer(
        self, graph: Graph, by: Optimizer, settings: Settings
    ) -> TinygradTrainer:
        return TinygradTrainer(self.program(graph, settings), by)
