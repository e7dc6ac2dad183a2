"""Does a model of the zoo cost more than its authors' own code?

Against twins of that code, which were written without a look at ours: forward and training
step at a published size, called as `bench_torch.py` is. A class that no file of the zoo claims
is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from models import golden, params
from models.golden import Golden
from tests.benchmarks.rounds import told

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.torch.program import TorchProgram  # noqa: E402  # after the skip
from tests.benchmarks.bench_torch import lively, one_thread  # noqa: E402
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
        numbers = draw.normal(size=(twin.batch, *shape)).astype(np.float32)
        # time steps are whole numbers below 1000
        whole = draw.integers(0, 1000, twin.batch)
        arrays[f"input/{name}"] = whole if name == "t" else numbers
    tables = {f"const/{name}": table for name, table in twin.const().items()}
    return {**arrays, **tables}


def pair(called: str, *, train: bool) -> tuple[Side, Side]:
    """The realised module and the authors' one, with the same weights and inputs."""
    twin = CLASSES[called]
    by_hand = twin.build(twin.config)
    arrays = given_to(twin)
    inputs = {
        name.removeprefix("input/"): torch.from_numpy(array)
        for name, array in arrays.items()
        if name.startswith("input/")
    }
    with torch.no_grad():
        made = twin.run(by_hand, inputs)
    # a file is read by what it shows, too
    shown = {f"eval/{name}": value.numpy() for name, value in made.items()}
    config = {**twin.config, "batch": twin.batch}
    (one,) = golden.read(called, config, {**arrays, **shown})
    graph = one.spec.train if train else one.outputs["out"].graph
    program = TorchProgram(graph, Settings())
    _same_weights(program, by_hand.train(train), one)
    feeds = one.feeds if train else {**one.feeds, **one.outputs["out"].feeds}
    put = program.put({name: feeds[name] for name in program.feeds})
    fed = [put[name] for name in program.feeds]
    if train:
        return (
            Side(program.native, lambda: program.native(*fed)["loss"], one.key),
            Side(by_hand, lambda: twin.loss(twin.run(by_hand, inputs), inputs)),
        )
    layout = one.outputs["out"].layout
    return (
        Side(program.native, lambda: _moved(program.native(*fed), layout)),
        Side(by_hand, lambda: twin.run(by_hand, inputs)["out"]),
    )


def _moved(pose: Any, layout: Any) -> Any:
    # views of NumPy, in memory that they share: as good as free
    return torch.from_numpy(layout(pose.numpy()))


def _same_weights(program: TorchProgram, by_hand: Any, one: Golden) -> None:
    graph = program.graph
    weights = lively(params.draw(graph.params, seed=0))
    program.load(weights)
    state: Mapping[str, Any] = {
        one.key(name): torch.from_numpy(array.copy()) for name, array in weights.items()
    }
    # an inference graph may leave out what no one reads, and no more
    lost, strange = by_hand.load_state_dict(state, strict=False)
    assert not strange
    assert not set(lost) & {one.key(name) for name in one.spec.parameters}


CASES = [(called, train) for called in CLAIMED for train in (False, True)]


@pytest.mark.parametrize(
    ("called", "train"),
    CASES,
    ids=[f"{called}-{'training' if train else 'forward'}" for called, train in CASES],
)
def test_the_realised_module_against_the_authors(
    called: str, train: bool, benchmark: Any
) -> None:
    sides = pair(called, train=train)
    ours, by_hand = training(*sides) if train else forward(*sides)
    twin = CLASSES[called]
    what = f"{called} {'training step' if train else 'forward'}, batch {twin.batch}"
    said = told(what, ours, by_hand, names=("realised", "by hand"), seconds=SECONDS)
    benchmark.extra_info.update(said)
    benchmark.pedantic(ours, rounds=3, warmup_rounds=0)
