"""Pickles and archives of strangers: plain data arrives as NumPy wrote it, nothing is ever
run, and damage is one line.
"""

from __future__ import annotations

import builtins
import collections
import io
import os
import pickle
import random
import struct
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data.formats import pickles, unpickler
from models.errors import BadInput

SPARE = 100_000_000
CONTENT = {
    "S1": {
        "Directions 1": np.arange(24, dtype=np.float32).reshape(4, 3, 2),
        "b": [np.arange(3.0), np.zeros((2, 2), np.int64)],
    },
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "bytes": np.arange(3, dtype=">i2"),
    "text": np.array(["ab", "cde"]),
    "flags": np.array([True, False]),
    "nothing": np.zeros((0, 3), np.float32),
    "scalars": [
        np.float32(1.5),
        np.int64(-3),
        np.bool_(True),
        np.str_("abc"),
        np.str_(""),
        np.float64(2).astype(">f8"),
    ],
    "plain": [
        None,
        True,
        False,
        0,
        255,
        70_000,
        -5,
        2**70,
        1.25,
        "text äß",
        b"raw \xff",
        b"",
        (),
        (1,),
        (1, 2),
        (1, 2, 3),
        (1, 2, 3, 4),
    ],
    "sets": [{1, 2}, frozenset("ab"), set()],
    ("a", 1): {"nested": {"deeper": []}},
}


