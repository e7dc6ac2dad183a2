"""One file adds one thing: each kind is added to a copy of the project, and found everywhere.

The files of `tests/additions` lie as they would in the checkout. Nothing else of the copy is
touched, so a list beside a folder would show as a thing that is not found.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT

Records = dict[tuple[str, str], dict[str, Any]]
ADDED = ROOT / "tests" / "additions"
LISTS = """
import json
import backends, models, reports
from bench.feasibility import asked
from bench.parity import kinks
from bench import data, metrics, recipes, tasks
from bench.data import augment, protocols
from bench.parity import rungs
from models import ops

flat = models.build("flat", preset="tiny")
print(json.dumps({
    "backends": backends.names(),
    "models": models.names(),
    "losses": models.loss_names(),
    "ops": list(ops.table()),
    "methods": list(ops.methods()),
    "metrics": list(metrics.names()),
    "readers": list(data.sources()),
    "steps": list(augment.STEPS),
    "protocols": list(protocols.names()),
    "recipes": recipes.names(),
    "tasks": list(tasks.table()),
    "rungs": rungs.names(),
    "kinked": kinks.kinked(flat.train),
    "switched": [asked.mechanism(flat)],
    "sections": [section.TITLE for section in reports.found()],
}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product with one more of each kind."""
    folder = tmp_path_factory.mktemp("additions")
    for room in ("models", "backends", "bench", "reports"):
        shutil.copytree(
            ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copytree(ADDED, folder, dirs_exist_ok=True)
    return folder


def python(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in the copy, which comes before the installed project."""
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def lists(copy: Path) -> dict[str, list[str]]:
    """What the copy finds, kind by kind."""
    done = python(copy, "-c", LISTS)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("backends", "twin"),
        ("models", "flat"),
        ("losses", "absolute"),
        ("ops", "cube"),
        ("methods", "cube"),
        ("kinked", "hinge"),
        ("switched", "a mode that switches hinge (no margin)"),
        ("metrics", "worst"),
        ("readers", "still"),
        ("steps", "nudge"),
        ("protocols", "still"),
        ("recipes", "flat-quick"),
        ("recipes", "flat-twice"),
        ("tasks", "echo"),
        ("rungs", "twice"),
        ("sections", "Remark"),
    ],
)
def test_a_file_is_all_it_takes_to_be_found(
    lists: dict[str, list[str]], kind: str, name: str
) -> None:
    assert name in lists[kind]


def test_a_section_stands_after_its_neighbour(lists: dict[str, list[str]]) -> None:
    order = lists["sections"]
    assert order.index("Remark") == order.index("Verdict") + 1


@pytest.fixture(scope="module")
def records(copy: Path) -> Records:
    """A run of the new model, backend, data, loss, metric, rung and task together."""
    asked = [
        "bench",
        "run",
        "--backend",
        "twin",
        "--model",
        "flat",
        "--data",
        "still",
        "--json",
    ]
    settings = (
        "share=0.05",
        "tasks=[baselines, parity, train, evaluate, echo, shape_ops]",
    )
    exam = ("ops=[cube]", "parity.steps=2", "small=1", "threads=1")
    given = [part for setting in (*settings, *exam) for part in ("--set", setting)]
    done = python(copy, "-m", *asked, *given)
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    document = json.loads(done.stdout)
    assert "Remark" in Path(copy / document["report"]).read_text(encoding="utf-8")
    return {(one["task"], one["model"]): one for one in document["records"]}


def test_all_of_them_run_together(
    records: Records,
) -> None:
    assert {status["status"] for status in records.values()} == {"ok"}
    assert ("echo", "") in records, "the new task is part of a usual run"


def test_the_new_metric_is_measured(records: Records) -> None:
    scores = records["evaluate", "flat"]["payload"]["metrics"]
    assert "WORST" in [score["name"] for score in scores]


def test_the_new_rung_is_climbed(records: Records) -> None:
    checks = records["parity", "flat"]["payload"]["checks"]
    assert "twice" in [check["kind"] for check in checks]


def test_the_new_op_is_examined(records: Records) -> None:
    rows = records["shape_ops", ""]["payload"]["rows"]
    assert {row["op"] for row in rows} == {"cube"} and len(rows) > 3


def test_the_files_model_is_trained_as_its_file_says(
    records: Records,
) -> None:
    payload = records["train", "flat"]["payload"]
    assert payload["steps"] == 20, "a twentieth of the 400 that its file gives `tiny`"
    assert payload["protocol"] == "still"
