"""TensorFlow as a backend: its devices, its precisions, and what measuring holds it to."""

from __future__ import annotations

import os
import sys

import tensorflow as tf

from backends.base import Backend, Program, Settings, Trainer, peak_resident_bytes
from backends.tensorflow import ops
from backends.tensorflow.gaps import GAPS, PART_GAPS
from backends.tensorflow.program import KINDS, TensorFlowProgram
from backends.tensorflow.replicas import refused
from backends.tensorflow.train import TensorFlowTrainer
from models.graph import Graph
from models.optim import Optimizer


class TensorFlowBackend(Backend):
    """CPU, CUDA and Apple's Metal plug-in."""

    name = "tensorflow"
    kernels = ops.KERNELS
    gaps = GAPS
    part_gaps = PART_GAPS
    keeps = (
        "tf.recompute_grad runs a function twice, which draws other noise and moves running"
        " statistics again"
    )
    # a tf.function is what Keras makes of a model; op by op is for looking into one
    modes = {"graph": None, "eager": False, "compiled": True}
    draws_noise = True

    def __init__(self) -> None:
        # many small programs are not one that is traced too often, of which it warns
        tf.get_logger().setLevel("ERROR")
        # from the start, not for timing alone: a GPU would round float32 products to TF32
        tf.config.experimental.enable_tensor_float_32_execution(False)

    def devices(self) -> dict[str, str]:
        """What this build of TensorFlow can reach on this machine."""
        # both kinds are called GPU by TensorFlow, and no machine has both
        gpu = bool(tf.config.list_physical_devices("GPU"))
        apple = sys.platform == "darwin"
        no_cuda = "no CUDA device, or a TensorFlow build without CUDA"
        no_mps = "no Apple GPU, or tensorflow-metal is not installed"
        return {
            "cpu": "",
            "cuda": "" if gpu and not apple else no_cuda,
            "mps": "" if gpu and apple else no_mps,
        }

    def precisions(self, device: str) -> dict[str, str]:
        """Products in half over float32 weights: both halves on a GPU, bf16 on the CPU."""
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

    def replicas(self, device: str, count: int) -> str:
        """Devices of one process: GPUs, or a CPU as several."""
        return refused(KINDS[device], count)

    def program(self, graph: Graph, settings: Settings) -> Program:
        """Realise a graph."""
        return TensorFlowProgram(graph, self.checked(settings))

    def trainer(
        self,
        graph: Graph,
        optimizer: Optimizer,
        settings: Settings,
    ) -> Trainer:
        """Realise a train graph with a native optimizer."""
        return TensorFlowTrainer(graph, optimizer, self.checked(settings))

    def synchronize(self, device: str) -> None:
        """Wait for the device; the CPU runs in step."""
        if device != "cpu":
            tf.test.experimental.sync_devices()

    def peak_memory(self, device: str) -> int | None:
        """Allocator's peak on a GPU, peak resident memory on the CPU."""
        if device != "cpu":
            return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
        return peak_resident_bytes()

    def pin(self, *, threads: int) -> dict[str, str | int | bool]:
        """Threads as far as TensorFlow lets them be set; float32 is full from the start."""
        tf32 = tf.config.experimental.tensor_float_32_execution_enabled()
        return {
            "threads": _pools(threads),
            "tensor_float_32": tf32,
            # read when TensorFlow is imported: it can be told here, not set
            "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        }

    def features(self) -> dict[str, str]:
        """What it offers a port."""
        return {
            "autograd": "yes: tf.GradientTape",
            "compile": "yes: tf.function, with XLA by jit_compile=True",
            "export": "yes: .keras and SavedModel",
        }


def _pools(threads: int) -> int:
    """Size both thread pools; the size that they have then.

    It is another one where TensorFlow had run already: the pools are made with the first op.
    """
    pools = tf.config.threading
    try:
        pools.set_intra_op_parallelism_threads(threads)
        pools.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        variable = os.environ.get("TF_NUM_INTRAOP_THREADS")
        # 0 is TensorFlow's word for "not said", and then it takes a thread for each core
        return int(pools.get_intra_op_parallelism_threads() or variable or _cores())
    return threads


def _cores() -> int:
    # macOS has no affinity: there every core may be used
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
