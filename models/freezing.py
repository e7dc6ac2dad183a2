"""Parameters that no step moves, as a change of a train graph: its weights, and not trained.

So every backend leaves them out of its gradients and its optimizer by its own means. Running
statistics of a frozen layer are state of the graph and go on moving, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from models.errors import SpecError
from models.graph import Graph


def frozen(train: Graph, names: Collection[str]) -> Graph:
    """The train graph without these among its trained parameters.

    Raises SpecError where nothing is left to train.
    """
    params = {}
    for name, param in train.params.items():
        trainable = param.trainable and name not in names
        params[name] = replace(param, trainable=trainable)
    graph = replace(train, params=params)
    if not graph.trainable():
        raise SpecError(f"{train.name}: all parameters are frozen; leave one to train")
    return graph
