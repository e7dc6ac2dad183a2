"""The rung of mixed precision: on a backend that rounds as NumPy does, and on wrong ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from backends.numpy.train import NumpyTrainer
from bench import config as configs
from bench.coordinator.job import Finding, Job
from bench.parity import task
from bench.records import Parity
from models.graph import Graph
from models.passes import copy
from models.value import emit_all
from tests.bench.parity.wrong import SIZES, Wrong, red


class Rounding(Wrong):
    """NumPy that runs in halves too; `asked` is what it makes of the precision asked for."""

    def asked(self, settings: Settings) -> Settings:
        return settings

    def graph(self, graph: Graph, settings: Settings) -> Graph:
        return graph

    def program(self, graph: Graph, settings: Settings) -> Any:
        return NumpyProgram(self.graph(graph, settings), self.asked(settings))

    def trainer(self, graph: Graph, optimizer: Any, settings: Settings) -> Any:
        own = self.graph(graph, settings)
        return NumpyTrainer(own, optimizer, self.asked(settings))


class Unrounded(Rounding):
    """Says bf16 and runs float32."""

    def asked(self, settings: Settings) -> Settings:
        return replace(settings, precision="fp32")


class Off(Rounding):
    """5 % off in one op, in the half alone."""

    def graph(self, graph: Graph, settings: Settings) -> Graph:
        if settings.precision != "bf16":
            return graph

        def scaled(node: Any, arguments: Any) -> Any:
            if node.op != "linear":
                return None
            [y] = emit_all(node.op, *arguments, **node.attributes)
            return (y * 1.05,)

        builder, values = copy(graph, scaled)
        for name, value in graph.outputs.items():
            builder.output(name, values[value])
        for name, value in graph.state.items():
            builder.update(values[name], values[value])
        return builder.finish()


def climb(backend: Rounding, folder: Path, **top: Any) -> Finding:
    content = {
        "model": {"simple_baseline": {"preset": "tiny", "sizes": SIZES}},
        "parity": {"rungs": ["weights", "half"], "batch": 16},
        "precision": "bf16",
        **top,
    }
    job = Job(
        task="parity",
        backend="numpy",
        model="simple_baseline",
        config=configs.validate(content),
        folder=folder,
    )
    return task.run(job, backend, "cpu", lambda *heard: None)


def test_the_half_that_was_asked_for_is_climbed_beside_float32(tmp_path: Path) -> None:
    finding = climb(Rounding(), tmp_path)
    assert (finding.status, finding.reason) == ("ok", "")
    assert isinstance(finding.payload, Parity)
    assert finding.payload.precisions == ("fp32", "bf16")


def test_nothing_is_asked_where_no_half_is(tmp_path: Path) -> None:
    finding = climb(Rounding(), tmp_path, precision="fp32")
    assert isinstance(finding.payload, Parity)
    assert {check.kind for check in finding.payload.checks} == {"weights"}


def test_float32_in_the_clothes_of_bf16_is_red(tmp_path: Path) -> None:
    finding = climb(Unrounded(), tmp_path)
    assert "bf16 is what ran" in [check.name for check in red(finding)]


@pytest.mark.parametrize("word", ["op", "where"])
def test_five_percent_in_one_op_are_red_and_the_op_is_named(
    word: str, tmp_path: Path
) -> None:
    finding = climb(Off(), tmp_path)
    assert finding.status == "failed"
    found = [getattr(check, word) for check in red(finding) if check.op]
    due = {"op": "linear", "where": "models/zoo/simple_baseline.py"}[word]
    assert found
    assert all(one.startswith(due) for one in found)
