"""A sound graph as JSON, and how its test files break it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from models.builder import Builder
from models.errors import SpecError
from models.graph import Graph, from_json

GONE = object()  # in the place of a value: leave its key out


def sound() -> Graph:
    """Every kind of declaration, and ops with attributes and results of every kind."""
    g = Builder("sound")
    x = g.input("x", ("batch", 4))
    table = g.constant("table", np.arange(4.0))
    h = (x * table).linear(6, name="fc")
    g.label("hidden", h)
    h = h.dropout(rate=0.5, name="drop")
    h = h.batch_norm(eps=1e-5, momentum=0.1, train=True, name="bn")
    h = h.gelu(approximate="none")
    left, right = h.split(2, axis=1)  # two results
    part = right.slice(axis=1, start=0, stop=2, step=1)
    wide = left.concat(part, axis=1)
    g.output("y", wide)
    g.output("loss", wide.mean(axis=(0, 1), keepdims=False))
    return g.finish()


TEXT = sound().to_json()


def with_change(path: str, value: Any) -> str:
    """The JSON with one place changed: keys joined by slashes, a node by its op."""
    raw = json.loads(TEXT)
    *way, last = path.split("/")
    inside = raw
    for key in way:
        # by its op: names carry numbers, which change with every node before
        if isinstance(inside, list):
            inside = next(node for node in inside if node["op"] == key)
        else:
            inside = inside[key]
    if value is GONE:
        del inside[last]
    else:
        inside[last] = value
    return json.dumps(raw)


def complaint(text: str) -> str:
    """What is said of a text that must be refused, in one line."""
    with pytest.raises(SpecError) as caught:
        from_json(text)
    said = str(caught.value)
    assert len(said.splitlines()) == 1, said
    return said
