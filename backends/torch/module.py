"""Graph -> torch.fx.GraphModule: readable source of native calls, nothing of ours inside.

Kernels are run once over proxies; what they call is what the module calls. Parameters are
real ones, under their official names. The module works with torch.compile(fullgraph=True),
torch.export, copy.deepcopy and pickle, and runs where PosePort is not installed.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch import fx, nn

from backends.emit import identifier
from backends.torch import noise, ops, reuse, shares
from models import dims
from models import ops as table
from models.dims import Dim
from models.graph import Graph, Node, Operand, Param
from models.passes import decompose
from models.shared_batch import is_shared, shared


def module(graph: Graph, *, draw_noise: bool, replicas: int = 1) -> fx.GraphModule:
    """The native object, with zeros for weights; of one replica, which is fed its share."""
    if replicas > 1:
        graph = shared(graph, replicas)
    # one fused call where PyTorch draws the mask; a mask that is fed runs by the body
    has = {*ops.KERNELS, "replica_mean"}
    if draw_noise:
        has.add("dropout")
    flat = decompose(graph, has=has)
    root = nn.Module()
    for name, param in flat.params.items():
        _register(root, name, param)
    for name, array in flat.constants.items():
        root.register_buffer(attribute(flat, name), tensor(array), persistent=False)
    code = _Writer(flat, draw_noise=draw_noise, replicas=replicas).write()
    reuse.write_over(code)
    native = fx.GraphModule(root, code, class_name=identifier(graph.name))
    _complete(native, flat)
    return native


def feeds_of(graph: Graph, *, draw_noise: bool) -> tuple[str, ...]:
    """What the module is called with, in order: inputs, then noise unless it draws it."""
    return tuple(graph.inputs) if draw_noise else (*graph.inputs, *graph.noise)


def attribute(graph: Graph, name: str) -> str:
    """Where the module keeps an array: a parameter under its own dotted name."""
    # a constant has no official name, and must not take that of a parameter
    return name if name in graph.params else f"constant_{identifier(name)}"


def tensor(array: np.ndarray) -> torch.Tensor:
    """A copy as a tensor."""
    held = np.array(array, order="C")  # torch takes no negative strides
    if held.dtype == ml_dtypes.bfloat16:
        # torch does not read NumPy's bfloat16, which is 16 bits to it
        return torch.from_numpy(held.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(held)


def array(value: torch.Tensor) -> np.ndarray:
    """A tensor as an array of the same type, in memory that they share where they can."""
    value = value.detach().cpu()
    if value.dtype == torch.bfloat16:
        return value.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    held: np.ndarray = value.numpy()
    return held


class _Typed(fx.Proxy):
    """A proxy that knows its shape, so that kernels may read numbers off it."""

    def __init__(
        self,
        node: fx.Node,
        tracer: fx.proxy.TracerBase,
        shape: dims.Shape,
    ) -> None:
        super().__init__(node, tracer)
        # past the proxy, for which `self.shape = ...` would be a call to record
        self.__dict__["shape"] = shape


class _Writer:
    """Writes one graph into an fx.Graph, value by value."""

    def __init__(self, graph: Graph, *, draw_noise: bool, replicas: int) -> None:
        self.graph = graph
        self.replicas = replicas
        self.fx = fx.Graph()
        self.tracer = fx.proxy.GraphAppendingTracer(self.fx)
        self.values: dict[str, _Typed] = {}
        self.axes: dict[str, Any] = {}  # axis name -> proxy of its length
        # first of all: placeholders are the arguments of forward, in this order
        for name in feeds_of(graph, draw_noise=draw_noise):
            self._keep(name, self.fx.placeholder(identifier(name)))

    def write(self) -> fx.Graph:
        """All nodes, then state updates, then the output.

        The output is a tensor where there is one, else a dict by name.
        """
        for node in self.graph.nodes:
            self._node(node)
        for name, value in self.graph.state.items():
            buffer = self.value(name).node
            new = self.value(value).node
            if new is not buffer:  # else the kernel has updated it in place
                self.fx.call_method("copy_", (buffer, new))
        results = {}
        for name, value in self.graph.outputs.items():
            results[name] = self.value(value).node
        single = len(results) == 1
        self.fx.output(next(iter(results.values())) if single else results)
        return self.fx

    def value(self, operand: Operand) -> Any:
        """Proxy of a value, made on first use.

        Literals pass through, lengths are computed from the inputs.
        """
        if isinstance(operand, Dim):
            return self._length(operand)
        if not isinstance(operand, str):
            return operand
        if operand in self.values:
            return self.values[operand]
        if operand in self.graph.params or operand in self.graph.constants:
            self._keep(operand, self.fx.get_attr(attribute(self.graph, operand)))
        elif operand in self.graph.noise:
            self._draw(operand)
        return self.values[operand]

    def _node(self, node: Node) -> None:
        # kept whole by `module` only where PyTorch draws the mask
        result = self._dropout(node) if node.op == "dropout" else self._call(node)
        if table.get(node.op).several:
            # a proxy has no length, so it cannot be unpacked
            results = [result[i] for i in range(len(node.outputs))]
        else:
            results = [result]
        for name, one in zip(node.results(), results, strict=True):
            self._keep(name, one.node, where=node.where)

    def _call(self, node: Node) -> Any:
        arguments = [self.value(operand) for operand in node.inputs]
        attributes = {}
        for key, value in node.attributes.items():
            attributes[key] = self._attribute(node.op, value)
        if node.op == "replica_mean":
            return shares.call(self.tracer, shares.replica_mean, *arguments)
        kernel = ops.KERNELS[node.op]
        return kernel(*arguments, **attributes)

    def _dropout(self, node: Node) -> Any:
        x, mask = map(str, node.inputs)
        rate = node.attributes["rate"]
        if self.graph.types[x].shape == self.graph.types[mask].shape:
            if self.replicas > 1:
                value = self.value(x)
                return shares.call(self.tracer, shares.dropout, value, rate=rate)
            return noise.dropout(self.value(x), rate=rate)
        # a mask that is broadcast, as drop path has it, is drawn by itself
        return self.value(x) * self.value(mask) / (1 - rate)

    def _draw(self, name: str) -> None:
        asked = self.graph.noise[name]
        # any tensor on the device; kernels take proxies for tensors
        first: Any = self.values[next(iter(self.graph.inputs))]
        shape = self._attribute("", asked.type.shape)
        given = {"shape": shape, "kind": asked.kind, "number": asked.number}
        if self.replicas > 1 and is_shared(asked.type.shape):
            drawn = shares.call(self.tracer, shares.draw, first, **given)
        else:
            # given a proxy, it gives one, and no tensor
            drawn = noise.draw(first, **given)
        self._keep(name, drawn.node)

    def _attribute(self, op: str, value: Any) -> Any:
        """The attribute with sizes of the inputs for symbolic lengths."""
        if isinstance(value, Dim):
            return self._length(value)
        if not isinstance(value, tuple):
            return value
        symbolic = sum(isinstance(item, Dim) for item in value)
        if op == "reshape" and symbolic == 1:
            # the one length that reshape works out itself: no arithmetic in the module
            return tuple(-1 if isinstance(item, Dim) else item for item in value)
        return tuple(self._attribute(op, item) for item in value)

    def _length(self, length: Dim) -> Any:
        for name, type_ in self.graph.inputs.items():
            for i, axis in enumerate(map(dims.axis_name, type_.shape)):
                if axis in dims.names_in(length) and axis not in self.axes:
                    self.axes[axis] = self.values[name].size(i)
        return length.bind(self.axes)

    def _keep(
        self,
        name: str,
        node: fx.Node,
        *,
        where: str = "",
    ) -> None:
        # a kernel may make several nodes, and the last one may be another value's already:
        # what stands first stays
        node.meta.setdefault("value", name)
        if where:
            file, _, line = where.rpartition(":")
            # as Python's own tracebacks have it, which torch's tools parse
            trace = f'  File "{file}", line {line}, in {self.graph.name}\n'
            node.meta.setdefault("stack_trace", trace)
        self.values[name] = _Typed(node, self.tracer, self.graph.types[name].shape)


def _complete(native: fx.GraphModule, flat: Graph) -> None:
    """What fx leaves out: arrays that no code reads, and which buffers are constants."""
    held = native.state_dict()
    # fx takes over what the code reads; a checkpoint holds more (num_batches_tracked)
    unread = [name for name in flat.params if name not in held]
    for name in unread:
        _register(native, name, flat.params[name])
    # fx makes every buffer persistent
    native._non_persistent_buffers_set |= {
        attribute(flat, name) for name in flat.constants
    }
    # what fx puts back after copy.deepcopy, which drops unread arrays too
    owners = {name.split(".")[0] for name in unread if "." in name}
    kept: dict[str, Any] = {
        owner: native.get_submodule(owner) for owner in sorted(owners)
    }
    kept["_non_persistent_buffers_set"] = native._non_persistent_buffers_set
    native.meta["_user_preserved_attributes"] = kept


def _register(root: nn.Module, name: str, param: Param) -> None:
    """A parameter, or a buffer where it is state, in zeros."""
    shape = dims.bind(param.type.shape, {})
    blank = torch.zeros(shape, dtype=ops.DTYPES[param.type.dtype])
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
