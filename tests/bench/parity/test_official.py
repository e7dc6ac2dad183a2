"""Golden vectors: numbers of the authors' own code hold on every backend.

A file that was tampered with is caught.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import models
from backends.base import Backend
from bench.__main__ import main
from bench.parity import official
from bench.parity.official import FLOAT64_BOUND, GRADIENT_BOUND, OUTPUT_BOUND, Check
from bench.processes import hearing, question
from bench.processes.machine import ROOT
from models.errors import BadInput
from tests.paths import GOLDEN, SHARED

FILES = sorted(GOLDEN.glob("*.safetensors"))
VECTORS = SHARED / "vectors"
SMALL = GOLDEN / "linear_1.safetensors"

Said = pytest.CaptureFixture[str]


def files_of(name: str, backend: Backend) -> list[Path]:
    """All files of a class for the oracle, which is held to ten digits; one for a framework.

    A framework's ladder holds it against the oracle at other sizes.
    """
    found = [path for path in FILES if official.read(path).official == name]
    return found if backend.name == "numpy" else found[:1]


@pytest.mark.parametrize("name", models.claimed())
def test_a_class_that_the_zoo_claims_has_a_golden_file(name: str) -> None:
    assert name in {official.read(path).official for path in FILES}


def test_every_golden_file_is_of_a_class_that_the_zoo_claims() -> None:
    assert {official.read(path).official for path in FILES} <= set(models.claimed())


@functools.cache
def checks_of(path: Path, backend: Backend) -> tuple[Check, ...]:
    """Every comparison of a file, made once."""
    return tuple(official.check_file(path, backend))


@pytest.mark.parametrize("name", models.claimed())
def test_official_numbers_hold(name: str, backend: Backend) -> None:
    for path in files_of(name, backend):
        checks = checks_of(path, backend)
        assert [check for check in checks if not check.ok] == []
        # that nothing fails says nothing of a file of which nothing was compared
        kinds = {check.kind for check in checks}
        keys = official.read(path).arrays
        # a file of constants has no network
        network = "train64/loss" in keys
        due = {"output", "loss", "gradient"} if network else {"table"}
        assert kinds >= due, kinds
        # only models with BatchNorm have state
        moved = any(key.startswith("train_after/") for key in keys)
        assert ("state" in kinds) == moved
        named = {(check.kind, check.name) for check in checks}
        assert len(named) == len(checks), "each comparison has its own name"


@pytest.mark.parametrize("name", models.claimed())
def test_nothing_in_a_file_is_left_uncompared(name: str, backend: Backend) -> None:
    for path in files_of(name, backend):
        keys = official.read(path).arrays
        compared = {(check.kind, check.name) for check in checks_of(path, backend)}
        groups = {"output": "eval/", "gradient": "grad/", "state": "train_after/"}
        for kind, group in groups.items():
            for key in keys:
                if key.startswith(group):
                    assert (kind, key.removeprefix(group)) in compared, key
        tables = {key for key in keys if key.startswith(("graph/", "graph64/"))}
        assert {("table", key) for key in tables} <= compared
        # VideoPose3D alone has a second train graph
        strided = [key for key in keys if key.startswith("grad_strided/")]
        for key in strided:
            own = key.removeprefix("grad_strided/") + "_strided"
            assert ("gradient", own) in compared
        assert bool(strided) == (("loss", "loss_strided") in compared)


def test_the_oracle_is_held_to_float64_and_others_to_float32(backend: Backend) -> None:
    # of the train graph's output the files hold float32 only
    bounds = {
        check.kind: check.bound
        for check in checks_of(SMALL, backend)
        if not check.name.startswith("train/")
    }
    exact = backend.name == "numpy"
    assert (
        bounds["output"] == bounds["loss"] == (FLOAT64_BOUND if exact else OUTPUT_BOUND)
    )
    assert bounds["gradient"] == (FLOAT64_BOUND if exact else GRADIENT_BOUND)
    assert (FLOAT64_BOUND, OUTPUT_BOUND, GRADIENT_BOUND) == (1e-10, 2e-5, 2e-4)


@pytest.mark.skipif(
    not VECTORS.is_dir(),
    reason=f"{VECTORS} is not here: no originals to compare the copies with",
)
def test_the_copies_are_the_originals() -> None:
    originals = {path.name: path for path in VECTORS.glob("*.safetensors")}
    copies = [path for path in FILES if path.name in originals]
    assert copies
    for path in copies:
        assert path.read_bytes() == originals[path.name].read_bytes(), path.name


Arrays = dict[str, np.ndarray]
Header = dict[str, str]
Edit = Callable[[Arrays, Header], None]


def doctored(folder: Path, edit: Edit, *, source: Path = SMALL) -> Path:
    """A copy of a golden file after `edit` of its arrays and header."""
    with safe_open(source, framework="numpy") as file:
        header = dict(file.metadata())
        names = list(file.keys())  # the file itself cannot be iterated
        arrays = {name: file.get_tensor(name) for name in names}
    edit(arrays, header)
    path = folder / "doctored.safetensors"
    save_file(arrays, path, metadata=header)
    return path


def nudge(key: str, share: float) -> Edit:
    """Move one number of an array by a share of its largest."""

    def edit(arrays: Arrays, header: Header) -> None:
        array = arrays[key].copy()
        array.reshape(-1)[0] += share * np.abs(array).max()
        arrays[key] = array

    return edit


def compare(
    path: Path, *, capsys: Said, backends: tuple[str, ...] = ("numpy",), code: int
) -> dict[str, Any]:
    """What the command says, as JSON."""
    asked = [part for name in backends for part in ("--backend", name)]
    assert main(["parity", "--vectors", str(path), *asked, "--json"]) == code
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    found: dict[str, Any] = json.loads(said)
    assert set(found) == {"ok", "checks"}
    assert found["ok"] == (code == 0)
    due = {"file", "backend", "kind", "name", "error", "bound", "ok"}
    assert all(due <= set(check) for check in found["checks"])
    return found


def test_the_command_prints_one_document(capsys: Said) -> None:
    found = compare(SMALL, capsys=capsys, code=0)
    checks = found["checks"]
    asked = {(check["file"], check["backend"]) for check in checks}
    assert asked == {("linear_1.safetensors", "numpy")}
    assert all(check["ok"] for check in checks)
    assert all(check["error"] <= check["bound"] for check in checks)


def test_the_command_takes_several_files_and_shows_a_table(capsys: Said) -> None:
    # as a shell makes it of `--vectors tests/golden/*`: one option, several words
    files = [str(path) for path in FILES[:2]]
    assert main(["parity", "--vectors", *files, "--backend", "numpy"]) == 0
    said = capsys.readouterr().out
    assert FILES[0].name in said and FILES[1].name in said
    held, _, asked, *rest = said.splitlines()[-1].split()
    assert held == asked
    assert rest == ["checks", "hold"]


# Float64 is held to 1e-10, so a hundred times as much is seen; what the files hold in float32
# only is held to 2e-5.
@pytest.mark.parametrize(
    ("key", "share", "kind", "name"),
    [
        ("eval64/out", 1e-8, "output", "out"),
        ("train64/loss", 1e-8, "loss", "loss"),
        ("grad64/w2.weight", 1e-8, "gradient", "w2.weight"),
        (
            "train_after/batch_norm1.running_mean",
            1e-3,
            "state",
            "batch_norm1.running_mean",
        ),
    ],
)
def test_a_number_that_was_tampered_with_is_found_by_name(
    tmp_path: Path, capsys: Said, key: str, share: float, kind: str, name: str
) -> None:
    found = compare(doctored(tmp_path, nudge(key, share)), capsys=capsys, code=1)
    wrong = [check for check in found["checks"] if not check["ok"]]
    assert [(check["kind"], check["name"]) for check in wrong] == [(kind, name)]


def test_another_constant_is_found_by_name(tmp_path: Path, capsys: Said) -> None:
    def edit(arrays: Arrays, header: Header) -> None:
        arrays["graph/perm_0"] = arrays["graph/perm_0"][::-1].copy()
        arrays["graph/more"] = np.zeros(1)

    source = GOLDEN / "pose2mesh_graph_2.safetensors"
    found = compare(doctored(tmp_path, edit, source=source), capsys=capsys, code=1)
    wrong = [check for check in found["checks"] if not check["ok"]]
    keys = [("table", "graph/more"), ("table", "graph/perm_0")]
    assert [(check["kind"], check["name"]) for check in wrong] == keys


def failures(path: Path, backend: Backend) -> list[Check]:
    """The comparisons of a file that do not hold."""
    return [check for check in official.check_file(path, backend) if not check.ok]


def test_an_input_that_was_tampered_with_fails_nearly_everything(
    tmp_path: Path, backend: Backend
) -> None:
    failed = failures(doctored(tmp_path, nudge("input/x", 0.1)), backend)
    assert {check.kind for check in failed} == {"output", "loss", "gradient", "state"}


def test_a_gradient_that_is_missing_here_or_not_finite_fails(
    tmp_path: Path, backend: Backend
) -> None:
    def add(arrays: Arrays, header: Header) -> None:
        arrays["grad/no.such.weight"] = np.ones(3, np.float32)

    failed = failures(doctored(tmp_path, add), backend)
    assert [(check.name, check.error) for check in failed] == [("no.such.weight", None)]
    assert "not produced" in failed[0].note


def test_a_model_outside_the_zoo_is_reported_and_fails(
    tmp_path: Path, capsys: Said
) -> None:
    def rename(arrays: Arrays, header: Header) -> None:
        header["model"] = "DSTformr"

    (check,) = compare(doctored(tmp_path, rename), capsys=capsys, code=1)["checks"]
    assert (check["kind"], check["name"]) == ("model", "DSTformr")
    assert check["ok"] is False
    assert check["error"] is None
    due = "unknown official model 'DSTformr': did you mean DSTformer"
    assert check["note"].startswith(due)


def test_constructor_arguments_that_do_not_fit_are_reported(
    tmp_path: Path, backend: Backend
) -> None:
    def strip(arrays: Arrays, header: Header) -> None:
        header["config"] = json.dumps({"num_layers": 1})

    (check,) = official.check_file(doctored(tmp_path, strip), backend)
    assert not check.ok and check.note.startswith("constructor arguments do not fit")


def drop(key: str) -> Edit:
    """A file without one array."""

    def edit(arrays: Arrays, header: Header) -> None:
        del arrays[key]

    return edit


@pytest.mark.parametrize("key", ["input/x", "train64/loss", "param/w1.weight"])
def test_a_file_that_lacks_an_array_is_bad_input(
    tmp_path: Path, backend: Backend, key: str
) -> None:
    with pytest.raises(BadInput, match=key.split("/")[-1]):
        official.check_file(doctored(tmp_path, drop(key)), backend)


def headless(arrays: Arrays, header: Header) -> None:
    header.clear()
    header["who"] = "someone else"


@pytest.mark.parametrize("case", ["text", "empty", "truncated", "headless", "folder"])
def test_what_is_no_golden_file_is_exit_2(
    tmp_path: Path, capsys: Said, case: str
) -> None:
    path = tmp_path / "file.safetensors"
    match case:
        case "text":
            path.write_text("these are not the numbers you are looking for")
        case "empty":
            path.write_bytes(b"")
        case "truncated":
            # the header still reads, and promises more bytes than there are
            path.write_bytes(SMALL.read_bytes()[:-7])
        case "headless":
            path = doctored(tmp_path, headless)
        case "folder":
            path.mkdir()
    assert main(["parity", "--vectors", str(path), "--backend", "numpy", "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("device", "code", "said"),
    [
        (
            "tpu",
            2,
            "unknown device 'tpu': did you mean cpu? known: auto, cpu, cuda, mps\n",
        ),
        ("cuda", 3, "numpy: device cuda is not usable here: unknown device kind\n"),
    ],
)
def test_a_device_that_is_not_here_is_one_line(
    device: str, code: int, said: str, capsys: Said
) -> None:
    asked = [
        "parity",
        "--vectors",
        str(SMALL),
        "--backend",
        "numpy",
        "--device",
        device,
    ]
    assert main(asked) == code
    assert capsys.readouterr().err == said


def test_the_child_speaks_json_and_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.parity.official", "numpy", "cpu", str(SMALL)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and done.stderr == ""
    checks = [
        Check(**row) for row in json.loads(done.stdout.rpartition(question.ANSWER)[2])
    ]
    assert checks and all(check.ok for check in checks)


def test_a_child_that_dies_is_one_line_and_exit_1(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = hearing.Ended(-9, "")
    monkeypatch.setattr(hearing, "listen", lambda *asked, **more: dead)
    assert main(["parity", "--vectors", str(SMALL), "--backend", "numpy"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert (
        said.err == "numpy: the process ended with signal SIGKILL, and said nothing\n"
    )
