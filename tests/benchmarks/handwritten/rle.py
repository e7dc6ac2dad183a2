"""RLE as its authors write it: joints by regression, and a flow in the loss.

Li et al., ICCV 2021; Jeff-sjtu/res-loglikelihood-regression rlepose/models. Axes: b batch,
j joints, c coordinates, n rows of a flow, f features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from tests.benchmarks.handwritten.resnet import ResNet

AMPLITUDE = 1 / math.sqrt(2 * math.pi)


class RealNVP(nn.Module):
    """Couplings of affine maps: each moves the coordinates that its mask hides."""

    def __init__(self, masks: Sequence[Sequence[int]], hidden: int) -> None:
        super().__init__()
        width = len(masks[0])
        self.register_buffer("mask", torch.tensor(masks, dtype=torch.float32))
        self.t = nn.ModuleList(self._net(width, hidden) for _ in masks)
        self.s = nn.ModuleList(
            self._net(width, hidden).append(nn.Tanh()) for _ in masks
        )
        # nothing is checked in each call, which costs
        self.prior = MultivariateNormal(
            torch.zeros(width), torch.eye(width), validate_args=False
        )

    def _net(self, width: int, hidden: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Linear(width, hidden),
            nn.LeakyReLU(),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(),
            nn.Linear(hidden, width),
        )

    def forward_p(self, z: Tensor) -> Tensor:
        """What a latent makes: (n, c) -> (n, c)."""
        x = z
        for mask, scale, shift in zip(self.mask, self.s, self.t, strict=True):
            kept = x * mask
            s, t = scale(kept) * (1 - mask), shift(kept) * (1 - mask)
            x = kept + (1 - mask) * (x * torch.exp(s) + t)
        return x

    def backward_p(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, c) -> the latent (n, c), and the logarithm of the determinant (n,)."""
        z, determinant = x, x.new_zeros(len(x))
        for i in reversed(range(len(self.s))):
            mask = self.mask[i]
            kept = mask * z
            s, t = self.s[i](kept) * (1 - mask), self.t[i](kept) * (1 - mask)
            z = (1 - mask) * (z - t) * torch.exp(-s) + kept
            determinant = determinant - s.sum(dim=1)
        return z, determinant

    def log_prob(self, x: Tensor) -> Tensor:
        """(n, c) -> (n,), in nats."""
        z, determinant = self.backward_p(x)
        return self.prior.log_prob(z) + determinant


