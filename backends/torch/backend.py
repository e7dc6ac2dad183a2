"""PyTorch as a backend: its devices, its precisions, and what measuring holds it to."""

from __future__ import annotations

import torch

from backends.base import Backend, Program, Settings, Trainer, peak_resident_bytes
from backends.torch import ops
from backends.torch.leader import TorchLeader
from backends.torch.program import TorchProgram, full_precision
from backends.torch.train import TorchTrainer
from models.graph import Graph
from models.optim import Optimizer


class TorchBackend(Backend):
    """CPU, CUDA and MPS."""

    name = "torch"
    kernels = ops.KERNELS
    gaps = ops.GAPS
    keeps = ""
    part_gaps = ops.PART_GAPS
    modes = {"eager": None, "compiled": True}
    draws_noise = True

    def __init__(self) -> None:
        full_precision()

    def devices(self) -> dict[str, str]:
        """What this build of PyTorch can reach on this machine."""
        no_cuda = "no CUDA device, or a PyTorch build without CUDA"
        no_mps = "no Apple GPU, or a PyTorch build without MPS"
        return {
            "cpu": "",
            "cuda": "" if torch.cuda.is_available() else no_cuda,
            "mps": "" if torch.backends.mps.is_available() else no_mps,
        }

    def precisions(self, device: str) -> dict[str, str]:
        """Autocast where the device has it: both halves on CUDA and MPS, bf16 on the CPU."""
        on_cpu = (
            "float16 autocast on the CPU is slower than float32 and overflows; use bf16"
        )
        return {
            "fp32": "",
            "bf16": "",
            "fp16": on_cpu if device == "cpu" else "",
            "fp64": "weights are float32",
        }

    def replicas(self, device: str, count: int) -> str:
        """Processes, each with a GPU of its own where they train on GPUs."""
        if device == "cpu":
            return ""
        here = torch.cuda.device_count() if device == "cuda" else 1
        said = f"it has {here} devices, and {count} replicas were asked for"
        return said if count > here else ""

    def program(self, graph: Graph, settings: Settings) -> Program:
        """Realise a graph."""
        return TorchProgram(graph, self.checked(settings))

    def trainer(
        self,
        graph: Graph,
        optimizer: Optimizer,
        settings: Settings,
    ) -> Trainer:
        """Realise a train graph with a native optimizer."""
        kind = TorchTrainer if settings.replicas == 1 else TorchLeader
        return kind(graph, optimizer, self.checked(settings))

    def synchronize(self, device: str) -> None:
        """Wait for the device; the CPU runs in step."""
        if device != "cpu":
            # torch.cuda or torch.mps
            getattr(torch, device).synchronize()

    def peak_memory(self, device: str) -> int | None:
        """Allocator's peak on CUDA, peak resident memory on the CPU."""
        if device == "cuda":
            return int(torch.cuda.max_memory_allocated())
        if device == "mps":
            # no peak is kept there: what the driver holds now, caches and all
            return int(torch.mps.driver_allocated_memory())
        return peak_resident_bytes()

    def pin(self, *, threads: int) -> dict[str, str | int | bool]:
        """A fixed number of threads; full float32 products are so from the start."""
        torch.set_num_threads(threads)
        return {
            "threads": threads,
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
            "cudnn_tf32": torch.backends.cudnn.allow_tf32,
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
        }

    def features(self) -> dict[str, str]:
        """What it offers a port."""
        return {
            "autograd": "yes",
            "compile": "yes: torch.compile(fullgraph=True)",
            "export": "yes: torch.export",
        }
