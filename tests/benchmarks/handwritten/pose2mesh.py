"""Pose2Mesh as its authors write it: 3D joints of 2D ones, then a mesh by graph convolutions.

Choi et al., ECCV 2020; hongsukchoi/Pose2Mesh_RELEASE lib/models. Axes: b batch, j joints,
v vertices of a level, f features, k orders of a Chebyshev polynomial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

Tables = Mapping[str, np.ndarray]


class Stage(nn.Module):
    """Two layers, each after its norm, added to what they were given."""

    def __init__(self, width: int, drop: float) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(drop)
        self.w1 = nn.Linear(width, width)
        self.batch_norm1 = nn.BatchNorm1d(width)
        self.w2 = nn.Linear(width, width)
        self.batch_norm2 = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        """(b, f) -> (b, f)."""
        y = self.w1(self.dropout(self.relu(self.batch_norm1(x))))
        y = self.w2(self.dropout(self.relu(self.batch_norm2(y))))
        return x + y


class LinearModel(nn.Module):
    """PoseNet. Its own norm is in the checkpoints, and no one calls it."""

    def __init__(
        self, *, linear_size: int, num_stage: int, num_joint: int, drop: float = 0.0
    ) -> None:
        super().__init__()
        self.w1 = nn.Linear(2 * num_joint, linear_size)
        self.batch_norm1 = nn.BatchNorm1d(linear_size)
        self.linear_stages = nn.ModuleList(
            Stage(linear_size, drop) for _ in range(num_stage)
        )
        self.w2 = nn.Linear(linear_size, 3 * num_joint)

    def forward(self, x: Tensor) -> Tensor:
        """(b, j * 2) -> (b, j * 3), in millimetres."""
        x = self.w1(x)
        for stage in self.linear_stages:
            x = stage(x)
        return self.w2(x)


def operators(tables: Tables) -> list[Tensor]:
    """Laplacians of all levels, `L_i` in coordinates: the finest first, the joints' last."""
    made = list[Tensor]()
    while (name := f"L_{len(made)}") + "/val" in tables:
        places = np.stack([tables[f"{name}/row"], tables[f"{name}/col"]])
        # tables hold numbers, wherever parameters are made
        with torch.device("cpu"):
            matrix = torch.sparse_coo_tensor(
                torch.from_numpy(places.astype(np.int64)),
                torch.from_numpy(tables[f"{name}/val"]),
                tuple(tables[f"{name}/size"].tolist()),
                check_invariants=True,
            )
        # sorted once, which the authors leave to each product
        made.append(matrix.coalesce())
    return made


def cheby(x: Tensor, graph: Tensor, orders: int) -> Tensor:
    """(b, v, f) -> (b * v, f * orders): of each feature, its polynomials in the Laplacian."""
    b, v, f = x.shape
    before = x.permute(1, 2, 0).contiguous().view(v, f * b)
    made = before.unsqueeze(0)
    if orders > 1:
        last = torch.sparse.mm(graph, before)
        made = torch.cat((made, last.unsqueeze(0)), dim=0)
    for _ in range(2, orders):
        after = 2 * torch.sparse.mm(graph, last) - before
        made = torch.cat((made, after.unsqueeze(0)), dim=0)
        before, last = last, after
    made = made.view(orders, v, f, b).permute(3, 1, 2, 0).contiguous()
    return made.view(b * v, f * orders)


def _same_width(x: Tensor, width: int) -> Tensor:
    """(b, v, f) -> (b, v, width), resized along the features."""
    return functional.interpolate(x, size=width, mode="linear")


def _doubled(x: Tensor) -> Tensor:
    """(b, v, f) -> (b, 2 v, f): both halves of a vertex begin as it was."""
    x = functional.interpolate(x.permute(0, 2, 1).contiguous(), scale_factor=2)
    return x.permute(0, 2, 1).contiguous()


class MeshNet(nn.Module):
    """Has the names of the authors' `Pose2Mesh`; graphs are arguments, no part of its state."""

    def __init__(
        self,
        *,
        blocks: Sequence[Sequence[int]],
        orders: int,
        graphs: Sequence[Tensor],
    ) -> None:
        super().__init__()
        self.blocks, self.orders = blocks, orders
        self.graphs = graphs
        joints, coarsest = len(graphs[-1]), len(graphs[-2])
        self.fc = nn.Linear(joints * blocks[0][-1], coarsest * blocks[1][0])
        steps = [pair for block in blocks for pair in pairwise(block)]
        self.cl = nn.ModuleList(nn.Linear(orders * a, b) for a, b in steps)
        # the last layer gives places, which no norm may move
        self.bn = nn.ModuleList(nn.BatchNorm1d(b) for _, b in steps[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """(b, j, f) -> (b, v, 3), v of the finest level."""
        layer, last = 0, len(self.blocks) - 1
        for i, block in enumerate(self.blocks):
            given = x
            # the two finest blocks share a level
            graph = self.graphs[-min(i + 1, last)]
            for _ in block[1:]:
                x = self._convolved(x, graph, layer)
                layer += 1
            if i == 0:
                x = self.fc(x.reshape(len(x), -1))
                x = x.view(len(x), -1, self.blocks[1][0])
            elif i < last:
                x = _same_width(given, x.shape[2]) + x
                x = _doubled(x) if i < last - 1 else x
        return x

    def _convolved(self, x: Tensor, graph: Tensor, layer: int) -> Tensor:
        """(b, v, f) -> (b, v, another f)."""
        b, v, _ = x.shape
        x = self.cl[layer](cheby(x, graph, self.orders))
        if layer < len(self.bn):
            x = functional.relu(self.bn[layer](x))
        return x.view(b, v, -1)


class FlatPose2Mesh(nn.Module):
    """Both, one after the other; the mesh teaches the joints nothing."""

    def __init__(
        self,
        *,
        joints: int,
        posenet_hid: int,
        posenet_stages: int,
        blocks: Sequence[Sequence[int]],
        orders: int,
        graphs: Sequence[Tensor],
    ) -> None:
        super().__init__()
        self.joints = joints
        self.pose_lifter = LinearModel(
            linear_size=posenet_hid, num_stage=posenet_stages, num_joint=joints
        )
        self.pose2mesh = MeshNet(blocks=blocks, orders=orders, graphs=graphs)

    def forward(self, pose2d: Tensor) -> tuple[Tensor, Tensor]:
        """(b, j, 2) -> the mesh (b, v, 3) in metres, and joints (b, j, 3) in millimetres."""
        pose3d = self.pose_lifter(pose2d.reshape(len(pose2d), -1))
        pose3d = pose3d.reshape(-1, self.joints, 3)
        both = torch.cat((pose2d, pose3d.detach() / 1000), dim=2)
        return self.pose2mesh(both), pose3d
