"""NumPy as a backend: the oracle in float64, on the CPU of any machine."""

from __future__ import annotations

import numpy as np

from backends.base import Backend, Program, Settings, Trainer, Unsupported
from backends.numpy.ops import GAPS, kernels
from backends.numpy.program import WORKING, NumpyProgram
from backends.numpy.train import NumpyTrainer
from models.graph import Graph
from models.optim import Optimizer


class NumpyBackend(Backend):
    """Runs on the CPU, on any machine."""

    name = "numpy"
    # who asks which ops there are, not what they give, needs no other precision
    kernels = kernels(np.float64)
    gaps = GAPS
    draws_noise = True  # it refuses to: what it drew, nobody could be compared with

    def precisions(self, device: str) -> dict[str, str]:
        """Full precisions only."""
        reason = "NumPy has no mixed precision"
        return {"fp64": "", "fp32": "", "bf16": reason, "fp16": reason}

    def program(self, graph: Graph, settings: Settings) -> Program:
        """Realise a graph."""
        if settings.precision not in WORKING:
            reason = self.precisions("cpu")[settings.precision]
            raise Unsupported(f"numpy: {reason}; use fp64 or fp32")
        return NumpyProgram(graph, settings)

    def trainer(
        self,
        graph: Graph,
        optimizer: Optimizer,
        settings: Settings,
    ) -> Trainer:
        """Train through the gradient graph and the written optimizer rules."""
        return NumpyTrainer(graph, optimizer, self.checked(settings))

    def features(self) -> dict[str, str]:
        """What it offers a port."""
        return {"autograd": "no: gradient graph", "compile": "no", "export": "no"}
