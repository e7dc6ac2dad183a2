"""A GraphModule as a .pt2 file of torch.export that takes every length the module takes."""

from __future__ import annotations

import copy
import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import fx
from torch.fx.experimental import _config as tracing

ABOUT = "poseport.json"  # of the file's extra files


def write(
    native: fx.GraphModule,
    path: Path,
    arguments: tuple[torch.Tensor, ...],
    axes: tuple[Mapping[int, Any], ...],
    *,
    about: str,
) -> None:
    """Trace and save; `axes` are the open ones of each argument, `about` goes beside."""
    # else a length of 1, be it of an inner axis, would need a file of its own
    # `patch` is put into the module when it is loaded, where no checker sees it
    with tracing.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
        exported = torch.export.export(
            _laid_out(native), arguments, dynamic_shapes=axes
        )
    torch.export.save(exported, path, extra_files={ABOUT: about})


def _laid_out(native: fx.GraphModule) -> fx.GraphModule:
    """A module that copies views before it reshapes them.

    Whether a reshape must copy depends on the layout, and that on which lengths are 1: tracing
    would decide it, and refuse a single frame ever after.
    """
    module = copy.deepcopy(native)
    for node in list(module.graph.nodes):
        if (
            node.op == "call_method"
            and node.target == "reshape"
            and _view(node.args[0])
        ):
            source = node.args[0]
            with module.graph.inserting_before(node):
                rows: dict[str, Any] = {"memory_format": torch.contiguous_format}
                laid = module.graph.call_function(torch.clone, (source,), rows)
            node.replace_input_with(source, laid)
    module.recompile()
    return module


def _view(node: Any) -> bool:
    """Whether a value lies in memory as another value does, in another order or in part."""
    moved = node.op == "call_method" and node.target == "permute"
    return moved or node.target is operator.getitem
