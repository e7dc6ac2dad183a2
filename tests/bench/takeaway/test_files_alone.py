"""Models leave as files: each is read by its framework alone, at any batch and length."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import backends
import models
from backends.base import Arrays, Backend, Portable, Settings
from backends.numpy.backend import NumpyBackend
from bench.__main__ import main
from bench.processes.machine import ROOT
from bench.takeaway import export, placing
from bench.takeaway.export import Order
from models import dims
from models.lengths import bounds
from tests.asserts import assert_close
from tests.bench.takeaway.exports import (
    FORMATS,
    Said,
    arguments,
    infer,
    owner_of,
    trained,
)
from tests.zoo import lengths, tiny

# Models that leave the length open: what is exported must run at any that they take.
LENGTHS = {name: lengths(name) for name in models.names() if len(lengths(name)) > 1}
SURFACES = [
    name for name in models.names() if tiny(name).meshed or tiny(name).reads == "images"
]
SHAPES = {  # (batch, frames)
    name: [(1, frames[0]), (3, frames[0]), *((17, length) for length in frames)]
    for name, frames in LENGTHS.items()
}
# one frame, or the receptive field, alone and in company: what tracing gets wrong
for name, pairs in SHAPES.items():
    known = {"batch": 1, "frames": tiny(name).frames}
    least, most = bounds(tiny(name).infer, "frames", known)
    pairs += [(1, least), (2, least), (5, least + 1), (1, most or 3 * least)]

# how a user of the framework alone reads a file called `model...` and calls it on an array
READERS = {
    "onnx": """
import onnxruntime
session = onnxruntime.InferenceSession('model.onnx', providers=['CPUExecutionProvider'])
about = session.get_modelmeta().custom_metadata_map['poseport']
def call(x): return session.run(['pose'], {'keypoints': x})[0]
""",
    "torch": """
import torch
extra = {'poseport.json': ''}
module = torch.export.load('model.pt2', extra_files=extra).module()
about = extra['poseport.json']
def call(x): return module(torch.from_numpy(x)).detach().numpy()
""",
    "savedmodel": """
import tensorflow
native = tensorflow.saved_model.load('model')
about = open('model/assets.extra/poseport.json').read()
def call(x): return native.serve(x).numpy()
""",
    # the one format that needs the project: its config holds the spec
    "keras": f"""