def same(a: Any, b: Any) -> bool:
    """Whether two values are of one type and equal all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        return (
            same(a.ravel().tolist(), b.ravel().tolist())
            if a.dtype.hasobject
            else bool(np.array_equal(a, b))
        )
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def loads(data: bytes, spare: int = SPARE) -> Any:
    return unpickler.loads(data, where="a.pkl", spare=spare)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_and_plain_containers_arrive(protocol: int) -> None:
    assert same(loads(pickle.dumps(CONTENT, protocol=protocol)), CONTENT)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_object_arrays_arrive(protocol: int) -> None:
    ragged = np.empty((2, 2), object)
    ragged[:] = [[np.zeros(3), "x"], [None, {"a": [1]}]]
    for value in (
        ragged,
        np.asfortranarray(ragged),
        np.array({"a": np.ones(2)}, object),
        np.empty(0, object),
    ):
        assert same(loads(pickle.dumps(value, protocol=protocol)), value)


def test_names_of_old_and_new_numpy_and_python() -> None:
    data = pickle.dumps(np.arange(3.0), protocol=2)
    old = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert same(loads(old), np.arange(3.0)) and old != data
    assert loads(pickle.dumps({1}, protocol=2).replace(b"builtins", b"__builtin__")) == {1}
    assert loads(b"\x80\x02U\x03abc.") == "abc"  # Python 2's str


def test_python_2_wrote_array_bytes_as_text() -> None:
    raw = np.array([1.5, -2.5]).tobytes()
    head = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85"
    head += b"cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R"
    tail = (
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U"
        + bytes([len(raw)])
        + raw
        + b"tb."
    )
    assert same(loads(head + tail), np.array([1.5, -2.5]))


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=15,
)


@settings(max_examples=60, deadline=None)
@given(value=plain, protocol=st.integers(2, 5))
def test_any_plain_value_arrives(value: Any, protocol: int) -> None:
    assert same(loads(pickle.dumps(value, protocol=protocol)), value)


class Calls:
    """An object whose pickle is a call."""

    def __init__(
        self, function: Callable[..., Any], *arguments: Any, state: Any = None
    ) -> None:
        self.result = (
            (function, arguments) if state is None else (function, arguments, state)
        )

    def __reduce__(self) -> Any:
        return self.result


class Plain:
    """An ordinary object."""

    def __init__(self) -> None:
        self.x = 1


def attacks(flag: Path) -> dict[str, Any]:
    """Values whose pickle, read by the standard unpickler, would touch the file or hand out
    a means of doing so.
    """
    touch = f"touch {flag}"
    return {
        "os.system": Calls(os.system, touch),
        "eval": Calls(eval, f"open({str(flag)!r}, 'w')"),
        "exec": Calls(exec, f"open({str(flag)!r}, 'w')"),
        "open": Calls(open, str(flag), "w"),
        "subprocess": Calls(subprocess.Popen, ["touch", str(flag)]),
        "getattr": Calls(getattr, [], "append"),
        "import": Calls(builtins.__import__, "antigravity"),
        "numpy.load": Calls(np.load, str(flag), None, True),
        "numpy.fromfile": Calls(np.fromfile, str(flag)),
        "numpy.memmap": Calls(np.memmap, str(flag), "uint8", "w+", 0, (8,)),
        "numpy.save": Calls(np.save, str(flag), np.zeros(2)),
        "pickle.loads": Calls(pickle.loads, pickle.dumps(Calls(os.system, touch))),
        "set of a map": Calls(set, Calls(map, os.system, [touch])),
        "instance": Plain(),
        "ordered": collections.OrderedDict(a=1),
        "default": collections.defaultdict(list),
        "range": range(3),
        "type": np.float32,
        "function": os.system,
        "masked": np.ma.masked_array([1, 2], [True, False]),
        "record": np.zeros(2, [("a", "f4"), ("b", object)]),
        "date": np.array(["2020-01-01"], "M8[D]"),
    }


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("name", attacks(Path("x")))
def test_nothing_is_run(tmp_path: Path, name: str, protocol: int) -> None:
    flag = tmp_path / "flag"
    value = attacks(flag)[name]
    for wrapped in (
        value,
        [value],
        {"a": {"b": (value,)}},
        np.array([1, value, None], object),
    ):
        path = tmp_path / "a.pkl"
        path.write_bytes(pickle.dumps(wrapped, protocol=protocol))
        with pytest.raises(BadInput, match=r"a\.pkl: byte \d+ of \d+: ") as caught:
            pickles.load_pickle(path)
        assert "\n" not in str(caught.value) and not flag.exists()


@pytest.mark.parametrize("name", ["os.system", "eval", "numpy.load", "instance"])
def test_object_arrays_in_archives_go_the_same_way(tmp_path: Path, name: str) -> None:
    flag, path = tmp_path / "flag", tmp_path / "a.npz"
    np.savez(
        path, fine=np.zeros(2), data=np.array({"a": [attacks(flag)[name]]}, dtype=object)
    )
    with pytest.raises(BadInput, match=r"a\.npz: data\.npy: byte .* it asks for"):
        pickles.load_npz(path)
    np.save(tmp_path / "a.npy", np.array([attacks(flag)[name]], dtype=object))
    with pytest.raises(BadInput, match=r"a\.npy: byte .* it asks for"):
        pickles.load_npy(tmp_path / "a.npy")
    assert not flag.exists()


EMPTY = b"cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
DTYPE = b"cnumpy\ndtype\n\x8c\x02f8\x89\x88\x87R(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
OBJECT = DTYPE.replace(b"f8", b"O8")
FORGED = {
    "protocol 0": (b"(lp0\n.", "opcode b'l'"),
    "protocol 9": (b"\x80\x09N.", "pickle protocol 9"),
    "persistent": (b"\x80\x02N0Q.", "opcode"),
    "extension": (b"\x80\x02\x82\x01.", "opcode"),
    "new object": (b"\x80\x02cnumpy\nndarray\n)\x81.", "opcode"),
    "a name of dots": (
        b"\x80\x04\x8c\x05numpy\x8c\x11ndarray.__class__\x93.",
        "asks for 'numpy' 'ndarray.__class__'",
    ),
    "call of a class": (b"\x80\x02cnumpy\nndarray\n)R.", "calls numpy.ndarray"),
    "call of text": (b"\x80\x02U\x01a)R.", "a Name was due and a str came"),
    "state of text": (b"\x80\x02U\x01a)b.", "a Blank was due"),
    "bytes too few": (
        b"\x80\x03" + EMPTY + b"(K\x01K\x02\x85" + DTYPE + b"\x89C\x01atb.",
        "does not have the bytes",
    ),
    "pointers as bytes": (
        b"\x80\x03" + EMPTY + b"(K\x01K\x01\x85" + OBJECT + b"\x89C\x08AAAAAAAAtb.",
        "as many as its shape says",
    ),
    "fields": (b"\x80\x03cnumpy\ndtype\nU\x02V8\x89\x88\x87R.", "type 'V8'"),
    "fields by state": (
        b"\x80\x03" + DTYPE.replace(b"\x8c\x01<NNN", b"\x8c\x01<N)}") + b".",
        "structured",
    ),
    "a huge shape": (
        b"\x80\x03" + EMPTY + b"(K\x01J\xff\xff\xff\x7f\x85" + DTYPE + b"\x89C\x01atb.",
        "does not have the bytes",
    ),
    "a negative shape": (
        b"\x80\x03" + EMPTY + b"(K\x01J\xff\xff\xff\xff\x85" + DTYPE + b"\x89C\x00tb.",
        "proper dtype and shape",
    ),
    "unhashable": (b"\x80\x02}]Ns.", "list as key"),
    "deep key": (b"\x80\x02}N" + b"\x85" * 100_000 + b"Ns.", "tuple as key"),
    "holds itself": (b"\x80\x02]q\x00h\x00a.", "holds itself"),
    "unknown memo": (b"\x80\x02h\x07.", r"damaged \(KeyError\)"),
    "empty": (b"", r"damaged \(IndexError\)"),
    "no stop": (b"\x80\x02N", r"damaged \(IndexError\)"),
    "empty stack": (b"\x80\x02.", r"damaged \(IndexError\)"),
    "short text": (
        b"\x80\x02X\xff\xff\xff\x7fabc.",
        "truncated: 2147483647 bytes were due",
    ),
    "long bytes": (b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7fabc.", "truncated"),
    "not UTF-8": (b"\x80\x02X\x01\x00\x00\x00\xff.", "UnicodeDecodeError"),
    "a far memo": (b"\x80\x02Nr\xff\xff\xff\xff0.", "opcode b'0'"),
    "tuple of nothing": (b"\x80\x02\x86.", "too few values"),
    "odd dictionary": (b"\x80\x02}(NNNu.", "key without a value"),
    "not a list": (b"\x80\x02}Na.", "a list was due"),
}


@pytest.mark.parametrize("name", FORGED)
def test_forgeries_are_refused(name: str) -> None:
    data, message = FORGED[name]
    with pytest.raises(BadInput, match=message) as caught:
        loads(data)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_sharing_is_fine_within_reason() -> None:
    ones, side = np.ones((50, 17)), [1, 2, 3]
    value = {"confidence": [ones] * 4, "symmetry": [side, side], "twice": (side, (ones,))}
    found = loads(pickle.dumps(value, protocol=4))
    assert same(found, value) and found["confidence"][0] is found["confidence"][3]


def bombs() -> dict[str, bytes]:
    """Small pickles of endless values."""
    doubling = (
        b"\x80\x02]q\x00K\x01a"
        + b"".join(
            b"](h" + bytes([n]) + b"h" + bytes([n]) + b"eq" + bytes([n + 1])
            for n in range(60)
        )
        + b"."
    )
    large = pickle.dumps(np.zeros(100_000), protocol=4)[:-1]
    return {
        "doubling": doubling,
        "one array often": (
            b"\x80\x04]("
            + large[2:]
            + b"r\xf0\x00\x00\x00"
            + b"j\xf0\x00\x00\x00" * 10_000
            + b"e."
        ),
        "empty sets": b"\x80\x04(" + b"\x8f" * 200_000 + b"t.",
        "tuples": b"\x80\x02N" + b"\x85" * 500_000 + b".",
    }


@pytest.mark.parametrize("name", bombs())
def test_memory_is_bounded(name: str) -> None:
    with pytest.raises(BadInput, match="far more memory than the file is long"):
        loads(bombs()[name], spare=20_000_000)


def test_a_large_honest_pickle_fits(tmp_path: Path) -> None:
    names = [f"s_{n // 100:06}" for n in range(50_000)]
    value = {
        "source": names,
        "camera": ["54138969"] * len(names),
        "x": [np.zeros((17, 3), np.float32) for _ in range(5_000)],
    }
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value, protocol=4))
    assert same(pickles.load_pickle(tmp_path / "a.pkl"), value)


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
        assert all(same(found[name], np.asarray(value)) for name, value in arrays.items())
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
MEMBERS = {
    "up": (("../a.npy", GOOD), "not an array at the top of the archive"),
    "absolute": (("/etc/a.npy", GOOD), "not an array at the top"),
    "drive": (("C:a.npy", GOOD), "not an array at the top"),
    "backslash": (("..\\a.npy", GOOD), "not an array at the top"),
    "folder": (("a/b.npy", GOOD), "not an array at the top"),
    "other kind": (("a.txt", b"hello"), "not an array at the top"),
    "line end": (("a\nb.npy", GOOD), "not an array at the top"),
    "no name": ((".npy", GOOD), "not an array at the top"),
    "not an array": (("a.npy", b"hello"), r"a\.npz: a\.npy: not a readable NumPy array"),
    "truncated array": (("a.npy", GOOD[:-1]), "not a readable NumPy array"),
    "huge array": (
        (
            "a.npy",
            npy(np.zeros(3)).replace(b"(3,), }      ", b"(3000000000,)}")[:128] + b"1",
        ),
        "not a readable NumPy array",
    ),
    "records": (("a.npy", npy(np.zeros(2, [("a", "f4")]))), "its type is not a plain one"),
    "dates": (("a.npy", npy(np.zeros(2, "M8[s]"))), "its type is not a plain one"),
    "version": (("a.npy", GOOD[:6] + b"\x07" + GOOD[7:]), "does not start as one"),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_members_are_checked(tmp_path: Path, name: str) -> None:
    member, message = MEMBERS[name]
    with pytest.raises(BadInput, match=message) as caught:
        pickles.load_npz(archive(tmp_path / "a.npz", member))
    assert "\n" not in str(caught.value) and "a.npz" in str(caught.value)
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
        with pytest.raises(BadInput, match="cannot be read"):
            reader(tmp_path / "nowhere")


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path) -> None:
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
    assert struct.unpack_from("<I", data, place)[0] == len(GOOD)
    struct.pack_into("<I", data, place, len(GOOD) - 8)
    path.write_bytes(bytes(data))
    with pytest.raises(BadInput, match=r"a\.npz: .*(CRC|not a readable)"):
        pickles.load_npz(path)


def mutated(good: bytes, draw: random.Random) -> bytes:
    data = bytearray(good)
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
            assert "\n" not in str(error) and "a." in str(error)
    assert refused > 150
