"""MotionAGFormer as its authors write it: attention beside graph convolutions.

Mehraban et al., WACV 2024; TaatiTeam/MotionAGFormer model/MotionAGFormer.py and its modules,
as its published sizes use them: adaptive fusion, layer scale, frames joined by likeness. Axes:
b batch, t frames, j joints, c width, h heads, d width of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# joint -> those it is joined to; a list that is not symmetric, and without the joint itself
CONNECTIONS = {
    10: [9],
    9: [8, 10],
    8: [7, 9],
    14: [15, 8],
    15: [16, 14],
    11: [12, 8],
    12: [13, 11],
    7: [0, 8],
    0: [1, 7],
    1: [2, 0],
    2: [3, 1],
    4: [5, 0],
    5: [6, 4],
    16: [15],
    13: [12],
    3: [2],
    6: [5],
}


class Attention(nn.Module):
    """Multi-head self-attention over the joints of a frame, or over the frames of a joint."""

    def __init__(self, width: int, heads: int, *, bias: bool, temporal: bool) -> None:
        super().__init__()
        self.heads, self.temporal = heads, temporal
        self.scale = (width // heads) ** -0.5
        self.qkv = nn.Linear(width, width * 3, bias=bias)
        self.attn_drop = nn.Dropout(0.0)
        self.proj = nn.Linear(width, width)
        self.proj_drop = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, j, c) -> (b, t, j, c)."""
        b, t, j, c = x.shape
        packed = self.qkv(x).reshape(b, t, j, 3, self.heads, c // self.heads)
        # (b, h, t, j, d) each
        q, k, v = packed.permute(3, 0, 4, 1, 2, 5).unbind(0)
        if self.temporal:
            q, k, v = (one.transpose(2, 3) for one in (q, k, v))
        weights = (q @ k.transpose(-2, -1)) * self.scale
        weights = self.attn_drop(weights.softmax(dim=-1))
        # from (b, h, j, t, d), or (b, h, t, j, d)
        back = (0, 3, 2, 1, 4) if self.temporal else (0, 2, 3, 1, 4)
        mixed = (weights @ v).permute(back).reshape(b, t, j, c)
        return self.proj_drop(self.proj(mixed))


class GCN(nn.Module):
    """A graph convolution over joints, or over frames that are most alike.

    Batch norm counts the nodes as channels.
    """

    def __init__(
        self, width: int, nodes: int, *, neighbours: int, temporal: bool
    ) -> None:
        super().__init__()
        self.temporal, self.neighbours = temporal, neighbours
        self.relu = nn.ReLU()
        self.U = nn.Linear(width, width)
        self.V = nn.Linear(width, width)
        self.batch_norm = nn.BatchNorm1d(nodes)
        # no buffer: it is in no state_dict
        self.adjacency = spatial_adjacency(nodes) if not temporal else torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, j, c) -> (b, t, j, c)."""
        b, t, j, c = x.shape
        if self.temporal:
            x = x.transpose(1, 2).reshape(b * j, t, c)
            joined = self._alike(x)
        else:
            x = x.reshape(b * t, j, c)
            joined = self.adjacency.to(x).repeat(b * t, 1, 1)
        gathered = normalised(joined) @ self.V(x)
        x = self.relu(x + self.batch_norm(gathered + self.U(x)))
        if self.temporal:
            return x.reshape(b, j, t, c).transpose(1, 2)
        return x.reshape(b, t, j, c)

    def _alike(self, x: Tensor) -> Tensor:
        """1 where a frame is among those most like another: (rows, t, c) -> (rows, t, t)."""
        likeness = x @ x.transpose(1, 2)
        most = likeness.topk(k=self.neighbours, dim=-1, largest=True)[0]
        return (likeness >= most[..., -1:]).to(x)


def spatial_adjacency(nodes: int) -> Tensor:
    """(nodes, nodes): 1 where the row's joint names the column's."""
    joined = torch.zeros(nodes, nodes)
    for joint, others in CONNECTIONS.items():
        joined[joint, others] = 1
    return joined


def normalised(joined: Tensor) -> Tensor:
    """D^-1/2 A D^-1/2 of (rows, n, n), by the degrees of the rows on both sides."""
    n = joined.shape[-1]
    shrink = joined.detach().sum(dim=-1) ** -0.5
    diagonal = torch.eye(n, device=joined.device)[None] * shrink[:, :, None]
    return torch.bmm(torch.bmm(diagonal, joined), diagonal)


class Mlp(nn.Module):
    """Two layers with an exact GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)
        self.drop = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        """(..., c) -> (..., c)."""
        x = self.drop(self.act(self.fc1(x)))
        return self.drop(self.fc2(x))


