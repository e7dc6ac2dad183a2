"""Initial weights: by name, by seed, in the right distribution.

Checkpoints that do not fit are refused whole.
"""

from __future__ import annotations

import numpy as np
import pytest

import models
from models import params
from models.builder import Builder
from models.errors import BadInput
from models.graph import Param, Type

ZEROS = ("zeros", 0.0)
MATRIX = Param(Type((2, 3)), ZEROS)


def lifter(*, extra: bool) -> params.Arrays:
    """Weights of a small network, with or without a layer in the middle."""
    g = Builder("lifter")
    x = g.input("x", ("batch", 4))
    x = x.linear(6, name="first")
    if extra:
        x = x.linear(6, name="inserted")
    g.output("y", x.linear(2, name="last"))
    return params.draw(g.finish().params, seed=3)


def one(
    kind: str,
    number: float,
    *,
    count: int = 20_000,
    name: str = "w",
    seed: int = 0,
) -> np.ndarray:
    """One array of an initialiser."""
    declared = Param(Type((count,)), (kind, number))
    return params.draw({name: declared}, seed=seed)[name]


def test_inserting_a_layer_changes_no_other_weight() -> None:
    plain, longer = lifter(extra=False), lifter(extra=True)
    assert set(longer) - set(plain) == {"inserted.weight", "inserted.bias"}
    for name, array in plain.items():
        assert np.array_equal(array, longer[name])


def test_name_and_seed_decide() -> None:
    drawn = one("normal", 1.0)
    assert np.array_equal(drawn, one("normal", 1.0))
    assert not np.array_equal(drawn, one("normal", 1.0, seed=1))
    assert not np.array_equal(drawn, one("normal", 1.0, name="v"))


def test_train_and_inference_graphs_draw_the_same_weights() -> None:
    spec = models.build("videopose3d", preset="small")
    train = params.draw(spec.train.params, seed=5)
    infer = params.draw(spec.infer.params, seed=5)
    assert train.keys() == infer.keys()
    for name, array in train.items():
        assert np.array_equal(array, infer[name])


@pytest.mark.parametrize(
    ("kind", "number", "due"),
    [
        ("zeros", 0.0, 0.0),
        ("ones", 0.0, 1.0),
        ("constant", 0.5, 0.5),
    ],
)
def test_constants(kind: str, number: float, due: float) -> None:
    array = one(kind, number, count=5)
    assert array.dtype == np.float32
    assert (array == due).all()


def test_distributions() -> None:
    # 20,000 draws: a standard deviation is known to half a per cent
    normal = one("normal", 0.3)
    assert abs(normal.std() - 0.3) < 0.01
    assert np.abs(normal).max() > 0.9  # not cut
    uniform = one("uniform", 0.3)
    assert np.abs(uniform).max() <= 0.3
    assert abs(uniform.std() - 0.3 / 3**0.5) < 0.005
    cut = one("trunc_normal", 0.02)
    assert np.abs(cut).max() <= 0.04
    # of a standard normal cut at two deviations
    assert abs(cut.std() / 0.02 - 0.8796) < 0.02
    for array in (normal, uniform, cut):
        assert abs(array.mean()) < 0.01


def test_state_is_drawn_in_its_own_dtype() -> None:
    spec = models.build("simple_baseline", preset="small")
    arrays = params.draw(spec.parameters, seed=0)
    counters = {name for name in arrays if name.endswith("batches_tracked")}
    assert counters
    for name, array in arrays.items():
        assert array.dtype == (np.int64 if name in counters else np.float32)
    # an untrained norm passes its input on
    assert (arrays["batch_norm1.running_var"] == 1).all()
    assert (arrays["batch_norm1.running_mean"] == 0).all()


def test_an_unknown_initialiser_is_named() -> None:
    said = "w: no initialiser called 'xavier'; known: zeros, ones"
    with pytest.raises(BadInput, match=said):
        one("xavier", 1.0)


def test_fit_orders_and_casts() -> None:
    wanted = {
        "a": Param(Type((2,)), ZEROS),
        "n": Param(Type((), "int64"), ZEROS, trainable=False),
    }
    given = {
        "n": np.array(3.0),
        "a": np.array([1.0, 2.0]),
    }
    fitted = params.fit(wanted, given)
    # in the model's order, which is that of its optimizer's state
    assert list(fitted) == ["a", "n"]
    assert fitted["a"].dtype == np.float32
    assert fitted["n"].dtype == np.int64


def test_a_checkpoint_that_does_not_fit_is_refused_with_the_first_differences() -> None:
    wanted = dict.fromkeys("abcdef", MATRIX)
    given = {
        "a": np.zeros((3, 2)),
        "stranger": np.zeros(1),
    }
    with pytest.raises(BadInput) as caught:
        params.fit(wanted, given)
    text = str(caught.value)
    # five are missing, and the list ends after five
    assert "7 differences: b is missing; c is missing" in text
    assert "stranger" not in text


def test_a_difference_is_said_with_both_sides() -> None:
    given = {"a": np.zeros((3, 2))}
    said = r"1 differences: a has shape \(3, 2\), the model has \(2, 3\)"
    with pytest.raises(BadInput, match=said):
        params.fit({"a": MATRIX}, given)
    with pytest.raises(BadInput, match="a is not in the model"):
        params.fit({}, given)
