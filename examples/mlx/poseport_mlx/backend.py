"""MLX as a backend: arrays in and out, evaluation on the CPU, gradients by value_and_grad."""

import mlx.core as mx
import numpy as np

from backends.base import Backend, EagerProgram, Feeds, Settings, TapeTrainer
from models.graph import Graph
from models.optim import Optimizer
from poseport_mlx import ops

mx.set_default_device(mx.cpu)  # a Mac's default is its GPU


class MlxProgram(EagerProgram):
    """A graph, run op by op over the kernels of `ops.py`."""

    def tensor(self, array: np.ndarray) -> mx.array:
        """An array of MLX, of the array's type."""
        return mx.array(array)

    def array(self, value: mx.array) -> np.ndarray:
        """An array of MLX as NumPy has it."""
        return np.array(value)

    def run(self, feeds: Feeds) -> dict[str, mx.array]:
        """Outputs by name; MLX is lazy, and computes nothing until it is told to."""
        outputs = super().run(feeds)
        mx.eval(outputs, self.weights())
        return outputs


class MlxTrainer(TapeTrainer):
    """Gradients by MLX, steps by the written rules."""

    def differentiate(self, loss):
        """The loss and its gradients by name."""
        return mx.value_and_grad(loss)


class MlxBackend(Backend):
    """What is not written here is as `backends.base.Backend` has it: the CPU, float32."""

    name = "mlx"
    kernels = ops.KERNELS
    part_gaps = ops.PART_GAPS

    def program(self, graph: Graph, settings: Settings) -> MlxProgram:
        """Realise a graph."""
        return MlxProgram(graph, self.checked(settings), self.kernels)

    def trainer(self, graph: Graph, by: Optimizer, settings: Settings) -> MlxTrainer:
        """Realise a train graph with an optimizer."""
        return MlxTrainer(self.program(graph, settings), by)
