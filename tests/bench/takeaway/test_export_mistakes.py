"""What is asked wrongly of export: one line, an exit code, and nothing written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backends
from bench.__main__ import main
from bench.takeaway import export, placing
from bench.takeaway.export import Order
from models.errors import BadInput
from tests.bench.takeaway.exports import FORMATS, Said, arguments, owner_of, trained

# what is asked otherwise than in a good order -> what the one line must say of it
MISTAKES: list[tuple[dict[str, str], list[str]]] = [
    (
        {"--to": "onxx"},
        [
            "unknown export format 'onxx': did you mean onnx?",
            "known: keras, onnx, savedmodel, torch",
        ],
    ),
    (
        {"--model": "simple_baselin"},
        ["unknown model 'simple_baselin': did you mean simple_baseline?"],
    ),
    (
        {"--preset": "smal"},
        ["unknown preset of simple_baseline 'smal': did you mean small?"],
    ),
    (
        {"--graph": "infre"},
        ["unknown graph 'infre': did you mean infer?", "known: infer, train"],
    ),
    (
        {"--size": "widht=8"},
        ["unknown size of simple_baseline 'widht': did you mean width?"],
    ),
    (
        {"--size": "width"},
        ["--size width: key=value was due, for example --size width=128"],
    ),
    (
        {"--size": "width=[1"},
        ["--size width=[1: key=value was due"],
    ),
    # a word where the model wants a number: the model's own error, in the command's terms
    (
        {"--size": "width=abc"},
        [
            "--size width='abc': not a size of simple_baseline",
            "see python -m bench models simple_baseline",
        ],
    ),
    (
        {"--out": "model"},
        ["a file of format onnx ends in .onnx; pass --out model.onnx"],
    ),
    (
        {"--out": "absent/model.onnx"},
        ["there is no folder absent to write to; make it first"],
    ),
    # taken.onnx is a folder with a file in it
    (
        {"--out": "taken.onnx"},
        ["taken.onnx: onnx would cover what is there; remove it or pass another --out"],
    ),
    (
        {"--to": "savedmodel", "--out": "taken.onnx"},
        ["taken.onnx: savedmodel would cover what is there"],
    ),
    (
        {"--to": "savedmodel", "--out": "file.txt"},
        ["file.txt: savedmodel would cover what is there"],
    ),
    (
        {"--to": "torch", "--out": "a.pt2", "--opset": "18"},
        ["--opset is not an option of torch, which takes none; leave it out"],
    ),
    # these two never reach export: the command line knows their types
    (
        {"--opset": "x"},
        ["--opset", "integer", "See: python -m bench export --help"],
    ),
    (
        {"--seed": "-1"},
        ["--seed", "See: python -m bench export --help"],
    ),
    (
        {"--weights": "absent.safetensors"},
        ["absent.safetensors: no checkpoint there; train the model first"],
    ),
    (
        {"--weights": "file.txt"},
        ["file.txt: not a checkpoint of PosePort"],
    ),
]


@pytest.mark.parametrize(("change", "parts"), MISTAKES)
def test_a_mistake_is_one_line_exit_2_and_nothing_is_written(
    change: dict[str, str],
    parts: list[str],
    tmp_path: Path,
    capsys: Said,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # paths in messages are as they were given, so that they can be told word for word
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
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    assert all(part in said.err for part in parts), said.err
    there = {path.name for path in tmp_path.rglob("*")}
    assert there == {"taken.onnx", "notes.txt", "file.txt"}


@pytest.mark.parametrize("opset", [17, 99])
def test_an_opset_that_does_not_exist_is_answered_by_the_list(
    opset: int, tmp_path: Path, capsys: Said
) -> None:
    owner_of("onnx")
    out = tmp_path / "model.onnx"
    assert main(arguments("simple_baseline", "onnx", out, "--opset", str(opset))) == 2
    said = capsys.readouterr()
    assert said.out == ""
    due = f"ONNX opset {opset} does not exist here; choose one of 18, 19, "
    assert said.err.startswith(due)
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


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
    out = tmp_path / "model.onnx"
    assert main(arguments("simple_baseline", "onnx", out, "--weights", str(file))) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        f"{file}: the checkpoint does not fit, 6 differences: w1.weight is missing; w1.bias"
        " is missing; "
    )
    assert (
        "extra.one is not in the model; extra.two is not in the model; give the --preset"
        " and --size"
    ) in said
    assert "has shape" not in said, "five differences, and this is the sixth"
    assert [path.name for path in tmp_path.iterdir()] == ["best.safetensors"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_format_whose_framework_is_absent_names_its_extra(
    format: str, tmp_path: Path, capsys: Said
) -> None:
    owner, about = backends.exporter(format)
    if owner in backends.installed():
        pytest.skip(f"{owner} is here")
    out = tmp_path / f"model{about.suffix}"
    assert main(arguments("simple_baseline", format, out)) == 3
    assert f'pip install -e ".[{owner}]" -c constraints.txt' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_export_refuses_by_exception_in_python_too(tmp_path: Path) -> None:
    # the command line has no such option; a caller may misspell one
    order = Order(
        "simple_baseline",
        "onnx",
        str(tmp_path / "a.onnx"),
        preset="small",
        options={"opsett": 18},
    )
    due = "--opsett is not an option of onnx, which takes opset; leave it out"
    with pytest.raises(BadInput, match=due):
        export.export(order)


def test_what_lies_beside_the_file_and_is_no_exports_is_not_covered(
    tmp_path: Path,
) -> None:
    draft, out = tmp_path / "draft", tmp_path / "x" / "b.m"
    draft.mkdir()
    out.parent.mkdir()
    for name in ("b.m", "b.m.data", "victim.txt"):
        (draft / name).write_text("new")
    (out.parent / "b.m.data").write_text("of an earlier export")
    victim = out.parent / "victim.txt"
    victim.write_text("mine")
    with pytest.raises(BadInput, match="would cover what is there"):
        placing.move(draft, out)
    assert victim.read_text() == "mine" and not out.exists(), "nothing was moved"
    victim.unlink()
    assert set(placing.move(draft, out)) == {"b.m", "b.m.data", "victim.txt"}
    assert (out.parent / "b.m.data").read_text() == "new"
