"""`--init`: trainings that start from the trained weights of another run."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import records
from bench.config import Config, validate
from bench.coordinator import run, taking
from bench.coordinator.job import checkpoint_of
from bench.training import brought, checkpoint
from bench.training.checkpoint import Checkpoint
from models.errors import BadInput
from tests.reports import sample_payloads, sample_run


def trained(folder: Path, *cells: tuple[str, str]) -> Path:
    """A run that has trained some models, each on a backend."""
    folder = run.start(validate({}), out=folder, command="")
    for backend, model in cells:
        payload = sample_payloads.training()
        done = sample_run.record(payload, backend=backend, model=model)
        records.append(folder, done)
    return folder


def asked(model: str, **change: object) -> Config:
    return validate({"model": {model: {}}, "backend": ["jax"], **change})


@pytest.mark.parametrize(
    ("cells", "model", "taken"),
    [
        ([("torch", "rle")], "rle", "torch-rle"),
        ([("torch", "rle"), ("jax", "rle")], "rle", "jax-rle"),
        ([("torch", "pstmo:pretrain")], "pstmo", "torch-pstmo.pretrain"),
        (
            [("torch", "dstformer:pretrain"), ("torch", "rle")],
            "dstformer:finetune",
            "torch-dstformer.pretrain",
        ),
        (
            [("torch", "pose2mesh:posenet"), ("torch", "pose2mesh")],
            "pose2mesh",
            "torch-pose2mesh",
        ),
    ],
)
def test_a_model_starts_from_itself_or_its_family(
    cells: list[tuple[str, str]], model: str, taken: str, tmp_path: Path
) -> None:
    folder = trained(tmp_path, *cells)
    found = taking.starts(folder, asked(model))
    start = found.model[model].train.start
    assert start == (folder / "checkpoints" / f"{taken}.safetensors").absolute()


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([], "it has trained nothing, and pose2mesh starts from itself"),
        ([("torch", "rle")], "it has trained rle, and pose2mesh"),
        (
            [("torch", "pose2mesh:posenet"), ("torch", "pose2mesh:meshnet")],
            "one other stage of pose2mesh; give --set",
        ),
    ],
)
def test_what_a_model_cannot_start_from_is_named(
    cells: list[tuple[str, str]], said: str, tmp_path: Path
) -> None:
    folder = trained(tmp_path, *cells)
    with pytest.raises(BadInput, match=said):
        taking.starts(folder, asked("pose2mesh"))


def test_two_starts_are_one_too_many(tmp_path: Path) -> None:
    folder = trained(tmp_path, ("torch", "rle"))
    config = validate({"model": {"rle": {"train": {"start": "x.safetensors"}}}})
    with pytest.raises(BadInput, match="train.start says where rle starts, too"):
        taking.starts(folder, config)


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        (
            ["hip", "knee"],
            "trained on 2 joints, without foot, and the protocol here has 3",
        ),
        (["foot", "knee", "hip"], "others or in another order"),
        (["hip", "knee", "foot", "toe"], "trained on 4 joints"),
    ],
)
def test_weights_of_another_skeleton_are_refused(
    theirs: list[str], said: str, tmp_path: Path
) -> None:
    place = checkpoint_of(tmp_path, "numpy", "rle")
    place.parent.mkdir()
    checkpoint.save(place, Checkpoint({}, {}, {}, {"step": 0}, {"joints": theirs}))
    with pytest.raises(BadInput, match=said):
        brought.same_skeleton(place, ["hip", "knee", "foot"])
    brought.same_skeleton(place, theirs)
