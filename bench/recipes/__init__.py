"""Recipes: what is trained and how, in YAML, each over the one that it `extends`.

Those of one model lie beside it, in `models/zoo/NAME.yaml`, and are called NAME (its `paper`) and
NAME-KEY. Those of several models, or of data and protocol, too, are files of this folder. Both
may be files of a user's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import models
from bench.data.formats import yaml_file
from bench.recipes.layers import Content
from models.errors import BadInput, UnknownName, shortened

FOLDER = Path(__file__).parent
PAPER = "paper"  # the recipe of a model that its plain name means
SUFFIXES = (".yaml", ".yml")
# what a recipe says of itself; all else is settings
ITSELF = ("extends", "about", "stage")


@dataclass(frozen=True)
class Recipe:
    """One recipe as it is written, without those that it extends.

    `label` says where it stands, `written` is all of it, `said` what that is as configuration.
    """

    label: str
    written: Content
    said: Content
    model: str = ""  # of one that lies beside a model


def names() -> list[str]:
    """Every recipe that has a name."""
    own = [path.stem for path in sorted(FOLDER.glob("*.yaml"))]
    return own + [name for family in models.names() for name in _named(family)]


def chain(asked: str) -> list[Recipe]:
    """A recipe, by name or file, behind those that it extends.

    Raises UnknownName, and BadInput for one that extends itself.
    """
    if _is_file(asked):
        return _of_file(Path(asked), ())
    return _of_name(asked, "recipe", ())


def models_of(asked: str) -> list[str]:
    """The models that a recipe names or has settings of, its parents' too."""
    found: dict[str, None] = {}
    for recipe in chain(asked):
        for key, kind in (("models", list), ("model", Mapping)):
            said = recipe.said.get(key)
            # what is of another kind, the schema refuses
            found |= dict.fromkeys(said if isinstance(said, kind) else ())
    return list(found)


def about(asked: str) -> str:
    """What the recipe is, in its own words; empty where it says none."""
    return str(chain(asked)[-1].written.get("about") or "")


def usual(name: str, preset: str) -> list[Recipe]:
    """How a preset of a model, or of a stage, is trained where nobody says.

    The first recipe of the preset, else the first of `paper`: other published sizes are trained
    as the one that is reported first. Raises BadInput where the model's file is wrong.
    """
    _refuse_strays(name)
    for wanted in (preset, PAPER):
        for found in _of_stage(name).values():
            if _said_last(found, "preset") == wanted:
                return found
    return []


def of_model(name: str) -> list[str]:
    """Names of the recipes that lie beside a model, of the stage that it is."""
    family, _, _ = name.partition(":")
    return [_called(family, key) for key in _of_stage(name)]


def _of_stage(name: str) -> dict[str, list[Recipe]]:
    """By key. A stage that the file does not speak of is trained as the plain model."""
    family, _, stage = name.partition(":")
    chains = {key: _of_key(family, key, ()) for key in of_family(family)}
    for wanted in (stage, ""):
        if own := {
            key: found
            for key, found in chains.items()
            if _said_last(found, "stage") == wanted
        }:
            return own
    return {}


def _refuse_strays(name: str) -> None:
    """Raise UnknownName for a preset or stage that the model's file speaks of and has not."""
    file, (family, _, _) = models.module(name), name.partition(":")
    stages = getattr(file, "STAGES", {})
    for key in of_family(family):
        found = _of_key(family, key, ())
        label = found[-1].label
        preset, stage = (_said_last(found, key) for key in ("preset", "stage"))
        if preset and preset not in file.PRESETS:
            raise UnknownName(f"preset in {label}", str(preset), file.PRESETS)
        if stage and stage not in stages:
            raise UnknownName(f"stage in {label}", str(stage), stages)


def _said_last(found: list[Recipe], key: str) -> Any:
    said = [recipe.written[key] for recipe in found if key in recipe.written]
    return said[-1] if said else ""


def _named(family: str) -> list[str]:
    return [_called(family, key) for key in of_family(family)]


def _called(family: str, key: str) -> str:
    return family if key == PAPER else f"{family}-{key}"


@cache
def of_family(family: str) -> dict[str, Any]:
    """The recipes of a model's file, by key. Raises BadInput where it is no table of tables."""
    file = beside(family)
    content = yaml_file.read(file)
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, dict):
            raise BadInput(
                f"{file}: {shortened(key)}: a recipe was due, keys and values, got"
                f" {shortened(repr(value))}"
            )
    return content


def beside(name: str) -> Path:
    """The file of recipes beside a model, or beside the family of a stage."""
    family = name.partition(":")[0]
    return models.ZOO / f"{family}.yaml"


def _of_name(name: str, kind: str, above: tuple[str, ...]) -> list[Recipe]:
    family, _, key = name.partition("-")
    if family in models.names() and name in _named(family):
        return _of_key(family, key or PAPER, above)
    if name not in names():
        raise UnknownName(kind, name, names())
    return _of_file(FOLDER / f"{name}.yaml", above)


def _of_key(family: str, key: str, above: tuple[str, ...]) -> list[Recipe]:
    """A recipe beside a model: settings of that model alone, which extend others of its file."""
    label = f"models/zoo/{family}.yaml: {key}"
    above = _deeper(label, above)
    written = of_family(family)[key]
    found: list[Recipe] = []
    if (parent := written.get("extends")) is not None:
        if parent not in of_family(family):
            raise UnknownName(f"recipe in {label}", str(parent), of_family(family))
        found = _of_key(family, parent, above)
    stage = written.get("stage") or _said_last(found, "stage")
    model = f"{family}:{stage}" if stage else family
    settings = {name: value for name, value in written.items() if name not in ITSELF}
    # a parent of another stage is said of this one
    found = [
        Recipe(one.label, one.written, _of_model(model, one.said), model)
        for one in found
    ]
    said = {"model": {model: settings}}
    return [*found, Recipe(label, written, said, model)]


def _of_model(model: str, said: Content) -> Content:
    ((_, settings),) = said["model"].items()
    return {"model": {model: settings}}


def _of_file(file: Path, above: tuple[str, ...]) -> list[Recipe]:
    """A recipe that is a file: settings of a run, which may extend a name or a file beside."""
    own = file.parent == FOLDER
    label = f"bench/recipes/{file.name}" if own else str(file)
    above = _deeper(label, above)
    written = yaml_file.read(file)
    parent = written.get("extends")
    found: list[Recipe] = []
    if isinstance(parent, str):
        found = _parent(file, label, parent, above)
    said = {key: value for key, value in written.items() if key not in ITSELF}
    return [*found, Recipe(label, written, said)]


def _parent(
    file: Path, label: str, parent: str, above: tuple[str, ...]
) -> list[Recipe]:
    if not _is_file(parent):
        return _of_name(parent, f"recipe in {label}", above)
    # what a file names stays in its folder
    if Path(parent).name != parent:
        raise BadInput(
            f"{label}: extends: a recipe's name, or that of a file beside it, was due, got"
            f" {shortened(parent)}"
        )
    return _of_file(file.with_name(parent), above)


def _is_file(text: str) -> bool:
    return text.endswith(SUFFIXES) or Path(text).name != text


def _deeper(label: str, above: tuple[str, ...]) -> tuple[str, ...]:
    """Those that led here, with one more. Raises BadInput where it is among them."""
    if label in above:
        circle = " extends ".join([*above[above.index(label) :], label])
        raise BadInput(f"{circle}: let one of them extend another, or nothing")
    return (*above, label)
