"""ONNX Runtime as a backend: its providers, and what measuring holds it to."""

from __future__ import annotations

import os
from collections.abc import Mapping

import onnxruntime as ort

from backends.base import Backend, Program, Settings, Trainer, peak_resident_bytes
from backends.onnx import ops
from backends.onnx.gaps import GAPS, PART_GAPS
from backends.onnx.model import DEFAULT, opsets
from backends.onnx.program import OnnxProgram
from backends.onnx.session import PROVIDERS
from backends.onnx.train import OnnxTrainer
from models.graph import Graph
from models.optim import Optimizer


class OnnxBackend(Backend):
    """ONNX Runtime on the CPU and on CUDA."""

    name = "onnx"
    kernels = ops.KERNELS
    gaps = GAPS
    part_gaps = PART_GAPS
    modes = {"compiled": None, "eager": False}
    draws_noise = True

    def __init__(self, *, opset: int = DEFAULT) -> None:
        self.opset = opset
        # "3,2" is for nested parallel regions: the outer number is meant
        threads = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
        # 0: one per core; ONNX Runtime itself does not read the variable
        self.threads = int(threads) if threads.isdigit() else 0

    def devices(self) -> dict[str, str]:
        """Providers of this build of ONNX Runtime."""
        here = PROVIDERS["cuda"] in ort.get_available_providers()
        cuda = "" if here else "this build of onnxruntime has no CUDA provider"
        mps = "ONNX Runtime has no MPS provider, and CoreML runs parts of a graph only"
        return {"cpu": "", "cuda": cuda, "mps": mps}

    def precisions(self, device: str) -> dict[str, str]:
        """float32 alone."""
        reason = (
            "ONNX Runtime has no autocast; a model in half precision is another model"
        )
        return {
            "fp32": "",
            "bf16": reason,
            "fp16": reason,
            "fp64": "weights are float32",
        }

    def program(self, graph: Graph, settings: Settings) -> Program:
        """Realise a graph."""
        return self._program(graph, settings)

    def trainer(
        self,
        graph: Graph,
        optimizer: Optimizer,
        settings: Settings,
    ) -> Trainer:
        """Train through the gradient graph and the written rule, one ONNX graph per step."""
        return OnnxTrainer(self._program(graph, settings), optimizer)

    def synchronize(self, device: str) -> None:
        """A session's run returns when the device has finished."""

    def peak_memory(self, device: str) -> int | None:
        """Peak resident memory on the CPU; ONNX Runtime does not tell of a GPU's."""
        return peak_resident_bytes() if device == "cpu" else None

    def pin(self, *, threads: int) -> dict[str, str | int | bool]:
        """Threads of the sessions to come; TF32 is off in every session."""
        self.threads = threads
        # all but the threads are so in every session, pinned or not
        fixed = {"inter_op_threads": 1, "use_tf32": False, "opset": self.opset}
        return {"threads": threads, **fixed}

    def editions(self) -> Mapping[str, Backend]:
        """The oldest and the newest opset, and those in which an op gets a node of its own."""
        known = opsets()
        new = [n for n in known[1:] if ops.at(n).keys() != ops.at(n - 1).keys()]
        found = {}
        for opset in sorted({known[0], *new, known[-1]} - {self.opset}):
            found[f"opset {opset}"] = edition = OnnxBackend(opset=opset)
            edition.threads = self.threads
        return found

    def features(self) -> dict[str, str]:
        """What it offers a port."""
        return {
            "autograd": "no: gradient graph",
            "compile": "yes: always, when a session is made",
            "export": "yes: onnx.ModelProto, for inference and for training steps",
        }

    def _program(self, graph: Graph, settings: Settings) -> OnnxProgram:
        checked = self.checked(settings)
        return OnnxProgram(graph, checked, threads=self.threads, opset=self.opset)
