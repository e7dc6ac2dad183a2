"""The guide's lines run as they stand, but for their sizes and the names of runs and backends."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from bench import commands
from bench.__main__ import main
from bench.processes.machine import ROOT

PAGE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
TINY = {
    "small": 0.02,
    "threads": 1,
    "model": {
        "simple_baseline": {
            "preset": "tiny",
            "sizes": {"width": 16, "dropout": 0.0},
            "train": {"steps": 4, "validate_every": 2, "validation_windows": 16},
        }
    },
}
# what each part of R4's guide is called here
DUE = (
    "train --resume --debug --device --experiment --override --init --tensorboard",
    "evaluate --procrustes --per-joint --protocol --checkpoint",
    "predict --data --split",
    "visualize --as",
    "compare --curves --bars",
    "sweep --config --resume",
    "doctor",
)
# devices that a machine of tests has not
ABSENT = 3


def blocks(language: str) -> list[str]:
    """The page's blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def lines() -> list[list[str]]:
    """Its commands, in words, without what stands before the name of each and its remark."""
    typed = [line for block in blocks("sh") for line in block.splitlines()]
    found = [shlex.split(line, comments=True) for line in typed]
    assert all(words[:3] == ["python", "-m", "bench"] for words in found)
    return [words[3:] for words in found]


def named(word: str) -> str:
    """A word in which ID is that of the run."""
    match = re.search(r"runs/(\w+)-ID", word)
    if match is None:
        return word
    (folder,) = Path("runs").glob(f"{match[1]}-*")
    return word.replace(match[0], str(folder))


def as_here(text: str) -> str:
    """What is typed or written, with the backend that is always there."""
    return re.sub(r"\btorch\b", "numpy", text)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the page takes for granted, and recipes small enough for a test."""
    monkeypatch.chdir(tmp_path)
    (made,) = blocks("python")
    # the page's own words, in this process
    exec(compile(made, "keypoints.py", "exec"), {})  # noqa: S102
    for text in blocks("yaml"):
        name = re.match(r"# (\S+\.yaml)\n", text)
        assert name, "a file's first line says its name"
        Path(name[1]).write_text(as_here(text))
    Path("page.yaml").write_text(Path("mine.yaml").read_text())
    Path("mine.yaml").write_text(yaml.safe_dump(TINY))
    return tmp_path


def test_every_part_of_the_guide_has_its_line() -> None:
    for due in DUE:
        name, *options = due.split()
        mine = [words for words in lines() if words[0] == name]
        assert mine, name
        shown = {word for words in mine for word in words}
        assert set(options) <= shown, name


def test_the_recipe_of_the_page_is_one(here: Path) -> None:
    assert main(["config", "--recipe", "page.yaml", "--json"]) == 0


def test_each_line_runs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("duckdb", "tensorboardX"):
        pytest.importorskip(name, reason=f"{name} is not installed")
    for words in lines():
        typed = [as_here(named(word)) for word in words]
        code = main(typed)
        said = capsys.readouterr()
        # of which NumPy has none
        due = ABSENT if "cuda" in words else 0
        assert code == due, f"{typed}: {said.err or said.out}"
    made = {path.name for path in Path().iterdir() if path.is_file()}
    written = {
        words[place + 1]
        for words in lines()
        for place, word in enumerate(words)
        if word in ("--to", "--curves", "--bars")
    }
    assert written - {"walk.obj"} <= made
    assert Path("walk.obj").is_dir()
    assert list(Path("runs").glob("seen-*/tensorboard/*/events*"))


def test_a_line_names_no_command_that_is_not_there() -> None:
    folder = Path(commands.__file__).parent
    assert all((folder / f"{words[0]}.py").exists() for words in lines())
