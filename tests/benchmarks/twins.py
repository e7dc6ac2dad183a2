"""Two PyTorch modules of one network: compared, then timed in turns, forward and training step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tests.asserts import assert_close
from tests.benchmarks.rounds import Work

RTOL = 1e-5  # float32, some dozens of layers deep


@dataclass(frozen=True)
class Side:
    """One of the two, with its inputs at hand.

    `work` gives the pose of a forward, the loss of a training step.
    """

    module: nn.Module
    work: Callable[[], Tensor]
    # what the other side calls a parameter of this one
    key: Callable[[str], str] = str


def forward(ours: Side, by_hand: Side) -> tuple[Work, Work]:
    """Inference of both, no gradient recorded.

    Raises AssertionError where the poses differ.
    """
    runs = [torch.inference_mode()(side.work) for side in (ours, by_hand)]
    first, second = runs
    assert_close(first(), second(), rtol=RTOL, what="pose")
    return first, second


def training(ours: Side, by_hand: Side, *, rtol: float = RTOL) -> tuple[Work, Work]:
    """Loss, backward and an AdamW step of both.

    Raises AssertionError where losses, or by more than `rtol` gradients, differ.
    """
    _same_gradients(ours, by_hand, rtol=rtol)
    return _stepper(ours), _stepper(by_hand)


def _stepper(side: Side) -> Work:
    """A step by PyTorch's own optimizer, whoever has made the module."""
    # so small that the weights, and with them the work, hardly change over the rounds
    optimizer = torch.optim.AdamW(side.module.parameters(), lr=1e-6)

    def step() -> Any:
        optimizer.zero_grad(set_to_none=True)
        loss = side.work()
        loss.backward()
        optimizer.step()
        return loss

    return step


def _same_gradients(ours: Side, by_hand: Side, *, rtol: float) -> None:
    loss, due_loss = ours.work(), by_hand.work()
    assert_close(loss.detach(), due_loss.detach(), rtol=RTOL, what="loss")
    loss.backward()
    due_loss.backward()
    due = dict(by_hand.module.named_parameters())
    reached = [param.grad for param in due.values() if param.grad is not None]
    # relative to the largest of all: some are zero but for rounding
    largest = max(float(grad.abs().max()) for grad in reached)
    for own, param in ours.module.named_parameters():
        name = ours.key(own)
        if due[name].grad is None:  # the authors' class has it and does not use it
            assert param.grad is None, name
            continue
        assert_close(
            param.grad / largest + 1,
            due[name].grad / largest + 1,
            rtol=rtol,
            what=f"gradient of {name}",
        )
