"""`bench backends new` writes a package that is found, whole, and right before it is touched."""

from __future__ import annotations

import ast
import json
import os
import tomllib
from pathlib import Path

import pytest

from bench.__main__ import main as run
from bench.commands import doctor
from bench.kit import new
from models.errors import BadInput
from tests.bench.kit.packages import bench, installed


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("outside"), "my_fw")


def test_the_package_is_one(made: Path) -> None:
    project = tomllib.loads((made / "pyproject.toml").read_text())
    entries = project["project"]["entry-points"]["poseport.backends"]
    assert entries == {"my_fw": "poseport_my_fw"}
    assert project["tool"]["setuptools"]["packages"] == ["poseport_my_fw"]
    for file in made.rglob("*.*"):
        text = file.read_text()
        assert "NAME" not in text and "CLASS" not in text, file
        if file.suffix == ".py":
            ast.parse(text)
            assert max(map(len, text.splitlines())) <= 100, file
    assert (
        "class MyFwBackend(Backend)" in (made / "poseport_my_fw/backend.py").read_text()
    )
    named = {"ops.py", "backend.py", "__init__.py"}
    readme = (made / "README.md").read_text()
    places = [
        readme.index(f"poseport_my_fw/{name}`") for name in ("__init__.py", "ops.py")
    ]
    assert places == sorted(places) and all(name in readme for name in named)


def test_it_runs_at_once_and_keeps_the_contract(made: Path) -> None:
    listed = bench(made, "backends", "--json")
    rows = {row["backend"]: row for row in json.loads(listed.stdout)}
    assert rows["my_fw"] == {"backend": "my_fw", "installed": True, "note": ""}
    done = bench(made, "backends", "check", "my_fw")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" calls, 0 breaches\n"), done.stdout


def test_it_climbs_the_ladder_and_draws_noise(made: Path) -> None:
    asked = ("--model", "mixste", "--profile", "smoke", "--set", "parity.steps=3")
    done = bench(made, "parity", "--backend", "my_fw", *asked, "--json")
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_passes_the_exam_of_an_op(made: Path) -> None:
    done = bench(made, "ops", "--backend", "my_fw", "--quick", "--op", "gelu")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("method", "given", "said"),
    [
        ("features", "['autograd']", "MyFwBackend.features gave list; a dict of texts"),
        ("features", "{7: 'x'}", "MyFwBackend.features gave int for a name; a text"),
        ("precisions", "{'fp32': 3}", "MyFwBackend.precisions gave int for fp32; a te"),
        (
            "devices",
            "os._exit(2)",
            "my_fw: the process ended with exit code 2 within M",
        ),
    ],
)
def test_doctor_tells_a_broken_contract_in_a_row(
    made: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    given: str,
    said: str,
) -> None:
    """And asks no more of a backend than its child can answer for."""
    source = made / "poseport_my_fw/backend.py"
    whole = source.read_text()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (made.parent, made))))
    more = f"import os\nsetattr(MyFwBackend, {method!r}, lambda *given: {given})\n"
    source.write_text(f"{whole}\n{more}")
    try:
        # of this backend alone: all frameworks take a minute to be imported
        told = doctor._ask("my_fw")
    finally:
        source.write_text(whole)
    assert said in told["import"]["my_fw"]


@pytest.mark.parametrize("name", ["Mine", "my-fw", "2d", "", "class", "a b", "x/../y"])
def test_a_name_that_is_no_modules_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="small letters, digits and _ were due"):
        new.write(name, tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadInput, match="there is a backend torch already"):
        new.write("torch", tmp_path / "made")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poseport-mine").mkdir()
    assert run(["backends", "new", "mine"]) == 2
    assert "poseport-mine is there already; give a folder" in capsys.readouterr().err
    assert run(["backends", "new", "mine", "--to", "deep/down"]) == 0
    assert capsys.readouterr().out.endswith("python -m bench backends check mine\n")
    assert (tmp_path / "deep/down/poseport_mine/ops.py").exists()


def test_nothing_is_left_of_a_package_that_found_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Path.write_text

    def full(self: Path, text: str, **named: str) -> int:
        if self.name == "ops.py":
            raise OSError(28, "No space left on device", str(self))
        return written(self, text, **named)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(BadInput, match="No space left"):
        new.write("mine", tmp_path / "new" / "and" / "deep")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["new"],
            "backends new: a NAME goes with every action but list, which need it",
        ),
        (
            ["check"],
            "backends check: a NAME goes with every action but list, which need it",
        ),
        (["list", "torch"], "backends list: a NAME goes with every action but list"),
        (["nwe", "x"], "did you mean new?"),
        (["check", "numpy", "--to", "x"], "--to goes with new and probe; leave it out"),
        (["check", "numpy", "--limit", "0"], "--limit 0 came; it goes with check, and"),
        (["new", "x", "--limit", "3"], "--limit 3 came; it goes with check, and"),
    ],
)
def test_a_wrong_call_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["backends", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_the_next_command_may_be_copied_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["backends", "new", "mine", "--to", "my own"]) == 0
    assert "pip install -e 'my own' && python" in capsys.readouterr().out


def test_a_name_that_an_option_means_something_else_by_is_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(BadInput, match="`--backend all` means something else"):
        new.write("all", tmp_path / "made")


def test_a_manifest_that_is_there_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "numpy.yaml"
    kept.write_text("mine")
    assert run(["backends", "probe", "numpy", "--to", str(kept)]) == 2
    assert "is there already and is left as it is" in capsys.readouterr().err
    assert kept.read_text() == "mine"


@pytest.mark.parametrize("said", ["soon", "-1", ""])
def test_a_patience_that_is_none_is_told_once(
    said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POSEPORT_PATIENCE", said)
    assert run(["doctor"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"POSEPORT_PATIENCE: is {said!r}; seconds, above 0 and up")


@pytest.mark.parametrize("name", ["list", "check", 300 * "a", "all"])
def test_a_name_that_serves_for_something_else_makes_nothing(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["backends", "new", name]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert len(said) < 250
    assert not list(tmp_path.iterdir())
