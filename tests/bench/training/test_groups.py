"""Groups of parameters: rates of their own, frozen ones, and the numbers of a rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from backends.base import Backend
from backends.numpy.train import NumpyTrainer
from bench.config import Train
from bench.coordinator.spec import build
from bench.training import checkpoint, groups, optimizer
from bench.training import task as train
from bench.training.settings import Group
from models import freezing, params
from models.errors import BadInput, SpecError, UnknownName
from models.optim import Optimizer
from models.spec import Spec
from tests import zoo
from tests.bench.training.small_jobs import PROTOCOL, make_job, run

NUMPY = backends.load("numpy")
QUICK: dict[str, Any] = {"steps": 6, "validate_every": 6}
# the last layer alone, and slower than it would be
HEAD: dict[str, Any] = {
    "groups": [{"params": "w2.*", "lr": 0.002}, {"params": "*", "frozen": True}]
}


def spec_with(**asked: Any) -> Spec:
    job = make_job(Path(), NUMPY, **asked)
    return build(job.model, job.settings, PROTOCOL)


def test_every_backend_trains_what_is_not_frozen(
    tmp_path: Path, backend: Backend
) -> None:
    job = make_job(tmp_path, backend, **HEAD, **QUICK)
    found = run(job, backend)
    assert found.parameters == 16 * 51 + 51
    assert found.optimizer["rate x 0.2"] == "2 parameters"
    assert "frozen arrays are drawn, and nobody has trained them" in found.note
    names = {check.name for check in found.checks}
    assert {"a step of 1 batches by hand", "frozen weights that have moved"} <= names
    graph = spec_with(**HEAD).train
    begun, ended = (
        params.draw(graph.params, seed=0),
        checkpoint.load(job.checkpoint).params,
    )
    moved = {name for name in begun if not np.array_equal(begun[name], ended[name])}
    assert {"w2.weight", "w2.bias"} <= moved
    # running statistics are nobody's gradient
    assert moved - {"w2.weight", "w2.bias"} == set(graph.state)


def test_the_first_group_that_fits_has_a_parameter() -> None:
    asked = [Group(params="a.*", lr=1.0), Group(params="*.bias", frozen=True)]
    names = ["a.weight", "a.bias", "b.weight", "b.bias"]
    assert groups.frozen(asked, names) == {"b.bias"}
    assert groups.factors(asked, names, 2.0) == (("a.weight", 0.5), ("a.bias", 0.5))


def test_a_rate_as_all_have_it_is_no_group_of_its_own() -> None:
    assert groups.factors([Group(params="*", lr=2.0)], ["a"], 2.0) == ()


@pytest.mark.parametrize(
    ("asked", "error", "reason"),
    [
        (
            [{"params": "hed.*", "lr": 1.0}],
            UnknownName,
            "unknown parameter of a group 'hed.*'",
        ),
        (
            [{"params": "*", "lr": 1.0}, {"params": "w2.*", "frozen": True}],
            BadInput,
            r"all parameters of w2\.\* are of groups before it",
        ),
        ([{"params": "*", "frozen": True}], SpecError, "all parameters are frozen"),
    ],
)
def test_groups_that_cannot_be_are_refused(
    asked: list[dict[str, Any]], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason) as raised:
        spec_with(groups=asked)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "group", [{"params": "*"}, {"params": "*", "lr": 1.0, "frozen": True}]
)
def test_a_group_has_a_rate_or_is_frozen(group: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="one of lr and frozen=true was due"):
        Train.model_validate({"groups": [group]})


def test_a_frozen_parameter_is_a_weight_that_is_not_trained() -> None:
    whole = zoo.tiny("simple_baseline").train
    graph = freezing.frozen(whole, {"w1.weight"})
    assert set(whole.trainable()) - set(graph.trainable()) == {"w1.weight"}
    assert graph.params.keys() == whole.params.keys()
    assert graph.parameter_count() < whole.parameter_count()


def test_the_numbers_of_a_rule_are_settings() -> None:
    spec = spec_with()
    asked = Train(optimizer="adam", beta1=0.8, beta2=0.9, eps=1e-6, amsgrad=True)
    own = optimizer.asked_for(asked, spec)
    assert (own.beta1, own.beta2, own.eps, own.amsgrad) == (0.8, 0.9, 1e-6, True)
    assert (
        optimizer.asked_for(Train(optimizer="sgd", momentum=0.0), spec).momentum == 0.0
    )
    assert optimizer.asked_for(Train(optimizer="rmsprop", alpha=0.9), spec).alpha == 0.9


@pytest.mark.parametrize(
    ("rule", "number"),
    [("adam", "momentum"), ("sgd", "beta1"), ("rmsprop", "amsgrad"), ("sgd", "eps")],
)
def test_a_number_that_the_rule_has_not_is_refused(rule: str, number: str) -> None:
    asked = Train.model_validate(
        {"optimizer": rule, number: 0.5 if number != "amsgrad" else True}
    )
    with pytest.raises(BadInput, match=rf"train\.{number}: the optimizer is {rule}"):
        optimizer.asked_for(asked, spec_with())


def one_rate(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Optimizer, "of", lambda self, name: self)


def thawed(patch: pytest.MonkeyPatch) -> None:
    own = NumpyTrainer.apply

    def apply(self: NumpyTrainer, grads: Any) -> None:
        own(self, grads)
        moved = self.program.params()
        self.program.load(moved | {"w1.bias": moved["w1.bias"] + np.float32(0.1)})

    patch.setattr(NumpyTrainer, "apply", apply)


@pytest.mark.parametrize(
    ("fault", "named"),
    [(one_rate, "by hand"), (thawed, "frozen weights that have moved")],
)
def test_groups_that_are_not_kept_to_fail(
    fault: Callable[[pytest.MonkeyPatch], None],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault(monkeypatch)
    job = make_job(tmp_path, NUMPY, **HEAD, **QUICK)
    found = train.run(job, NUMPY, "cpu", lambda text, share: None)
    assert (found.status, named in found.reason) == ("failed", True)