sys.path.append({str(ROOT)!r})
import backends.tensorflow.program, keras
model = keras.saving.load_model('model.keras')
about = model.about
def call(x): return model(x).numpy()
""",
}
SCRIPT = """
open('about.json', 'w').write(about)
given = numpy.load('given.npz')
numpy.savez('poses.npz', **{name: call(given[name]) for name in given})
print(sorted({'models', 'backends', 'bench'} & sys.modules.keys()))
"""


def read_alone(format: str, folder: Path, given: Arrays) -> tuple[Arrays, str]:
    """What the file gives in a fresh interpreter without the project.

    And which of our packages that interpreter has loaded.
    """
    np.savez(folder / "given.npz", **given)
    # the checkout may be on the path of these tests
    outside = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    script = f"import sys, numpy\n{READERS[format]}{SCRIPT}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=outside,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return dict(np.load(folder / "poses.npz")), done.stdout.splitlines()[-1]


def oracle(model: str, weights: Arrays, keypoints: np.ndarray) -> np.ndarray:
    """The pose in float64, from the graph that the file was made of."""
    graph = infer(model)
    program = NumpyBackend().program(graph, Settings(precision="fp64"))
    program.load({name: weights[name] for name in graph.params})
    return program({"keypoints": keypoints})["pose"]


@pytest.mark.parametrize("model", LENGTHS)
@pytest.mark.parametrize("format", FORMATS)
def test_a_file_is_read_by_its_framework_alone_at_any_batch_and_length(
    format: str, model: str, tmp_path: Path, capsys: Said
) -> None:
    _, about = owner_of(format)
    checkpoint = tmp_path / "best.safetensors"
    weights = trained(checkpoint, model)
    out = tmp_path / f"model{about.suffix}"
    asked = arguments(model, format, out, "--weights", str(checkpoint), "--json")
    assert main(asked) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"]
    assert document["error"] <= document["bound"] == 5e-6
    assert list(document["inputs"]) == ["keypoints"]
    assert document["inputs"]["keypoints"].startswith("(batch, frames, 17, ")
    draw = np.random.default_rng(0)
    taken = tiny(model).infer.inputs["keypoints"].shape
    given = {}
    for batch, frames in SHAPES[model]:
        shape = dims.bind(taken, {"batch": batch, "frames": frames})
        given[f"{batch} x {frames}"] = draw.normal(size=shape).astype(np.float32)
    poses, loaded = read_alone(format, tmp_path, given)
    assert loaded == ("['backends', 'models']" if format == "keras" else "[]")
    about = json.loads((tmp_path / "about.json").read_text())
    assert about == document["about"], "the file says what the terminal says"
    assert about["model"] == model and about["preset"] == "tiny"
    assert about["weights"]["random"] is False
    assert about["keypoints"]["standardise"] == document["scaling"]
    for name, keypoints in given.items():
        due = oracle(model, weights, keypoints)
        what = f"{model} as {format}, {name}"
        # a native runtime fuses what the oracle computes one by one
        assert_close(poses[name], due, rtol=2e-5, what=what)


@pytest.mark.parametrize("model", SURFACES)
@pytest.mark.parametrize("format", FORMATS)
def test_models_of_pictures_and_meshes_leave_for_one_sample_and_more(
    format: str, model: str, tmp_path: Path
) -> None:
    """Read back at 1, 2 and 5 before a file is kept: `checking` asks all three."""
    _, about = owner_of(format)
    out = tmp_path / f"model{about.suffix}"
    done = export.export(Order(model, format, str(out), preset="tiny"))
    assert done.ok and done.error is not None and done.error <= done.bound


@pytest.mark.parametrize("format", FORMATS)
def test_a_train_graph_leaves_with_its_loss_and_noise_as_inputs(
    format: str, tmp_path: Path, capsys: Said
) -> None:
    _, about = owner_of(format)
    order = Order(
        "simple_baseline",
        format,
        str(tmp_path / f"model{about.suffix}"),
        graph="train",
        preset="small",
        sizes={"width": 16},
    )
    done = export.export(order)
    assert done.ok
    assert done.error is not None and done.error <= done.bound
    assert set(done.outputs) == {"pose", "loss"}
    assert {"keypoints", "target"} < set(done.inputs)
    noise = set(done.inputs) - {"keypoints", "target"}
    assert noise
    assert all(done.inputs[name] == "(batch, 16) float32" for name in noise)


def test_large_weights_lie_beside_an_onnx_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner_of("onnx")
    # an ONNX file ends at 2 GB, which no test should write
    monkeypatch.setattr("backends.onnx.program.LARGE", 1000)
    draft = tmp_path / "draft"
    draft.mkdir()
    order = Order(
        "motionbert",
        "onnx",
        str(draft / "model.onnx"),
        preset="tiny",
    )
    assert export.write("onnx", order) is not None
    files = placing.move(draft, tmp_path / "model.onnx")
    assert set(files) == {"model.onnx", "model.onnx.data"}
    assert list(draft.iterdir()) == []
    assert files["model.onnx"] < 10 * files["model.onnx.data"]
    # read where they were moved to: the one names the other by its file name alone
    poses, _ = read_alone("onnx", tmp_path, {"x": np.zeros((2, 9, 17, 3), np.float32)})
    assert poses["x"].shape == (2, 9, 17, 3)


def test_the_opset_asked_for_is_written(tmp_path: Path) -> None:
    owner_of("onnx")
    import onnx

    out = tmp_path / "model.onnx"
    assert main(arguments("simple_baseline", "onnx", out, "--opset", "18")) == 0
    assert [one.version for one in onnx.load(out).opset_import] == [18]


def test_programs_leave_as_what_their_manifest_says(backend: Backend) -> None:
    formats = getattr(backends._manifest(backend.name), "EXPORTS", {})
    program = backend.program(infer("simple_baseline"), Settings())
    assert isinstance(program, Portable) == bool(formats)
    for format, about in formats.items():
        assert backends.exporter(format) == (backend.name, about)
        assert format in READERS


def test_a_reader_for_every_format() -> None:
    assert set(READERS) == set(FORMATS)
