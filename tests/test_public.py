"""What is public is documented, and a package's list says exactly what it offers."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.size import PRODUCT


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
