"""YAML as people and attackers write it: plain values within bounds, or one short line."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from bench.data.formats import yaml_file
from models.errors import BadInput


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-1E+2", -100.0),
        ("[.5, 5., 1.5e3]", [0.5, 5.0, 1500.0]),
        ("1_000", 1000),
        ("[010, 0x10, 0o17]", [10, 16, 15]),  # YAML 1.1 has 8 for the first
        ("12:30", "12:30"),  # and 750 for this
        ("2001-02-30", "2001-02-30"),  # and no such day
        ("['1e-3', 1e, e3, +]", ["1e-3", "1e", "e3", "+"]),
        ("[yes, null, ~, on]", [True, None, None, True]),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
    ],
)
def test_values_are_plain_and_numbers_are_numbers(text: str, value: Any) -> None:
    came = yaml_file.parse(text)
    assert came == value
    assert type(came) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", "line 2: key a comes twice"),
        ("a: {b: 1, 'b': 2}", "key b comes twice"),
        (".inf", "a finite number was due"),
        ("[-.inf]", "a finite number was due"),
        ("{a: .nan}", "a finite number was due"),
        ("1e400", "a finite number was due"),
        ("9" * 5000, "more than 64 bits"),
        ("9" * 30, "within 64 bits"),
        ("[" * 100_000, "nested deeper"),
        ("a: " + "{a: " * 60, "nested deeper"),
        ("&a [*a]", "stands inside of what has an anchor"),
        ("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]", "stands inside"),
        ("a: &a [x]\nb: [" + "*a," * 200 + "]", "aliases; write them out"),
        ("!!python/name:os.system x", "tag tag:yaml.org"),
        ("a: 1\nb: !!timestamp 2001-01-01", "line 2: tag tag:yaml.org"),
        ("!!binary aGk=", "tag tag:yaml.org"),
        ("a: [", "line 2, column 1"),
        ("a: 1\n---\nb: 2", "single document"),
        ("{[1]: 2}", "unhashable key"),
        ("\0", "control characters"),
        ("\ud800", "surrogates"),
        ("x" * 10_000_000, "10,000,000 characters came"),
    ],
)
def test_what_is_out_of_bounds_is_one_short_line_at_once(text: str, said: str) -> None:
    began = time.perf_counter()
    with pytest.raises(BadInput) as caught:
        yaml_file.parse(text)
    line = str(caught.value)
    assert said in line
    assert "\n" not in line
    assert len(line) < 400
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize("content", [b"x: " + b"y" * 10_000_000, b"\xff\xfe", b"a: ["])
def test_a_file_is_named_and_not_echoed(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        yaml_file.read(file)
    assert str(caught.value).startswith(f"{file}: not a readable YAML file: ")
    assert len(str(caught.value)) < 400 + len(str(file))
