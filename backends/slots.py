"""Optimizer state as every checkpoint holds it, whichever framework has written it.

`NAME#i` is slot i of parameter NAME, as the written rules have it (`models/optim.py`), and `#steps`
counts steps: so one framework goes on from where another was. What is a framework's own, such as
where its noise generator stands, has other names, and another framework leaves it where it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from models.errors import BadInput
from models.optim import Optimizer
from models.stepping import STEPS as STEPS
from models.stepping import slot

Arrays = Mapping[str, np.ndarray]
SLOT = re.compile(r"(.+)#\d+")
SHOWN = 5  # differences in a message


def whole(
    state: Arrays, shapes: Mapping[str, tuple[int, ...]], rule: Optimizer
) -> dict[str, np.ndarray]:
    """Steps and every slot of a rule, by name; zeros of a parameter that has never moved.

    `shapes` are those of the trained parameters. Raises BadInput for the state of another
    optimizer or model.
    """
    due = {
        slot(name, i): shape
        for name, shape in shapes.items()
        for i in range(rule.slots())
    }
    came = {key: found[1] for key in state if (found := SLOT.fullmatch(key))}
    moved = set(came.values())
    # a rule that has two slots of a parameter has both
    wrong = came.keys() ^ {key for key in due if SLOT.sub(r"\1", key) in moved}
    wrong |= {key for key in due.keys() & came.keys() if state[key].shape != due[key]}
    if STEPS not in state:
        wrong.add(STEPS)
    if wrong:
        raise BadInput(
            f"the optimizer's state does not fit, {len(wrong)} differences:"
            f" {', '.join(sorted(wrong)[:SHOWN])}; train with the optimizer, and at the"
            " sizes, that it was saved with"
        )
    slots = {
        key: np.array(state[key]) if key in state else np.zeros(shape, np.float32)
        for key, shape in due.items()
    }
    return {STEPS: np.array(state[STEPS]), **slots}


def renamed(state: Arrays, names: Mapping[str, str]) -> dict[str, np.ndarray]:
    """A state by the names of checkpoints, where it has those of a framework or of before."""
    return {names.get(key, key): array for key, array in state.items()}
