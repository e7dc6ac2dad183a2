"""No module imports one that imports it, not even late, inside a function.

One exception: the language looks the op table up late, and op files are written in the language.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.paths import ROOT

LANGUAGE, TABLE = "models.", "models.ops"  # who may look up what late


def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name."""
    found = {}
    for room in ("models", "backends", "bench", "reports"):
        for path in (ROOT / room).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imported(text: str) -> Iterator[str]:
    """Dotted names that a file imports when it runs: what is for type checkers alone is not."""
    tree = ast.parse(text)
    unread = {
        id(inner)
        for node in ast.walk(tree)
        if _for_checkers(node)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in unread:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _for_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def arrows(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """Who imports whom; a name of a module counts as the module."""
    found: dict[str, set[str]] = {}
    for name, path in files.items():
        asked = imported(path.read_text(encoding="utf-8"))
        homes = {one if one in files else one.rpartition(".")[0] for one in asked}
        found[name] = {
            home for home in homes & files.keys() if not _late(name, home)
        } - {name}
    return found


def _late(name: str, home: str) -> bool:
    """The one exception."""
    return home == TABLE and name.startswith(LANGUAGE) and not name.startswith(TABLE)


def test_no_module_imports_one_that_imports_it() -> None:
    found = arrows(modules())
    assert sum(map(len, found.values())) > 300, "the scan has read the files"
    try:
        TopologicalSorter(found).prepare()
    except CycleError as error:
        pytest.fail(f"an import cycle: {' <- '.join(error.args[1])}")


def test_a_cycle_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("def late():\n    from b import thing")
    (tmp_path / "two.py").write_text("import a")
    found = arrows({"a": tmp_path / "one.py", "b": tmp_path / "two.py"})
    assert found == {"a": {"b"}, "b": {"a"}}
    with pytest.raises(CycleError):
        TopologicalSorter(found).prepare()


def test_what_is_for_type_checkers_is_no_arrow() -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import b"
    assert list(imported(text)) == ["typing.TYPE_CHECKING"]
