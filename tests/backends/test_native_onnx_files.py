"""ONNX files: arrays beside the model, data that lie where they should not, broken files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.errors import BadInput
from tests.backends.native import small

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from backends.onnx import model as files  # noqa: E402  # after the skips
from tests.backends.onnx_models import exported  # noqa: E402


def test_large_arrays_go_beside_the_model_and_come_back(tmp_path: Path) -> None:
    proto = exported(small("simple_baseline").infer)
    path, data = tmp_path / "net.onnx", tmp_path / "net.onnx.data"
    for _ in range(2):  # the second time over the first
        files.save(proto, path, external=True)
    # weights have left the model, and are there once
    assert path.stat().st_size < 20_000 < data.stat().st_size < proto.ByteSize()
    back = files.load(path)
    assert back.graph.node == proto.graph.node
    pairs = zip(back.graph.initializer, proto.graph.initializer, strict=True)
    for one, other in pairs:
        assert one.name == other.name
        came, due = map(onnx.numpy_helper.to_array, (one, other))
        assert np.array_equal(came, due), one.name


def test_a_whole_model_is_one_file(tmp_path: Path) -> None:
    proto = exported(small("simple_baseline").infer)
    files.save(proto, tmp_path / "whole.onnx")
    assert files.load(tmp_path / "whole.onnx") == proto
    assert not (tmp_path / "whole.onnx.data").exists()


def moved(tmp_path: Path, place: Callable[[Path], str]) -> Path:
    """A model whose data lie where `place` puts them."""
    home = tmp_path / "home"
    home.mkdir()
    path = home / "net.onnx"
    files.save(exported(small("simple_baseline").infer), path, external=True)
    location = place(home / "net.onnx.data")
    proto = onnx.load_model(path, load_external_data=False)
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    onnx.save_model(proto, path)
    return path


def up(data: Path) -> str:
    data.rename(data.parent.parent / "net.data")
    return "../net.data"


def absolute(data: Path) -> str:
    return str(data.rename(data.parent.parent / "net.data"))


def linked(data: Path) -> str:
    # the name lies in the folder, what it names does not
    data.rename(data.parent.parent / "net.data")
    data.symlink_to("../net.data")
    return data.name


@pytest.mark.parametrize("place", [up, absolute, linked])
def test_data_outside_the_folder_are_refused(
    place: Callable[[Path], str],
    tmp_path: Path,
) -> None:
    said = (
        r"net.onnx: the data of .* lie outside the model's folder, at .*net.*data;"
        " move them beside the model"
    )
    with pytest.raises(BadInput, match=said):
        files.load(moved(tmp_path, place))


def test_data_that_are_missing_are_named(tmp_path: Path) -> None:
    said = "the data of .* are missing: no file 'lost.data' beside the model"
    with pytest.raises(BadInput, match=said):
        files.load(moved(tmp_path, lambda data: "lost.data"))


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("not a model")
    for name in ("text.onnx", "absent.onnx"):
        with pytest.raises(BadInput, match=f"{name}: not an ONNX model"):
            files.load(tmp_path / name)
    # protobuf reads it as a message in which nothing is set
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(BadInput, match=r"empty.onnx: a broken ONNX model"):
        files.load(tmp_path / "empty.onnx")
