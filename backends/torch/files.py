"""A GraphModule as a .pt2 file of torch.export that takes every length the module takes."""

from __future__ import annotations

import copy
import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx
from torch.fx.experimental import _config as tracing
from torch.fx.passes.shape_prop import ShapeProp, TensorMetadata

Arguments = tuple[torch.Tensor, ...]
ABOUT = "poseport.json"  # of the file's extra files


def write(
    native: fx.GraphModule,
    path: Path,
    arguments: Arguments,
    axes: tuple[Mapping[int, Any], ...],
    *,
    about: str,
) -> None:
    """Trace and save; `axes` are the open ones of each argument, `about` goes beside."""
    # else a length of 1, be it of an inner axis, would need a file of its own
    # `patch` is put into the module when it is loaded, where no checker sees it
    with tracing.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
        exported = torch.export.export(
            _laid_out(native, arguments), arguments, dynamic_shapes=axes
        )
    torch.export.save(exported, path, extra_files={ABOUT: about})


def _laid_out(native: fx.GraphModule, arguments: Arguments) -> fx.GraphModule:
    """A module whose results lie in memory in one way, however long its axes are.

    Whether a reshape or a product must copy depends on the layout, and that on which lengths
    are 1: tracing would decide it, and refuse a single sample ever after.
    """
    module, ranks, scattered = copy.deepcopy(native), {}, set()
    for name, found in _results(native, arguments).items():
        ranks[name] = len(found.shape)
        if found.stride != _rows(found.shape):
            scattered.add(name)
    for node in list(module.graph.nodes):
        if node.target == "reshape":
            _copy(node, 0, scattered)
        elif node.target is torch.matmul:
            left, right = (ranks.get(source.name, 0) for source in node.args)
            if left == 2 < right:
                _turn(node)
            else:
                _copy(node, 0, scattered)
                _copy(node, 1, scattered)
    module.recompile()
    return module


def _results(native: fx.GraphModule, arguments: Arguments) -> dict[str, TensorMetadata]:
    """What each node that gives a tensor gives for these arguments."""
    # of its own, as a train graph moves its statistics
    module = copy.deepcopy(native)
    with torch.no_grad():
        ShapeProp(module).propagate(*arguments)
    given = {node.name: node.meta.get("tensor_meta") for node in module.graph.nodes}
    return {name: f for name, f in given.items() if isinstance(f, TensorMetadata)}


def _rows(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides of a tensor that lies in memory row by row."""
    steps = [1]
    for length in reversed(shape[1:]):
        steps.append(steps[-1] * length)
    return tuple(reversed(steps[: len(shape)]))


def _copy(node: fx.Node, place: int, scattered: set[str]) -> None:
    """Have a node take a copy in rows of an argument that may lie otherwise."""
    source = node.args[place]
    assert isinstance(source, fx.Node)
    if source.name in scattered or _view(source):
        with node.graph.inserting_before(node):
            node.update_arg(place, _in_rows(node.graph, source))


def _turn(node: fx.Node) -> None:
    """W x, of a matrix W and several x, as (x^T W^T)^T: x may then lie as it likes."""
    graph, (weight, x) = node.graph, node.args
    with graph.inserting_before(node):
        turned = graph.call_method("transpose", (x, -2, -1))
        product = graph.call_function(F.linear, (turned, weight))
        back = graph.call_method("transpose", (product, -2, -1))
        node.replace_all_uses_with(_in_rows(graph, back))
    graph.erase_node(node)


def _in_rows(graph: fx.Graph, source: fx.Node) -> fx.Node:
    rows: dict[str, Any] = {"memory_format": torch.contiguous_format}
    return graph.call_function(torch.clone, (source,), rows)


def _view(node: fx.Node) -> bool:
    """Whether a value lies in memory as another value does, in another order or in part."""
    moved = node.op == "call_method" and node.target in ("permute", "movedim")
    return moved or node.target is operator.getitem