class AGFormerBlock(nn.Module):
    """A mixer, then an MLP, each scaled channel by channel and added to what it was given."""

    def __init__(
        self, width: int, mixer: nn.Module, *, ratio: float, scale: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.mixer = mixer
        self.drop_path = nn.Identity()
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, int(width * ratio))
        self.layer_scale_1 = nn.Parameter(scale * torch.ones(width))
        self.layer_scale_2 = nn.Parameter(scale * torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, j, c) -> (b, t, j, c)."""
        mixed = self.layer_scale_1[None, None] * self.mixer(self.norm1(x))
        x = x + self.drop_path(mixed)
        spread = self.layer_scale_2[None, None] * self.mlp(self.norm2(x))
        return x + self.drop_path(spread)


class Layer(nn.Module):
    """Attention beside graph convolutions, each over joints and then over frames."""

    def __init__(
        self,
        width: int,
        *,
        joints: int,
        frames: int,
        heads: int,
        bias: bool,
        neighbours: int,
        ratio: float,
        scale: float,
    ) -> None:
        super().__init__()

        def attention(*, temporal: bool) -> AGFormerBlock:
            mixer = Attention(width, heads, bias=bias, temporal=temporal)
            return AGFormerBlock(width, mixer, ratio=ratio, scale=scale)

        def graph(*, temporal: bool) -> AGFormerBlock:
            nodes = frames if temporal else joints
            mixer = GCN(width, nodes, neighbours=neighbours, temporal=temporal)
            return AGFormerBlock(width, mixer, ratio=ratio, scale=scale)

        self.att_spatial = attention(temporal=False)
        self.att_temporal = attention(temporal=True)
        self.graph_spatial = graph(temporal=False)
        self.graph_temporal = graph(temporal=True)
        self.fusion = nn.Linear(width * 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, j, c) -> (b, t, j, c)."""
        attended = self.att_temporal(self.att_spatial(x))
        joined = self.graph_temporal(self.graph_spatial(x))
        # how much of each, joint by joint
        share = self.fusion(torch.cat((attended, joined), dim=-1)).softmax(dim=-1)
        return attended * share[..., 0:1] + joined * share[..., 1:2]


class Representation(nn.Module):
    """The last projection before the head."""

    def __init__(self, width: int, representation: int) -> None:
        super().__init__()
        self.fc = nn.Linear(width, representation)
        self.act = nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        """(..., c) -> (..., representation), within -1 and 1."""
        return self.act(self.fc(x))


class MotionAGFormer(nn.Module):
    """Takes the arguments of the authors' class that published sizes set, and has its names."""

    def __init__(
        self,
        *,
        n_layers: int,
        dim_in: int,
        dim_feat: int,
        dim_rep: int,
        dim_out: int,
        mlp_ratio: float,
        layer_scale_init_value: float,
        num_heads: int,
        qkv_bias: bool,
        neighbour_num: int,
        num_joints: int,
        n_frames: int,
    ) -> None:
        super().__init__()
        self.joints_embed = nn.Linear(dim_in, dim_feat)
        self.pos_embed = nn.Parameter(torch.zeros(1, num_joints, dim_feat))
        self.norm = nn.LayerNorm(dim_feat)
        self.layers = nn.Sequential(
            *(
                Layer(
                    dim_feat,
                    joints=num_joints,
                    frames=n_frames,
                    heads=num_heads,
                    bias=qkv_bias,
                    neighbours=neighbour_num,
                    ratio=mlp_ratio,
                    scale=layer_scale_init_value,
                )
                for _ in range(n_layers)
            )
        )
        self.rep_logit = Representation(dim_feat, dim_rep)
        self.head = nn.Linear(dim_rep, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, j, channels) -> (b, t, j, 3)."""
        x = self.joints_embed(x) + self.pos_embed
        for layer in self.layers:
            x = layer(x)
        return self.head(self.rep_logit(self.norm(x)))
