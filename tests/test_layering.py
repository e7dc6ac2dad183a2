"""Imports go one way: models <- backends <- bench.

`reports` stands on records alone; and importing the upper layers loads no framework.
"""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import backends
from tests.paths import ROOT

# all that is anybody's framework, as the manifests have it
FRAMEWORKS = {*backends.frameworks().values(), *backends.packages()} - {"numpy"}
PUBLIC = {"backends", *(f"backends.{name}" for name in backends.__all__)}
COMMAND_LINE = ("bench.__main__", "bench.commands")  # sits on top
COLLECTOR = (
    "onnx",
    "bench/exam/third_party/collect.py",
)  # runs in a process of its own
OWN = {"models", "backends", "bench", "reports", "tests"}


@dataclass(frozen=True)
class Import:
    """One imported module, and who asked for it."""

    file: str
    line: int
    module: str

    @property
    def top(self) -> str:
        """Its top-level package."""
        return self.module.split(".")[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def imports_of(source: str, file: str) -> Iterator[Import]:
    """Every import of a file, at any depth; `from a import b` counts as a and as a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(file, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, (
                f"{file}:{node.lineno} imports relatively; write the package out"
            )
            yield from (
                Import(file, node.lineno, f"{node.module}.{alias.name}")
                for alias in node.names
            )


def imports(folder: str) -> list[Import]:
    """Imports of every file below a folder of the project."""
    files = sorted((ROOT / folder).rglob("*.py"))
    return [
        found
        for path in files
        for found in imports_of(
            path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
        )
    ]


def inside(module: str, *allowed: str) -> bool:
    """Whether a module is one of `allowed` or lies below it."""
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


def offences(found: list[Import]) -> list[str]:
    """The rules of the house, each with the imports that break it."""
    return [str(one) for one in found if not _allowed(one)]


def _allowed(one: Import) -> bool:
    layer = one.file.split("/")[0]
    return {
        "models": _models,
        "backends": _backends,
        "bench": _bench,
        "reports": _reports,
    }[layer](one)


def _models(one: Import) -> bool:
    """NumPy with the types it lacks, and the standard library."""
    return one.top in sys.stdlib_module_names or one.top in (
        "numpy",
        "ml_dtypes",
        "models",
    )


def _backends(one: Import) -> bool:
    """models, but no model; its own framework, in its own folder."""
    home = one.file.split("/")[1]
    if one.top == "models":
        return not inside(one.module, "models.zoo", "models.losses")
    if one.top in FRAMEWORKS:
        return one.top in _required(home)
    return one.top in sys.stdlib_module_names or one.top in (
        "numpy",
        "ml_dtypes",
        "backends",
    )


def _required(home: str) -> tuple[str, ...]:
    """What a backend's folder says that it needs; a file beside the folders needs nothing."""
    return (
        tuple(importlib.import_module(f"backends.{home}").REQUIRES)
        if (ROOT / "backends" / home).is_dir()
        else ()
    )


def _bench(one: Import) -> bool:
    """What `bench` may import.

    No framework (onnx in its collector); the public names of backends, and the oracle;
    reports from the command line alone.
    """
    if one.top == "backends":
        return one.module in PUBLIC or inside(
            one.module, "backends.base", "backends.numpy"
        )
    if one.top == "reports":
        return inside(one.file.replace("/", "."), *COMMAND_LINE)
    return one.top not in FRAMEWORKS | {"tests"} or (one.top, one.file) == COLLECTOR


def _reports(one: Import) -> bool:
    """Records, errors, and how a folder is read."""
    if one.top in OWN:
        known = ("bench.records", "models.errors", "models.folder")
        return one.top == "reports" or inside(one.module, *known)
    return one.top not in FRAMEWORKS


@pytest.mark.parametrize("layer", ["models", "backends", "bench", "reports"])
def test_imports_go_one_way(layer: str) -> None:
    found = imports(layer)
    assert len(found) > 20, "the scan has read the folder"
    assert offences(found) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("models/ops/new.py", "import torch"),
        ("models/ops/new.py", "from backends.base import Backend"),
        ("models/params.py", "def f():\n    import scipy"),
        ("backends/base.py", "import torch"),
        ("backends/torch/ops.py", "import jax"),
        ("backends/emit.py", "from models.zoo import motionbert"),
        ("backends/torch/program.py", "from bench.records import Record"),
        ("bench/parity/task.py", "import torch.nn"),
        ("bench/parity/task.py", "from backends.torch.ops import KERNELS"),
        ("bench/parity/task.py", "import backends.torch"),
        ("bench/parity/task.py", "from backends import emit"),
        ("bench/parity/task.py", "from reports import build"),
        ("reports/plot.py", "from bench.parity import task"),
        ("reports/plot.py", "from models import build"),
        ("reports/plot.py", "import torch"),
    ],
)
def test_the_rules_catch_a_wrong_import(file: str, line: str) -> None:
    assert offences(list(imports_of(line, file)))


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("backends/torch/ops.py", "import torch.nn.functional as F"),
        ("bench/commands/report.py", "from reports import build"),
        ("bench/parity/task.py", "from backends.base import Settings"),
        ("bench/parity/task.py", "import backends\nfrom backends import load"),
        (
            "reports/plot.py",
            "from bench.records import Record\nfrom matplotlib.figure import Figure",
        ),
    ],
)
def test_the_rules_let_the_right_ones_pass(file: str, line: str) -> None:
    assert offences(list(imports_of(line, file))) == []


HELP = """
import runpy, sys
sys.argv = ["bench", "--help"]
try:
    runpy.run_module("bench", run_name="__main__")
except SystemExit as ended:
    assert not ended.code
"""


def loaded_frameworks(statement: str) -> set[str]:
    """Frameworks that a fresh interpreter holds after a statement."""
    report = (
        f"{statement}\nimport sys\nprint(*sorted({FRAMEWORKS!r} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", report],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "statement",
    [
        "import models, backends; models.names(); backends.names(); backends.installed()",
        "import models; models.build('motionbert', preset='small')",
        "import backends; backends.load('numpy')",
        "import reports, bench.records",
        HELP,
    ],
)
def test_upper_layers_load_no_framework(statement: str) -> None:
    assert loaded_frameworks(statement) == set()


def test_the_subprocess_would_see_a_framework() -> None:
    assert loaded_frameworks(
        "import sys, types\nsys.modules['jax'] = types.ModuleType('jax')"
    ) == {"jax"}
    pytest.importorskip("torch", reason="PyTorch is not installed")
    assert "torch" in loaded_frameworks("import backends; backends.load('torch')")
