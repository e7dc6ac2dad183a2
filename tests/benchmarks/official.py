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

from tests.benchmarks import surface
from tests.benchmarks.handwritten.d3dp import Denoiser
from tests.benchmarks.handwritten.integral import ResPoseNet, location_loss
from tests.benchmarks.handwritten.mixste import MixSTE2
from tests.benchmarks.handwritten.motionagformer import (
    MotionAGFormer,
    spatial_adjacency,
)
from tests.benchmarks.handwritten.pose2mesh import (
    FlatPose2Mesh,
    LinearModel,
    MeshNet,
    operators,
)
from tests.benchmarks.handwritten.pstmo import PSTMO
from tests.benchmarks.handwritten.rle import RegressFlow, RegressFlow3D, rle_loss

Arrays = dict[str, np.ndarray]
Tensors = Mapping[str, Tensor]  # a file's `input/NAME`, noise and tables, by NAME


def mpjpe(pose: Tensor, target: Tensor) -> Tensor:
    """Mean length of (pose - target) over the last axis."""
    return torch.linalg.vector_norm(pose - target, dim=-1).mean()


@dataclass(frozen=True)
class Class:
    """How a twin of an authors' class is made and called, and what it is timed with."""

    # of the constructor's arguments, and tables that no state_dict holds
    build: Callable[[Mapping[str, Any], Arrays], nn.Module]
    run: Callable[[nn.Module, Tensors], dict[str, Tensor]]  # outputs by name
    loss: Callable[[Mapping[str, Tensor], Tensors], Tensor]
    # of a published size: arguments, then one sample's inputs
    config: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]
    batch: int  # samples a call: about a second of one core
    const: Callable[[], Arrays] = dict  # the tables of that size
    out: str = "out"  # the output that is timed
    rtol: float = 1e-5  # gradients of two float32 modules, of the largest
    # what our graphs call the inputs, where no golden file is of the whole class
    inputs: Mapping[str, str] | None = None
    # outputs of parts of it, which files show and no forward gives
    parts: Callable[[nn.Module, Tensors], dict[str, Tensor]] | None = None


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


def _located(module: nn.Module, given: Tensors) -> dict[str, Tensor]:
    return {"coord": module(given["image"])}


def _off_place(made: Mapping[str, Tensor], given: Tensors) -> Tensor:
    seen, deep = given["target_vis"], given["target_have_depth"]
    return location_loss(made["coord"], given["target"], seen, deep)


def _regressed(module: nn.Module, given: Tensors) -> dict[str, Tensor]:
    # pictures, or what a ResNet makes of them
    return module(given["image" if "image" in given else "feat"], given)


def _unlikely(made: Mapping[str, Tensor], given: Tensors) -> Tensor:
    name = "target_uvd" if "target_uvd" in given else "target_uv"
    return rle_loss(made, given[name], given[f"{name}_weight"])


def _by_joint(made: Mapping[str, Tensor], given: Tensors) -> Tensor:
    # (b, j * 3) -> (b, j, 3)
    out, target = (x.unflatten(1, (-1, 3)) for x in (made["out"], given["target"]))
    return mpjpe(out, target)


def _vertices(made: Mapping[str, Tensor], given: Tensors) -> Tensor:
    return mpjpe(made["out"][:, given["real_rows"].long()], given["target"])


def _lifted(module: nn.Module, given: Tensors) -> dict[str, Tensor]:
    out, pose = module(given["x"])
    return {"out": out, "pose3d": pose}


def _of_mesh_and_joints(made: Mapping[str, Tensor], given: Tensors) -> Tensor:
    return _vertices(made, given) + 0.001 * mpjpe(made["pose3d"], given["target_pose"])


def _meshnet(config: Mapping[str, Any], tables: Arrays) -> dict[str, Any]:
    """What both classes that have a mesh are built with."""
    return {
        "blocks": config["CL_F"],
        "orders": config["CL_K"],
        "graphs": operators(tables),
    }


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
_INTEGRAL = {
    "resnet": 18,
    "joints": 17,
    "depth_dim": 32,
    "image": [128, 128],
    "output_shape": [32, 32],
    "channels": {},
}
# of the class itself, then of the parts that files are about
_RLE = {"NUM_LAYERS": 18, "PRESET": {"NUM_JOINTS": 17, "IMAGE_SIZE": [128, 128]}}
_FLAT = [[0, 1], [1, 0]] * 3
_RLE_2D = {**_RLE, "resnet": 18, "joints": 17, "masks": _FLAT, "flow_hidden": 64}
_RLE_3D = {
    **_RLE,
    "resnet": 18,
    "joints": 17,
    "masks2d": _FLAT,
    "masks3d": [[0, 0, 1], [1, 1, 0]] * 3,
    "flow2d_hidden": 64,
    "flow3d_hidden": 64,
    "root_idx": 0,
}
_MESHNET = {
    "joints": 17,
    "CL_F": [
        [5, 32, 64, 64],
        [64, 128, 256],
        *[[256, 256, 256]] * 4,
        [256, 128, 128],
        *[[128, 128, 128]] * 2,
        [128, 64, 3],
    ],
    "CL_K": 3,
    "levels": surface.LEVELS + 1,
    "vertices": surface.VERTICES,
}
# float64 says that either module misses up to 7e-4: rounding moves some of the 10^8 numbers
# that ReLU looks at across its corner
MESH_RTOL = 2e-3
_POSE2MESH = {**_MESHNET, "posenet_hid": 4096, "posenet_stages": 2}

