"""Files follow the umask, whoever has written them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.data.formats import arrays_file, permissions
from bench.takeaway import placing


@pytest.fixture(params=[0o022, 0o077, 0o002])
def granted(request: pytest.FixtureRequest) -> Iterator[int]:
    """What a new file is allowed under some umask, which is then as it was."""
    before = os.umask(request.param)
    yield 0o666 & ~request.param
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_arrays_and_checkpoints(granted: int, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    for _ in range(2):  # the second time over the first
        arrays_file.write(path, {"a": np.ones(2)}, {})
        assert mode(path) == granted
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_framework_has_left_to_its_owner_alone(
    granted: int, tmp_path: Path
) -> None:
    draft = tmp_path / "draft"
    draft.mkdir()
    for name in ("model.onnx", "model.onnx.data"):
        (draft / name).write_bytes(b"x")
        (draft / name).chmod(0o600)
    placing.move(draft, tmp_path / "model.onnx")
    assert mode(tmp_path / "model.onnx") == granted
    assert mode(tmp_path / "model.onnx.data") == granted


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    path.chmod(0o600)
    permissions.by_umask(path)
    assert list(tmp_path.iterdir()) == [path]
