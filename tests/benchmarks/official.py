"""Authors' classes that `handwritten` writes out, as golden files speak of them.

Arguments, inputs, outputs and losses are those of the files (docs/vectors.md), so that the same
table holds a twin against the authors' numbers and the realised module against the twin.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.benchmarks.handwritten.d3dp import Denoiser
from tests.benchmarks.handwritten.mixste import MixSTE2
from tests.benchmarks.handwritten.motionagformer import (
    MotionAGFormer,
    spatial_adjacency,
)
from tests.benchmarks.handwritten.pstmo import PSTMO

Arrays = dict[str, np.ndarray]
Tensors = Mapping[str, Tensor]  # a file's `input/NAME`, by NAME


def mpjpe(pose: Tensor, target: Tensor) -> Tensor:
    """Mean length of (pose - target) over the last axis."""
    return torch.linalg.vector_norm(pose - target, dim=-1).mean()


@dataclass(frozen=True)
class Class:
    """How a twin of an authors' class is made and called, and what it is timed with."""

    build: Callable[[Mapping[str, Any]], nn.Module]  # of the constructor's arguments
    run: Callable[[nn.Module, Tensors], dict[str, Tensor]]  # outputs by name
    loss: Callable[[Mapping[str, Tensor], Tensors], Tensor]
    # of a published size: arguments, then one sample's inputs
    config: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]
    batch: int  # samples a call: about a second of one core
    const: Callable[[], Arrays] = dict  # tables of the class that no state_dict holds


def _arguments(of: Callable[..., Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """What a constructor takes of all that a file tells."""
    known = inspect.signature(of).parameters
    return {name: config[name] for name in known if name in config}


def _pose(module: nn.Module, given: Tensors) -> dict[str, Tensor]:
    return {"out": module(given["x"])}


def _denoised(module: nn.Module, given: Tensors) -> dict[str, Tensor]:
    return {"out": module(given["x_2d"], given["x_3d"], given["t"])}


def _both(module: nn.Module, given: Tensors) -> dict[str, Tensor]:
    out, every = module(given["x"])
    return {"out": out, "out_vte": every}


def _plain(made: Mapping[str, Tensor], given: Tensors) -> Tensor:
    return mpjpe(made["out"], given["target"])


def _of_both(made: Mapping[str, Tensor], given: Tensors) -> Tensor:
    # (b, 3, t, j, 1) -> (b, t, j, 3)
    out, every = (made[name][..., 0].permute(0, 2, 3, 1) for name in made)
    return mpjpe(every, given["target"]) + mpjpe(out, given["target_single"])


def _adjacency() -> Arrays:
    return {"adj_spatial": spatial_adjacency(17).numpy()}


_MIXSTE = {
    "num_frame": 27,
    "num_joints": 17,
    "in_chans": 2,
    "embed_dim_ratio": 512,
    "depth": 8,
    "num_heads": 8,
    "mlp_ratio": 2.0,
    "qkv_bias": True,
    "qk_scale": None,
}
_AGFORMER_XS = {
    "n_layers": 12,
    "dim_in": 3,
    "dim_feat": 64,
    "dim_rep": 512,
    "dim_out": 3,
    "mlp_ratio": 4,
    "layer_scale_init_value": 1e-5,
    "num_heads": 8,
    "qkv_bias": False,
    "qkv_scale": None,
    "neighbour_num": 2,
    "num_joints": 17,
    "n_frames": 27,
    "graph_only": False,
    "hierarchical": False,
    "use_adaptive_fusion": True,
    "use_layer_scale": True,
    "use_tcn": False,
    "use_temporal_similarity": True,
    "temporal_connection_len": 1,
}
_PSTMO_S = {
    "layers": 3,
    "channel": 256,
    "d_hid": 512,
    "frames": 243,
    "heads": 8,
    "n_joints": 17,
    "out_joints": 17,
    "out_frames": 1,
    "stride_num": [3, 3, 3, 3, 3],
}

CLASSES = {
    "MixSTE2": Class(
        build=lambda config: MixSTE2(**_arguments(MixSTE2, config)),
        run=_pose,
        loss=_plain,
        config=_MIXSTE,
        shapes={"x": (27, 17, 2), "target": (27, 17, 3)},
        batch=1,
    ),
    "D3DP MixSTE2 denoiser": Class(
        # all that its parent takes
        build=lambda config: Denoiser(**_arguments(MixSTE2, config)),
        run=_denoised,
        loss=_plain,
        config=_MIXSTE,
        shapes={
            "x_2d": (27, 17, 2),
            "x_3d": (27, 17, 3),
            "x_3d_hyp": (1, 27, 17, 3),  # a file has it; `out` is made without
            "t": (),
            "target": (27, 17, 3),
        },
        batch=1,
    ),
    "MotionAGFormer": Class(
        build=lambda config: MotionAGFormer(**_arguments(MotionAGFormer, config)),
        run=_pose,
        loss=_plain,
        config=_AGFORMER_XS,
        shapes={"x": (27, 17, 3), "target": (27, 17, 3)},
        batch=4,
        const=_adjacency,
    ),
    "P-STMO Model": Class(
        build=lambda config: PSTMO(**_arguments(PSTMO, config)),
        run=_both,
        loss=_of_both,
        config=_PSTMO_S,
        shapes={
            "x": (2, 243, 17, 1),
            "target": (243, 17, 3),
            "target_single": (1, 17, 3),
        },
        batch=8,
    ),
}
