"""The page "from checkpoint to production" keeps its word, in an interpreter without the project.

Its scripts are taken off the page, run where PosePort cannot be imported, and held against what
`predict` says of the same keypoints.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from bench import data
from bench.__main__ import main
from bench.data.geometry.cameras import to_screen
from bench.data.pictures import crops, files
from bench.data.pictures.box import Views
from tests.bench.takeaway.exports import Said, owner_of
from tests.paths import ROOT

PAGE = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
SCRIPTS = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, flags=re.DOTALL))
FILES = {"torch": "lifter.pt2", "onnx": "lifter.onnx", "savedmodel": "lifter"}
# of one frame, of a frame in its context, and of all frames with confidences
MODELS = ("simple_baseline", "videopose3d", "motionbert")
OWN = ("models", "backends", "bench", "reports")
# An editable installation puts a finder of its own before the path: this one comes before it.
ALONE = f"""
import runpy, sys
sys.path.insert(0, '')

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {OWN}:
            raise ModuleNotFoundError(f'no {{name}} here')

sys.meta_path.insert(0, Absent())
for name in {OWN}:
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    sys.exit(f'{{name}} is here')
runpy.run_path(sys.argv[1], run_name='__main__')
"""


def alone(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a file of the folder in an interpreter that has the framework and not the project."""
    outside = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-c", ALONE, script],
        cwd=folder,
        env=outside,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """By backend, a run folder with each of the models.

    They are trained until poses have the size of a person.
    """

    @cache
    def run(backend: str) -> Path:
        out = tmp_path_factory.mktemp("runs")
        command = ["run", "--backend", backend, "--set", "tasks=[train]"]
        for model in MODELS:
            settings = "{steps: 60, batch: 32, validation_windows: 8}"
            command += ["--model", model, "--set", f"model.{model}.train={settings}"]
        assert main([*command, "--set", "small=0.1", "--out", str(out)]) == 0
        (folder,) = out.iterdir()
        return folder

    return run


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    """Pixels of a clip that is longer than a window and no multiple of one: (40, 17, 2)."""
    filmed = data.load("synthetic").test[0]
    seen = to_screen(filmed.keypoints, width=1000, height=1000)
    # the same place on the screen of a picture of 1920 x 1080
    pixels = (seen + [1, 1080 / 1920]) * (1920 / 2)
    return pixels[:40].astype(np.float32)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("format", FILES)
def test_pixels_in_millimetres_out_as_predict_says(
    format: str,
    model: str,
    runs: Callable[[str], Path],
    clip: np.ndarray,
    tmp_path: Path,
    capsys: Said,
) -> None:
    # by its own backend: another framework's float32 sums differ in their last digits
    backend, _ = owner_of(format)
    run = runs(backend)
    np.save(tmp_path / "walk.npy", clip)
    source = f"keypoints:{tmp_path / 'walk.npy'}@1920x1080@h36m17"
    lifted = tmp_path / "poses.safetensors"
    asked = ["predict", str(run), "--model", model, "--data", source]
    assert main([*asked, "--to", str(lifted)]) == 0
    (due,) = load_file(lifted).values()
    weights = run / "checkpoints" / f"{backend}-{model}.safetensors"
    asked = ["export", "--model", model, "--preset", "tiny", "--size", "joints=17"]
    asked += ["--weights", str(weights), "--with-preprocessing"]
    out = str(tmp_path / FILES[format])
    assert main([*asked, "--to", format, "--out", out]) == 0
    assert "random" not in capsys.readouterr().out
    for name, text in SCRIPTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = alone(f"with_{format}.py", tmp_path)
    assert done.returncode == 0, done.stderr
    came = np.load(tmp_path / "poses.npy")
    assert came.shape == due.shape == (40, 17, 3)
    assert 100 < np.abs(due).max() < 2000, "a person's size, or equal means nothing"
    assert np.abs(came - due).max() < 1e-3  # mm


def test_there_is_a_script_for_each_framework() -> None:
    assert set(SCRIPTS) == {
        "lift.py",
        "pictures.py",
        *(f"with_{format}.py" for format in FILES),
    }


def test_the_project_is_out_of_reach_there(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("import bench")
    done = alone("x.py", tmp_path)
    assert done.returncode == 1
    assert "no bench here" in done.stderr


def test_the_pages_crops_are_those_that_a_model_is_given(tmp_path: Path) -> None:
    page: dict[str, Any] = {}
    exec(SCRIPTS["pictures.py"], page)
    noise = np.random.default_rng(0).integers(0, 255, (80, 100, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    # beyond the upper edge, and wider than it is high
    box, lens, root = (20.0, 2.0, 36.0, 24.0), (900.0, 910.0, 50.0, 42.0), 4100.0
    middle = np.array([[38.0, 14.0, 1.25 * 36, 1.25 * 36]])
    due = files.crop(str(tmp_path / "a.png"), middle[0], (32, 32), (100, 80))
    with Image.open(tmp_path / "a.png") as picture:
        given, corner, reach = page["crop"](picture, box, 32)
    np.testing.assert_allclose(given, crops.scaled(due[None]), atol=1e-6)
    views = Views(np.array([lens]), middle, np.array([[10.0, -20.0, root]]))
    made = np.random.default_rng(1).uniform(-0.5, 0.5, (17, 3))
    metres = views.metres(made[None], np.zeros(1, np.int64))[0]
    placed = page["millimetres"](made, corner, reach, lens[:2], lens[2:], root)
    np.testing.assert_allclose(placed, 1000 * metres + [10, -20, root], atol=1e-2)


def test_the_page_on_data_makes_a_body_as_it_stands() -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(.*?human.*?)```", page, flags=re.DOTALL)
    found: dict[str, Any] = {}
    exec(script, found)
    assert found["vertices"].shape == (len(found["poses"]), 1784, 3)
    assert np.isfinite(found["vertices"]).all()
