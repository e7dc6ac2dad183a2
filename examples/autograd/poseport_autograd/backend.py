"""HIPS autograd as a backend: NumPy's arrays are its tensors, Python is its tape."""

import numpy as np
from autograd import value_and_grad

from backends.base import Backend, EagerProgram, TapeTrainer
from poseport_autograd import ops

_quiet = np.errstate(all="ignore")  # what is no number is an answer, too


class _Program(EagerProgram):
    tensor = array = staticmethod(np.asarray)
    compute = _quiet(EagerProgram.compute)


class _Trainer(TapeTrainer):
    differentiate = _quiet(lambda self, loss, at: value_and_grad(loss)(at))


class AutogradBackend(Backend):
    """The CPU in float32, as `Backend` has it."""

    name, kernels = "autograd", ops.KERNELS

    def program(self, graph, settings):
        return _Program(graph, self.checked(settings), self.kernels)

    def trainer(self, graph, optimizer, settings):
        return _Trainer(self.program(graph, settings), optimizer)
