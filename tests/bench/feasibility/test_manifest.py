"""A manifest says what it says: ops by two names, what nobody knows, and mistakes by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.exam.third_party import mapping
from bench.feasibility import declared, manifest
from bench.feasibility.manifest import Manifest
from models import ops
from models.errors import BadInput

ROOT = Path(__file__).resolve().parents[3]
# each with what its one line says: field and line, and the nearest name or what to do
WRONG = {
    "name: a\nops: [add, mathmul]\n": ":2: ops.1: unknown op 'mathmul': did you mean matmul",
    "name: a\nlacks:\n  erff: no\n": ":3: lacks.erff: unknown op 'erff': did you mean",
    "name: a\nonnx: [Adds]\nopset: 17\n": ":2: onnx.0: unknown ONNX operator 'Adds'",
    "name: a\nopsets: 17\n": ":2: opsets: unknown field 'opsets': did you mean opset",
    "version: '1'\n": ":1: name: it is missing",
    "name: a\nrank: 0\n": (
        ":2: rank: a whole number from 1 on or 'any' or 'unknown' was due, got 0"
    ),
    "name: a\nops: add\n": ":2: ops: a list was due, got 'add'",
    "name: a\nrank: four\n": (
        ":2: rank: a whole number or 'any' or 'unknown' was due, got 'four'"
    ),
    "name: a\nautograd: perhaps\n": ":2: autograd: unknown answer 'perhaps'",
    "name: a\nplatforms: 3\n": ":2: platforms: names and what is said of each or 'unknown' was",
    "name: a\nversion: '  '\n": ":2: version: it is blank; say it, or leave it out",
    "name: a\nops: [add, conv]\nrank: 1\n": ":2: ops.1: conv takes tensors of rank 3, and",
    "name: a\nlacks: {gelu: none}\nsemantics: {gelu: tanh}\n": (
        ":3: semantics.gelu: it is a meaning of gelu, which `lacks` has; say one"
    ),
    "name: a\nops: [sub]\n": ":2: ops.0: unknown op 'sub': did you mean subtract?",
    "name: a\ndevices: [cdua]\n": ":2: devices.0: unknown device 'cdua': did you mean cuda",
    "name: a\ndevices: ['an npu']\n": ":2: devices.0: unknown device 'an npu'",
    "name: a\ndtypes: [float31]\n": ":2: dtypes.0: unknown dtype 'float31': did you mean",
    "name: a\noptimizers: [adamm]\n": ":2: optimizers.0: unknown optimizer 'adamm'",
    "name: ../a\n": ":1: name: letters, digits, _, . and - after a letter",
    "name: a\nops: [add, add]\n": ":2: ops: add comes twice",
    "name: a\nops: [erf]\nlacks:\n  erf: none\n": ":4: lacks.erf: erf stands in `ops`, too",
    "name: a\nonnx: [Erf]\nopset: 9\nlacks: {erf: none}\n": ":4: lacks.erf: `onnx` has Erf",
    "name: a\nonnx: [Gelu]\nopset: 17\n": ":2: onnx.0: Gelu came with opset 20",
    "name: a\nopset: 17\n": ":2: opset: it says nothing without `onnx`",
    "name: a\nsemantics: {gelo: tanh}\n": (
        ":2: semantics: unknown probe 'gelo': did you mean gelu"
    ),
    "name: a\nsemantics: {gelu: tan}\n": (
        ":2: semantics: unknown variant of gelu 'tan': did you mean tanh"
    ),
    "name: a\nwheels:\n  3.11: [any]\n  3.10: [any]\n": (
        ':4: wheels.3.1: 3.1 is what YAML makes of 3.10 without quotes; write "3.10"'
    ),
    "name: a\nwheels:\n  3.111: [any]\n": (
        ":3: wheels.3.111: unknown Python '3.111': did you mean 3.11"
    ),
    "name: a\nwheels:\n  3.11:\n  - any\n  3.12:\n  - lnux-x86_64\n": (
        ":6: wheels.3.12.0: unknown platform 'lnux-x86_64': did you mean linux-x86_64"
    ),
    "name: a\nwheels: {3.11: linux}\n": ":2: wheels.3.11: a list was due, got 'lin",
    "name: a\nwheels: [cp311-linux, cp312]\n": ":2: wheels.1: cp312 is no tag of a wheel",
    "name: a\nwheels:\n  3.11: []\n  cp311: [any]\n": (
        ":4: wheels.cp311: it is 3.11, which is there; say it once"
    ),
    "name: a\nwheels: {3.11: [any, any]}\n": ":2: wheels.3.11: any comes twice",
    "name: a\nwheels: [cp311-any, cp311-any]\n": ":2: wheels: cp311-any comes twice",
    "name: a\nplatforms: {linux: no, macos: yes}\nwheels: {3.11: [musllinux-x86_64]}\n": (
        ":3: wheels.3.11: one for musllinux-x86_64, and `platforms.linux` is no"
    ),
    "name: a\nplatforms: {linux: no, macos: yes}\nwheels: {3.11: [any]}\n": (
        ":3: wheels.3.11: one for any, and `platforms.linux` is no"
    ),
    "name: a\nonnx: [Conv]\nopset: 17\nrank: 2\n": ":2: onnx.0: Conv takes tensors of rank 3",
    "name: a\nversion: ''\n": ":2: version: a text that says something was due",
    f"name: a\nversion: {600 * 'x'}\n": ":2: version: a text of at most 500 characters was",
    "name: a\nwheels: {3.11: [any]}\nplatforms: {linux: no}\n": (
        ":2: wheels: there are some, and every one of `platforms` is no"
    ),
    "name: a\nplatforms: {linux: no, macos: yes}\nwheels: {3.11: [linux-x86_64]}\n": (
        ":3: wheels.3.11: one for linux-x86_64, and `platforms.linux` is no; change one"
    ),
    "name: a\nautograd: yes\ndtypes: [int64]\n": ":2: autograd: yes, and `dtypes` has no float",
}


def written(folder: Path, text: str) -> Path:
    path = folder / "m.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_is_one_line_with_its_field_and_line(
    tmp_path: Path, text: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadInput) as caught:
        manifest.read(path)
    said = str(caught.value)
    assert said.startswith(f"{path}{WRONG[text]}")
    assert "\n" not in said


def test_what_is_left_out_is_unknown(tmp_path: Path) -> None:
    able = declared.of_manifest(
        manifest.read(written(tmp_path, "name: a\nops: [add]\n"))
    )
    assert (able.autograd, able.dynamic, able.second_graph) == ("unknown",) * 3
    assert (able.dtypes, able.optimizers, able.knows_rank) == (None, None, False)
    assert able.state("add") == "yes"
    assert able.state("erf") == "unknown"


def test_an_accelerator_of_its_own_goes_by_its_name() -> None:
    assert Manifest(name="a", devices=("cpu", "npu")).devices == ("cpu", "npu")


def test_others_may_be_said_not_to_be_there() -> None:
    able = declared.of_manifest(Manifest(name="a", ops=("add",), others="no"))
    assert able.state("erf") == "no"


def test_onnx_operators_are_ops_by_their_own_names() -> None:
    found = Manifest(name="a", onnx=("MatMul", "Equal", "Not", "Add"), opset=17)
    assert {"matmul", "equal", "logical_not", "not_equal", "linear"} <= found.kernels()
    # half of what an op is made of is none of it
    assert "not_equal" not in Manifest(name="a", onnx=("Equal",), opset=17).kernels()


def test_the_table_of_operators_names_ops_that_there_are() -> None:
    assert manifest.operators().keys() <= ops.table().keys()


def test_the_operators_of_the_table_are_mapped_by_the_third_party_exam() -> None:
    known = mapping.table().keys() | mapping.fixed.RULES.keys()
    for op, made in manifest.operators().items():
        assert made and made.keys() <= known, op


def test_the_example_says_of_the_framework_what_was_published() -> None:
    found = manifest.read(ROOT / "examples" / "dtrain.yaml")
    assert found.inference_graph == "no"
    assert (found.autograd, found.rank, found.dtypes) == ("unknown",) * 3


def test_two_manifests_of_one_name_are_refused(tmp_path: Path) -> None:
    first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
    for path in (first, second):
        path.write_text("name: same\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"2.yaml: name: same is that of .*1.yaml, too"):
        declared.named([first, second])


def test_the_name_of_a_backend_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="numpy is that of a backend that is here"):
        declared.named([written(tmp_path, "name: numpy\n")])


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ("{3.11: [linux-x86_64]}", {"3.11": ("linux-x86_64",)}),
        (
            "{cp313t: [win_amd64], '3.9+': [macosx_11_0_universal2]}",
            {"3.9+": ("macos-arm64", "macos-x86_64"), "3.13t": ("windows-x86_64",)},
        ),
        ("[cp39-abi3-manylinux2014_aarch64]", {"3.9+": ("linux-arm64",)}),
        ("[py2.py3-none-any]", {"3": ("any",)}),
        (
            "[cp311-linux_x86_64, cp311-cp311-musllinux_1_2_i686, pp310-win32]",
            {
                "3.11": ("linux-x86_64", "musllinux-x86"),
                "pypy3.10": ("windows-x86",),
            },
        ),
        ("[]", {}),
        ("{3.11: []}\nplatforms: {linux: no}", {"3.11": ()}),
        (
            "{3.11: [manylinux2014_x86_64, manylinux_2_28_x86_64]}",
            {"3.11": ("linux-x86_64",)},
        ),
        (
            "[cp311-manylinux2014_x86_64, cp311-manylinux_2_28_x86_64]",
            {"3.11": ("linux-x86_64",)},
        ),
        ("unknown", None),
    ],
)
def test_wheels_go_by_python_and_platform(
    tmp_path: Path, said: str, due: dict[str, tuple[str, ...]] | None
) -> None:
    path = written(tmp_path, f"name: a\nwheels: {said}\n")
    assert manifest.read(path).built() == due
