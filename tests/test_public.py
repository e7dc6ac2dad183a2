"""What is public is documented, and a package's list says exactly what it offers.

The form of docstrings is held here too, that of tests included.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.size import PRODUCT, Documented


def listing() -> list[Path]:
    """The files that state what they offer."""
    files = [path for room in PRODUCT for path in sorted((ROOT / room).rglob("*.py"))]
    return [
        path for path in files if "\n__all__ = " in path.read_text(encoding="utf-8")
    ]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
        ".__init__"
    )


def torn(source: str) -> list[str]:
    """Names of what has a docstring whose second line is not empty."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Documented):
            # not cleaned: cleaning would drop an empty first line, and hide that it is
            lines = (ast.get_docstring(node, clean=False) or "").splitlines()
            if len(lines) > 1 and lines[1].strip():
                found.append(getattr(node, "name", "the module"))
    return found


@pytest.mark.parametrize("path", listing(), ids=name_of)
def test_the_list_is_what_there_is(path: Path) -> None:
    module = importlib.import_module(name_of(path))
    listed = list(module.__all__)
    assert listed == sorted(listed)
    assert [name for name in listed if not hasattr(module, name)] == []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.ClassDef)
    defined = {node.name for node in tree.body if isinstance(node, functions)}
    assert {name for name in defined if not name.startswith("_")} <= set(listed)


@pytest.mark.parametrize("path", listing(), ids=name_of)
def test_what_is_listed_is_documented(path: Path) -> None:
    module = importlib.import_module(name_of(path))
    offered = [getattr(module, name) for name in module.__all__]
    callables = [one for one in offered if callable(one)]
    assert [one.__name__ for one in callables if not inspect.getdoc(one)] == []


def test_the_packages_that_others_import_have_a_list() -> None:
    assert {"models", "backends", "reports"} <= {name_of(path) for path in listing()}


def test_a_docstring_begins_with_a_line_that_fits() -> None:
    # editors and lists of commands show the first line alone: what runs on is cut there
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for room in (*PRODUCT, "tests")
        for path in sorted((ROOT / room).rglob("*.py"))
        for name in torn(path.read_text(encoding="utf-8"))
    ]
    assert found == []
    # and what is torn would be found, at any depth
    bad, good = '"""Begun here,\n    ended there."""', '"""Whole.\n\n    More."""'
    made_up = (
        f"{bad}\nclass Fine:\n    {good}\n    async def split(self):\n        {bad}\n"
    )
    assert torn(made_up) == ["the module", "split"]
    assert torn('"""\n    Late."""') == ["the module"]
    assert torn(good) == torn("x = 1") == torn('"""One line."""') == []
