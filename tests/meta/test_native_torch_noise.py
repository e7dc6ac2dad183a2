"""Noise that PyTorch draws wrongly fails its rung, wherever in the backend the fault lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.meta.test_noise import LINES, NOISY, climb, failed

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch.nn import functional as F  # noqa: E402  # after the skip

from backends.torch import load, noise  # noqa: E402
from backends.torch.program import TorchProgram  # noqa: E402
from backends.torch.train import TorchTrainer  # noqa: E402

HONEST = noise.draw


def nothing_dropped(x: Any, *, rate: float) -> Any:
    return F.dropout(x, rate, False)


def another_rate(x: Any, *, rate: float) -> Any:
    return F.dropout(x, rate + 0.02, True)


def whole_channels(x: Any, *, rate: float) -> Any:
    # of rank 3, whose axis 1 it drops in one
    return F.dropout1d(x, rate, True)


def whole_batch(like: Any, *, shape: Any, kind: str, number: float) -> Any:
    if kind != "bernoulli":
        return HONEST(like, shape=shape, kind=kind, number=number)
    one = HONEST(like, shape=(1,) * len(shape), kind=kind, number=number)
    return one.expand(shape)


def variance(like: Any, *, shape: Any, kind: str, number: float) -> Any:
    wrong = number**2 if kind == "normal" else number
    return HONEST(like, shape=shape, kind=kind, number=wrong)


def reseeded(run: Callable[..., Any]) -> Callable[..., Any]:
    def same(self: Any, feeds: Any) -> Any:
        torch.manual_seed(0)
        return run(self, feeds)

    return same


# where it is planted, what, and the noise whose line is to be named
FAULTS: dict[str, tuple[Any, str, Any, str]] = {
    "drops nothing": (noise, "dropout", nothing_dropped, "element"),
    "drops at another rate": (noise, "dropout", another_rate, "element"),
    "drops whole channels": (noise, "dropout", whole_channels, "element"),
    "drops the whole batch": (noise, "draw", whole_batch, "path"),
    "takes the deviation for the variance": (noise, "draw", variance, "normal"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_draw_is_named_at_its_line(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, name, planted, hit = FAULTS[fault]
    monkeypatch.setattr(place, name, planted)
    wrong = failed(climb(load(), NOISY))
    assert {(check.op, check.where) for check in wrong} == {LINES[hit]}


@pytest.mark.parametrize(
    ("owner", "method", "source"),
    [(TorchProgram, "run", "program"), (TorchTrainer, "step", "step")],
)
def test_the_same_draw_in_every_call_is_found(
    owner: Any, method: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, method, reseeded(getattr(owner, method)))
    wrong = [check.name for check in failed(climb(load(), NOISY))]
    for name in LINES:
        assert any(
            line.startswith("calls are independent: " + name) and line.endswith(source)
            for line in wrong
        ), (name, wrong)


def test_a_seed_that_is_left_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "manual_seed", lambda seed: None)
    wrong = {check.name.split(":")[0] for check in failed(climb(load(), NOISY))}
    assert wrong == {"the same seed repeats"}
