"""tinygrad as a backend: arrays in and out, one realisation a call, gradients by its own."""

from tinygrad import Tensor

from backends.base import Backend, EagerProgram, TapeTrainer
from poseport_tinygrad import ops


class TinygradProgram(EagerProgram):
    """A graph, run lazily over the kernels of `ops.py` and computed at once."""

    def tensor(self, array) -> Tensor:
        # in a buffer: of a single number tinygrad would make a constant
        return Tensor(array.reshape(-1)).reshape(array.shape).realize()

    def array(self, value: Tensor):
        return value.numpy()

    def run(self, feeds):
        outputs = super().run(feeds)
        Tensor.realize(*outputs.values(), *self.weights().values())
        return outputs


class TinyTrainer(TapeTrainer):
    """Gradients by tinygrad, steps by the written rules."""

    def differentiate(self, loss, weights):
        grads = (found := loss(weights)).gradient(*weights.values())
        return found.realize(*grads), dict(zip(weights, grads))


class TinygradBackend(Backend):
    """What is not written here is as `backends.base.Backend` has it: the CPU, float32."""

    name = "tinygrad"
    kernels = ops.KERNELS
    part_gaps = ops.PART_GAPS

    def program(self, graph, settings) -> TinygradProgram:
        return TinygradProgram(graph, self.checked(settings), self.kernels)

    def trainer(self, graph, by, settings) -> TinyTrainer:
        return TinyTrainer(self.program(graph, settings), by)
