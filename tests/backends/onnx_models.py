"""What the ONNX tests share: models as files, run in plain ONNX Runtime, beside the oracle."""

from __future__ import annotations

from collections import Counter
from typing import Any

import onnxruntime as ort

from backends.base import Settings
from backends.numpy.backend import NumpyBackend
from backends.onnx import model as files
from backends.onnx.program import OnnxProgram
from backends.onnx.train import OnnxTrainer
from models import params
from models.graph import Graph
from models.optim import Optimizer
from tests.backends.native import Arrays

CPU = "CPUExecutionProvider"


def exported(graph: Graph, *, opset: int = files.DEFAULT) -> Any:
    return files.model(graph, params.draw(graph.params, seed=1), opset=opset)


def in_plain_runtime(proto: Any, feeds: Arrays) -> Arrays:
    """Outputs by name, as anyone gets them who has the file."""
    session = ort.InferenceSession(proto.SerializeToString(), providers=[CPU])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def oracle(graph: Graph, feeds: Arrays) -> Arrays:
    """The same weights in float64."""
    program = NumpyBackend().program(graph, Settings(precision="fp64"))
    program.load(params.draw(graph.params, seed=1))
    return program(feeds)


def census(proto: Any) -> Counter[str]:
    return Counter(node.op_type for node in proto.graph.node)


def trainer(
    graph: Graph,
    *,
    rule: str = "adamw",
    lr: float = 1e-3,
    eps: float = 1e-8,
    draw_noise: bool = True,
) -> OnnxTrainer:
    settings = Settings(draw_noise=draw_noise, seed=3)
    program = OnnxProgram(graph, settings, threads=1)
    made = OnnxTrainer(program, Optimizer(rule, lr, 0.01, eps=eps))
    made.program.load(params.draw(graph.params, seed=1))
    return made
