"""What does not fit is refused by every backend alike.

That is the framework that is absent, and the checkpoint of another model.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backends
import models
from backends.base import Backend, Program, Settings
from bench.__main__ import main
from models import params
from models.errors import BadInput
from models.graph import Graph
from models.optim import Optimizer

Arrays = dict[str, np.ndarray]
Said = pytest.CaptureFixture[str]
TINY = {"width": 8, "stages": 1}
# whatever asks for a backend, and the least that it takes beside
COMMANDS = {
    "run": (),
    "ops": ("--op", "add"),
    "parity": ("--model", "simple_baseline"),
    "train": ("--model", "simple_baseline"),
    "evaluate": ("--model", "simple_baseline"),
    "throughput": ("--model", "simple_baseline"),
    "feasibility": ("--model", "simple_baseline"),
}


def spec() -> models.Spec:
    return models.build("simple_baseline", preset="small", **TINY)


def misfit(graph: Graph) -> tuple[Arrays, list[str]]:
    """A checkpoint with seven differences, and what is to be said of the first five.

    Those are missing, stray, then of another shape.
    """
    drawn = params.draw(graph.params, seed=3)
    # + 1: what is loaded in part would show
    arrays = {name: array + 1 for name, array in drawn.items()}
    del arrays["w1.bias"], arrays["w2.weight"], arrays["batch_norm1.running_var"]
    arrays |= {
        "stray": np.zeros(1, np.float32),
        "w1.weight": arrays["w1.weight"].T,
        "w2.bias": np.zeros(3, np.float32),
    }
    arrays["batch_norm1.weight"] = np.zeros((), np.float32)
    return arrays, [
        "w1.bias is missing",
        "batch_norm1.running_var is missing",
        "w2.weight is missing",
        "stray is not in the model",
        "w1.weight has shape (32, 8), the model has (8, 32)",
    ]


def programs(backend: Backend) -> dict[str, Program]:
    """Both graphs, and what a trainer holds."""
    settings, model = Settings(), spec()
    trainer = backend.trainer(model.train, Optimizer("sgd", 0.1, 0.0), settings)
    return {
        "infer": backend.program(model.infer, settings),
        "train": backend.program(model.train, settings),
        "trainer": trainer.program,
    }


def test_a_checkpoint_of_another_model_is_told_by_five_differences_and_loads_nothing(
    backend: Backend,
) -> None:
    for kind, program in programs(backend).items():
        weights = params.draw(program.graph.params, seed=1)
        program.load(weights)
        arrays, differences = misfit(program.graph)
        with pytest.raises(BadInput) as caught:
            program.load(arrays)
        said = str(caught.value)
        told = "; ".join(differences)
        assert said == f"the checkpoint does not fit, 7 differences: {told}", kind
        kept = program.params()
        assert kept.keys() == weights.keys()
        for name, array in weights.items():
            assert np.array_equal(kept[name], array), (kind, name)


def test_a_refused_checkpoint_changes_no_answer(backend: Backend) -> None:
    program = backend.program(spec().infer, Settings())
    program.load(params.draw(program.graph.params, seed=1))
    keypoints = np.random.default_rng(0).normal(size=(3, 32))
    feeds = {"keypoints": keypoints.astype(np.float32)}
    before = program(feeds)["pose"]
    wrong, _ = misfit(program.graph)
    with pytest.raises(BadInput, match="7 differences"):
        program.load(wrong)
    assert np.array_equal(program(feeds)["pose"], before)
    right = {}
    for name, array in program.params().items():
        right[name] = array + np.asarray(1, array.dtype)  # counts stay integers
    program.load(right)
    # one that fits does change it
    assert not np.allclose(program(feeds)["pose"], before)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "absent",
    sorted(set(backends.names()) - set(backends.installed())),
)
def test_a_framework_that_is_absent_here_is_exit_3_with_its_extra(
    absent: str,
    command: str,
    tmp_path: Path,
    capsys: Said,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([command, "--backend", absent, *COMMANDS[command]]) == 3
    said = capsys.readouterr()
    extra = backends._manifest(absent).EXTRA
    remedy = f'pip install -e ".[{extra}]" -c constraints.txt'
    assert said.out == ""
    assert said.err.startswith(f"backend {absent} needs ")
    assert said.err.endswith(f"not installed here: {remedy}\n")
    assert said.err.count("\n") == 1
    # not so much as a folder for the run
    assert list(tmp_path.iterdir()) == []


def test_golden_vectors_on_an_absent_framework_are_exit_3_too(
    tmp_path: Path,
    capsys: Said,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backends, "_absent", lambda name: ["no_such_framework"])
    assert (
        main(
            [
                "parity",
                "--vectors",
                str(tmp_path / "any.safetensors"),
                "--backend",
                "numpy",
            ]
        )
        == 3
    )
    assert capsys.readouterr().err.startswith(
        "backend numpy needs no_such_framework, not installed here"
    )
