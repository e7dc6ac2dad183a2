"""What does not fit is refused by every backend alike: the framework that is absent, the
checkpoint of another model.
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
    """A checkpoint with seven differences, and what is to be said of the first five:
    missing, stray, then of another shape.
    """
    arrays = {
        name: array + 1 for name, array in params.draw(graph.params, seed=3).items()
    }
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
        assert (
            str(caught.value)
            == f"the checkpoint does not fit, 7 differences: {'; '.join(differences)}"
        ), kind
        kept = program.params()
        assert kept.keys() == weights.keys()
        assert all(
            np.array_equal(kept[name], array) for name, array in weights.items()
        ), kind


def test_a_refused_checkpoint_changes_no_answer(backend: Backend) -> None:
    program = backend.program(spec().infer, Settings())
    program.load(params.draw(program.graph.params, seed=1))
    feeds = {
        "keypoints": np.random.default_rng(0).normal(size=(3, 32)).astype(np.float32)
    }
    before = program(feeds)["pose"]
    with pytest.raises(BadInput, match="7 differences"):
        program.load(misfit(program.graph)[0])
    assert np.array_equal(program(feeds)["pose"], before)
    program.load(
        {
            name: array + np.asarray(1, array.dtype)
            for name, array in program.params().items()
        }
    )
    assert not np.allclose(program(feeds)["pose"], before), (
        "one that fits does change it"
    )


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
    assert (
        said.out == ""
        and said.err.startswith(f"backend {absent} needs ")
        and said.err.count("\n") == 1
    )
    assert said.err.endswith(
        f'not installed here: pip install -e ".[{backends._manifest(absent).EXTRA}]" -c'
        " constraints.txt\n"
    )
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
