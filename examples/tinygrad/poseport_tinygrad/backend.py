"""tinygrad as a backend: arrays in and out, captured graphs, gradients by its own."""

import numpy as np
from tinygrad import Tensor, TinyJit

from backends.base import Backend, EagerProgram, TapeTrainer, by_shapes, each
from poseport_tinygrad import ops

# of the CPU; a copy would be a call of tinygrad, which is dear
_bytes = lambda buffer: buffer.as_memoryview(force_zero_copy=True)


class TinygradProgram(EagerProgram):
    """A graph over the kernels of `ops.py`, captured where it is called often."""

    def tensor(self, array):
        # into a buffer: `Tensor(array)` makes a constant of one number, and is slow
        made = Tensor.empty(array.shape, dtype=array.dtype.name)
        if array.size:
            _bytes(made.uop.base.buffer.ensure_allocated())[:] = array.tobytes()
        return made

    def array(self, value):
        if not (value.uop.has_buffer_identity() and value.uop.is_realized):
            return value.numpy()
        held = np.frombuffer(_bytes(value.uop.buffer), value.dtype.fmt)
        return held.reshape(value.shape)

    def compiled(self, function):
        # cloned: an input that is given back would be that of the captured call for ever
        own = lambda *given: each(Tensor.clone, function(*given))
        return by_shapes(lambda: TinyJit(own))

    def run(self, feeds):  # a captured call writes into the same buffers each time
        outputs = each(Tensor.clone, super().run(feeds))
        Tensor.realize(*outputs.values())
        return outputs


class _Trainer(TapeTrainer):
    def differentiate(self, loss):
        slopes = lambda at, found: (found, dict(zip(at, found.gradient(*at.values()))))
        return lambda weights, *given: slopes(weights, loss(weights, *given))


class TinygradBackend(Backend):
    """What is not written here is as `backends.base.Backend` has it: the CPU, float32."""

    name, kernels, part_gaps = "tinygrad", ops.KERNELS, ops.PART_GAPS

    def program(self, graph, settings):
        return TinygradProgram(graph, self.checked(settings), self.kernels)

    def trainer(self, graph, by, settings):
        return _Trainer(self.program(graph, settings), by)
