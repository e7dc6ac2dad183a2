"""Where something is to be written: told beforehand, with nothing left of the trial."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.formats import arrays_file, places
from bench.data.geometry.skeletons import H36M17
from bench.evaluation import files
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
        "two\nlines",
        "bell\a",
        "line\u2028end",
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


@contextmanager
def nearly_full() -> Iterator[None]:
    """No file may grow beyond 20 kB, as on a disk that is full by then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "name", ["a", "a.safetensors", "a.npz", "a.json", "a.bvh", "a.obj"]
)
def test_a_disk_that_fills_meanwhile_is_told_by_the_files_name(
    tmp_path: Path, name: str
) -> None:
    frames = (1, 2000) if name.endswith("obj") else (2000, 17)
    path, poses = tmp_path / name, {"a/b": np.ones((*frames, 3), np.float32)}
    about = {"fps": {"a/b": 1.0}, "joints": H36M17.joints, "parents": H36M17.parents}
    faces = np.zeros((4, 3), np.int64)
    with nearly_full(), pytest.raises(BadInput) as caught:
        files.write(path, poses, about if name != "a.obj" else {"faces": faces})
    due = f"{path}: cannot be written (File too large); give a file in a folder"
    assert str(caught.value).startswith(due)
    assert list(tmp_path.iterdir()) == []


def test_so_are_arrays_and_what_a_library_has_failed_at(tmp_path: Path) -> None:
    path = tmp_path / "a.cache"
    with nearly_full():
        with pytest.raises(BadInput, match=r"a\.cache: cannot be written \(File too"):
            arrays_file.write(path, {"x": np.ones(100_000)}, {})
        with pytest.raises(BadInput, match=r"a\.cache: cannot be written \(File too"):
            places.room(path, 5_000_000)
    assert list(tmp_path.iterdir()) == []
    places.room(path, 5_000_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("check", [places.file, places.new])
def test_a_link_to_nothing_is_no_place(check: Check, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("nothing")
    with pytest.raises(BadInput, match=r"link: cannot be written \(a link to what is"):
        check(link)
    assert list(tmp_path.iterdir()) == [link]


def test_a_text_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text"
    places.write(path, "first")

    def full(draft: Path, text: str, encoding: str) -> int:
        draft.write_bytes(text[:2].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(BadInput, match="No space left on device"):
        places.write(path, "second")
    assert [each.name for each in tmp_path.iterdir()] == ["text"]
    assert path.read_text() == "first"
