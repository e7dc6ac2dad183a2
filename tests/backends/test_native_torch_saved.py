"""Files of torch.save are read as data: whole ones give their arrays, hostile ones do nothing."""

from __future__ import annotations

import argparse
import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import models
from backends.torch import saved
from bench.__main__ import main
from bench.training import checkpoint
from models import params
from models.errors import BadInput
from tests.bench.commands.command_line import Said

NEW = pytest.mark.parametrize("new", [True, False])


@pytest.fixture(autouse=True)
def unbound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is of a process that reads one file; this one goes on."""
    monkeypatch.setattr(saved, "_bound_memory", lambda size: None)


def keep(path: Path, stored: Any, *, new: bool = True) -> Path:
    torch.save(stored, path, _use_new_zipfile_serialization=new)
    return path


@NEW
def test_a_training_s_checkpoint_gives_its_arrays(new: bool, tmp_path: Path) -> None:
    half = torch.arange(6, dtype=torch.bfloat16).reshape(2, 3)
    stored = {
        "epoch": 3,
        "lr": np.float64(0.1),
        "args": argparse.Namespace(depth=5),
        "random_state": np.random.RandomState(1),
        "optimizer": {"state": {0: {"step": 4}}, "param_groups": [{"lr": 0.1}]},
        "model_pos": OrderedDict(a=half, b=torch.nn.Parameter(half.T.float())),
    }
    found = saved.read(keep(tmp_path / "a.bin", stored, new=new))
    assert found["epoch"] is None
    np.testing.assert_array_equal(found["model_pos"]["a"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found["model_pos"]["b"].T, found["model_pos"]["a"])


class Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, call: Callable[..., Any], *given: Any) -> None:
        self.call, self.given = call, given

    def __reduce__(self) -> Any:
        return self.call, self.given


def written(mark: Path) -> list[Runs]:
    return [
        Runs(open, str(mark), "w"),
        Runs(os.system, f"touch {mark}"),
        Runs(eval, "1"),
    ]


@NEW
@pytest.mark.parametrize("which", range(3))
def test_no_code_is_run(which: int, new: bool, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    file = keep(tmp_path / "a.bin", {"model": written(mark)[which]}, new=new)
    with pytest.raises(BadInput, match="a file that runs code is not read"):
        saved.read(file)
    file.write_bytes(pickle.dumps(written(mark)[which]))
    with pytest.raises(BadInput, match="cannot be read as a checkpoint"):
        saved.read(file)
    assert not mark.exists()


def archive(*, replaced: tuple[bytes, bytes] = (b"", b""), before: str = "") -> bytes:
    """What torch.save makes of three numbers, some of it changed."""
    made, changed = io.BytesIO(), io.BytesIO()
    torch.save({"a.weight": torch.zeros(3)}, made)
    with zipfile.ZipFile(made) as whole, zipfile.ZipFile(changed, "w") as other:
        for part in whole.infolist():
            content = whole.read(part)
            if part.filename.endswith("data.pkl") and replaced[0]:
                content = content.replace(*replaced)
            other.writestr(before + part.filename, content)
    return changed.getvalue()


def bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as whole:
        whole.writestr("archive/data.pkl", bytes(1 << 24))
    return made.getvalue()


def of(stored: Any) -> bytes:
    made = io.BytesIO()
    torch.save(stored, made)
    return made.getvalue()


# three numbers, as a whole number of one byte and of four
MANY = b"K\x03", b"J\xff\xff\xff\x7f"
HOSTILE = {
    "no pickle": b"hello",
    "nothing": b"",
    "a bomb": bomb(),
    "more numbers than there are": archive(replaced=MANY),
    "a path that leaves the file": archive(before="../../"),
    "a view of more than there is": of({"a": torch.zeros(1).expand(1 << 40)}),
    "half a file": of({"a": torch.zeros(100)})[:700],
    "a module": of(torch.nn.Linear(2, 2)),
    "sparse": of({"a": torch.eye(3).to_sparse()}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_checkpoint_is_refused(what: str, tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(HOSTILE[what])
    with pytest.raises(BadInput) as refusal:
        saved.read(file)
    assert str(refusal.value).startswith(f"{file}: cannot be read as a checkpoint (")
    assert "\n" not in str(refusal.value)


def test_a_checkpoint_is_imported_in_a_process_of_its_own(
    tmp_path: Path, capsys: Said
) -> None:
    spec = models.build("videopose3d", preset="tiny")
    drawn = params.draw(spec.parameters, seed=3)
    table = {f"module.{name}": torch.tensor(array) for name, array in drawn.items()}
    file = keep(tmp_path / "a.bin", {"model_pos": table})
    out = tmp_path / "out.safetensors"
    given = ["import", "checkpoint", str(file), "--to", str(out), "--preset", "tiny"]
    assert main([*given, "--model", "videopose3d"]) == 0
    assert "from key model_pos, prefix module." in capsys.readouterr().out
    for name, array in checkpoint.load(out).params.items():
        np.testing.assert_array_equal(array, drawn[name])
    out.unlink()
    assert main([*given, "--model", "poseformer"]) == 2
    assert "its names are those of videopose3d" in capsys.readouterr().err
    # old files say how many numbers follow, and are believed as far as memory goes
    old = io.BytesIO()
    torch.save({"a": torch.zeros(3)}, old, _use_new_zipfile_serialization=False)
    file.write_bytes(old.getvalue().replace(*MANY))
    assert main([*given, "--model", "videopose3d"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