class Linear(nn.Module):
    """A layer whose product is divided by the length of what it was given, if told so."""

    def __init__(self, inputs: int, outputs: int, *, norm: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """(b, f) -> (b, outputs)."""
        y = x.matmul(self.linear.weight.t())
        if self.norm:
            y = y / torch.norm(x, dim=1, keepdim=True)
        return y + self.linear.bias


class _Regressor(nn.Module):
    """What both classes share: a ResNet, a mean over its picture, coordinates and deviations.

    Without `resnet` the features themselves are given, as golden files do.
    """

    coordinates: int

    def __init__(self, joints: int, resnet: int, features: int) -> None:
        super().__init__()
        self.joints = joints
        self.preact: nn.Module = nn.Identity()
        if resnet:
            self.preact = ResNet(resnet, {})
            features = self.preact.out_channels
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        outputs = joints * self.coordinates
        self.fc_coord = Linear(features, outputs, norm=True)
        self.fc_sigma = self._sigma(features, outputs)

    def _sigma(self, features: int, outputs: int) -> nn.Module:
        raise NotImplementedError

    def _regressed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Coordinates, and deviations before their sigmoid: (b, j, c) of each."""
        x = self.avg_pool(self.preact(x)).reshape(len(x), -1)
        shape = len(x), self.joints, self.coordinates
        return self.fc_coord(x).reshape(shape), self.fc_sigma(x).reshape(shape)


class RegressFlow(_Regressor):
    """Has the names of the authors' class of two coordinates."""

    coordinates = 2

    def __init__(
        self,
        *,
        joints: int,
        masks: Sequence[Sequence[int]],
        flow_hidden: int,
        resnet: int = 0,
        features: int = 0,
    ) -> None:
        super().__init__(joints, resnet, features)
        self.flow = RealNVP(masks, flow_hidden)

    def _sigma(self, features: int, outputs: int) -> nn.Module:
        return Linear(features, outputs, norm=False)

    def forward(self, x: Tensor, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """(b, f, h, w), or pictures -> (b, j, 2) of each output; labels count in training."""
        pred_jts, sigma = self._regressed(x)
        sigma = sigma.sigmoid()
        made = {"pred_jts": pred_jts, "sigma": sigma}
        made["maxvals"] = torch.mean(1 - sigma, dim=2, keepdim=True)
        if self.training:
            off = (pred_jts - labels["target_uv"]) / sigma
            log_phi = self.flow.log_prob(off.reshape(-1, 2))
            made["nf_loss"] = sigma.log() - log_phi.reshape(len(x), self.joints, 1)
        return made

    def shown(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What files show of the flow by itself."""
        return _shown(self.flow, given)


class RegressFlow3D(_Regressor):
    """Has the names of the authors' class of three: depth is relative, and has its own flow."""

    coordinates = 3

    def __init__(
        self,
        *,
        joints: int,
        masks2d: Sequence[Sequence[int]],
        masks3d: Sequence[Sequence[int]],
        flow2d_hidden: int,
        flow3d_hidden: int,
        root_idx: int,
        resnet: int = 0,
        features: int = 0,
    ) -> None:
        super().__init__(joints, resnet, features)
        self.root = root_idx
        self.flow2d = RealNVP(masks2d, flow2d_hidden)
        self.flow3d = RealNVP(masks3d, flow3d_hidden)

    def _sigma(self, features: int, outputs: int) -> nn.Module:
        return nn.Linear(features, outputs)

    def forward(self, x: Tensor, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """(b, f, h, w), or pictures -> (b, j, 3) of each output; labels count in training."""
        pred_jts, sigma = self._regressed(x)
        sigma = sigma.sigmoid() + 1e-9
        made = {"pred_jts": pred_jts, "sigma": sigma}
        made["maxvals"] = torch.mean(1 - sigma, dim=2, keepdim=True)
        if self.training:
            made["nf_loss"] = sigma.log() - self._log_phi(pred_jts, sigma, labels)
        else:
            root = pred_jts[:, self.root : self.root + 1, 2]
            pred_jts[:, :, 2] = pred_jts[:, :, 2] - root
        return made

    def _log_phi(
        self, pred_jts: Tensor, sigma: Tensor, labels: Mapping[str, Tensor]
    ) -> Tensor:
        """(b, j, 1): joints without a depth are as likely as their other two coordinates."""
        off = ((pred_jts - labels["target_uvd"]) / sigma).reshape(-1, 3)
        deep = labels["target_uvd_weight"][:, :, 2].reshape(-1) > 0
        log_phi = torch.zeros_like(off[:, 0])
        log_phi[deep] = self.flow3d.log_prob(off[deep])
        log_phi[~deep] = self.flow2d.log_prob(off[~deep][:, :2])
        return log_phi.reshape(*pred_jts.shape[:2], 1)

    def shown(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What files show of the flows by themselves."""
        flat = self.flow2d.log_prob(given["residual"][:, :2])
        return {**_shown(self.flow3d, given), "log_prob_2d": flat}


def _shown(flow: RealNVP, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    z, determinant = flow.backward_p(given["residual"])
    return {
        "z": z,
        "logdet": determinant,
        "log_prob": flow.log_prob(given["residual"]),
        "x_from_z": flow.forward_p(given["z"]),
    }


def rle_loss(made: Mapping[str, Tensor], target: Tensor, weight: Tensor) -> Tensor:
    """Sum over joints and coordinates (b, j, c), by sample: of the flow, and of Laplace's rest."""
    sigma = made["sigma"]
    off = torch.abs(target - made["pred_jts"]) / (math.sqrt(2) * sigma + 1e-9)
    rest = torch.log(sigma / AMPLITUDE) + off
    # in two dimensions a joint's flow has one weight
    shared = weight[:, :, :1] if weight.shape[2] == 2 else weight
    return (made["nf_loss"] * shared + rest * weight).sum() / len(weight)
