"""Bounds on density and length: what a newcomer reads at walking pace (`python -m tests.size`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import size
from tests.paths import ROOT

FUNCTION, FILE = 40, 400  # lines


@pytest.fixture(scope="module")
def product() -> list[size.Size]:
    return size.sizes(ROOT / room for room in size.PRODUCT)


@pytest.fixture(scope="module")
def everything(product: list[size.Size]) -> list[size.Size]:
    return [*product, *size.sizes([ROOT / "tests"])]


def test_a_line_holds_one_decision(product: list[size.Size]) -> None:
    assert size.tokens_a_line(product) <= 9


def test_comments_say_why(product: list[size.Size]) -> None:
    assert size.comments_a_hundred(product) >= 6


def test_no_line_is_wider_than_a_page(everything: list[size.Size]) -> None:
    assert [f"{one.path}:{line}" for one in everything for line in one.wide] == []


def test_a_function_fits_on_a_screen(everything: list[size.Size]) -> None:
    found = [
        (one.path, name, lines) for one in everything for name, lines in one.functions
    ]
    assert [(path, name) for path, name, lines in found if lines > FUNCTION] == []


def test_a_file_holds_one_thing(everything: list[size.Size]) -> None:
    assert [one.path for one in everything if one.lines > FILE] == []


def test_the_top_of_bench_names_its_rooms() -> None:
    files = sorted(path.name for path in (ROOT / "bench").glob("*.py"))
    assert len(files) <= 5, files


def test_the_measure_sees_what_it_counts(tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text(
        '"""Text."""\n\n\ndef f(a):  # why\n    return [\n        a\n    ]\n'
        + "#" * 101
    )
    found = size.measure(file)
    assert (found.tokens, found.code_lines, found.comments) == (10, 4, 2)
    assert (found.wide, found.functions) == ((8,), (("f", 4),))
