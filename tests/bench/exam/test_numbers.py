"""Numbers that faults like, lengths that are open, and how rough NumPy says they are."""

from __future__ import annotations

import numpy as np
import pytest

from backends.numpy.dice import DICE, dice, halves, shaken
from bench.exam import arrangements, questions
from bench.exam.draws import draw
from bench.exam.numbers import NOT_FINITE, NUMBERS, others
from bench.exam.open_lengths import lengthened, lengths_of, opened
from bench.exam.probe import OPEN, Probe
from bench.exam.questions import Part
from bench.exam.random_cases import level
from bench.exam.roughness import FULL, settled, values
from models import dims, ops
from models.ops import Case

NAMES = sorted(ops.table())


def first(name: str, number: int = 0) -> tuple[Case, Probe]:
    case = ops.get(name).cases[number]
    return case, Probe(name, draw(case, (0,)), case.attributes)


def numbers(name: str, kind: str, dtype: str = "float32") -> list[np.ndarray]:
    """The floats of an op's first case, drawn by a kind."""
    case, probe = first(name)
    found = dict(others(case, probe.operands, dtype, (1,)))[kind]
    return [x for x in found if isinstance(x, np.ndarray) and x.dtype.kind == "f"]


def test_each_kind_is_what_it_is_called() -> None:
    (zeros,) = numbers("vector_norm", "zeros")
    assert not zeros.any()
    (far,) = numbers("var", "large means")
    assert far.mean() > 50 * far.std()
    a, b = numbers("maximum", "ties")
    assert (a == b).any()
    (x,) = numbers("max", "ties")
    assert any(len(set(row)) < len(row) for row in x)
    assert 2.0 in x and 0.0 in x
    (x,) = numbers("softmax", "masks")
    assert (x == -1e9).any() and (x != -1e9).any(1).all()
    _, below = numbers("divide", "negative numbers")
    assert (below < 0).all()
    (x,) = numbers("relu", NOT_FINITE)
    assert np.isnan(x).any() and np.isinf(x).any()


def test_float16_gets_numbers_that_it_can_compute_with() -> None:
    for kind in NUMBERS:
        if kind not in ("masks", NOT_FINITE):
            for x in numbers("var", kind, "float16"):
                assert np.abs(x).max() < 200


def test_whole_numbers_and_truth_stay() -> None:
    case, probe = first("take")
    for kind, operands in others(case, probe.operands, "float32", (1,)):
        assert operands[1] is probe.operands[1], kind
    case, probe = first("logical_and")
    assert list(others(case, probe.operands, "float32", (1,))) == []


def test_bounds_follow_an_open_length() -> None:
    _, probe = first("slice")
    found = lengthened(probe)
    assert found is not None and found.opened is not None
    n = dims.symbol(OPEN)
    # x[1:4] of 5
    assert dict(found.opened) == {"start": n - 4, "stop": n - 1}
    longer = found.longer()
    assert (longer.attributes["start"], longer.attributes["stop"]) == (2, 5)
    assert [x.shape for x in longer.reference(np.float64)] == [(3, 3)]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_opened_is_legal_and_longer(name: str) -> None:
    for number in range(len(ops.get(name).cases)):
        _, probe = first(name, number)
        for found in filter(None, (opened(probe), lengthened(probe))):
            assert found.graph().nodes
            number, axis = found.open[0]
            before = np.shape(probe.operands[number])[axis]
            for length, other in ((before + 1, found.longer()), (1, found.resized(1))):
                assert np.shape(other.operands[number])[axis] == length


def test_ops_whose_attributes_may_be_open_are_put_so() -> None:
    put = {name for name in NAMES if lengths_of(name)}
    assert put >= {"slice", "pad", "reshape", "broadcast_to", "conv_transpose"}
    for name in put:
        cases = [one.case for one in questions.questions(name, Part(("float32",)))]
        assert any(case.endswith("open lengths") for case in cases), name


