"""Native autograd and native torch.optim over a train graph.

Every hyper-parameter is written out: the defaults are PyTorch's, not the rules'.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel

from backends.base import Arrays, Feeds, Settings, Trainer, Unsupported
from backends.slots import STEPS, renamed, whole
from backends.torch.program import TorchProgram
from models.graph import Graph
from models.optim import Optimizer
from models.passes import prune
from models.stepping import slot

RANDOM, SCALED = "#random", "#scaling"

# of a GradScaler's state, what moves
SCALING = ("scale", "_growth_tracker")


def native_optimizer(
    o: Optimizer,
    params: list[Any],
) -> torch.optim.Optimizer:
    """torch.optim's version of the rule, for parameters or groups of them.

    In one fused pass over the parameters where PyTorch has that: not for RMSprop.
    """
    optim = torch.optim
    common: dict[str, Any] = {"lr": o.lr, "weight_decay": o.weight_decay}
    adam: dict[str, Any] = {
        "betas": (o.beta1, o.beta2),
        "eps": o.eps,
        "amsgrad": o.amsgrad,
        "fused": True,
    }
    match o.rule:
        case "sgd":
            return optim.SGD(params, momentum=o.momentum, fused=True, **common)
        case "rmsprop":
            return optim.RMSprop(params, alpha=o.alpha, eps=o.eps, **common)
        case "adam":
            return optim.Adam(params, **adam, **common)
        # as Adam, but that its decay is decoupled
        case "adamw":
            return optim.AdamW(params, **adam, **common)
    raise Unsupported(f"optimizer {o.rule}: backends/torch/train.py has no rule for it")


# PyTorch's names of what a rule keeps of a parameter, in the rule's order; the last
# slot where it is asked for (amsgrad)
SLOTS = {
    "sgd": ("momentum_buffer",),
    "rmsprop": ("square_avg",),
    "adam": ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
}


class TorchTrainer(Trainer):
    """Forward under autocast where asked for, backward, step; float16 gradients are scaled."""

    def __init__(
        self,
        graph: Graph,
        optimizer: Optimizer,
        settings: Settings,
    ) -> None:
        self.program: TorchProgram = TorchProgram(graph, settings)
        self._rule = optimizer
        self._steps = 0
        # each with the names of its parameters
        self._groups = _groups(optimizer, self.program.graph.trainable())
        params = dict(self.program.native.named_parameters())
        groups = [
            {"params": [params[name] for name in names], "lr": optimizer.lr * factor}
            for factor, names in self._groups.items()
        ]
        self.optimizer = native_optimizer(optimizer, groups)
        if settings.replicas > 1:
            self.program.callable = DistributedDataParallel(
                _Loss(self.program), find_unused_parameters=_has_idle(graph)
            )
        # not counted by `step`: a step whose scaled gradients are not finite is none
        self.optimizer.register_step_post_hook(self._count)
        # float16 has no gradient below 6e-8; bfloat16 has the range of float32
        scaled = settings.precision == "fp16"
        self._scaler = torch.amp.GradScaler(settings.device, enabled=scaled)

    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss and unscaled gradients."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._loss(feeds)
        loss.backward()
        grads = {}
        for name, param in self.program.native.named_parameters():
            grads[name] = self._gradient(param)
        return float(loss.detach()), grads

    def apply(self, grads: Arrays) -> None:
        """Put the gradients where autograd would, and step."""
        for name, param in self.program.native.named_parameters():
            # a copy: PyTorch would keep the caller's memory as the gradient
            given = torch.from_numpy(np.array(grads[name], np.float32))
            param.grad = given.to(param.device)
        # past the scaler: these gradients are as the rule takes them
        self._clip()
        self.optimizer.step()

    def step(self, feeds: Feeds, *more: Feeds) -> Any:
        """One optimizer step."""
        self.optimizer.zero_grad(set_to_none=True)
        *first, last = (feeds, *more)
        count = 1 + len(more)
        with self._apart():
            parts = [self._backward(each, count) for each in first]
        loss = sum(parts, start=self._backward(last, count))
        for param, zeros in self._idle:
            param.grad = zeros
        if self._rule.clips:
            self._scaler.unscale_(self.optimizer)
            self._clip()
        self._scaler.step(self.optimizer)
        self._scaler.update()
        return loss

    def _apart(self) -> Any:
        """Where replicas do not exchange gradients: those of later batches are added first."""
        run = self.program.callable
        if isinstance(run, DistributedDataParallel):
            return run.no_sync()
        return nullcontext()

    def _backward(self, feeds: Feeds, count: int) -> Any:
        """Add the gradients of one of `count` batches to those that are there."""
        loss = self._loss(feeds)
        if count > 1:
            loss = loss / count
        self._scaler.scale(loss).backward()
        # without the graph, whose memory a held loss would keep
        return loss.detach()

    @cached_property
    def _idle(self) -> list[tuple[torch.nn.Parameter, torch.Tensor]]:
        """Parameters without a part in the loss, as they are after the first backward pass.

        PyTorch would leave them out: no decay, and no velocity, without which its fused SGD
        breaks off once one of them has a gradient.
        """
        params = self.program.native.parameters()
        return [(one, torch.zeros_like(one)) for one in params if one.grad is None]

    def _clip(self) -> None:
        rule, params = self._rule, list(self.program.native.parameters())
        if rule.clip_value is not None:
            torch.nn.utils.clip_grad_value_(params, rule.clip_value)
        if rule.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(params, rule.clip_norm)

    def set_lr(self, lr: float) -> None:
        """Learning rate of the steps to come."""
        factors = self._groups
        for group, factor in zip(self.optimizer.param_groups, factors, strict=True):
            group["lr"] = lr * factor

    def state(self) -> dict[str, np.ndarray]:
        """As `backends/slots.py` has it.

        `#random` is what dropout goes on from, `#scaling` what float16 losses are scaled by, and
        for how many steps.
        """
        names = self._counted()
        found = {
            RANDOM: self._random().get_rng_state().numpy(),
            STEPS: np.array(self._steps),
        }
        if scaling := self._scaler.state_dict():  # empty where no loss is scaled
            found[SCALED] = np.array([scaling[key] for key in SCALING])
        for index, slots in self.optimizer.state_dict()["state"].items():
            for i, own in enumerate(self._own):
                if slots.get(own) is not None:  # SGD without momentum has none
                    copied = slots[own].cpu().numpy().copy()
                    found[slot(names[index], i)] = copied
        return found

    def load_state(self, state: Arrays) -> None:
        """Take what `state` gave, here or in another framework."""
        params = dict(self.program.native.named_parameters())
        names = {}
        for name in params:
            names[f"{name}#step"] = STEPS  # as files of before have it
            for i, own in enumerate(self._own):
                names[f"{name}#{own}"] = slot(name, i)
        state = {STEPS: np.array(0), **renamed(state, names)}
        shapes = {name: tuple(params[name].shape) for name in self._counted()}
        found = whole(state, shapes, self._rule)
        self._steps = int(found[STEPS])
        slots = {}
        for index, name in enumerate(self._counted()):
            # PyTorch keeps nothing of a parameter that has never moved
            if slot(name, 0) in state:
                slots[index] = self._slots(name, found)
        # learning rate and hyper-parameters stay as they are here
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": slots})
        if RANDOM in state:
            self._random().set_rng_state(torch.from_numpy(np.array(state[RANDOM])))
        if SCALED in state and (scaling := self._scaler.state_dict()):
            moved = dict(zip(SCALING, state[SCALED].tolist(), strict=True))
            # a count, which came as what the other is
            moved["_growth_tracker"] = int(moved["_growth_tracker"])
            self._scaler.load_state_dict(scaling | moved)

    def _slots(self, name: str, found: Arrays) -> dict[str, torch.Tensor]:
        """What PyTorch keeps of a parameter."""
        slots = {"step": torch.tensor(float(self._steps))}
        for i, own in enumerate(self._own):
            slots[own] = torch.from_numpy(found[slot(name, i)])
        return slots

    @property
    def _own(self) -> tuple[str, ...]:
        """PyTorch's names of the rule's slots."""
        return SLOTS[self._rule.rule][: self._rule.slots()]

    def _count(self, *stepped: Any) -> None:
        self._steps += 1

    def _counted(self) -> list[str]:
        """Names as PyTorch counts the parameters; they hold in another order too."""
        return [name for names in self._groups.values() for name in names]

    def _random(self) -> Any:
        """The module that holds the device's own random state."""
        gpus = {"cuda": torch.cuda, "mps": torch.mps}
        return gpus.get(self.program.settings.device, torch)

    # untyped: a tensor's `backward` has no annotations
    def _loss(self, feeds: Feeds) -> Any:
        program = self.program
        # the backward pass runs outside, each op in the type that its forward had
        with program.autocast():
            outputs = program.callable(*[feeds[name] for name in program.feeds])
        return program.named(outputs)["loss"]

    def _gradient(self, param: torch.nn.Parameter) -> np.ndarray:
        if param.grad is None:  # it has no part in the loss
            return np.zeros(tuple(param.shape), np.float32)
        # a copy: the next pass adds into the same memory
        return self.program.numpy(param.grad).copy()


class _Loss(torch.nn.Module):
    """A program's loss alone: a replica waits for gradients in whatever else comes out."""

    def __init__(self, program: TorchProgram) -> None:
        super().__init__()
        self._run = program.callable
        self._named = program.named

    def forward(self, *feeds: torch.Tensor) -> dict[str, torch.Tensor]:
        """The loss by its name."""
        return {"loss": self._named(self._run(*feeds))["loss"]}


def _has_idle(graph: Graph) -> bool:
    """Whether a trained parameter has no part in the loss."""
    nodes = prune(replace(graph.with_outputs("loss"), state={})).nodes
    read = {name for node in nodes for name in node.values()}
    return not read.issuperset(graph.trainable())


def _groups(o: Optimizer, names: Sequence[str]) -> dict[float, list[str]]:
    """Parameters by the factor of their rate."""
    found: dict[float, list[str]] = {}
    for name in names:
        found.setdefault(o.factor(name), []).append(name)
    return found
