"""Whose weights a foreign file holds: tables, prefixes, what is left out, what differs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import models
from bench.__main__ import main
from bench.importing import fitting
from bench.training import checkpoint
from models import params
from models.errors import BadInput
from tests.bench.commands.command_line import Said, one_document

TINY = ["--preset", "tiny"]


def weights(model: str = "videopose3d") -> dict[str, np.ndarray]:
    spec = models.build(model, preset="tiny")
    return params.draw(spec.parameters, seed=5)


def wrapped(prefix: str, model: str = "videopose3d") -> dict[str, np.ndarray]:
    return {prefix + name: array for name, array in weights(model).items()}


def run(file: Path, out: Path, *more: str, model: str = "videopose3d") -> int:
    given = ["import", "checkpoint", str(file), "--model", model, "--to", str(out)]
    return main([*given, *TINY, *more])


@pytest.mark.parametrize("key", ["model_pos", "state_dict", "net", "a.b", ""])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module.", "lifter."])
def test_weights_are_found_under_any_key_and_prefix(key: str, prefix: str) -> None:
    stored: dict[str, Any] = wrapped(prefix)
    for name in reversed(key.split(".") if key else []):
        stored = {name: stored}
    optimizer = {"state": {"0": {"exp_avg": np.zeros(3)}}}
    whole = {"optimizer": optimizer, "epoch": None, **stored}
    found = fitting.found(whole, weights())
    assert found is not None
    assert (found.place, found.prefix) == (key, prefix)
    assert found.arrays.keys() == weights().keys()


def test_of_two_networks_the_one_that_fits_is_taken() -> None:
    stored = {"model_traj": {"shrink.bias": np.zeros(3)}, "model_pos": weights()}
    found = fitting.found(stored, weights())
    assert found is not None
    assert found.place == "model_pos"


def test_a_network_alone_fits_the_same_one_inside_of_another() -> None:
    inside = {f"pose_estimator.{name}": array for name, array in weights().items()}
    for stored in (weights(), wrapped("module."), inside, wrapped("pose_estimator.")):
        found = fitting.found(stored, inside)
        assert found is not None
        assert found.arrays.keys() == inside.keys()


def test_a_zoo_file_says_what_the_authors_call_a_parameter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = models.module("videopose3d")
    theirs = {
        name.replace("shrink", "nonlocal"): one for name, one in weights().items()
    }
    monkeypatch.setattr(
        file,
        "official_name",
        lambda name: name.replace("shrink", "nonlocal"),
        raising=False,
    )
    held = fitting.of_model("videopose3d", theirs, weights())
    assert held is not None
    assert held.arrays.keys() == weights().keys()


def test_a_file_without_arrays_holds_nothing() -> None:
    assert fitting.found({"best": None, "more": {}}, weights()) is None


def test_an_import_holds_every_weight_and_says_where_it_was(
    tmp_path: Path, capsys: Said
) -> None:
    file, out = tmp_path / "theirs.safetensors", tmp_path / "ours.safetensors"
    counters = [name for name in weights() if name.endswith("num_batches_tracked")]
    stored = wrapped("module.")
    stored.pop(f"module.{counters[0]}")  # as torch of before 0.4.1
    stored["module.other.num_batches_tracked"] = np.zeros((), np.int64)
    save_file(stored, file)
    assert run(file, out, "--json") == 0
    said = one_document(capsys.readouterr().out)
    assert said["prefix"] == "module."
    assert said["left_out"] == ["other.num_batches_tracked"]
    read = checkpoint.load(out)
    for name, array in weights().items():
        np.testing.assert_array_equal(read.params[name], array)
    assert read.origin["model"] == "videopose3d"
    assert read.origin["imported"]["file"] == "theirs.safetensors"
    # once more, and for people: a file of ours is taken too
    assert run(out, tmp_path / "again.safetensors") == 0
    assert "left out" not in capsys.readouterr().out


def refused(file: Path, capsys: Said, *more: str, model: str = "videopose3d") -> str:
    out = file.with_name("out.safetensors")
    before = sorted(file.parent.iterdir())
    assert run(file, out, *more, model=model) == 2
    assert sorted(file.parent.iterdir()) == before
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def test_another_family_is_named_with_the_first_names(
    tmp_path: Path, capsys: Said
) -> None:
    file = tmp_path / "theirs.safetensors"
    save_file(wrapped("module.", "simple_baseline"), file)
    said = refused(file, capsys)
    assert "differences, the first 3: expand_conv.weight is missing" in said
    assert "its names are those of simple_baseline" in said


def test_another_size_is_named_with_its_shape(tmp_path: Path, capsys: Said) -> None:
    file = tmp_path / "theirs.safetensors"
    save_file(weights(), file)
    said = refused(file, capsys, "--size", "width=64")
    assert (
        "expand_conv.weight has shape (128, 34, 3), the model's has (64, 34, 3)" in said
    )
    assert "give the --preset and each --size" in said


def test_a_deeper_network_is_not_cut(tmp_path: Path, capsys: Said) -> None:
    file = tmp_path / "theirs.safetensors"
    save_file(weights(), file)
    said = refused(file, capsys, "--size", "widths=[3, 3]")
    assert re.search(r"layers_\w+\.2\.\w+ is not in the model", said)


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.full((128,), np.nan, np.float32), "not finite"),
        (np.full((128,), 1e300), "not finite in float32"),
        (np.zeros((128,), np.complex64), "cannot be read|numbers were due"),
    ],
)
def test_numbers_that_are_none_are_refused(
    array: np.ndarray, told: str, tmp_path: Path, capsys: Said
) -> None:
    params_ = models.build("videopose3d", preset="tiny").parameters
    with pytest.raises(BadInput, match=told):
        fitting.weights(params_, {**weights(), "expand_bn.bias": array})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "cannot be read as safetensors"),
        (b"\xff" * 40, "cannot be read as safetensors"),
        (b"\x02\0\0\0\0\0\0\0{}", "holds no arrays by name"),
    ],
)
def test_a_damaged_file_is_one_line(
    content: bytes, told: str, tmp_path: Path, capsys: Said
) -> None:
    file = tmp_path / "theirs.safetensors"
    file.write_bytes(content)
    assert told in refused(file, capsys)


def test_places_are_tried_before_anything_is_read(tmp_path: Path, capsys: Said) -> None:
    file = tmp_path / "theirs.safetensors"
    assert "no such file" in refused(file, capsys)
    file.write_bytes(b"")
    assert run(file, tmp_path / "out.bin") == 2
    assert "pass --to" in capsys.readouterr().err
    assert run(file, file) == 2
    assert "is the file that is read" in capsys.readouterr().err
    assert run(file, tmp_path / "absent" / "out.safetensors") == 2
    assert "cannot be written" in capsys.readouterr().err
    assert "unknown model" in refused(file, capsys, model="videopose")
