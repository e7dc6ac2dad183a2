"""JAX as a backend: its devices, its precisions, and what it is held to while measured."""

from __future__ import annotations

import os
import resource

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.backend import clear_backends

from backends.base import Backend, Program, Settings, Trainer, Unsupported
from backends.jax import ops
from backends.jax.program import PLATFORMS, JaxProgram
from backends.jax.train import JaxTrainer
from models.graph import Graph
from models.optim import Optimizer


class JaxBackend(Backend):
    """CPU, CUDA, and Apple's GPU where its plugin is installed."""

    name = "jax"
    kernels = ops.KERNELS
    gaps = ops.GAPS
    part_gaps = ops.PART_GAPS
    modes = {"compiled": None, "eager": False}

    def devices(self) -> dict[str, str]:
        """What JAX can reach on this machine."""
        return {kind: _absence(platform) for kind, platform in PLATFORMS.items()}

    def precisions(self, device: str) -> dict[str, str]:
        """float32, and bfloat16 in the products."""
        return {
            "fp32": "",
            "bf16": "",
            "fp16": (
                "JAX scales no loss, without which float16 gradients vanish; bf16 has the"
                " range of float32"
            ),
            "fp64": "weights are float32; 64 bits are a switch of the whole process in JAX",
        }

    def program(self, graph: Graph, settings: Settings) -> Program:
        """Realise a graph."""
        return JaxProgram(graph, self._checked(settings))

    def trainer(self, graph: Graph, optimizer: Optimizer, settings: Settings) -> Trainer:
        """Realise a train graph with an optax optimizer."""
        return JaxTrainer(graph, optimizer, self._checked(settings))

    def synchronize(self, device: str) -> None:
        """A device computes in the order of the calls: wait for one more of them, as
        earlier results may be dropped already.
        """
        one = jax.device_put(np.ones((), np.float32), jax.devices(PLATFORMS[device])[0])
        jax.block_until_ready(jnp.add(one, one))

    def peak_memory(self, device: str) -> int | None:
        """Allocator's peak on a GPU, peak resident memory on the CPU."""
        if device == "cpu":
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        statistics = jax.devices(PLATFORMS[device])[0].memory_stats() or {}
        return statistics.get("peak_bytes_in_use")

    def pin(self, *, threads: int) -> dict[str, str | int | bool]:
        """XLA's CPU client takes its number of threads from NPROC when it starts: one that
        holds no array yet is started anew.
        """
        if not jax.live_arrays():
            os.environ["NPROC"] = str(threads)
            clear_backends()
        started_with = int(os.environ.get("NPROC", os.cpu_count() or 1))
        return {"threads": started_with, "float32_matmul_precision": "highest"}

    def features(self) -> dict[str, str]:
        """What it offers a port."""
        return {
            "autograd": "yes",
            "compile": "yes: jax.jit",
            "export": "yes: jax.export, symbolic axes",
            "vmap": "yes",
        }

    def _checked(self, settings: Settings) -> Settings:
        """Refuse a device or precision that is not here."""
        self.device(settings.device)
        reason = self.precisions(settings.device).get(
            settings.precision, "no such precision"
        )
        if reason:
            raise Unsupported(f"jax on {settings.device}: {settings.precision}: {reason}")
        return settings


def _absence(platform: str) -> str:
    try:
        jax.devices(platform)
    except RuntimeError as error:
        return f"JAX has no {platform} device here: {str(error).splitlines()[0]}"
    return ""