def test_equal_axes_tell_which_is_which() -> None:
    for name in ("permute_dims", "matmul", "linear", "take", "flip", "reshape", "conv"):
        case = level(name)
        assert case is not None
        assert {length for shape in case.shapes for length in shape} == {3}, name
    # element by element there is nothing to exchange
    assert level("relu") is None


def test_a_number_stands_for_a_tensor_where_a_model_may_write_one() -> None:
    _, probe = first("subtract")
    kinds = dict(arrangements.with_literals(probe))
    assert kinds["with a number"].operands[1] == 2.0
    assert kinds["with a number before it"].operands[0] == 2.0
    _, probe = first("maximum")
    assert [kind for kind, _ in arrangements.with_literals(probe)] == ["with a number"]
    _, probe = first("matmul")
    assert list(arrangements.with_literals(probe)) == []


def test_dice_leave_alone_what_float32_holds() -> None:
    exact = np.array([1.0, 2.5, -3.0, 0.0, 1 / 3])
    third = float(np.float32(1 / 3))
    thrown = {dice(seed)["add"](exact, 0.0)[-1] for seed in range(1, DICE + 1)}
    # neighbours of a third in float32, nearest and next
    assert all(abs(x - 1 / 3) < 2**-24 for x in thrown)
    for seed in range(1, DICE + 1):
        assert dice(seed)["add"](exact, 0.0)[:-1].tolist() == exact[:-1].tolist()
        x = np.float32([1.0, third, third, 0.0])
        moved = shaken({"x": x}, seed)["x"]
        # ties stay ties, round numbers stay as a call writes them
        assert moved[0] == 1.0 and moved[3] == 0.0
        assert moved[1] == moved[2] != third


def test_halves_round_after_each_operation() -> None:
    nearest, _, growing = halves("bfloat16")
    ones = np.ones(1000, np.float32)
    assert nearest["sum"](ones, axis=(0,), keepdims=False) == 1000
    # from 256 on, one more is less than half of the spacing
    assert growing["sum"](ones, axis=(0,), keepdims=False) == 256
    third = nearest["multiply"](np.float32([1.0]), 1 / 3)
    assert third == np.float32(np.asarray(1 / 3, "bfloat16"))


def test_a_lucky_run_does_not_set_the_yardstick() -> None:
    """Of two numbers, a variance in one pass may be exact by luck; not in all runs."""
    x = np.array([[300.1, 299.7, 301.3]], np.float32)
    probe = Probe("var", (x,), {"axis": (1,), "keepdims": False})
    ((runs,),) = values([[probe]])
    due = probe.reference(np.float64)[0]
    errors = [abs(float(run[0][0] - due[0])) for run in runs.full]
    assert max(errors) > 0
    assert len(runs.full) == FULL


def test_a_sum_shows_the_rounding_within_it() -> None:
    drawn = np.exp(np.random.default_rng(0).normal(0, 6, (1, 400))).astype(np.float32)
    # of few bits each, so that no dice move them; NumPy adds them pair by pair
    x = (drawn.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    probe = Probe("sum", (x,), {"axis": (1,), "keepdims": False})
    ((runs,),) = values([[probe]])
    due = probe.reference(np.float64)[0]
    plain, *_, grown = [abs(float(run[0][0] - due[0])) for run in runs.full]
    assert grown > plain


def test_what_is_not_finite_must_be_so_on_both_sides() -> None:
    due = np.array([1.0, np.nan, np.inf, 1e39, 3.3e38])
    came = np.array([1.0, np.nan, np.inf, np.inf, 7.0])
    own, exact = settled(came, due, "float32")
    # the last is next to overflow, where a rounding decides
    assert own.tolist() == exact.tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    for wrong in (0.0, -np.inf, np.nan):
        own, exact = settled(np.array([wrong]), np.array([np.inf]), "float32")
        assert not np.isfinite(own - exact).all()
    own, exact = settled(np.array([0.0]), np.array([np.nan]), "float32")
    assert not np.isfinite(own - exact).all()
