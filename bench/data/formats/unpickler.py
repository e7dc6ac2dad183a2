"""Pickles read as data: an interpreter of their language that cannot call anything.

The standard unpickler calls whatever a file names, so a file from a stranger is a program. This one
knows the opcodes that build plain values (None, bool, int, float, str, bytes, list, tuple, dict,
set) and a table of the few names NumPy writes for an array, a dtype or a scalar; each is rebuilt
here from checked parts, never by NumPy's own reconstruction, which trusts the file's flags.
Protocols 0 to 5. Memory is bounded too: every opcode is charged for what it makes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.data.formats import pickled_text
from bench.data.formats.pickled_arrays import NAMES, Blank, Name, Refused, key
from models.errors import BadInput

CONTAINERS = (list, tuple, dict, set, frozenset, np.ndarray)
# how numbers stand in a pickle: little-endian, but for the float
U1, U2, U4, U8, I4, F8 = map(struct.Struct, ("B", "<H", "<I", "<Q", "<i", ">d"))
# what the steps below meet in a damaged file: an empty stack, a mark or memo that is not there,
# bytes that are no text, a value of another type than the step's
DAMAGE = (
    LookupError,
    ValueError,
    TypeError,
    OverflowError,
    AttributeError,
    struct.error,
    MemoryError,
)


def loads(data: bytes, *, where: str, spare: int) -> Any:
    """The value of a pickle.

    `where` names the file in errors; `spare` bounds the bytes of memory beside the payload itself.
    Arrays may be read-only views of the bytes they came in. Raises BadInput for any other name than
    NumPy's own, for damage (with the byte), and where small values would take more memory than
    `spare`.
    """
    machine = _Machine(data, spare)
    try:
        return machine.run()
    except Refused as refusal:
        reason = str(refusal)
    except DAMAGE as error:
        reason = f"the pickle is truncated or damaged ({type(error).__name__})"
    raise BadInput(
        f"{where}: byte {machine.place} of {len(data)}: {reason}; take a fresh copy of the"
        " file"
    ) from None


class _Machine:
    """The state of a reading."""

    # every opcode reads them: slots are found faster than a dictionary's entries
    __slots__ = ("data", "marks", "memo", "place", "shared", "spare", "stack")

    def __init__(self, data: bytes, spare: int) -> None:
        self.data = data
        self.place = 0  # of the next byte
        self.spare = spare  # bytes of memory left to spend
        self.stack: list[Any] = []
        self.marks: list[int] = []  # places in the stack
        self.memo: dict[int, Any] = {}
        # identities of values that were taken from the memo, which keeps them alive
        self.shared: set[int] = set()

    def run(self) -> Any:
        """Follow the opcodes to STOP."""
        data, stack, opcodes = self.data, self.stack, OPCODES
        while (code := data[self.place]) != STOP:
            self.place += 1
            if code not in opcodes:
                raise Refused(
                    f"opcode {bytes([code])!r}, which no array or plain container needs"
                )
            pushes, cost, do = opcodes[code]
            # `charge` written out: a call for each opcode would show
            self.spare -= cost
            if self.spare < 0:
                self.charge(0)
            value = do(self)
            if pushes:
                stack.append(value)
        return stack.pop()

    def charge(self, cost: int) -> None:
        """Count memory that the next value takes."""
        self.spare -= cost
        if self.spare < 0:
            raise Refused("its values take far more memory than the file is long")

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self.place + size
        if end > len(self.data):
            raise Refused(f"the pickle is truncated: {size} bytes were due")
        chunk = self.data[self.place : end]
        self.place = end
        return chunk

    def byte(self) -> int:
        """The next byte."""
        value = self.data[self.place]
        self.place += 1
        return value

    def number(self, form: struct.Struct) -> Any:
        """The next number in a binary form."""
        (value,) = form.unpack_from(self.data, self.place)
        self.place += form.size
        return value

    def line(self) -> bytes:
        """What stands up to the next line end."""
        end = self.data.index(b"\n", self.place)
        chunk = self.data[self.place : end]
        self.place = end + 1
        return chunk

    def since_mark(self) -> list[Any]:
        """Everything above the last mark, taken off the stack."""
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values

    def top(self, kind: type) -> Any:
        """The value on top of the stack, which must be of a kind."""
        value = self.stack[-1]
        if type(value) is not kind:
            raise Refused(
                f"the pickle is damaged: a {kind.__name__} was due and a"
                f" {type(value).__name__} came"
            )
        return value

    def put(self, slot: int) -> None:
        """Remember the top of the stack."""
        value = self.stack[-1]
        self.memo[slot] = value
        if type(value) is Blank:
            value.slots.append(slot)  # the array itself goes there when it is filled

    def get(self, slot: int) -> Any:
        """A remembered value."""
        value = self.memo[slot]
        # What it holds counts again, for whoever reads the result may copy it.
        if type(value) in CONTAINERS:
            self.weigh(value)
            self.shared.add(id(value))
        return value

    def weigh(self, value: Any) -> None:
        """Charge for a value and all that it holds, as often as it holds it.

        A few shared lists can stand for endless data.
        """
        # a list, not recursion: a file may nest as deep as it likes
        waiting = [value]
        while waiting:
            held = waiting.pop()
            if isinstance(held, np.ndarray):
                self.charge(held.nbytes)
                held = held.ravel().tolist() if held.dtype.hasobject else ()
            if type(held) in CONTAINERS:
                self.charge(VALUE * (1 + len(held)))
                waiting.extend(held.values() if type(held) is dict else held)

    def growing(self, kind: type) -> Any:
        """The list, dict or set on top of the stack, into which values go."""
        value = self.top(kind)
        # What is shared was weighed as it was then; and only so can a value come to hold itself.
        if id(value) in self.shared:
            raise Refused(f"a {kind.__name__} that holds itself")
        return value

    def name(self, module: str, text: str) -> Name:
        """One of the names that are allowed."""
        found = NAMES.get((module, text))
        if found is None:
            raise Refused(
                f"it asks for {module[:60]!r} {text[:60]!r}; only NumPy arrays and plain"
                " containers are read, nothing is run"
            )
        return found

    def reduce(self) -> None:
        """What a name makes of a tuple of arguments."""
        arguments = self.top(tuple)
        self.stack.pop()
        name = self.top(Name)
        if name.make is None:
            raise Refused(
                f"it calls {name.text}, which is not how NumPy writes an array"
            )
        self.charge(sum(map(_weight, arguments)))
        self.stack[-1] = name.make(*arguments)

    def build(self) -> None:
        """Fill a blank array, dtype or object, wherever it is known already."""
        state = self.stack.pop()
        blank = self.top(Blank)
        if type(state) is not dict:
            self.charge(_weight(state[-1]))  # an array's content stands last
        value = blank.fill(state)
        self.stack[-1] = value
        self.memo.update(dict.fromkeys(blank.slots, value))

    def set_items(self, flat: list[Any], target: dict[Any, Any]) -> dict[Any, Any]:
        """Keys and values into a dict."""
        if len(flat) % 2:
            raise Refused("the pickle is damaged: a key without a value")
        self.charge(VALUE * len(flat))
        for name, value in zip(flat[::2], flat[1::2], strict=True):
            target[key(name)] = value
        return target


def _weight(value: object) -> int:
    """Memory of a copy that a name may make of its argument."""
    if isinstance(value, list):
        return VALUE * len(value)
    return len(value) if isinstance(value, str) else 0  # bytes are viewed, not copied


Step = Callable[[_Machine], Any]


def _text(form: struct.Struct) -> Step:
    # as pickle writes text: halves of surrogate pairs may stand alone
    return lambda vm: vm.take(vm.number(form)).decode("utf-8", "surrogatepass")


def _raw(form: struct.Struct, kind: type = bytes) -> Step:
    return lambda vm: kind(vm.take(vm.number(form)))


def _line(make: Callable[[bytes], Any]) -> Step:
    return lambda vm: make(vm.line())


def _tuple(size: int) -> Step:
    def make(vm: _Machine) -> tuple[Any, ...]:
        # a slice of too few would be a shorter tuple
        if len(vm.stack) < size:
            raise Refused("the pickle is damaged: too few values for a tuple")
        values = tuple(vm.stack[-size:])
        del vm.stack[-size:]
        return values

    return make


def _append(vm: _Machine) -> None:
    value = vm.stack.pop()  # above the list, so it goes first
    vm.growing(list).append(value)


def _set_item(vm: _Machine) -> None:
    value, key = vm.stack.pop(), vm.stack.pop()
    vm.set_items([key, value], vm.growing(dict))


def _set_items(vm: _Machine) -> None:
    values = vm.since_mark()
    vm.set_items(values, vm.growing(dict))


def _add_items(vm: _Machine) -> None:
    values = vm.since_mark()
    vm.charge(VALUE * len(values))
    vm.growing(set).update(map(key, values))


def _extend(vm: _Machine) -> None:
    values = vm.since_mark()
    vm.growing(list).extend(values)


def _dict(vm: _Machine) -> dict[Any, Any]:
    return vm.set_items(vm.since_mark(), {})


def _stack_global(vm: _Machine) -> Name:
    text = vm.top(str)
    vm.stack.pop()
    module = vm.top(str)
    vm.stack.pop()
    return vm.name(module, text)


def _protocol(vm: _Machine) -> None:
    number = vm.byte()
    if number > 5:
        raise Refused(
            f"pickle protocol {number}; 0 to 5 were due: write the file again"
        )


STOP = ord(".")
# bytes of memory charged for an opcode: a reference, a small value, a set or an array
LIGHT, VALUE, HEAVY = 16, 64, 256
# steps that give a value for the stack
PUSHED: tuple[tuple[bytes, int, Step], ...] = (
    (b"N", LIGHT, lambda vm: None),
    (b"\x88", LIGHT, lambda vm: True),
    (b"\x89", LIGHT, lambda vm: False),
    # whole numbers of one, two, four and any number of bytes, and a float
    (b"K", LIGHT, _Machine.byte),
    (b"M", VALUE, lambda vm: vm.number(U2)),
    (b"J", VALUE, lambda vm: vm.number(I4)),
    (
        b"\x8a",
        VALUE,
        lambda vm: int.from_bytes(vm.take(vm.byte()), "little", signed=True),
    ),
    (b"G", VALUE, lambda vm: vm.number(F8)),
    # the same as lines of text
    (b"I", VALUE, _line(pickled_text.whole)),
    (b"L", VALUE, _line(pickled_text.long)),
    (b"F", VALUE, _line(float)),
    # text; most is short, and read the quick way
    (b"X", VALUE, _text(U4)),
    (b"\x8c", VALUE, lambda vm: vm.take(vm.byte()).decode("utf-8", "surrogatepass")),
    (b"\x8d", VALUE, _text(U8)),
    # T and U are Python 2's str
    (b"T", VALUE, lambda vm: vm.take(vm.number(U4)).decode("latin-1")),
    (b"U", VALUE, lambda vm: vm.take(vm.byte()).decode("latin-1")),
    (b"V", VALUE, _line(pickled_text.unicode)),
    (b"S", VALUE, _line(pickled_text.quoted)),
    # bytes, with lengths of four, one and eight bytes, and protocol 5's bytearray
    (b"B", VALUE, _raw(U4)),
    (b"C", VALUE, _raw(U1)),
    (b"\x8e", VALUE, _raw(U8)),
    (b"\x96", VALUE, _raw(U8, bytearray)),
    # containers, empty or of what lies above the last mark
    (b"]", VALUE, lambda vm: []),
    (b")", LIGHT, lambda vm: ()),
    (b"}", VALUE, lambda vm: {}),
    (b"\x8f", HEAVY, lambda vm: set()),
    (b"\x91", HEAVY, lambda vm: frozenset(map(key, vm.since_mark()))),
    (b"t", VALUE, lambda vm: tuple(vm.since_mark())),
    (b"l", VALUE, _Machine.since_mark),
    (b"d", VALUE, _dict),
    (b"\x85", VALUE, _tuple(1)),
    (b"\x86", VALUE, _tuple(2)),
    (b"\x87", VALUE, _tuple(3)),
    # from the memo, and the allowed names
    (b"h", LIGHT, lambda vm: vm.get(vm.byte())),
    (b"j", LIGHT, lambda vm: vm.get(vm.number(U4))),
    (b"g", LIGHT, lambda vm: vm.get(int(vm.line()))),
    (b"c", LIGHT, lambda vm: vm.name(vm.line().decode(), vm.line().decode())),
    (b"\x93", LIGHT, _stack_global),
)
# steps that change what is there
DONE: tuple[tuple[bytes, int, Step], ...] = (
    (b"\x80", LIGHT, _protocol),
    # a frame's length: the whole file is here anyway
    (b"\x95", LIGHT, lambda vm: vm.take(8)),
    (b"(", LIGHT, lambda vm: vm.marks.append(len(vm.stack))),
    # one value, or all above the last mark, into a list, a dict or a set
    (b"a", LIGHT, _append),
    (b"e", LIGHT, _extend),
    (b"s", LIGHT, _set_item),
    (b"u", LIGHT, _set_items),
    (b"\x90", LIGHT, _add_items),
    # into the memo, a dict: a far slot, for the file to choose, costs no more than a near one
    (b"q", LIGHT, lambda vm: vm.put(vm.byte())),
    (b"r", VALUE, lambda vm: vm.put(vm.number(U4))),
    (b"p", VALUE, lambda vm: vm.put(int(vm.line()))),
    (b"\x94", VALUE, lambda vm: vm.put(len(vm.memo))),
    # what another unpickler would call, and here only looks up: a function, a class
    (b"R", HEAVY, _Machine.reduce),
    (b"\x81", HEAVY, _Machine.reduce),
    (b"b", LIGHT, _Machine.build),
)
# by the opcode's byte: whether its step's value is pushed, what it is charged, the step
OPCODES = {
    code[0]: (steps is PUSHED, cost, do)
    for steps in (PUSHED, DONE)
    for code, cost, do in steps
}
