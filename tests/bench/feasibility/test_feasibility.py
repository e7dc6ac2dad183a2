"""What a model needs and a backend lacks: by kernel, by body, or a gap that names its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import models
from backends.base import Backend
from backends.numpy.backend import NumpyBackend
from bench.config import Config, Model
from bench.coordinator.job import Finding, Job
from bench.feasibility import task
from bench.processes.contract import Watch, watched
from bench.records import Feasibility
from models import ops

Gaps = dict[str, dict[str, str]]  # graph -> op -> reason
COMPOSED = ("gelu", "layer_norm", "attention", "softmax")


def asked(
    backend: Backend, *, preset: str = "tiny", model: str = "motionbert"
) -> Finding:
    config = Config(model={model: Model(preset=preset)})
    about: dict[str, Any] = {
        "task": "feasibility",
        "backend": backend.name,
        "model": model,
    }
    job = Job(**about, config=config, folder=Path())
    return task.run(job, backend, "cpu", lambda text, share: None)


def payload(finding: Finding) -> Feasibility:
    assert isinstance(finding.payload, Feasibility)
    return finding.payload


def gaps(finding: Finding) -> Gaps:
    found: Gaps = {}
    for graph, needs in payload(finding).graph_ops.items():
        met = {need.op: need.reason for need in needs if need.via == "gap"}
        if met:
            found[graph] = met
    return found


def without(
    monkeypatch: pytest.MonkeyPatch,
    *lacking: str,
    backend: Backend | None = None,
    **declared: str,
) -> Backend:
    """A backend without some kernels, the oracle if none is given."""
    backend = backend or NumpyBackend()
    kernels = {
        name: kernel for name, kernel in backend.kernels.items() if name not in lacking
    }
    monkeypatch.setattr(backend, "kernels", kernels)
    monkeypatch.setattr(backend, "gaps", declared)
    return backend


class Autograd(NumpyBackend):
    """Differentiates by itself, as it says."""

    def features(self) -> dict[str, str]:
        return {"autograd": "yes: by hand"}


def test_a_backend_with_all_kernels_has_no_gap() -> None:
    assert (asked(NumpyBackend()).status, asked(NumpyBackend()).reason) == ("ok", "")


def test_a_composition_without_a_kernel_runs_by_its_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = asked(without(monkeypatch, "layer_norm"))
    assert found.status == "ok"
    vias = {need.op: need.via for need in payload(found).graph_ops["train"]}
    assert vias["layer_norm"] == "body"


def test_a_primitive_that_is_missing_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(without(monkeypatch, "add", backend=Autograd()))
    assert found.status == "unsupported"
    assert found.reason == "numpy has no add (no kernel)"
    assert gaps(found)["train"]["add"] == "no kernel"


def test_a_body_whose_primitive_is_missing_is_a_gap_that_names_it(
    monkeypatch: pytest.MonkeyPatch, backend: Backend
) -> None:
    """Of every backend: none may have `erf` by another way."""
    found = asked(without(monkeypatch, "gelu", "erf", backend=backend))
    assert found.status == "unsupported"
    due = {"gelu": "its body needs erf: no kernel"}
    assert gaps(found)["train"] == gaps(found)["infer"] == due
    assert f"{backend.name} has no gelu (its body needs erf: no kernel)" in found.reason


def test_what_the_backend_says_of_the_primitive_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lacking = without(monkeypatch, "gelu", "erf", erf="no error function in here")
    due = "its body needs erf: no error function in here"
    assert gaps(asked(lacking))["infer"] == {"gelu": due}


def test_bodies_within_bodies_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    # attention has a softmax within, which has an exp
    assert ops.get("softmax").body is not None
    found = asked(without(monkeypatch, "attention", "softmax", "exp"))
    due = "its body needs exp: no kernel"
    assert gaps(found)["infer"] == {"attention": due, "softmax": due}


def test_only_the_op_that_needs_it_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(without(monkeypatch, *COMPOSED, "erf", backend=Autograd()))
    assert gaps(found)["infer"].keys() == {"gelu"}


def test_training_without_autograd_needs_the_gradient_graph_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """GELU has a kernel, and its gradient is made of its body."""
    found = asked(without(monkeypatch, "erf"))
    assert found.status == "unsupported"
    assert found.reason == "its gradient graph needs erf (no kernel)"
    assert gaps(found) == {"gradient": {"erf": "no kernel"}}


def test_the_rule_of_the_optimizer_is_part_of_it() -> None:
    needs = payload(asked(NumpyBackend())).graph_ops
    found = {graph: {need.op for need in ops} for graph, ops in needs.items()}
    # the number of the step, which the bias correction of AdamW reckons with
    assert "astype" in found["gradient"] - found["train"]


def test_a_framework_with_autograd_needs_no_gradient_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = asked(without(monkeypatch, "erf", backend=Autograd()))
    assert (found.status, found.reason) == ("ok", "")
    assert payload(found).graph_ops.keys() == {"train", "infer"}
    # said all the same: the day that the kernel fails, nothing stands in for it
    need = {need.op: need for need in payload(found).graph_ops["infer"]}["gelu"]
    assert need.via == "kernel"
    assert need.reason == "by its kernel alone: its body needs erf: no kernel"


def test_features_that_raise_leave_the_coverage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Mute(NumpyBackend):
        def features(self) -> dict[str, str]:
            raise SystemExit(3)

    found = asked(without(monkeypatch, "gelu", "erf", backend=Mute()))
    assert found.status == "failed"
    due = "Mute.features raised SystemExit: 3 (test_feasibility.py:"
    assert found.reason.startswith(due)
    assert found.reason.endswith("; numpy has no gelu (its body needs erf: no kernel)")
    assert payload(found).features["features"].startswith(due)
    assert "gelu" in gaps(found)["train"]


@pytest.mark.parametrize("graph", ["train", "infer"])
def test_operations_are_those_of_one_window(graph: str) -> None:
    assert payload(asked(NumpyBackend())).flops[graph] > 1e6


@pytest.mark.parametrize(
    ("lacking", "via"), [((), "kernel"), (("relu",), "body"), (("add",), "gap")]
)
def test_every_need_tells_its_types_however_it_is_met(
    monkeypatch: pytest.MonkeyPatch, lacking: tuple[str, ...], via: str
) -> None:
    found = payload(
        asked(without(monkeypatch, *lacking), model="simple_baseline")
    ).graph_ops["train"]
    needs = {need.op: need for need in found}
    assert via in {need.via for need in needs.values()}
    assert needs["relu"].dtypes == needs["linear"].dtypes == ("float32",)
    # also those of counters, of how many batches a norm has seen
    assert needs["add"].dtypes == ("float32", "int64")
    assert all(need.dtypes for need in found)


def test_the_published_size_is_that_of_the_models_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = payload(asked(NumpyBackend()))
    assert found.published == 42_466_317 > 100 * found.parameters
    monkeypatch.delattr(models.module("motionbert"), "PAPER_PARAMETERS")
    assert payload(asked(NumpyBackend())).published is None


class Listing(NumpyBackend):
    """Declares in other shapes than are due."""

    draws_noise: Any = "yes"

    def optimizers(self) -> Any:
        return ["sgd"]


def test_all_that_is_declared_is_held_whatever_of_it_the_model_asks() -> None:
    watch = Watch()
    found = asked(watched(Listing(), watch), model="simple_baseline")
    assert found.status == "failed" and found.payload is not None
    assert found.reason.startswith(
        "Listing.draws_noise gave str; True or False was due"
    )
    # a cell can do without, and says so at its end
    assert [line.partition(" (")[0] for line in watch.breaches] == [
        "Listing.optimizers gave list; a dict of texts was due"
    ]
