"""What a folder and its files say of themselves, without one of them being run."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import folder
from models.errors import PosePortError, UnknownName

# each constant as the project's files write it, and what must not be taken for one
FILE = '''"""A file that would fail if it were run."""

from __future__ import annotations

import a_module_that_is_nowhere

NAME = "single"
NUMBER: int = 3  # with a reason
SENTENCE = (
    "it goes on"
    " over two lines"
)
TABLE: dict[str, tuple[str, ...]] = {
    "first": ("a", "b"),
    "second": (),
}
ROWS = [
    (1, 2),
]
NAMES = ("a",
         "b")
COMPUTED = NUMBER + 1


def function():
    INNER = "not at the top"
    return INNER


if NAME:
    LAST = "indented"
LONG_NAME = "long"
LAST_LINE = "without an end"'''  # as an editor may leave a file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "stating.py"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_files_are_modules_by_name_in_order(tmp_path: Path) -> None:
    # helpers, packages and stubs are no entries of a registry
    names = ("second.py", "first.py", "_help.py", "__init__.py", "notes.md", "x.pyi")
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "third.py").touch()
    found = folder.files(tmp_path)
    assert list(found) == ["first", "second"]
    assert found["first"] == tmp_path / "first.py"


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert folder.files(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("NAME", "single"),
        ("NUMBER", 3),
        ("SENTENCE", "it goes on over two lines"),
        ("TABLE", {"first": ("a", "b"), "second": ()}),
        ("ROWS", [(1, 2)]),
        ("NAMES", ("a", "b")),
        ("LONG_NAME", "long"),
        ("LAST_LINE", "without an end"),
    ],
)
def test_a_literal_is_read_from_its_file(file: Path, name: str, due: object) -> None:
    assert folder.stated(file, name) == due


@pytest.mark.parametrize("name", ["ABSENT", "INNER", "LAST", "LONG", "AME"])
def test_a_default_stands_for_what_is_not_at_the_top(file: Path, name: str) -> None:
    # INNER and LAST are indented, the others parts of longer names
    assert folder.stated(file, name) is None
    assert folder.stated(file, name, default="none") == "none"


def test_what_is_computed_cannot_be_read(file: Path) -> None:
    with pytest.raises(
        PosePortError, match=r"stating\.py: COMPUTED is read without running"
    ):
        folder.stated(file, "COMPUTED")


def test_names_come_after_their_neighbours() -> None:
    after = {
        "report": ["speed", "parity"],
        "speed": ["check"],
        "parity": ["check"],
        "check": [],
    }
    assert folder.ordered(after) == ["check", "parity", "speed", "report"]


def test_names_without_neighbours_are_in_alphabetical_order() -> None:
    assert folder.ordered({"c": [], "a": [], "b": []}) == ["a", "b", "c"]
    assert folder.ordered({}) == []


def test_a_neighbour_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownName) as caught:
        folder.ordered({"speed": ["chek"], "check": []})
    said = "unknown neighbour of speed 'chek': did you mean check? known: check, speed"
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("neighbours", "circle"),
    [
        ({"a": ["b"], "b": ["a"], "c": []}, {"a", "b"}),
        ({"a": ["a"]}, {"a"}),
        ({"a": ["c"], "b": ["a"], "c": ["b"], "d": ["a"]}, {"a", "b", "c"}),
    ],
    ids=["two", "itself", "three"],
)
def test_names_that_wait_for_each_other_are_said(
    neighbours: dict[str, list[str]], circle: set[str]
) -> None:
    with pytest.raises(PosePortError, match="these wait for each other") as caught:
        folder.ordered(neighbours)
    named = str(caught.value).split(":")[0].split(" after ")
    # where the circle is entered is the sorter's affair
    assert set(named) == circle
    assert named[0] == named[-1]


def test_a_line_of_a_docstring_is_no_statement(tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text('"""Text.\n\nTASK = "evil"\n"""\nTASK=\'good\'\n')
    assert folder.stated(file, "TASK") == "good"


def test_neighbours_are_a_tuple_of_names(tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text('AFTER = "parity"\n')
    with pytest.raises(PosePortError, match=r"one.py: AFTER is 'parity'; a tuple"):
        folder.neighbours_in(file)
