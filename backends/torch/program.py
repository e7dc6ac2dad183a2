"""A GraphModule on a device: weights in and out, inference, autocast, files of torch.export."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx

from backends.base import Arrays, Feeds, Portable, Settings
from backends.torch import files
from backends.torch.module import array, feeds_of, module, tensor
from backends.torch.recompute import recomputed
from models import params as initial
from models.graph import Graph

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


def full_precision() -> None:
    """Round no product of float32, in this process."""
    # From the start, not for timing alone: on a GPU the convolutions would round float32
    # to TF32, whose 11 bits no proof of parity survives.
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    # it would choose algorithms by timing them, and so other numbers in each run
    torch.backends.cudnn.benchmark = False


class TorchProgram(Portable):
    """A GraphModule on a device. `callable` is the module, or its compiled form."""

    def __init__(self, graph: Graph, settings: Settings) -> None:
        self.graph = graph
        self.settings = settings
        made = module(graph, draw_noise=settings.draw_noise, replicas=settings.replicas)
        self.native: fx.GraphModule = made.to(settings.device)
        self.callable: Any = self.native
        if settings.recompute:
            self.callable = recomputed(self.native, graph.state)
        if settings.compiled:
            # one graph or an error: a break would be run op by op in silence
            self.callable = torch.compile(self.callable, fullgraph=True)
        self.feeds = feeds_of(graph, draw_noise=settings.draw_noise)
        if settings.draw_noise:
            # the generator belongs to the process: programs alike draw alike one by one
            torch.manual_seed(settings.seed)

    def load(self, params: Arrays) -> None:
        """Copy weights in; raises BadInput where names or shapes do not fit."""
        arrays = initial.fit(self.graph.params, params)
        tensors = {name: tensor(array) for name, array in arrays.items()}
        # strict: what `fit` lets through, the module must know
        self.native.load_state_dict(tensors, strict=True)

    def params(self) -> dict[str, np.ndarray]:
        """Weights and running statistics."""
        found = {}
        for name, held in self.native.state_dict().items():
            # on the CPU an array shares the memory that the next step changes
            found[name] = array(held).copy()
        return found

    def put(self, arrays: Arrays) -> Feeds:
        """Tensors on the device."""
        feeds = {}
        for name in self.feeds:
            typed = np.asarray(arrays[name], self.graph.types[name].dtype)
            feeds[name] = tensor(typed).to(self.settings.device)
        return feeds

    def run(self, feeds: Feeds) -> dict[str, Any]:
        """Inference: no gradient is recorded."""
        # inference mode is faster still, but buffers that move may not be its own tensors
        fast = torch.inference_mode(not self.graph.state)
        with fast, torch.no_grad(), self.autocast():
            result = self.callable(*[feeds[name] for name in self.feeds])
        return self.named(result)

    def named(self, result: Any) -> dict[str, Any]:
        """Results by name: the module gives a bare tensor where there is one output."""
        if isinstance(result, dict):
            return result
        return {next(iter(self.graph.outputs)): result}

    def numpy(self, value: Any) -> np.ndarray:
        """An array; in float32 where autocast left less."""
        mixed = self.settings.precision in AUTOCAST
        if mixed and value.dtype in AUTOCAST.values():
            value = value.float()
        return array(value)

    def weights(self) -> dict[str, Any]:
        """Parameters and buffers of the module."""
        return dict(self.native.state_dict())

    def device_of(self, value: Any) -> str:
        """As the tensor says."""
        kind: str = value.device.type
        return kind

    def export(
        self,
        path: Path,
        format: str,
        *,
        sample: Arrays,
        about: str,
        **options: Any,
    ) -> None:
        """A .pt2 file of torch.export, whose loader needs no source of ours.

        `about` is its extra file `poseport.json`.
        """
        feeds = self.put(sample)
        arguments = tuple(feeds[name] for name in self.feeds)
        axes = tuple(self._open_axes(name) for name in self.feeds)
        files.write(self.native, path, arguments, axes, about=about)

    def reopen(
        self,
        path: Path,
        format: str,
    ) -> Callable[[Arrays], dict[str, np.ndarray]]:
        """The module of a .pt2 file, called with tensors in the order of `feeds`."""
        native = torch.export.load(path).module()

        def run(arrays: Arrays) -> dict[str, np.ndarray]:
            feeds = self.put(arrays)
            result = native(*[feeds[name] for name in self.feeds])
            named = self.named(result)
            return {name: self.numpy(value) for name, value in named.items()}

        return run

    def autocast(self) -> Any:
        """The context of mixed precision; nothing in fp32."""
        if dtype := AUTOCAST.get(self.settings.precision):
            return torch.autocast(self.settings.device, dtype)
        return contextlib.nullcontext()

    def _open_axes(self, name: str) -> dict[int, Any]:
        """Which axes of an argument have a length that is known at the call only."""
        shape = self.graph.types[name].shape
        symbolic = [i for i, length in enumerate(shape) if not isinstance(length, int)]
        return dict.fromkeys(symbolic, torch.export.Dim.DYNAMIC)
