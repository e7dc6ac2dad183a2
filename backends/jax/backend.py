"""JAX as a backend: its devices, its precisions, and what measuring holds it to."""

from __future__ import annotations

import os

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.backend import clear_backends

from backends.base import Backend, Program, Settings, Trainer, peak_resident_bytes
from backends.jax import ops
from backends.jax.program import PLATFORMS, JaxProgram
from backends.jax.replicas import refused
from backends.jax.train import JaxTrainer
from models.graph import Graph
from models.optim import Optimizer

# By default the first client on a GPU takes three quarters of its memory, and a worker is
# never alone there. Read when a client starts, which the first array does.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


class JaxBackend(Backend):
    """CPU, CUDA, and Apple's GPU where its plugin is installed."""

    name = "jax"
    kernels = ops.KERNELS
    gaps = ops.GAPS
    part_gaps = ops.PART_GAPS
    # what a user of JAX does is jax.jit
    keeps = (
        "jax.checkpoint saved no memory where it was measured: XLA's CPU compiler drops the"
        " barriers that hold its work back"
    )
    modes = {"compiled": None, "eager": False}
    draws_noise = True

    def devices(self) -> dict[str, str]:
        """What JAX can reach on this machine."""
        return {kind: _absence(platform) for kind, platform in PLATFORMS.items()}

    def precisions(self, device: str) -> dict[str, str]:
        """float32, and bfloat16 in the products."""
        no_fp16 = (
            "JAX scales no loss, without which float16 gradients vanish; bf16 has the"
            " range of float32"
        )
        no_fp64 = (
            "weights are float32; 64 bits are a switch of the whole process in JAX"
        )
        return {"fp32": "", "bf16": "", "fp16": no_fp16, "fp64": no_fp64}

    def replicas(self, device: str, count: int) -> str:
        """Devices of one process: GPUs, or a CPU as several."""
        return refused(PLATFORMS[device], count)

    def program(self, graph: Graph, settings: Settings) -> Program:
        """Realise a graph."""
        return JaxProgram(graph, self.checked(settings))

    def trainer(
        self,
        graph: Graph,
        optimizer: Optimizer,
        settings: Settings,
    ) -> Trainer:
        """Realise a train graph with an optax optimizer."""
        return JaxTrainer(graph, optimizer, self.checked(settings))

    def synchronize(self, device: str) -> None:
        """Wait for one more call, which the device computes after all those before it.

        Their results cannot be asked: they may be dropped already.
        """
        one = jax.device_put(np.ones((), np.float32), jax.devices(PLATFORMS[device])[0])
        jax.block_until_ready(jnp.add(one, one))

    def peak_memory(self, device: str) -> int | None:
        """Allocator's peak on a GPU, peak resident memory on the CPU."""
        if device == "cpu":
            return peak_resident_bytes()
        # a platform may keep no statistics
        statistics = jax.devices(PLATFORMS[device])[0].memory_stats() or {}
        return statistics.get("peak_bytes_in_use")

    def pin(self, *, threads: int) -> dict[str, str | int | bool]:
        """XLA's CPU client takes its number of threads from NPROC when it starts.

        So one that holds no array yet is started anew; another keeps what it has.
        """
        if not jax.live_arrays():
            # else the arrays would lose their device
            os.environ["NPROC"] = str(threads)
            clear_backends()
        started_with = int(os.environ.get("NPROC", os.cpu_count() or 1))
        # the precision is asked for around every call, in `program.pure`
        return {"threads": started_with, "float32_matmul_precision": "highest"}

    def features(self) -> dict[str, str]:
        """What it offers a port."""
        return {
            "autograd": "yes",
            "compile": "yes: jax.jit",
            "export": "yes: jax.export, symbolic axes",
            "vmap": "yes",
        }


def _absence(platform: str) -> str:
    # asking is the only way: what starts a platform also says that it cannot
    try:
        jax.devices(platform)
    except RuntimeError as error:
        # the lines after the first tell how to build JAX
        return f"JAX has no {platform} device here: {str(error).splitlines()[0]}"
    return ""
