"""MATLAB files: read as SciPy reads them, and refused in one line where they are damaged."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

from bench.data.formats import mat_file
from models.errors import BadInput
from tests.data.dhp_files import annot, scipy_io


def test_mat_files_read_as_scipy_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    content = annot() | {
        "whole": np.arange(24).reshape(2, 3, 4),
        "flag": np.array([[True, False]]),
        "none": np.zeros((0, 3)),
    }
    for packed in (False, True):
        scipy_io.savemat(
            path,
            content | {"text": "hello", "struct": {"a": 1}, "complex": np.array([1j])},
            do_compression=packed,
        )
        # what has no use here is None, and does not keep the rest from being read
        mine, theirs = mat_file.read(path), scipy_io.loadmat(path)
        assert mine["text"] is mine["struct"] is mine["complex"] is None
        for name in content:
            assert mine[name].shape == theirs[name].shape
            for one, other in zip(
                mine[name].ravel(), theirs[name].ravel(), strict=True
            ):
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("packed", [False, True])
def test_damaged_mat_files_are_one_line(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "a.mat"
    scipy_io.savemat(path, annot(), do_compression=packed)
    good, draw, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(200):
        bad = bytearray(good)
        # after the header of 128 bytes, half of them in the first tags
        for place in draw.integers(
            128, [400, len(bad)][draw.integers(2)], draw.integers(1, 5)
        ):
            bad[place] = draw.integers(256)
        path.write_bytes(bad[: draw.integers(len(bad))] if draw.random() < 0.2 else bad)
        try:
            mat_file.read(path)
        except BadInput as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 60


def test_a_mat_file_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    header = b"MATLAB 5.0".ljust(124) + b"\x00\x01IM"
    # 200 megabytes of zeros in 200 kilobytes
    machine = zlib.compressobj()
    packed = b"".join(
        [*(machine.compress(bytes(1 << 20)) for _ in range(200)), machine.flush()]
    )
    (tmp_path / "a.mat").write_bytes(
        header + np.array([15, len(packed)], "<u4").tobytes() + packed
    )
    with pytest.raises(BadInput, match="unpacks to too many bytes"):
        mat_file.read(tmp_path / "a.mat")