CLASSES = {
    "MixSTE2": Class(
        build=lambda config, _: MixSTE2(**_arguments(MixSTE2, config)),
        run=_pose,
        loss=_plain,
        config=_MIXSTE,
        shapes={"x": (27, 17, 2), "target": (27, 17, 3)},
        batch=1,
    ),
    "D3DP MixSTE2 denoiser": Class(
        # all that its parent takes
        build=lambda config, _: Denoiser(**_arguments(MixSTE2, config)),
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
        build=lambda config, _: MotionAGFormer(**_arguments(MotionAGFormer, config)),
        run=_pose,
        loss=_plain,
        config=_AGFORMER_XS,
        shapes={"x": (27, 17, 3), "target": (27, 17, 3)},
        batch=4,
        const=_adjacency,
    ),
    "P-STMO Model": Class(
        build=lambda config, _: PSTMO(**_arguments(PSTMO, config)),
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
    "ResPoseNet (integral)": Class(
        build=lambda config, _: ResPoseNet(**_arguments(ResPoseNet, config)),
        run=_located,
        loss=_off_place,
        config=_INTEGRAL,
        shapes={
            "image": (3, 128, 128),
            "target": (17, 3),
            "target_vis": (17, 1),
            "target_have_depth": (1,),
        },
        batch=8,
        out="coord",
    ),
    "RegressFlow (RLE, 2D)": Class(
        build=lambda config, _: RegressFlow(**_arguments(RegressFlow, config)),
        run=_regressed,
        loss=_unlikely,
        config=_RLE_2D,
        shapes={
            "image": (3, 128, 128),
            "target_uv": (17, 2),
            "target_uv_weight": (17, 2),
        },
        inputs={
            "images": "image",
            "target": "target_uv",
            "known": "target_uv_weight",
        },
        batch=8,
        out="pred_jts",
        parts=RegressFlow.shown,
    ),
    "RegressFlow3D (RLE, 3D)": Class(
        build=lambda config, _: RegressFlow3D(**_arguments(RegressFlow3D, config)),
        run=_regressed,
        loss=_unlikely,
        config=_RLE_3D,
        shapes={
            "image": (3, 128, 128),
            "target_uvd": (17, 3),
            "target_uvd_weight": (17, 3),
        },
        inputs={
            "images": "image",
            "target": "target_uvd",
            "known": "target_uvd_weight",
        },
        batch=8,
        out="pred_jts",
        parts=RegressFlow3D.shown,
    ),
    "Pose2Mesh PoseNet LinearModel": Class(
        build=lambda config, _: LinearModel(**_arguments(LinearModel, config)),
        run=_pose,
        loss=_by_joint,
        config={"linear_size": 4096, "num_stage": 2, "num_joint": 17},
        shapes={"x": (34,), "target": (51,)},
        batch=64,
    ),
    "Pose2Mesh MeshNet": Class(
        build=lambda config, tables: MeshNet(**_meshnet(config, tables)),
        run=_pose,
        loss=_vertices,
        config=_MESHNET,
        shapes={"x": (17, 5), "target": (surface.VERTICES, 3)},
        batch=2,
        const=surface.levels,
        rtol=MESH_RTOL,
    ),
    "FlatPose2Mesh": Class(
        build=lambda config, tables: FlatPose2Mesh(
            **_arguments(FlatPose2Mesh, config), **_meshnet(config, tables)
        ),
        run=_lifted,
        loss=_of_mesh_and_joints,
        config=_POSE2MESH,
        shapes={"x": (17, 2), "target": (surface.VERTICES, 3), "target_pose": (17, 3)},
        batch=2,
        const=surface.levels,
        rtol=MESH_RTOL,
    ),
}
