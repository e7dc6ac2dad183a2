"""Where something is to be written: told beforehand, with nothing left of the trial."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.data.formats import places
from models.errors import BadInput

Check = Callable[[Path], None]


@pytest.mark.parametrize("check", [places.file, places.folder])
@pytest.mark.parametrize(
    "path",
    [
        "/proc/nothing",
        "/dev/full",
        "file/inside",
        "x" * 300,
        "y/" * 2500,
        "nul\0nul",
    ],
)
def test_an_impossible_place_is_one_line(
    check: Check, path: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written") as caught:
        check(tmp_path / path)
    assert "\n" not in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    places.file(file)
    places.folder(tmp_path / "new" / "and" / "deep")
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_text() == "kept"
    with pytest.raises(BadInput, match="a folder"):
        places.file(tmp_path)
    with pytest.raises(BadInput, match="Not a directory"):
        places.folder(file)
    with pytest.raises(BadInput, match="No such file"):
        places.file(tmp_path / "new" / "file")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_takes_nothing_is_told(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*anything: Any, **more: Any) -> Any:
        raise OSError(number, os.strerror(number))

    # whoever tests may be root, whom no permission stops
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    for check in (places.file, places.folder):
        with pytest.raises(BadInput, match=os.strerror(number)):
            check(tmp_path / "new")
