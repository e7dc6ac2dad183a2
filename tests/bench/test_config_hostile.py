"""Every key of the configuration, by rule: a hostile value is taken, or refused in one line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

import models
from bench import config
from bench.config import Config, Model
from bench.coordinator import checking, dataset
from models import sizes
from models.errors import BadInput

LIMIT = 5.0  # seconds of the processor, which no other program makes longer
VALUES = (
    "",
    "-1",
    "0",
    ".inf",
    ".nan",
    "1e400",
    "9" * 30,
    "9" * 5000,
    "1e300",
    "1000000",
    "[]",
    "{}",
    "null",
    "true",
    "2001-01-01",
    "12:30",
    "'\\0'",
    "/dev/full",
    "[-1]",
    "[0]",
    "{a: -1}",
    "{mpjpe: -1}",
    "{mpjpe: 0}",
    "[" * 5000,
    "&a [*a]",
    "!!python/name:os.system x",
    "{a: 1, a: 2}",
    "x" * 5000,
)
NAME = "simple_baseline"


def keys(section: type[BaseModel] = Config, prefix: str = "") -> Iterator[str]:
    """Every key that a person can set, those of one model among them."""
    for key, field in section.model_fields.items():
        inside: Any = field.annotation
        if key == "model" and section is Config:
            yield from keys(Model, f"model.{NAME}.")
        elif isinstance(inside, type) and issubclass(inside, BaseModel):
            yield from keys(inside, f"{prefix}{key}.")
        yield f"{prefix}{key}"


SIZES = [
    (name, size)
    for name in models.names()
    for size in sizes.kinds(models.module(name).Size)
]


@pytest.fixture(autouse=True)
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = SimpleNamespace(train=[], test=[], protocol=SimpleNamespace(joints=()))
    monkeypatch.setattr(dataset, "read", lambda config: nothing)


def faults(key: str, name: str = NAME) -> Iterator[str]:
    """What is wrong with how values of a key end, each with its value."""
    for value in VALUES:
        began = time.process_time()
        try:
            found = config.load(
                profile="smoke",
                file=None,
                overrides=[f"{key}={value}"],
                options={},
                models=[name],
            )
            checking.check(found)
            found.model_dump_json()
        except BadInput as error:
            said = str(error)
            if "\n" in said or len(said) > 1000 + len(value) or not said:
                yield f"{value[:30]}: {said[:300]}"
        except Exception as error:  # what a person would see as a traceback
            yield f"{value[:30]}: {type(error).__name__} {error}"[:300]
        if (took := time.process_time() - began) > LIMIT:
            yield f"{value[:30]}: {took:.1f} s"


@pytest.mark.parametrize("key", list(keys()))
def test_a_hostile_value_is_taken_or_refused_in_one_line(key: str) -> None:
    assert list(faults(key)) == []


@pytest.mark.parametrize(("name", "size"), SIZES)
def test_so_is_a_hostile_size(name: str, size: str) -> None:
    assert list(faults(f"model.{name}.sizes.{size}", name)) == []
