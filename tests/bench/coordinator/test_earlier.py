"""What is typed beside `--resume` and `--run`: it counts, or is refused by its own name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import config as configs
from bench import records
from bench.config import Config
from bench.coordinator import earlier, run, taking
from bench.coordinator.earlier import Typed
from bench.training import checkpoint
from bench.training.checkpoint import Checkpoint
from models.errors import BadInput
from tests.bench.coordinator.small_runs import tiny
from tests.reports import sample_run

MODEL = "simple_baseline"


def started(folder: Path, **change: Any) -> tuple[Path, Config]:
    config = tiny(**{"backend": ["numpy", "torch"], "tasks": ["parity"], **change})
    return run.start(config, out=folder, command=""), config


@pytest.mark.parametrize(
    ("typed", "key", "value"),
    [
        (Typed(options={"timeout": 5.0}), "timeout", 5.0),
        (Typed(overrides=["workers=3"]), "workers", 3),
        (Typed(tasks=["train"]), "tasks", ("parity", "train")),
        (Typed(tasks=["parity"]), "tasks", ("parity",)),
        (Typed(overrides=["tasks=[train, parity]"]), "tasks", ("train", "parity")),
        (
            Typed(options={"backend": ["jax", "torch", "numpy"]}),
            "backend",
            # the first one stays the first: the others are held against it
            ("numpy", "torch", "jax"),
        ),
        (Typed(options={"seed": 0, "device": "cpu"}), "seed", 0),
        (Typed(options={"protocol": "synthetic"}), "data", "synthetic"),
        (Typed(models=[MODEL]), "preset", "small"),
    ],
)
def test_what_changes_no_number_counts(
    tmp_path: Path, typed: Typed, key: str, value: object
) -> None:
    folder, _ = started(tmp_path)
    assert getattr(earlier.continued(folder, typed), key) == value


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (Typed(options={"seed": 3}), "--seed 3: the run in .* has seed 0"),
        (Typed(options={"backend": ["torch"]}), "--backend torch: .* numpy torch"),
        (Typed(options={"device": "cuda"}), "--device cuda: .* device cpu"),
        (Typed(options={"precision": "bf16"}), "--precision bf16: .* fp32"),
        (Typed(options={"data": "bvh:x"}), "--data bvh:x: .* synthetic"),
        (Typed(options={"faults": ["kernel"]}), "--kind kernel: .* none"),
        (Typed(profile="full"), "--profile full: .* profile none"),
        (
            Typed(overrides=["parity.steps=3"]),
            "--set parity.steps=3: .* parity.steps 20",
        ),
        (Typed(overrides=["threads=2"]), "--set threads=2: .* has threads 1"),
        (Typed(overrides=["tasks=[train]"]), "--set tasks=.* has tasks parity"),
        (Typed(overrides=[f"model.{MODEL}.pad=reflect"]), "pad edge"),
        (Typed(models=["motionbert"]), f"--model motionbert: .* also {MODEL}"),
        (Typed(overrides=["model.motionbert.pad=edge"]), "add it by --model"),
        (Typed(overrides=["run=x"]), "--run chooses it"),
        (Typed(overrides=["sed=1"]), "unknown configuration key 'sed'"),
    ],
)
def test_what_would_change_the_run_is_refused_by_name(
    tmp_path: Path, typed: Typed, said: str
) -> None:
    folder, _ = started(tmp_path)
    with pytest.raises(BadInput, match=said) as caught:
        earlier.continued(folder, typed)
    assert "\n" not in str(caught.value)


def test_a_file_beside_resume_is_looked_into(tmp_path: Path) -> None:
    folder, config = started(tmp_path)
    file = tmp_path / "mine.yaml"
    file.write_text("timeout: 7\nseed: 0\n")
    assert earlier.continued(folder, Typed(file=file)).timeout == 7
    file.write_text("timeout: 7\nseed: 1\n")
    with pytest.raises(BadInput, match=f"--config {file}: .* has seed 0"):
        earlier.continued(folder, Typed(file=file))


def test_a_model_may_join_with_settings_of_its_own(tmp_path: Path) -> None:
    folder, config = started(tmp_path)
    added = "model.videopose3d.train.steps=7"
    typed = Typed(models=[MODEL, "videopose3d"], overrides=[added])
    found = earlier.continued(folder, typed)
    assert list(found.model) == [MODEL, "videopose3d"]
    assert found.model[MODEL] == config.model[MODEL]
    assert found.model["videopose3d"].train.steps == 7
    assert run.go_on(folder, found) == ()
    assert run.resumed(folder) == found, "the next one goes on with both"


def finished(folder: Path, *backends: str) -> Path:
    """A run that has trained, on each backend, weights that are numbered."""
    config = tiny(backend=list(backends), tasks=["train"], seed=4)
    made = run.start(config, out=folder, command="")
    for number, backend in enumerate(backends):
        record = sample_run.record(
            sample_run.training(), backend=backend, model=MODEL, device="cpu"
        )
        records.append(made, record)
        place = taking.checkpoint_of(made, backend, MODEL)
        checkpoint.save(place, Checkpoint({}, {}, {}, {"step": number}))
    return made


def test_a_finished_run_brings_all_that_its_weights_rest_on(tmp_path: Path) -> None:
    folder = finished(tmp_path, "numpy")
    typed = Typed(
        tasks=["baselines", "train", "evaluate"],
        profile="full",
        options={"backend": ["torch"], "device": "cpu"},
        overrides=["throughput.rounds=3"],
    )
    found = earlier.based(folder, typed)
    before = run.resumed(folder)
    assert (found.run, found.seed, found.model) == (folder.name, 4, before.model)
    assert found.tasks == ("baselines", "evaluate"), "it has trained already"
    assert found.backend == ("torch",)
    assert found.throughput.rounds == 3
    full = configs.load(
        profile="full", file=None, overrides=[], options={}, models=[MODEL]
    )
    assert found.throughput.batches == full.throughput.batches
    assert found.parity.preset is None, "at the size of the weights"
    ((name, source),) = taking.weights(folder, found).items()
    assert name.name == f"torch-{MODEL}.safetensors"
    assert source.name == f"numpy-{MODEL}.safetensors"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (Typed(tasks=["parity"], options={"seed": 1}), "--seed 1: .* has seed 4"),
        (Typed(tasks=["parity"], options={"data": "bvh:x"}), "--data bvh:x"),
        (Typed(tasks=["parity"], overrides=["preset=tiny"]), "has preset small"),
        (Typed(tasks=["parity"], overrides=["parity.preset=tiny"]), "parity.preset"),
        (Typed(tasks=["evaluate"], options={"precision": "bf16"}), "--precision bf16"),
        (
            Typed(tasks=["parity"], overrides=[f"model.{MODEL}.sizes.width=8"]),
            "sizes.width",
        ),
        (Typed(tasks=["train"]), "it has trained already"),
        (Typed(tasks=["parity"], overrides=["tasks=[train]"]), "trained already"),
        (Typed(tasks=["parity"], models=["motionbert"]), "unknown trained model"),
    ],
)
def test_what_does_not_go_with_the_weights_is_refused_by_name(
    tmp_path: Path, typed: Typed, said: str
) -> None:
    folder = finished(tmp_path, "numpy")
    with pytest.raises(BadInput, match=said):
        earlier.based(folder, typed)


def test_a_run_without_trained_models_brings_nothing(tmp_path: Path) -> None:
    folder, _ = started(tmp_path)
    with pytest.raises(BadInput, match="no model was trained there"):
        earlier.based(folder, Typed(tasks=["parity"]))


def test_each_backend_takes_its_own_weights_and_no_one_guesses(tmp_path: Path) -> None:
    folder = finished(tmp_path, "numpy", "torch")
    found = earlier.based(folder, Typed(tasks=["evaluate"]))
    given = taking.weights(folder, found)
    assert [place.name for place in given] == [place.name for place in given.values()]
    new = tmp_path / "new"
    new.mkdir()
    taking.take(folder, new, given)
    place = taking.checkpoint_of(new, "torch", MODEL)
    assert checkpoint.load(place).progress == {"step": 1}
    jax = Typed(tasks=["evaluate"], options={"backend": ["jax"]})
    with pytest.raises(BadInput, match="trained on numpy, torch, and not on jax"):
        taking.weights(folder, earlier.based(folder, jax))
    with pytest.raises(BadInput, match="by --weights one of"):
        taking.exported(folder, None)


def test_an_export_is_told_size_and_weights(tmp_path: Path) -> None:
    folder = finished(tmp_path, "numpy")
    found = taking.exported(folder, None)
    sizes = run.resumed(folder).model[MODEL].sizes
    assert found["sizes"] == {"joints": 17, **sizes}
    assert (found["model"], found["preset"]) == (MODEL, "small")
    place = taking.checkpoint_of(folder, "numpy", MODEL)
    assert found["weights"] == str(place)
    place.write_bytes(place.read_bytes()[:-1])
    with pytest.raises(BadInput, match="not a checkpoint"):
        taking.exported(folder, None)


def test_a_model_that_joins_keeps_what_its_file_says(tmp_path: Path) -> None:
    folder, _ = started(tmp_path)
    typed = Typed(
        models=[MODEL, "poseformer"],
        options={"timeout": 9.0},
        overrides=["model.poseformer.pad=reflect", "workers=3"],
    )
    joined = earlier.continued(folder, typed).model["poseformer"]
    assert joined.pad == "reflect"
    # what nobody has typed is the file's, however much else was typed
    assert joined.train.steps == configs.trained("poseformer", "small")["steps"]
