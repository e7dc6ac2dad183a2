"""Symbolic lengths against plain integer arithmetic, and their text."""

from __future__ import annotations

import pytest
from hypothesis import given

from models import dims
from models.dims import Dim, Length, fixed, symbol
from tests.strategies import LENGTHS, lengths

BATCH, FRAMES = symbol("batch"), symbol("frames")


def number(length: Length) -> int:
    return dims.bind((length,), LENGTHS)[0]


@given(lengths(), lengths())
def test_arithmetic_is_that_of_the_numbers_bound_later(a: Length, b: Length) -> None:
    assert number(a + b) == number(a) + number(b)
    assert number(a - b) == number(a) - number(b)
    assert number(a * b) == number(a) * number(b)
    assert number(-a) == -number(a)


@given(lengths(), lengths())
def test_equal_polynomials_are_one_object(a: Length, b: Length) -> None:
    assert a + b == b + a
    assert a * b == b * a
    assert hash(a * b) == hash(b * a)
    # what ends in a number is one: shape rules ask `isinstance(length, int)`
    assert a - a == 0
    assert isinstance(a - a, int)


@given(lengths(), lengths())
def test_a_product_divides_by_its_factor(a: Length, b: Length) -> None:
    # a sum does not divide, even where it is a factor
    single = isinstance(b, int) or len(b.terms) == 1
    if b != 0 and single:
        assert number(a * b // b) == number(a)
        assert a * b % b == 0


@given(lengths())
def test_the_text_is_python_and_reads_back(length: Length) -> None:
    text = str(length)
    assert dims.parse(text) == length
    # our own text, as an emitter writes it into a program
    assert eval(text, {}, dict(LENGTHS)) == number(length)  # noqa: S307


def test_text_of_known_lengths() -> None:
    assert str(BATCH * 17) == "17*batch"
    assert str(FRAMES - 26) == "frames - 26"
    assert str(-BATCH * FRAMES + 1) == "-batch*frames + 1"
    assert repr(FRAMES) == "frames"


@pytest.mark.parametrize(
    ("length", "divisor"),
    [
        (FRAMES - 26, 3),
        (BATCH, FRAMES),
        (BATCH, 0),
        (BATCH * FRAMES + 1, BATCH),
        (BATCH, BATCH + 1),
    ],
    ids=str,
)
def test_a_division_that_could_leave_a_remainder_is_refused(
    length: Dim, divisor: Length
) -> None:
    with pytest.raises(ValueError, match="without a remainder"):
        length // divisor
    with pytest.raises(ValueError, match="without a remainder"):
        length % divisor


def test_shapes_come_from_names_and_numbers() -> None:
    shape = dims.as_shape(("batch", "frames - 26", 17))
    assert shape == (BATCH, FRAMES - 26, 17)
    bound = dims.bind(shape, {"batch": 2, "frames": 27})
    assert bound == (2, 1, 17)
    assert str(dims.size(shape)) == "17*batch*frames - 442*batch"
    assert dims.size(()) == 1


@pytest.mark.parametrize(
    "text", ["batch / 2", "f(batch)", "batch ** 2", "1.5", "True", "a +", ""]
)
def test_text_that_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="made of names, integers"):
        dims.parse(text)


def test_match_learns_axes_and_holds_them() -> None:
    learnt: dict[str, int] = {}
    assert dims.match((BATCH, FRAMES, 17), (4, 9, 17), learnt)
    assert learnt == {"batch": 4, "frames": 9}
    # what is learnt binds the next shape
    assert not dims.match((BATCH, 3), (5, 3), learnt)
    assert not dims.match((BATCH, 3), (4,), learnt)
    assert dims.match((BATCH, FRAMES - 8), (4, 1), learnt)


def test_a_length_that_must_be_a_number_is_one_or_is_named() -> None:
    assert fixed(17) == 17
    with pytest.raises(ValueError, match=r"the length 17\*batch is symbolic; fix it"):
        fixed(symbol("batch") * 17)


def test_names() -> None:
    assert dims.axis_name(FRAMES) == "frames"
    # of anything but one axis alone, the length says nothing of an axis
    for length in (FRAMES * 2, FRAMES + 1, BATCH * FRAMES, 7):
        assert dims.axis_name(length) == ""
    assert dims.names_in(BATCH * 3 + FRAMES) == {"batch", "frames"}
    assert dims.names_in(3) == set()


@given(lengths())
def test_traced_lengths_see_no_idle_operation(length: Length) -> None:
    """Binding `batch` alone must hand the traced size through as it is.

    Each needless operation is a node in every exported graph.
    """
    name = dims.axis_name(length)
    if name:
        assert isinstance(length, Dim)
        size = object()  # knows no arithmetic at all
        assert length.bind({name: size}) is size
