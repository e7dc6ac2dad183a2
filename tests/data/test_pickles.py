"""Pickles of strangers: plain data arrives, nothing is ever run, and damage is one line."""

from __future__ import annotations

import builtins
import collections
import os
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data.formats import pickles, unpickler
from models.errors import BadInput
from tests.data.plain_values import CONTENT, same

SPARE = 100_000_000  # bytes, more than any honest value of these tests takes


def loads(data: bytes, spare: int = SPARE) -> Any:
    return unpickler.loads(data, where="a.pkl", spare=spare)


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_and_plain_containers_arrive(protocol: int) -> None:
    assert same(loads(pickle.dumps(CONTENT, protocol=protocol)), CONTENT)


@pytest.mark.parametrize("protocol", range(6))
def test_object_arrays_arrive(protocol: int) -> None:
    # objects of every kind, in rows and in columns
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
    assert same(loads(old), np.arange(3.0))
    assert old != data
    assert loads(
        pickle.dumps({1}, protocol=2).replace(b"builtins", b"__builtin__")
    ) == {1}
    assert loads(b"\x80\x02U\x03abc.") == "abc"  # Python 2's str


def test_python_2_wrote_array_bytes_as_text() -> None:
    raw = np.array([1.5, -2.5]).tobytes()
    # written out opcode by opcode: no Python that runs today writes such a file
    head = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    head += b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R"
    tail = (
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U"
        + bytes([len(raw)])
        + raw
        + b"tb."
    )
    assert same(loads(head + tail), np.array([1.5, -2.5]))


def test_python_2_wrote_text_in_quotes() -> None:
    # protocol 0 of Python 2, line by line
    head = b"cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\nS'b'\n"
    head += b"p3\ntp4\nRp5\n(I1\n(L2L\ntp6\ncnumpy\ndtype\np7\n(S'f8'\np8\nI0\nI1\ntp9\nRp10\n"
    head += b"(I3\nS'<'\np11\nNNNI-1\nI-1\nI0\ntp12\nbI00\n"
    raw = repr(np.array([1.5, -2.5]).tobytes())[1:].encode()  # escaped as Python 2 did
    assert same(loads(head + b"S" + raw + b"\np13\ntp14\nb."), np.array([1.5, -2.5]))
    assert loads(b"S'a\\'\\\\\\n\\t\\xe9'\n.") == "a'\\\n\t\xe9"


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
@given(value=plain, protocol=st.integers(0, 5))
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
    """Values whose pickle, read by the standard unpickler, would do harm.

    It would touch the file, or hand out a means of doing so.
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


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
@pytest.mark.parametrize("name", attacks(Path("x")))
def test_nothing_is_run(tmp_path: Path, name: str, protocol: int) -> None:
    flag = tmp_path / "flag"  # whoever runs the file makes it
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
        assert "\n" not in str(caught.value)
        assert not flag.exists()


@pytest.mark.parametrize("name", ["os.system", "eval", "numpy.load", "instance"])
def test_object_arrays_in_archives_go_the_same_way(tmp_path: Path, name: str) -> None:
    flag, path = tmp_path / "flag", tmp_path / "a.npz"
    np.savez(
        path,
        fine=np.zeros(2),
        data=np.array({"a": [attacks(flag)[name]]}, dtype=object),
    )
    with pytest.raises(BadInput, match=r"a\.npz: data\.npy: byte .* it asks for"):
        pickles.load_npz(path)
    np.save(tmp_path / "a.npy", np.array([attacks(flag)[name]], dtype=object))
    with pytest.raises(BadInput, match=r"a\.npy: byte .* it asks for"):
        pickles.load_npy(tmp_path / "a.npy")
    assert not flag.exists()


# pieces of a pickle by hand: an array yet to be filled, and the dtype of float64
EMPTY = b"cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
MINUS = b"J\xff\xff\xff\xff"  # -1, where a dtype has no size of its own
DTYPE = (
    b"cnumpy\ndtype\n\x8c\x02f8\x89\x88\x87R(K\x03\x8c\x01<NNN" + 2 * MINUS + b"K\x00tb"
)
OBJECT = DTYPE.replace(b"f8", b"O8")
# pickles that no NumPy writes, and what is said of them
FORGED = {
    "an object of protocol 0": (b"(i__main__\nBody\np0\n.", "opcode b'i'"),
    "text without quotes": (b"Sabc\n.", "text without its quotes"),
    "text of one quote": (b"S'\n.", "text without its quotes"),
    "half a line": (b"I12", "truncated or damaged"),
    "a line that is no number": (b"I1x\n.", "truncated or damaged"),
    "a dict of odd length": (b"(I1\nd.", "a key without a value"),
    "protocol 9": (b"\x80\x09N.", "pickle protocol 9"),
    "persistent": (b"\x80\x02N0Q.", "opcode"),
    "extension": (b"\x80\x02\x82\x01.", "opcode"),
    "new object": (b"\x80\x02cnumpy\nndarray\n)\x81.", "calls numpy.ndarray"),
    "object of no names": (b"\x80\x02cchumpy.ch\nCh\n)\x81K\x01b.", "damaged"),
    "object of a tuple": (b"\x80\x02cchumpy.ch\nCh\n)\x81)N\x86b.", "has no names"),
    "object of numbers": (
        b"\x80\x02cchumpy.ch\nCh\n)\x81}K\x01K\x01sb.",
        "has no names",
    ),
    "object with arguments": (b"\x80\x02cchumpy.ch\nCh\nN\x85\x81.", "damaged"),
    "object of another class": (b"\x80\x02cchumpy.ch\nSelect\n)\x81.", "asks for"),
    "object rebuilt of an array": (
        b"ccopy_reg\n_reconstructor\n(cnumpy\nndarray\nc__builtin__\nobject\nNtR.",
        "not a plain one's",
    ),
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
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_sharing_is_fine_within_reason() -> None:
    # as real files share: one array for four cameras, one list for two sides
    ones, side = np.ones((50, 17)), [1, 2, 3]
    value = {
        "confidence": [ones] * 4,
        "symmetry": [side, side],
        "twice": (side, (ones,)),
    }
    found = loads(pickle.dumps(value, protocol=4))
    assert same(found, value)
    assert found["confidence"][0] is found["confidence"][3]


def bombs() -> dict[str, bytes]:
    """Small pickles of endless values."""
    # each list holds the one before it twice: 2 to the 60th values in 400 bytes
    doubling = (
        b"\x80\x02]q\x00K\x01a"
        + b"".join(
            b"](h" + bytes([n]) + b"h" + bytes([n]) + b"eq" + bytes([n + 1])
            for n in range(60)
        )
        + b"."
    )
    # 0.8 MB, taken from the memo ten thousand times
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
    # as MotionBERT's pickle is made, in small
    names = [f"s_{n // 100:06}" for n in range(50_000)]
    value = {
        "source": names,
        "camera": ["54138969"] * len(names),
        "x": [np.zeros((17, 3), np.float32) for _ in range(5_000)],
    }
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value, protocol=4))
    assert same(pickles.load_pickle(tmp_path / "a.pkl"), value)
