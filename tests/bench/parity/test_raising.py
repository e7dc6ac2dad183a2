"""A rung that raises is a finding: the rest is climbed, and the node is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Unsupported
from backends.numpy.program import NumpyProgram
from bench.parity import locate
from bench.records import Parity
from models.builder import Builder
from tests.bench.parity.wrong import Wrong, climb, program, red, trainer


def raises(self: Any, feeds: Any) -> Any:
    raise ValueError("no such thing\nhere")


def test_the_rungs_above_are_climbed_and_what_was_found_is_kept(tmp_path: Path) -> None:
    finding = climb(Wrong(trainer=trainer(gradients=raises)), tmp_path)
    assert finding.status == "failed"
    assert isinstance(finding.payload, Parity)
    kinds = {check.kind for check in finding.payload.checks}
    assert kinds >= {"weights", "forward", "loss", "calls", "step"}
    raised = [check for check in red(finding) if check.kind == "raised"]
    assert [check.name for check in raised] == ["gradient", "update", "trajectory"]
    due = (
        "WrongTrainer.gradients raised ValueError: no such thing here (test_raising.py:"
    )
    assert raised[0].note.startswith(due)
    assert due in finding.reason


def test_a_search_that_raises_names_no_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locate, "first_fault", raises)
    finding = climb(Wrong(program(run=wrong_values)), tmp_path)
    assert "; no node could be located: " in finding.reason
    assert "first node beyond" not in finding.reason


def test_what_a_framework_cannot_be_asked_is_no_green_rung(tmp_path: Path) -> None:
    class Inferring(Wrong):
        def trainer(self, *asked: Any) -> Any:
            raise Unsupported("it has no training")

    finding = climb(Inferring(), tmp_path)
    assert (finding.status, finding.reason) == (
        "unsupported",
        "gradient: it has no training",
    )
    assert isinstance(finding.payload, Parity)
    assert set(finding.payload.left_out) >= {"gradient", "step", "update", "trajectory"}
    assert all(check.ok for check in finding.payload.checks)


def test_a_model_that_batch_norm_spoils_is_refused(tmp_path: Path) -> None:
    finding = climb(Wrong(), tmp_path, batch=2)
    assert finding.status == "not_measured"
    assert (
        "parity.batch: 2 gives batch norm at models/zoo/simple_baseline.py"
        in finding.reason
    )


class OnOpenAxes(NumpyProgram):
    """Wrong where a reshape has an open length, and there alone."""

    def __init__(self, graph: Any, settings: Any) -> None:
        super().__init__(graph, settings)
        self.open = any(
            node.op == "reshape" and any(not isinstance(n, int) for n in shape)
            for node in graph.nodes
            if isinstance(shape := node.attributes.get("shape"), tuple)
        )

    def run(self, feeds: Any) -> Any:
        if self.open:
            raise RuntimeError("an open length")
        return super().run(feeds)


def test_a_node_that_fails_on_open_axes_alone_is_located() -> None:
    builder = Builder("open")
    x = builder.input("x", ("batch", 3))
    y = x * 2.0
    builder.output("y", y.reshape((x.shape[0] * 3,)).relu())
    graph = builder.finish()
    feeds = {"x": np.ones((4, 3), np.float32)}
    backend = Wrong(OnOpenAxes)
    assert locate.first_fault([graph], backend, "cpu", {}, feeds) is None
    fault = locate.first_within(graph, backend, "cpu", {}, feeds)
    assert fault is not None
    assert fault.op == "reshape"
    assert "test_raising.py" in fault.where
    assert "an open length" in fault.text


def wrong_values(self: Any, feeds: Any) -> Any:
    results = NumpyProgram.run(self, feeds)
    return {name: value * 1.01 for name, value in results.items()}


def test_a_value_that_is_wrong_within_its_graph_alone_is_located() -> None:
    builder = Builder("within")
    builder.output("y", builder.input("x", ("batch", 3)).relu())
    graph = builder.finish()
    feeds = {"x": np.ones((4, 3), np.float32)}
    found = locate.first_within(
        graph, Wrong(program(run=wrong_values)), "cpu", {}, feeds
    )
    assert found is not None
    assert found.op == "relu"
    assert locate.first_within(graph, Wrong(), "cpu", {}, feeds) is None
