"""The public names of `models`, and what asking for one costs."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

import models
from models import folder
from models.errors import UnknownName
from tests.paths import ROOT


def importable() -> set[str]:
    """What `from models import NAME` gives that is neither a module nor another's."""
    own = {
        name
        for name, value in vars(models).items()
        if isinstance(value, types.FunctionType) and value.__module__ == "models"
    }
    return {name for name in own if not name.startswith("_")} | set(models.HOMES)


def test_the_list_is_what_can_be_imported() -> None:
    assert set(models.__all__) == importable()
    for name in models.__all__:
        assert getattr(models, name).__doc__, f"{name} says what it is"


def test_the_list_is_sorted() -> None:
    assert models.__all__ == sorted(models.__all__)
    assert list(models.HOMES) == sorted(models.HOMES)


@pytest.mark.parametrize("name", models.HOMES)
def test_a_class_is_that_of_its_file(name: str) -> None:
    assert getattr(models, name).__module__ == f"models.{models.HOMES[name]}"


def test_an_unknown_name_is_an_attribute_error() -> None:
    said = "module 'models' has no attribute 'Bilder'"
    with pytest.raises(AttributeError, match=said):
        models.Bilder  # noqa: B018


def test_names_are_those_of_the_folders() -> None:
    # not a list kept beside them
    files = Path(models.__file__).parent
    assert models.names() == list(folder.files(files / "zoo"))
    assert models.loss_names() == list(folder.files(files / "losses"))


def test_an_official_name_is_found_without_running_the_zoo() -> None:
    """Whoever misspells a class waits for no model file, and none can fail on the way."""
    # in a process of its own: this one has read the zoo long ago
    statement = (
        "import sys, models\n"
        "try: models.from_official('Nobody', {})\n"
        "except ValueError as error: print(error)\n"
        "print([name for name in sys.modules if name.startswith('models.zoo.')])\n"
        "print('numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", statement],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    error, zoo, numpy = done.stdout.splitlines()
    assert error.startswith("unknown official model 'Nobody': known: ")
    assert (zoo, numpy) == ("[]", "False")


# A model of one's own claims no official class.
CLAIMING = [name for name in models.names() if hasattr(models.module(name), "OFFICIAL")]


@pytest.mark.parametrize("name", CLAIMING)
def test_every_model_can_be_asked_for_by_its_official_name(name: str) -> None:
    path = Path(models.__file__).parent / "zoo" / f"{name}.py"
    official = models.module(name).OFFICIAL
    assert folder.stated(path, "OFFICIAL") == official
    # one class, or a table of them
    for one in [official] if isinstance(official, str) else official:
        with pytest.raises(UnknownName, match=re.escape(one)):
            models.from_official("Nobody", {})
