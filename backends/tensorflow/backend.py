"""TensorFlow as a backend: its devices, its precisions, and what it is held to while measured."""

from __future__ import annotations

import os
import resource
import sys

import tensorflow as tf

from backends.base import Backend, Program, Settings, Trainer, Unsupported
from backends.tensorflow import ops
from backends.tensorflow.program import TensorFlowProgram
from backends.tensorflow.train import TensorFlowTrainer
from models.graph import Graph
from models.optim import Optimizer


class TensorFlowBackend(Backend):
    """CPU, CUDA and Apple's Metal plug-in."""

    name = "tensorflow"
    kernels = ops.KERNELS
    gaps = ops.GAPS
    part_gaps = ops.PART_GAPS
    modes = {"graph": None, "eager": False, "compiled": True}

    def __init__(self) -> None:
        # many small programs are not one that is traced too often, of which it warns
        tf.get_logger().setLevel("ERROR")

    def devices(self) -> dict[str, str]:
        """What this build of TensorFlow can reach on this machine."""
        gpu, apple = bool(tf.config.list_physical_devices("GPU")), sys.platform == "darwin"
        cuda = (
            ""
            if gpu and not apple
            else "no CUDA device, or a TensorFlow build without CUDA"
        )
        return {
            "cpu": "",
            "cuda": cuda,
            "mps": (
                ""
                if gpu and apple
                else "no Apple GPU, or tensorflow-metal is not installed"
            ),
        }

    def precisions(self, device: str) -> dict[str, str]:
        """Products in half precision over float32 weights: both halves on a GPU, bf16 on
        the CPU.
        """
        on_cpu = (
            "float16 on the CPU is computed in float32 and rounded: slower, and it"
            " overflows; use bf16"
        )
        return {
            "fp32": "",
            "bf16": "",
            "fp16": on_cpu if device == "cpu" else "",
            "fp64": "weights are float32",
        }

    def program(self, graph: Graph, settings: Settings) -> Program:
        """Realise a graph."""
        return TensorFlowProgram(graph, self._checked(settings))

    def trainer(self, graph: Graph, optimizer: Optimizer, settings: Settings) -> Trainer:
        """Realise a train graph with a native optimizer."""
        return TensorFlowTrainer(graph, optimizer, self._checked(settings))

    def synchronize(self, device: str) -> None:
        """Wait for the device; the CPU runs in step."""
        if device != "cpu":
            tf.test.experimental.sync_devices()

    def peak_memory(self, device: str) -> int | None:
        """Allocator's peak on a GPU, peak resident memory on the CPU."""
        if device != "cpu":
            return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
            1 if sys.platform == "darwin" else 1024
        )

    def pin(self, *, threads: int) -> dict[str, str | int | bool]:
        """Full float32 products; threads as far as TensorFlow lets them be set, which ends
        when it first runs.
        """
        tf.config.experimental.enable_tensor_float_32_execution(False)
        return {
            "threads": _pools(threads),
            "tensor_float_32": False,
            "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        }

    def features(self) -> dict[str, str]:
        """What it offers a port."""
        return {
            "autograd": "yes: tf.GradientTape",
            "compile": "yes: tf.function, with XLA by jit_compile=True",
            "export": "yes: .keras and SavedModel",
        }

    def _checked(self, settings: Settings) -> Settings:
        """Refuse a device or precision that is not here."""
        self.device(settings.device)
        reason = self.precisions(settings.device).get(
            settings.precision, "no such precision"
        )
        if reason:
            raise Unsupported(
                f"tensorflow on {settings.device}: {settings.precision}: {reason}"
            )
        return settings


def _pools(threads: int) -> int:
    """Size both thread pools; returns the size they have, which is another one where
    TensorFlow had started already.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        given = tf.config.threading.get_intra_op_parallelism_threads() or os.environ.get(
            "TF_NUM_INTRAOP_THREADS"
        )
        usable = (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count()
        )
        return int(given or usable or 1)
    return threads
