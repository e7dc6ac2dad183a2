"""Native autograd and native torch.optim over a train graph, every hyper-parameter written
out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from backends.base import Arrays, Feeds, Settings, Trainer
from backends.torch.program import TorchProgram
from models.graph import Graph
from models.optim import Optimizer


def native_optimizer(
    o: Optimizer, params: list[torch.nn.Parameter]
) -> torch.optim.Optimizer:
    """torch.optim's version of the rule, in one fused pass over the parameters where
    PyTorch has that.
    """
    match o.rule:
        case "sgd":
            return torch.optim.SGD(
                params,
                lr=o.lr,
                momentum=o.momentum,
                weight_decay=o.weight_decay,
                fused=True,
            )
        case "rmsprop":
            return torch.optim.RMSprop(
                params, lr=o.lr, alpha=o.alpha, eps=o.eps, weight_decay=o.weight_decay
            )
    native = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[o.rule]
    return native(
        params,
        lr=o.lr,
        betas=(o.beta1, o.beta2),
        eps=o.eps,
        weight_decay=o.weight_decay,
        fused=True,
    )


class TorchTrainer(Trainer):
    """Forward under autocast where asked for, backward, step; float16 gradients are scaled."""

    def __init__(self, graph: Graph, optimizer: Optimizer, settings: Settings) -> None:
        self.program: TorchProgram = TorchProgram(graph, settings)
        torch.manual_seed(settings.seed)
        self.optimizer = native_optimizer(optimizer, list(self.program.native.parameters()))
        self._scaler = torch.amp.GradScaler(
            settings.device, enabled=settings.precision == "fp16"
        )

    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss and unscaled gradients."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._loss(feeds)
        loss.backward()
        grads = {
            name: (
                np.zeros(tuple(param.shape), np.float32)
                if param.grad is None
                else self.program.numpy(param.grad).copy()
            )
            for name, param in self.program.native.named_parameters()
        }
        return float(loss.detach()), grads

    def apply(self, grads: Arrays) -> None:
        """Put the gradients where autograd would, and step."""
        for name, param in self.program.native.named_parameters():
            param.grad = torch.from_numpy(np.array(grads[name], np.float32)).to(
                param.device
            )
        self.optimizer.step()

    def step(self, feeds: Feeds) -> Any:
        """One optimizer step."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._loss(feeds)
        self._scaler.scale(loss).backward()
        self._scaler.step(self.optimizer)
        self._scaler.update()
        return loss.detach()

    def set_lr(self, lr: float) -> None:
        """Learning rate of the steps to come."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr

    def state(self) -> dict[str, np.ndarray]:
        """`NAME#slot` per parameter and slot; `#random` is what dropout goes on from."""
        names = [name for name, _ in self.program.native.named_parameters()]
        slots = self.optimizer.state_dict()["state"]
        return {"#random": self._random().get_rng_state().numpy()} | {
            f"{names[index]}#{slot}": torch.as_tensor(value).cpu().numpy().copy()
            for index, values in slots.items()
            for slot, value in values.items()
            if value is not None
        }

    def load_state(self, state: Arrays) -> None:
        """Take what `state` gave."""
        index = {
            name: i for i, (name, _) in enumerate(self.program.native.named_parameters())
        }
        slots: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in state.items():
            name, slot = key.rsplit("#", 1)
            if not name:
                self._random().set_rng_state(torch.from_numpy(np.array(value)))
                continue
            slots.setdefault(index[name], {})[slot] = torch.from_numpy(np.array(value))
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": slots})

    def _random(self) -> Any:
        """The module that holds the device's own random state."""
        return {"cuda": torch.cuda, "mps": torch.mps}.get(
            self.program.settings.device, torch
        )

    def _loss(self, feeds: Feeds) -> torch.Tensor:
        program = self.program
        with program.autocast():
            loss: torch.Tensor = program.named(
                program.callable(*[feeds[name] for name in program.feeds])
            )["loss"]
        return loss
