"""NumPy's archives and arrays from strangers: what is in them arrives, what lies is refused."""

from __future__ import annotations

import io
import pickle
import random
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from bench.data.formats import pickles
from models.errors import BadInput
from tests.data.plain_values import CONTENT, same


def test_archives_arrive(tmp_path: Path) -> None:
    arrays = {
        "a": np.arange(6.0).reshape(2, 3),
        "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "text": np.array("male"),
        "n": np.float64(60),
    }
    arrays |= {
        "data": np.array(CONTENT, dtype=object),
        "none": np.zeros((0, 2)),
        "list": np.array([np.zeros(2), None], dtype=object),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays)
        found = pickles.load_npz(tmp_path / "a.npz")
        assert list(found) == list(arrays)
        assert all(
            same(found[name], np.asarray(value)) for name, value in arrays.items()
        )
    assert same(found["data"].item(), CONTENT)
    assert list(pickles.load_npz(tmp_path / "a.npz", only=("text", "a", "other"))) == [
        "a",
        "text",
    ]


def test_an_array_file_arrives(tmp_path: Path) -> None:
    for value in (
        np.arange(6, dtype=np.float32).reshape(3, 2),
        np.array([{"a": 1}], object),
    ):
        np.save(tmp_path / "a.npy", value)
        assert same(pickles.load_npy(tmp_path / "a.npy"), value)


def npy(value: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, value)
    return stream.getvalue()


def archive(
    path: Path, *members: tuple[str, bytes], method: int = zipfile.ZIP_STORED
) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


GOOD = npy(np.zeros(3))
# a member's name and bytes, and what is said of them
MEMBERS = {
    "up": (("../a.npy", GOOD), "not an array at the top of the archive"),
    "absolute": (("/etc/a.npy", GOOD), "not an array at the top"),
    "drive": (("C:a.npy", GOOD), "not an array at the top"),
    "backslash": (("..\\a.npy", GOOD), "not an array at the top"),
    "folder": (("a/b.npy", GOOD), "not an array at the top"),
    "other kind": (("a.txt", b"hello"), "not an array at the top"),
    "line end": (("a\nb.npy", GOOD), "not an array at the top"),
    "no name": ((".npy", GOOD), "not an array at the top"),
    "not an array": (
        ("a.npy", b"hello"),
        r"a\.npz: a\.npy: not a readable NumPy array",
    ),
    "truncated array": (("a.npy", GOOD[:-1]), "not a readable NumPy array"),
    "huge array": (
        (
            "a.npy",
            npy(np.zeros(3)).replace(b"(3,), }      ", b"(3000000000,)}")[:128] + b"1",
        ),
        "not a readable NumPy array",
    ),
    "records": (
        ("a.npy", npy(np.zeros(2, [("a", "f4")]))),
        "its type is not a plain one",
    ),
    "dates": (("a.npy", npy(np.zeros(2, "M8[s]"))), "its type is not a plain one"),
    "version": (("a.npy", GOOD[:6] + b"\x07" + GOOD[7:]), "does not start as one"),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_members_are_checked(tmp_path: Path, name: str) -> None:
    member, message = MEMBERS[name]
    with pytest.raises(BadInput, match=message) as caught:
        pickles.load_npz(archive(tmp_path / "a.npz", member))
    assert "\n" not in str(caught.value)
    assert "a.npz" in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz"]


def test_other_archives_are_refused(tmp_path: Path) -> None:
    for content in (b"", b"hello", b"PK\x03\x04" + b"\0" * 50):
        (tmp_path / "b.npz").write_bytes(content)
        with pytest.raises(BadInput, match=r"b\.npz: not a readable \.npz archive"):
            pickles.load_npz(tmp_path / "b.npz")
    with pytest.raises(BadInput, match="the archive is empty"):
        pickles.load_npz(archive(tmp_path / "c.npz"))
    with pytest.raises(BadInput, match="packed by another method"):
        pickles.load_npz(
            archive(tmp_path / "d.npz", ("a.npy", GOOD), method=zipfile.ZIP_LZMA)
        )
    with pytest.warns(UserWarning, match="Duplicate"):
        archive(tmp_path / "e.npz", ("a.npy", GOOD), ("a.npy", GOOD))
    with pytest.raises(BadInput, match="holds a name twice"):
        pickles.load_npz(tmp_path / "e.npz")
    for reader in (pickles.load_npz, pickles.load_npy, pickles.load_pickle):
        with pytest.raises(BadInput, match="cannot be read|no such file"):
            reader(tmp_path / "nowhere")


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path) -> None:
    # of ten times its size and 500 MB, members may unpack to two fifths
    path = archive(
        tmp_path / "a.npz", ("a.npy", bytes(210_000_000)), method=zipfile.ZIP_DEFLATED
    )
    assert path.stat().st_size < 1_000_000
    with pytest.raises(BadInput, match="unpacks to more than 20. MB"):
        pickles.load_npz(path)


def test_a_directory_that_lies_about_sizes_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", ("a.npy", GOOD), method=zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02") + 24
    # the last entry of the directory has the length there
    assert struct.unpack_from("<I", data, place)[0] == len(GOOD)
    struct.pack_into("<I", data, place, len(GOOD) - 8)
    path.write_bytes(bytes(data))
    with pytest.raises(BadInput, match=r"a\.npz: .*(CRC|not a readable)"):
        pickles.load_npz(path)


def mutated(good: bytes, draw: random.Random) -> bytes:
    data = bytearray(good)
    # a bit flipped, bytes gone, bytes put in, a length that is wrong
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(data))
        kind = draw.randrange(4)
        if kind == 0:
            data[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del data[place : place + draw.choice([1, 4, len(data)])]
        elif kind == 2:
            data[place:place] = bytes(
                draw.randrange(256) for _ in range(draw.choice([1, 8]))
            )
        else:
            data[place : place + 4] = draw.choice(
                [b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff\xff\xff\xff"]
            )
        data = data or bytearray(b"\0")
    return bytes(data)


@pytest.mark.parametrize("suffix", ["pkl", "npz", "npy"])
def test_mutated_files_never_give_a_traceback(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "pkl":
        path.write_bytes(pickle.dumps(CONTENT, protocol=3))
    elif suffix == "npz":
        np.savez(path, a=np.arange(6.0), data=np.array(CONTENT, dtype=object))
    else:
        np.save(path, np.array([CONTENT], dtype=object))
    good, draw, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(400):
        path.write_bytes(mutated(good, draw))
        try:
            getattr(
                pickles,
                {"pkl": "load_pickle", "npz": "load_npz", "npy": "load_npy"}[suffix],
            )(path)
        except BadInput as error:
            refused += 1
            assert "\n" not in str(error)
            assert "a." in str(error)
    assert refused > 150  # not all: a bit of a number changes a value, and no more
