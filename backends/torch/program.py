"""Graph -> torch.fx.GraphModule: readable source of native calls, real parameters under
their official names, nothing of ours inside.

Kernels are run once over proxies; what they call is what the module calls. The module works
with torch.compile(fullgraph=True), torch.export, copy.deepcopy and pickle, and runs where
PosePort is not installed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch import fx, nn
from torch.fx.experimental import _config as tracing

from backends.base import (
    Arrays,
    Feeds,
    Portable,
    Settings,
)
from backends.emit import identifier
from backends.torch import ops
from models import dims
from models import ops as table
from models import params as initial
from models.dims import Dim
from models.graph import Graph, Node, Operand, Param
from models.passes import decompose

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


class _Typed(fx.Proxy):
    """A proxy that knows its shape, so that kernels may read numbers off it."""

    def __init__(self, node: fx.Node, tracer: fx.Tracer, shape: dims.Shape) -> None:
        super().__init__(node, tracer)
        self.__dict__["shape"] = shape


class _Writer:
    """Writes one graph into an fx.Graph, value by value."""

    def __init__(self, graph: Graph, *, draw_noise: bool) -> None:
        self.graph = graph
        self.draw_noise = draw_noise
        self.fx = fx.Graph()
        self.tracer = fx.proxy.GraphAppendingTracer(self.fx)
        self.values: dict[str, _Typed] = {}
        self.axes: dict[str, Any] = {}
        for name in feeds_of(graph, draw_noise=draw_noise):
            self._keep(name, self.fx.placeholder(identifier(name)))

    def write(self) -> fx.Graph:
        """All nodes, state updates, and the output: a tensor where there is one, else a
        dict by name.
        """
        for node in self.graph.nodes:
            self._node(node)
        for name, value in self.graph.state.items():
            buffer, new = self.value(name).node, self.value(value).node
            if new is not buffer:  # else the kernel has updated it in place
                self.fx.call_method("copy_", (buffer, new))
        results = {
            name: self.value(value).node for name, value in self.graph.outputs.items()
        }
        self.fx.output(results if len(results) > 1 else next(iter(results.values())))
        return self.fx

    def value(self, operand: Operand) -> Any:
        """Proxy of a value, made on first use; literals pass through, lengths are computed
        from the inputs.
        """
        if not isinstance(operand, str):
            return self._length(operand) if isinstance(operand, Dim) else operand
        if operand in self.graph.params or operand in self.graph.constants:
            if operand not in self.values:
                self._keep(operand, self.fx.get_attr(attribute(self.graph, operand)))
        elif operand in self.graph.noise and operand not in self.values:
            self._draw(operand)
        return self.values[operand]

    def _node(self, node: Node) -> None:
        if node.op == "dropout":  # kept whole only where PyTorch draws the mask
            result = self._dropout(node)
        else:
            arguments = [self.value(operand) for operand in node.inputs]
            attributes = {
                key: self._attribute(node.op, value)
                for key, value in node.attributes.items()
            }
            result = ops.KERNELS[node.op](*arguments, **attributes)
        results = (
            [result[i] for i in range(len(node.outputs))]
            if table.get(node.op).several
            else [result]
        )
        for name, one in zip(node.results(), results, strict=True):
            self._keep(name, one.node, where=node.where)

    def _dropout(self, node: Node) -> Any:
        x, mask = node.inputs
        if self.graph.types[str(x)].shape == self.graph.types[str(mask)].shape:
            return ops.drawn_dropout(self.value(x), rate=node.attributes["rate"])
        return self.value(x) * self.value(mask) / (1 - node.attributes["rate"])

    def _draw(self, name: str) -> None:
        noise = self.graph.noise[name]
        shape = tuple(self._attribute("", length) for length in noise.type.shape)
        drawn = ops.draw(
            self.values[next(iter(self.graph.inputs))],
            shape=shape,
            kind=noise.kind,
            number=noise.number,
        )
        self._keep(name, drawn.node)

    def _attribute(self, op: str, value: Any) -> Any:
        """Symbolic lengths become sizes of the inputs; in a reshape with one of them, -1."""
        if isinstance(value, Dim):
            return self._length(value)
        if isinstance(value, tuple):
            single = op == "reshape" and sum(isinstance(item, Dim) for item in value) == 1
            return tuple(
                -1 if single and isinstance(item, Dim) else self._attribute(op, item)
                for item in value
            )
        return value

    def _length(self, length: Dim) -> Any:
        for name, type_ in self.graph.inputs.items():
            for i, axis in enumerate(map(dims.axis_name, type_.shape)):
                if axis in dims.names_in(length) and axis not in self.axes:
                    self.axes[axis] = self.values[name].size(i)
        return length.bind(self.axes)

    def _keep(self, name: str, node: fx.Node, *, where: str = "") -> None:
        node.meta.setdefault("value", name)
        if where:
            file, _, line = where.rpartition(":")
            node.meta.setdefault(
                "stack_trace", f'  File "{file}", line {line}, in {self.graph.name}\n'
            )
        self.values[name] = _Typed(node, self.tracer, self.graph.types[name].shape)


def feeds_of(graph: Graph, *, draw_noise: bool) -> tuple[str, ...]:
    """What the module is called with, in order: inputs, then noise unless the module draws
    it.
    """
    return tuple(graph.inputs) if draw_noise else (*graph.inputs, *graph.noise)


def attribute(graph: Graph, name: str) -> str:
    """Where the module keeps an array: parameters under their own dotted names, constants
    under `constant_NAME`.
    """
    return name if name in graph.params else f"constant_{identifier(name)}"


def module(graph: Graph, *, draw_noise: bool) -> fx.GraphModule:
    """The native object, with zeros for weights."""
    has = {*ops.KERNELS, "dropout"} if draw_noise else ops.KERNELS
    flat = decompose(graph, has=has)
    root = nn.Module()
    for name, param in flat.params.items():
        _register(root, name, param)
    for name, array in flat.constants.items():
        root.register_buffer(attribute(flat, name), tensor(array), persistent=False)
    native = fx.GraphModule(
        root,
        _Writer(flat, draw_noise=draw_noise).write(),
        class_name=identifier(graph.name),
    )
    held = native.state_dict()
    unread = [name for name in flat.params if name not in held]
    # fx takes over what the code reads; a checkpoint holds more (num_batches_tracked)
    for name in unread:
        _register(native, name, flat.params[name])
    # fx makes every buffer persistent
    native._non_persistent_buffers_set |= {attribute(flat, name) for name in flat.constants}
    owners = {name.split(".")[0] for name in unread if "." in name}
    kept: dict[str, Any] = {owner: native.get_submodule(owner) for owner in sorted(owners)}
    kept["_non_persistent_buffers_set"] = native._non_persistent_buffers_set
    # what fx puts back after copy.deepcopy, which drops unread arrays too
    native.meta["_user_preserved_attributes"] = kept
    return native


def _register(root: nn.Module, name: str, param: Param) -> None:
    """A parameter, or a buffer where it is state, in zeros."""
    blank = torch.zeros(dims.bind(param.type.shape, {}), dtype=ops.DTYPES[param.type.dtype])
    owner, leaf = _owner(root, name)
    if param.trainable:
        owner.register_parameter(leaf, nn.Parameter(blank))
    else:
        owner.register_buffer(leaf, blank)


def _owner(root: nn.Module, dotted: str) -> tuple[nn.Module, str]:
    """The submodule that holds `dotted`, made where it is missing."""
    *path, leaf = dotted.split(".")
    for part in path:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    return root, leaf


class TorchProgram(Portable):
    """A GraphModule on a device. `callable` is the module, or its compiled form."""

    def __init__(self, graph: Graph, settings: Settings) -> None:
        self.graph = graph
        self.settings = settings
        self.native: fx.GraphModule = module(graph, draw_noise=settings.draw_noise).to(
            settings.device
        )
        self.callable: Any = (
            torch.compile(self.native, fullgraph=True) if settings.compiled else self.native
        )
        self.feeds = feeds_of(graph, draw_noise=settings.draw_noise)

    def load(self, params: Arrays) -> None:
        """Copy weights in; raises BadInput where names or shapes do not fit."""
        arrays = initial.fit(self.graph.params, params)
        self.native.load_state_dict(
            {name: tensor(array) for name, array in arrays.items()}, strict=True
        )

    def params(self) -> dict[str, np.ndarray]:
        """Weights and running statistics."""
        return {name: array(held).copy() for name, held in self.native.state_dict().items()}

    def put(self, arrays: Arrays) -> Feeds:
        """Tensors on the device."""
        types = {name: self.graph.types[name].dtype for name in self.feeds}
        return {
            name: tensor(np.asarray(arrays[name], types[name])).to(self.settings.device)
            for name in self.feeds
        }

    def run(self, feeds: Feeds) -> dict[str, Any]:
        """Inference: no gradient is recorded."""
        with torch.inference_mode(not self.graph.state), torch.no_grad(), self.autocast():
            return self.named(self.callable(*[feeds[name] for name in self.feeds]))

    def named(self, result: Any) -> dict[str, Any]:
        """Results by name: the module gives a bare tensor where there is one output."""
        return (
            result if isinstance(result, dict) else {next(iter(self.graph.outputs)): result}
        )

    def numpy(self, value: Any) -> np.ndarray:
        """An array; in float32 where autocast left less."""
        return array(
            value.float()
            if self.settings.precision in AUTOCAST and value.dtype in AUTOCAST.values()
            else value
        )

    def export(self, path: Path, format: str, *, sample: Arrays) -> None:
        """A .pt2 file of torch.export: its loader builds a module from it that needs no
        source of ours.
        """
        feeds = self.put(sample)
        types = {
            **self.graph.inputs,
            **{name: noise.type for name, noise in self.graph.noise.items()},
        }
        is_open = [
            [not isinstance(length, int) for length in types[name].shape]
            for name in self.feeds
        ]
        axes = tuple(
            {i: torch.export.Dim.DYNAMIC for i, free in enumerate(row) if free}
            for row in is_open
        )
        # else a length of 1, be it of an inner axis, would need a file of its own
        with tracing.patch(backed_size_oblivious=True):
            exported = torch.export.export(
                self.native, tuple(feeds[name] for name in self.feeds), dynamic_shapes=axes
            )
        torch.export.save(exported, path)

    def reopen(self, path: Path, format: str) -> Callable[[Arrays], dict[str, np.ndarray]]:
        """The module of a .pt2 file, called with tensors in the order of `feeds`."""
        native = torch.export.load(path).module()

        def run(arrays: Arrays) -> dict[str, np.ndarray]:
            feeds = self.put(arrays)
            return {
                name: self.numpy(value)
                for name, value in self.named(
                    native(*[feeds[name] for name in self.feeds])
                ).items()
            }

        return run

    def autocast(self) -> Any:
        """The context of mixed precision; nothing in fp32."""
        dtype = AUTOCAST.get(self.settings.precision)
        return (
            torch.autocast(self.settings.device, dtype)
            if dtype
            else contextlib.nullcontext()
        )


def tensor(array: np.ndarray) -> torch.Tensor:
    """A copy as a tensor; torch does not read NumPy's bfloat16, which is 16 bits to it."""
    held = np.array(array, order="C")
    return (
        torch.from_numpy(held.view(np.int16)).view(torch.bfloat16)
        if held.dtype == ml_dtypes.bfloat16
        else torch.from_numpy(held)
    )


def array(value: torch.Tensor) -> np.ndarray:
    """A tensor as an array of the same type."""
    value = value.detach().cpu()
    bits: np.ndarray = (
        value.view(torch.int16) if value.dtype == torch.bfloat16 else value
    ).numpy()
    return bits.view(ml_dtypes.bfloat16) if value.dtype == torch.bfloat16 else bits
