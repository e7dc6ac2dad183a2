"""Training without autograd: forward and backward as one graph, then the written rule."""

from __future__ import annotations

from backends.graph_trainer import GraphTrainer, differentiated
from backends.numpy.program import NumpyProgram
from backends.program import Settings
from models.graph import Graph
from models.optim import Optimizer


class NumpyTrainer(GraphTrainer):
    """The definition of a training step."""

    def __init__(
        self,
        graph: Graph,
        optimizer: Optimizer,
        settings: Settings,
    ) -> None:
        super().__init__(NumpyProgram(differentiated(graph), settings), optimizer)
