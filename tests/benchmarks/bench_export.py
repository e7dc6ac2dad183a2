"""How long a backend takes to write a model as a file, in each of the formats of its manifest.

`pytest tests/benchmarks/bench_export.py --backends=onnx --benchmark-only`. The size of the file
stands in `extra_info`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import backends
import models
from backends import manifests
from backends.base import Backend, Portable, Settings
from bench.takeaway import checking
from models import params

MODELS = ("simple_baseline", "videopose3d", "motionbert")
ROUNDS = 3  # a tracer takes seconds
# exporters warn of their own insides, which is no error of who calls them
pytestmark = pytest.mark.filterwarnings("ignore")


def formats(backend: str) -> dict[str, Any]:
    """Those of a backend's manifest."""
    found: dict[str, Any] = manifests.stated(backends._manifest(backend), "EXPORTS", {})
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each format of those under test."""
    names = metafunc.config.getoption("--backends")
    known = [format for name in names for format in formats(name)]
    metafunc.parametrize("format", dict.fromkeys(known))


@pytest.mark.parametrize("model", MODELS)
def test_export(
    model: str,
    format: str,
    pinned: Backend,
    tmp_path: Path,
    benchmark: Any,
    pytestconfig: pytest.Config,
) -> None:
    about = formats(pinned.name).get(format)
    if about is None:
        pytest.skip(f"{pinned.name} writes no {format}")
    spec = models.build(model, preset=pytestconfig.getoption("--preset"))
    program = pinned.program(spec.infer, Settings())
    program.load(params.draw(spec.infer.params, seed=0))
    assert isinstance(program, Portable)
    sample = checking.sample(spec.infer, spec.frames)
    places = [tmp_path / f"{number}{about.suffix}" for number in range(ROUNDS)]
    left = iter(places)

    def once() -> None:
        program.export(next(left), format, sample=sample, about="{}")

    benchmark.group = "export"
    benchmark.pedantic(once, rounds=ROUNDS)
    whole = places[0]
    files = whole.rglob("*") if whole.is_dir() else [whole]
    size = sum(each.stat().st_size for each in files if each.is_file())
    benchmark.extra_info["bytes"] = size
