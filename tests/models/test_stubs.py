"""`value.pyi` is what the op files give, laid out as the formatter leaves it."""

from __future__ import annotations

import inspect
import shutil
import subprocess
from collections.abc import Callable

import pytest

from models import ops, stubs
from models.value import Value
from tests.paths import ROOT


def test_the_file_is_current() -> None:
    due = stubs.text()
    assert stubs.FILE.read_text(encoding="utf-8") == due, "run `python -m models.stubs`"


def test_a_method_that_the_file_lacks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    # as an op file would declare it, first argument and all
    def newest(x: Value, *, rate: float) -> Value:
        return x

    known = ops.methods()
    monkeypatch.setattr(ops, "methods", lambda: {**known, "newest": newest})
    assert "    def newest(self, *, rate: float) -> Value: ...\n" in stubs.text()
    assert stubs.FILE.read_text(encoding="utf-8") != stubs.text()


def test_no_line_is_wider_than_the_project_allows() -> None:
    assert max(map(len, stubs.text().splitlines())) <= stubs.WIDTH
    # where a definition is spread over lines, it would not have fitted on one
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"line-length = {stubs.WIDTH}\n" in settings


def test_the_formatter_leaves_it_alone() -> None:
    ruff = shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed: the lint environment checks the format")
    asked = [ruff, "format", "--check", "--no-cache", str(stubs.FILE)]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def wide(x: Value, first: float, *others: Value, axis: int) -> Value:
    return x


def starred(x: Value, *, axis: int, keepdims: bool) -> Value:
    return x


APART = """\
def f(
    x: Value, *, axis: int, keepdims: bool
) -> Value: ...
"""
LISTED = """\
def f(
    x: Value,
    first: float,
    *others: Value,
    axis: int,
) -> Value: ...
"""


@pytest.mark.parametrize(
    ("function", "due"),
    [
        (starred, APART),
        (wide, LISTED),
    ],
)
def test_a_long_definition_is_spread_as_the_formatter_does(
    function: Callable[..., Value], due: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # between the two: the parameters of `starred` fit on a line of their own
    monkeypatch.setattr(stubs, "WIDTH", 45)
    assert stubs._definition("f", inspect.signature(function), "") == due


def test_a_line_of_exactly_the_width_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    signature = inspect.signature(starred)
    line = stubs._definition("f", signature, "")
    monkeypatch.setattr(stubs, "WIDTH", len(line) - 1)  # its end is no column
    assert stubs._definition("f", signature, "") == line
    monkeypatch.setattr(stubs, "WIDTH", len(line) - 2)
    assert stubs._definition("f", signature, "") != line
