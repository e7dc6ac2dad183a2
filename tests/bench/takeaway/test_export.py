"""Models leave as files: each is read by its framework alone at any length, and nothing
half-written or wrong is ever left behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
import models
from backends.base import Arrays, Backend, Format, Portable, Settings
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from bench.__main__ import main
from bench.processes.machine import ROOT
from bench.takeaway import export
from bench.takeaway.export import Order
from bench.training import checkpoint
from models import params
from models.errors import BadInput, PosePortError
from models.graph import Graph
from tests.asserts import assert_close

Said = pytest.CaptureFixture[str]
FORMATS = [
    name
    for backend in backends.names()
    for name in getattr(backends._manifest(backend), "EXPORTS", {})
]
SIZES: dict[str, dict[str, Any]] = {
    "motionbert": {"width": 16, "representation": 16, "depth": 1, "mlp_ratio": 1},
    "simple_baseline": {"width": 16, "stages": 1},
    "videopose3d": {"width": 16},
}
# videopose3d's 27 is one output frame
LENGTHS = {"motionbert": (9, 5, 27), "videopose3d": (30, 27, 41)}
SHAPES = {
    name: [(1, frames[0]), (3, frames[0]), *((17, length) for length in frames)]
    for name, frames in LENGTHS.items()
}
CHANNELS = {"motionbert": 3, "videopose3d": 2}

# how a user of the framework alone reads a file called `model...` and calls it on an array
READERS = {
    "onnx": (
        "import onnxruntime\nsession = onnxruntime.InferenceSession('model.onnx',"
        " providers=['CPUExecutionProvider'])\ndef call(x): return session.run(['pose'],"
        " {'keypoints': x})[0]\n"
    ),
    "torch": (
        "import torch\nmodule = torch.export.load('model.pt2').module()\ndef call(x):"
        " return module(torch.from_numpy(x)).detach().numpy()\n"
    ),
    "savedmodel": (
        "import tensorflow\nnative = tensorflow.saved_model.load('model')\ndef call(x):"
        " return native.serve(x).numpy()\n"
    ),
    # the one format that needs the project: its config holds the spec
    "keras": (
        f"sys.path.append({str(ROOT)!r})\nimport backends.tensorflow.program, keras\nmodel"
        " = keras.saving.load_model('model.keras')\ndef call(x): return model(x).numpy()\n"
    ),
}
SCRIPT = """
given = numpy.load('given.npz')
numpy.savez('poses.npz', **{name: call(given[name]) for name in given})
print(sorted({'models', 'backends', 'bench'} & sys.modules.keys()))
"""


def owner_of(format: str) -> tuple[str, Format]:
    """The backend of a format; the test is skipped where its framework is not here."""
    owner, about = backends.exporter(format)
    if owner not in backends.installed():
        pytest.skip(f"{format} is written by {owner}, which is not installed")
    return owner, about


def arguments(model: str, format: str, out: Path, *more: str) -> list[str]:
    sizes = [
        part for key, value in SIZES[model].items() for part in ("--size", f"{key}={value}")
    ]
    return [
        "export",
        "--model",
        model,
        "--preset",
        "small",
        *sizes,
        "--to",
        format,
        "--out",
        str(out),
        *more,
    ]


def read_alone(format: str, folder: Path, given: Arrays) -> tuple[Arrays, str]:
    """What the file gives in a fresh interpreter without the project, and which of our
    packages it has loaded.
    """
    np.savez(folder / "given.npz", **given)
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


def oracle(graph: Graph, weights: Arrays, keypoints: np.ndarray) -> np.ndarray:
    program = NumpyBackend().program(graph, Settings(precision="fp64"))
    program.load({name: weights[name] for name in graph.params})
    return program({"keypoints": keypoints})["pose"]


def infer(model: str) -> Graph:
    return models.build(model, preset="small", **SIZES[model]).infer


def trained(path: Path, model: str, **changed: np.ndarray | None) -> dict[str, np.ndarray]:
    """The weights of a checkpoint as training leaves it; `changed` arrays replace its own,
    None drops them.
    """
    graph = models.build(model, preset="small", **SIZES[model]).train
    arrays = {**params.draw(graph.params, seed=9), **changed}
    kept = {name: array for name, array in arrays.items() if array is not None}
    scaling = {
        "mean": np.full((16, 2), 0.5, np.float32),
        "std": np.full((16, 2), 2.0, np.float32),
    }
    checkpoint.save(path, checkpoint.Checkpoint(kept, {}, scaling, {"step": 3}))
    return kept


@pytest.mark.parametrize("model", LENGTHS)
@pytest.mark.parametrize("format", FORMATS)
def test_a_file_is_read_by_its_framework_alone_at_any_batch_and_length(
    format: str, model: str, tmp_path: Path, capsys: Said
) -> None:
    _, about = owner_of(format)
    weights = trained(tmp_path / "best.safetensors", model)
    out = tmp_path / f"model{about.suffix}"
    assert (
        main(
            arguments(
                model,
                format,
                out,
                "--weights",
                str(tmp_path / "best.safetensors"),
                "--json",
            )
        )
        == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] and document["error"] <= document["bound"] == 5e-6
    assert list(document["inputs"]) == ["keypoints"] and document["inputs"][
        "keypoints"
    ].startswith("(batch, frames, 17, ")
    draw = np.random.default_rng(0)
    given = {
        f"{b} x {t}": draw.normal(size=(b, t, 17, CHANNELS[model])).astype(np.float32)
        for b, t in SHAPES[model]
    }
    poses, loaded = read_alone(format, tmp_path, given)
    assert loaded == ("['backends', 'models']" if format == "keras" else "[]")
    for name, keypoints in given.items():
        assert_close(
            poses[name],
            oracle(infer(model), weights, keypoints),
            rtol=2e-5,
            what=f"{model} as {format}, {name}",
        )


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
    assert done.ok and done.error is not None and done.error <= done.bound
    assert {"keypoints", "target"} < set(done.inputs) and set(done.outputs) == {
        "pose",
        "loss",
    }
    noise = set(done.inputs) - {"keypoints", "target"}
    assert noise and all(done.inputs[name] == "(batch, 16) float32" for name in noise)


def test_large_weights_lie_beside_an_onnx_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner_of("onnx")
    monkeypatch.setattr("backends.onnx.program.LARGE", 1000)
    draft = tmp_path / "draft"
    draft.mkdir()
    order = Order(
        "motionbert",
        "onnx",
        str(draft / "model.onnx"),
        preset="small",
        sizes=SIZES["motionbert"],
    )
    assert export.write("onnx", order) is not None
    files = export._place(draft, tmp_path / "model.onnx")
    assert set(files) == {"model.onnx", "model.onnx.data"} and list(draft.iterdir()) == []
    assert files["model.onnx"] < 10 * files["model.onnx.data"]
    poses, _ = read_alone("onnx", tmp_path, {"x": np.zeros((2, 9, 17, 3), np.float32)})
    assert poses["x"].shape == (2, 9, 17, 3)


@pytest.mark.parametrize("opset", [17, 99])
def test_an_opset_that_does_not_exist_is_answered_by_the_list(
    opset: int, tmp_path: Path, capsys: Said
) -> None:
    owner_of("onnx")
    assert (
        main(
            arguments(
                "simple_baseline", "onnx", tmp_path / "model.onnx", "--opset", str(opset)
            )
        )
        == 2
    )
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith(
        f"ONNX opset {opset} does not exist here; choose one of 18, 19, "
    )
    assert said.err.count("\n") == 1 and list(tmp_path.iterdir()) == []


def test_the_opset_asked_for_is_written(tmp_path: Path) -> None:
    owner_of("onnx")
    import onnx

    assert (
        main(arguments("simple_baseline", "onnx", tmp_path / "model.onnx", "--opset", "18"))
        == 0
    )
    assert [one.version for one in onnx.load(tmp_path / "model.onnx").opset_import] == [18]


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (
            {"--to": "onxx"},
            (
                "unknown export format 'onxx': did you mean onnx?",
                "known: keras, onnx, savedmodel, torch",
            ),
        ),
        (
            {"--model": "simple_baselin"},
            ("unknown model 'simple_baselin': did you mean simple_baseline?",),
        ),
        (
            {"--preset": "smal"},
            ("unknown preset of simple_baseline 'smal': did you mean small?",),
        ),
        (
            {"--graph": "infre"},
            ("unknown graph 'infre': did you mean infer?", "known: infer, train"),
        ),
        (
            {"--size": "widht=8"},
            ("unknown size of simple_baseline 'widht': did you mean width?",),
        ),
        (
            {"--size": "width"},
            ("--size width: key=value was due, for example --size width=128",),
        ),
        ({"--size": "width=[1"}, ("--size width=[1: key=value was due",)),
        (
            {"--size": "width=abc"},
            (
                "--size width='abc': not a size of simple_baseline",
                "see python -m bench models simple_baseline",
            ),
        ),
        (
            {"--out": "model"},
            ("a file of format onnx ends in .onnx; pass --out model.onnx",),
        ),
        (
            {"--out": "absent/model.onnx"},
            ("there is no folder absent to write to; make it first",),
        ),
        (
            {"--out": "taken.onnx"},
            (
                (
                    "taken.onnx: onnx would cover what is there; remove it or pass another"
                    " --out"
                ),
            ),
        ),
        (
            {"--to": "savedmodel", "--out": "taken.onnx"},
            ("taken.onnx: savedmodel would cover what is there",),
        ),
        (
            {"--to": "savedmodel", "--out": "file.txt"},
            ("file.txt: savedmodel would cover what is there",),
        ),
        (
            {"--to": "torch", "--out": "a.pt2", "--opset": "18"},
            ("--opset is not an option of torch, which takes none; leave it out",),
        ),
        ({"--opset": "x"}, ("--opset", "integer", "See: python -m bench export --help")),
        ({"--seed": "-1"}, ("--seed", "See: python -m bench export --help")),
        (
            {"--weights": "absent.safetensors"},
            ("absent.safetensors: no checkpoint there; train the model first",),
        ),
        ({"--weights": "file.txt"}, ("file.txt: not a checkpoint of PosePort",)),
    ],
)
def test_a_mistake_is_one_line_exit_2_and_nothing_is_written(
    change: dict[str, str],
    parts: tuple[str, ...],
    tmp_path: Path,
    capsys: Said,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.onnx").mkdir()
    (tmp_path / "taken.onnx" / "notes.txt").write_text("mine")
    (tmp_path / "file.txt").write_text("mine")
    given = {
        "--model": "simple_baseline",
        "--preset": "small",
        "--to": "onnx",
        "--out": "model.onnx",
        **change,
    }
    assert main(["export", *(part for pair in given.items() for part in pair)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1, said.err
    assert all(part in said.err for part in parts), said.err
    assert {path.name for path in tmp_path.rglob("*")} == {
        "taken.onnx",
        "notes.txt",
        "file.txt",
    }


def test_weights_that_do_not_fit_are_told_by_their_first_five_differences(
    tmp_path: Path, capsys: Said
) -> None:
    wrong = {
        "w1.weight": None,
        "w1.bias": None,
        "w2.weight": np.zeros((3, 3), np.float32),
        "w2.bias": None,
    }
    stray = {"extra.one": np.zeros(1, np.float32), "extra.two": np.zeros(2, np.float32)}
    file = tmp_path / "best.safetensors"
    trained(file, "simple_baseline", **wrong, **stray)
    assert (
        main(
            arguments(
                "simple_baseline", "onnx", tmp_path / "model.onnx", "--weights", str(file)
            )
        )
        == 2
    )
    said = capsys.readouterr().err
    assert said.startswith(
        f"{file}: the checkpoint does not fit, 6 differences: w1.weight is missing; w1.bias"
        " is missing; "
    )
    assert (
        "extra.one is not in the model; extra.two is not in the model; give the --preset"
        " and --size" in said
    )
    assert "has shape" not in said, "five differences, and this is the sixth"
    assert [path.name for path in tmp_path.iterdir()] == ["best.safetensors"]


class Bent(NumpyProgram, Portable):
    """Writes a file, and what it reads from it is off by `amount`."""

    amount = 0.0

    def export(self, path: Path, format: str, *, sample: Arrays) -> None:
        path.write_text("a model")

    def reopen(self, path: Path, format: str) -> Any:
        assert path.read_text() == "a model"
        return lambda arrays: {
            name: value + self.amount for name, value in self(arrays).items()
        }


class BentBackend(NumpyBackend):
    def program(self, graph: Graph, settings: Settings) -> Bent:
        return Bent(graph, Settings(precision="fp32"))


def register(monkeypatch: pytest.MonkeyPatch, **manifest: Any) -> None:
    """A backend `bent` of an outside package, which writes .bent files, here in this
    process.
    """
    module = types.ModuleType("bent_backend")
    module.__dict__.update(
        {
            "REQUIRES": (),
            "EXTRA": "bent",
            "EXPORTS": {"bent": Format(".bent")},
            "load": BentBackend,
            **manifest,
        }
    )
    monkeypatch.setitem(sys.modules, "bent_backend", module)
    monkeypatch.setattr(
        backends,
        "_outside",
        lambda: {"bent": EntryPoint("bent", "bent_backend", "poseport.backends")},
    )
    monkeypatch.setattr(
        "bench.processes.question.ask", lambda name, given: export.examine(given)
    )


@pytest.mark.parametrize("amount", [0.0, 1e-3, np.nan])
def test_a_file_that_reads_back_otherwise_is_thrown_away(
    amount: float, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch)
    monkeypatch.setattr(Bent, "amount", amount)
    out = tmp_path / "model.bent"
    out.write_text("the old one")
    assert main(arguments("simple_baseline", "bent", out)) == (1 if amount else 0)
    said = capsys.readouterr().out
    assert out.read_text() == ("the old one" if amount else "a model") and [
        path.name for path in tmp_path.iterdir()
    ] == ["model.bent"]
    assert ("nothing written: what bent read back is off by " in said) == bool(amount)
    assert main(arguments("simple_baseline", "bent", out, "--json")) == (1 if amount else 0)
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] == (not amount) and set(document["files"]) == (
        set() if amount else {"model.bent"}
    )
    assert (
        document["error"] is None
        if np.isnan(amount)
        else document["error"] == pytest.approx(amount, rel=20)
    )


def test_people_read_what_was_written_and_how_its_inputs_are_scaled(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch)
    trained(tmp_path / "best.safetensors", "simple_baseline")
    given = arguments(
        "simple_baseline",
        "bent",
        tmp_path / "model.bent",
        "--weights",
        str(tmp_path / "best.safetensors"),
    )
    assert main(given) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[0]
        == f"{tmp_path / 'model.bent'}: infer graph of simple_baseline, 7 bytes in 1 files"
    )
    assert lines[1:3] == [
        "  input keypoints (batch, 32) float32",
        "  output pose (batch, 48) float32",
    ]
    assert (
        lines[3].startswith("  read back by bent: off by 0.0e+00, 5e-06 allowed")
        and "standardised first" in lines[4]
    )
    assert main([*given, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scaling"] == {
        "mean": [[0.5, 0.5]] * 16,
        "std": [[2.0, 2.0]] * 16,
    }


def test_a_framework_that_breaks_down_leaves_nothing(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(self: Bent, path: Path, format: str, *, sample: Arrays) -> None:
        path.write_text("half a mo")
        raise RuntimeError("out of\ndisk")

    register(monkeypatch)
    monkeypatch.setattr(Bent, "export", half)
    assert main(arguments("simple_baseline", "bent", tmp_path / "model.bent")) == 1
    assert capsys.readouterr().err == "bent cannot write it: RuntimeError: out of disk\n"
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_dies_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(name: str, given: list[str]) -> None:
        Path(json.loads(given[1])["out"]).write_text("half a mo")
        raise PosePortError("the process ended with exit code -9")

    register(monkeypatch)
    monkeypatch.setattr("bench.processes.question.ask", die)
    with pytest.raises(PosePortError, match="exit code -9"):
        export.export(
            Order("simple_baseline", "bent", str(tmp_path / "model.bent"), preset="small")
        )
    assert list(tmp_path.iterdir()) == []


def test_a_missing_framework_is_exit_3_with_the_extra_to_install(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, REQUIRES=("no_such_framework",))
    assert main(arguments("simple_baseline", "bent", tmp_path / "model.bent")) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert (
        said.err
        == "backend bent needs no_such_framework, not installed here: pip install -e"
        ' ".[bent]" -c constraints.txt\n'
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS)
def test_a_format_whose_framework_is_absent_names_its_extra(
    format: str, tmp_path: Path, capsys: Said
) -> None:
    owner, about = backends.exporter(format)
    if owner in backends.installed():
        pytest.skip(f"{owner} is here")
    assert (
        main(arguments("simple_baseline", format, tmp_path / f"model{about.suffix}")) == 3
    )
    assert f'pip install -e ".[{owner}]" -c constraints.txt' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_programs_leave_as_what_their_manifest_says(backend: Backend) -> None:
    formats = getattr(backends._manifest(backend.name), "EXPORTS", {})
    assert isinstance(
        backend.program(infer("simple_baseline"), Settings()), Portable
    ) == bool(formats)
    for format, about in formats.items():
        assert backends.exporter(format) == (backend.name, about) and format in READERS


def test_a_reader_for_every_format() -> None:
    assert set(READERS) == set(FORMATS)


def test_export_refuses_by_exception_in_python_too(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match="--opsett is not an option of onnx, which takes opset; leave it out"
    ):
        export.export(
            Order(
                "simple_baseline",
                "onnx",
                str(tmp_path / "a.onnx"),
                preset="small",
                options={"opsett": 18},
            )
        )
