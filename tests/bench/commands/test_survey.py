"""The survey: strict files, a page that is current, and what carries a method, asked or not."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

import models
from backends.base import Backend
from bench.__main__ import main
from bench.commands import _carried, _surveyed
from bench.commands._carried import Carrier
from bench.records import Metric
from models.errors import BadInput, UnknownName
from reports import markdown
from reports.survey import FOLDER, figures, page
from reports.survey.entries import Survey
from reports.survey.page import Known
from tests.bench.commands.command_line import Said, one_document
from tests.paths import ROOT
from tests.reports import sample_run
from tests.reports.pages import section, tables

PAGE = ROOT / "docs" / "survey.md"
AGAIN = "run `python -m bench survey --backend all --to docs/survey.md`"


@pytest.fixture(scope="module")
def survey() -> Survey:
    return _surveyed.read()


@pytest.fixture(scope="module")
def known(survey: Survey) -> dict[str, Known]:
    """What is known of all methods where no backend is asked."""
    return _surveyed.joined(survey, survey.methods, {})


def answered(backend: Backend) -> Carrier:
    said = _carried.of(backend)
    return Carrier(said["gaps"], frozenset(said["bodies"]))


def cells(text: str, column: str) -> list[str]:
    """One column of the last table of a text."""
    head, _, *rows = tables(text)[-1].splitlines()
    place = [cell.strip() for cell in head.split("|")].index(column)
    return [row.split(" | ")[place - 1].strip("| ") for row in rows]


def test_the_page_is_what_the_files_say(
    survey: Survey, known: dict[str, Known]
) -> None:
    due = PAGE.read_text(encoding="utf-8")
    made = markdown.page(page.page(survey, known))
    # what backends carry is held below, by those that are here
    for title in ("Methods", "Published numbers", "Building blocks", "Data sets"):
        assert section(made, title) == section(due, title), AGAIN
    assert made.split("\n## ")[-1] == due.split("\n## ")[-1], AGAIN


def test_the_page_says_what_a_backend_carries(survey: Survey, backend: Backend) -> None:
    joined = _surveyed.joined(survey, survey.methods, {"x": answered(backend)})
    made = markdown.page(page.page(survey, joined, notes={"x": "asked"}))
    told = cells(section(made, "Feasibility"), "x")
    due = section(PAGE.read_text(encoding="utf-8"), "Feasibility")
    assert told == cells(due, backend.name), AGAIN
    assert len(told) == len(survey.methods) == 57


def test_blocks_of_a_zoo_model_are_in_its_graphs(
    survey: Survey, known: dict[str, Known]
) -> None:
    for key, method in survey.methods.items():
        if not method.model:
            continue
        found = {*known[key].ops}
        # pre-training and second stages are of the method, too
        for stage in models.stages(method.model)[1:]:
            spec = models.build(stage, preset="tiny")
            found |= {*spec.train.census(), *spec.infer.census()}
        needed = {op for name in method.blocks for op in survey.blocks[name].ops}
        assert needed <= found, f"{key}: {needed - found} in none of its graphs"


def test_every_block_is_of_a_method(survey: Survey) -> None:
    used = {name for method in survey.methods.values() for name in method.blocks}
    assert used == set(survey.blocks)


def test_published_counts_are_those_counted_here(known: dict[str, Known]) -> None:
    assert known["videopose3d"].counts == {"paper": 16_952_371}
    assert known["pstmo"].counts == {"paper": 7_009_382, "s": 6_482_278}
    assert known["vibe"].counts == {}


def test_a_missing_op_blocks_and_a_body_composes(survey: Survey) -> None:
    from backends.numpy.backend import NumpyBackend

    kernels = dict(NumpyBackend().kernels)
    for name in ("erf", "gelu", "relu"):
        kernels.pop(name, None)
    lame = SimpleNamespace(kernels=kernels, gaps={"erf": "nobody wrote it"})
    said = _carried.of(lame)
    one = Carrier(said["gaps"], frozenset(said["bodies"]))
    assert one.gaps["erf"] == "nobody wrote it" and "erf" in one.gaps["gelu"]
    assert one.verdict(["relu", "add"], []) == "composed: relu"
    assert one.verdict(["add"], []) == "native"
    assert one.verdict(["relu"], ["state_space"]) == "open: state_space"
    # what is known to be missing decides, whatever else is open
    assert one.verdict(["gelu"], ["state_space"]).startswith("blocked: gelu (")
    assert Carrier({}, frozenset(), error="died").verdict(["add"], []) == "not asked"
    joined = _surveyed.joined(
        survey, {"m": survey.methods["poseformer"]}, {"lame": one}
    )
    assert "gelu" in joined["m"].carried["lame"]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("methods", "year: 2017", "yaer: 2017", "methods.martinez."),
        ("methods", "mpjpe: 45.5", "mpjpe: '45.5'", "methods.martinez.results.0.mpjpe"),
        ("methods", "mpjpe: 45.5, ", "", "without a number"),
        ("methods", "[residual_mlp,", "[resdual_mlp,", "no block resdual_mlp"),
        ("methods", "{data: human36m,", "{data: human37m,", "no data set human37m"),
        ("methods", "model: semgcn", "model: semgnc", "semgcn"),
        ("blocks", "ops: [dropout]", "ops: [dropuot]", "dropout"),
        ("blocks", "ops: [dropout]", "note: none", "`ops` or `open`"),
        ("datasets", "title: AMASS", "name: AMASS", "datasets.amass"),
        ("datasets", "title: AMASS", "title: [", "not a readable YAML file"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_line(
    tmp_path: Path, file: str, old: str, new: str, said: str
) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "survey")
    path = folder / f"{file}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput) as raised:
        _surveyed.read(folder)
    assert "\n" not in str(raised.value)
    assert said in str(raised.value)


def test_one_entry_adds_a_method(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "survey")
    with (folder / "methods.yaml").open("a", encoding="utf-8") as file:
        entry = "{title: 'A | *B*', year: 2026, category: [video], blocks: [dropout]}"
        file.write(f"ours: {entry}\n")
    more = _surveyed.read(folder)
    here = _surveyed.joined(more, {"ours": more.methods["ours"]}, {})
    assert here["ours"].ops == ("dropout",)
    made = markdown.page([page.methods(more, here)])
    assert r"A \| \*B\*" in made


def test_scores_with_the_truth_lead_nothing(survey: Survey) -> None:
    chosen = {key: figures.leading(method) for key, method in survey.methods.items()}
    assert chosen["wehrbein"] is None and chosen["ktpformer"] is None
    best = chosen["pstmo"]
    assert best is not None and best.mpjpe == 42.8
    drawn = [dot for dots in figures.years(survey).values() for dot in dots]
    assert len(drawn) == sum(1 for one in chosen.values() if one)


def test_the_plain_listing_asks_no_framework(
    capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("a process was started")

    monkeypatch.setattr("bench.processes.question.ask", refuse)
    assert main(["survey", "--category", "graph", "--json"]) == 0
    said = one_document(capsys.readouterr().out)
    assert said["methods"]["semgcn"]["here"]["counts"]["paper"] == 434_703
    assert "vibe" not in said["methods"] and said["backends"] == {}
    assert main(["survey", "--category", "graph"]) == 0
    assert "434,703" in capsys.readouterr().out


def test_a_backend_is_asked_in_a_process_of_its_own(capsys: Said) -> None:
    asked = ["survey", "--category", "graph", "--backend", "numpy", "--json"]
    assert main(asked) == 0
    said = one_document(capsys.readouterr().out)
    assert said["methods"]["semgcn"]["here"]["carried"] == {"numpy": "native"}
    assert said["backends"] == {"numpy": "autograd: no: gradient graph"}


def test_a_run_brings_our_own_numbers(here: Path, capsys: Said) -> None:
    mesh = Metric(
        name="MPJPE of the mesh",
        unit="mm",
        better="lower",
        frame_wise=61.26,
        action_wise=None,
    )
    scored = sample_run.evaluation()
    scored = scored.model_copy(update={"metrics": (*scored.metrics, mesh)})
    folder = here / "run"
    folder.mkdir()
    both = (sample_run.training(), scored)
    sample_run.write(
        folder, [sample_run.record(one, model="pose2mesh") for one in both]
    )
    assert main(["survey", "--run", "run", "--to", "s.md"]) == 0
    told = Path("s.md").read_text(encoding="utf-8")
    row = next(line for line in told.splitlines() if "Pose2Mesh, adam" in line)
    assert "61.3" in row and "subjects 9f3a01" in row
    assert "Pose2Mesh, rmsprop | –" in " ".join(told.split())
    for name in page.FIGURES:
        drawn = here / "figures" / name
        assert drawn.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--category", "vidoe"], "video"),
        (["--to", "s.txt"], ".md"),
        (["--to", "no/s.md"], "no/s.md"),
        (["--to", "s.md", "--category", "mesh"], "--category"),
        (["--backend", "trch"], "torch"),
        (["--run", "nothing"], "no run folder"),
        (["--run", "other"], "no evaluation of pose2mesh"),
    ],
)
def test_a_wrong_call_is_one_line_and_writes_nothing(
    here: Path, capsys: Said, arguments: list[str], said: str
) -> None:
    folder = here / "other"
    folder.mkdir()
    sample_run.write(folder, [sample_run.record(sample_run.evaluation())])
    before = sorted(here.rglob("*"))
    assert main(["survey", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error
    assert sorted(here.rglob("*")) == before


def test_an_unknown_model_is_told_with_its_neighbours(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "survey")
    path = folder / "methods.yaml"
    text = path.read_text(encoding="utf-8").replace("model: rle", "model: rel")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UnknownName, match=r"model of methods\.rle"):
        _surveyed.read(folder)
