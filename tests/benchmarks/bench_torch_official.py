"""Does a model of the zoo cost more than its authors' own code?

Against twins of that code, which were written without a look at ours: forward and training
step at a published size, called as `bench_torch.py` is. A class that no file of the zoo claims
is left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from models import golden, params
from models.golden import Golden, Shown
from tests.benchmarks.rounds import Work, told

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.torch.program import TorchProgram  # noqa: E402  # after the skip
from tests.benchmarks.bench_torch import one_thread  # noqa: E402
from tests.benchmarks.official import CLASSES, Class  # noqa: E402
from tests.benchmarks.twins import Side, forward, training  # noqa: E402

__all__ = ["one_thread"]  # a fixture that pytest finds here

SECONDS = 30.0  # time for one pair: a round of the largest takes several
CLAIMED = [called for called in CLASSES if called in models.claimed()]
Arrays = dict[str, np.ndarray]


def given_to(twin: Class) -> Arrays:
    """Inputs and tables, as a golden file of the class would hold them."""
    draw = np.random.default_rng(0)
    arrays: Arrays = {}
    for name, shape in twin.shapes.items():
        numbers = draw.normal(size=(twin.batch, *shape))
        if name.endswith(("_vis", "_depth", "_weight")):
            # what is known of a target is known or not
            numbers = numbers > 0
        arrays[f"input/{name}"] = numbers.astype(np.float32)
    if "t" in twin.shapes:
        # time steps are whole numbers below 1000
        arrays["input/t"] = draw.integers(0, 1000, twin.batch)
    tables = {f"const/{name}": table for name, table in twin.const().items()}
    return {**arrays, **tables}


def as_golden(called: str, arrays: Arrays, made: Arrays) -> Golden:
    """Our graphs of the class, as a golden file of these arrays would make them."""
    twin = CLASSES[called]
    if twin.inputs is None:
        # a file is read by what it shows, too
        shown = {f"eval/{name}": value for name, value in made.items()}
        config = {**twin.config, "batch": twin.batch}
        (one,) = golden.read(called, config, {**arrays, **shown})
        assert isinstance(one, Golden)
        return one
    spec = models.from_official(called, twin.config)
    feeds = {}
    for ours, theirs in twin.inputs.items():
        due = spec.train.inputs[ours].shape[1:]
        feeds[ours] = arrays[f"input/{theirs}"].reshape(-1, *due)
    pose = Shown(spec.infer, lambda array: array[:, 0])  # of one frame
    return Golden(spec=spec, feeds=feeds, outputs={twin.out: pose}, trained={})


def pair(called: str, *, train: bool) -> tuple[Side, Side]:
    """The realised module and the authors' one, with the same weights and inputs."""
    twin = CLASSES[called]
    arrays = given_to(twin)
    inputs = {
        name.split("/", 1)[1]: torch.from_numpy(array) for name, array in arrays.items()
    }
    by_hand = twin.build(twin.config, twin.const()).eval()
    with torch.no_grad():
        made = twin.run(by_hand, inputs)
    one = as_golden(called, arrays, {name: made[name].numpy() for name in made})
    graph = one.spec.train if train else one.outputs[twin.out].graph
    program = TorchProgram(graph, Settings())
    with torch.no_grad():
        _settled(by_hand, one, lambda: twin.run(by_hand, inputs))
    _same_weights(program, by_hand.train(train), one)
    put = program.put({name: one.feeds[name] for name in program.feeds})
    fed = [put[name] for name in program.feeds]
    if train:
        return (
            Side(program.native, lambda: program.native(*fed)["loss"], one.key),
            Side(by_hand, lambda: twin.loss(twin.run(by_hand, inputs), inputs)),
        )
    layout = one.outputs[twin.out].layout
    return (
        Side(program.native, lambda: _moved(program.native(*fed), layout)),
        Side(by_hand, lambda: twin.run(by_hand, inputs)[twin.out]),
    )


def _moved(made: Any, layout: Any) -> Any:
    pose = made["pose"] if isinstance(made, dict) else made
    # views of NumPy, in memory that they share: as good as free
    return torch.from_numpy(layout(pose.numpy()))


def _settled(by_hand: Any, one: Golden, run: Work) -> None:
    """Weights as drawn, running statistics those of the inputs.

    Statistics of no inputs would make nothing but zeros of a picture, some layers deep.
    """
    weights = params.draw(one.spec.train.params, seed=0)
    state = {one.key(name): torch.from_numpy(weights[name]) for name in weights}
    # the authors' classes may have what no one reads
    assert not by_hand.load_state_dict(state, strict=False).unexpected_keys
    assert state.keys() >= {one.key(name) for name in one.spec.parameters}
    norms = [layer for layer in by_hand.modules() if hasattr(layer, "momentum")]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    by_hand.train()
    run()
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum


def _same_weights(program: TorchProgram, by_hand: Any, one: Golden) -> None:
    state = by_hand.state_dict()
    # copies, as training writes into them
    weights = {name: state[one.key(name)].numpy() for name in program.graph.params}
    program.load({name: array.copy() for name, array in weights.items()})


CASES = [(called, train) for called in CLAIMED for train in (False, True)]


@pytest.mark.parametrize(
    ("called", "train"),
    CASES,
    ids=[f"{called}-{'training' if train else 'forward'}" for called, train in CASES],
)
def test_the_realised_module_against_the_authors(
    called: str, train: bool, benchmark: Any
) -> None:
    twin = CLASSES[called]
    sides = pair(called, train=train)
    ours, by_hand = training(*sides, rtol=twin.rtol) if train else forward(*sides)
    benchmark.group = f"{called} {'train' if train else 'infer'}, batch {twin.batch}"
    told(benchmark, ours, by_hand, names=("realised", "by hand"), seconds=SECONDS)
