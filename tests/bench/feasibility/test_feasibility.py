"""What a model needs and a backend lacks: by kernel, by body, or a gap, also of a body's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.numpy.backend import NumpyBackend
from bench.config import Config, Model
from bench.coordinator.job import Finding, Job
from bench.feasibility import task
from bench.records import Feasibility
from models import ops


def asked(backend: NumpyBackend) -> Finding:
    config = Config(model={"motionbert": Model(preset="tiny")})
    about = {"task": "feasibility", "backend": "numpy", "model": "motionbert"}
    job = Job(**about, config=config, folder=Path())
    return task.run(job, backend, "cpu", lambda text, share: None)


def without(*lacking: str) -> NumpyBackend:
    """The oracle without some kernels."""
    backend = NumpyBackend()
    backend.kernels = {  # type: ignore[misc]  # of this one alone
        name: kernel for name, kernel in backend.kernels.items() if name not in lacking
    }
    return backend


def test_a_backend_with_all_kernels_has_no_gap() -> None:
    assert (asked(NumpyBackend()).status, asked(NumpyBackend()).reason) == ("ok", "")


def test_a_composition_without_a_kernel_runs_by_its_body() -> None:
    found = asked(without("layer_norm"))
    assert found.status == "ok" and isinstance(found.payload, Feasibility)
    vias = {need.op: need.via for need in found.payload.graph_ops["train"]}
    assert vias["layer_norm"] == "body"


def test_a_primitive_that_is_missing_is_a_gap() -> None:
    found = asked(without("add"))
    assert (found.status, found.reason) == ("unsupported", "numpy has no add")


def test_a_body_whose_primitive_is_missing_is_a_gap_too() -> None:
    assert ops.get("sqrt").body is None, "a primitive, and no model names it"
    found = asked(without("layer_norm", "sqrt"))
    assert found.status == "unsupported" and "sqrt" in found.reason
    assert isinstance(found.payload, Feasibility)
    gaps = [need for need in found.payload.graph_ops["infer"] if need.via == "gap"]
    assert [gap.op for gap in gaps] == ["sqrt"]
    assert gaps[0].reason.endswith("and bodies need it") and gaps[0].count > 0


@pytest.mark.parametrize("graph", ["train", "infer"])
def test_operations_are_those_of_one_window(graph: str) -> None:
    payload = asked(NumpyBackend()).payload
    assert isinstance(payload, Feasibility) and payload.flops[graph] > 1e6
