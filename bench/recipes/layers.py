"""What is said of a run, and where: a profile, a recipe, a file, options, `--set key=value`.

How one goes over another is told here; whether a key exists, the schema says.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bench.data.formats import yaml_file
from bench.training.settings import LENGTH
from models.errors import BadInput, UnknownName, shortened

Content = Mapping[str, Any]
# where something stands, and what it says
Said = tuple[str, Content]
PROFILES = Path(__file__).parents[1] / "profiles"
RULED = ("schedule", "clip")  # keys of a training that are {rule: its numbers}
DEEPEST = 8  # parts of a key; model.NAME.train.loss.KEY has five


def profiles() -> list[str]:
    """Names of the profile files."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def profile_settings(name: str) -> dict[str, Any]:
    """What a profile says. Raises UnknownName."""
    if name not in profiles():
        raise UnknownName("profile", name, profiles())
    return _profile(PROFILES / f"{name}.yaml")


@cache
def _profile(path: Path) -> dict[str, Any]:
    # a sweep asks thousands of times, and whoever asks merges, and changes nothing
    return yaml_file.read(path)


def merge(base: Content, top: Content) -> dict[str, Any]:
    """`top` over `base`, mappings merged key by key, everything else replaced.

    Of keys that name one of several rules, another rule takes the place of the one below.
    """
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = value
        if not (isinstance(below, Mapping) and isinstance(value, Mapping)):
            continue
        if key not in RULED or below.keys() == value.keys():
            merged[key] = merge(below, value)
    return merged


def over(base: Content, top: Content, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """`merge`, but what is said of a training is replaced key by key, each as a whole.

    Half of one loss and half of another would be neither.
    """
    match path:
        case ("model", _, "train"):
            # steps in the place of epochs, and the other way round
            lost = LENGTH if LENGTH & top.keys() else frozenset()
            kept = {key: value for key, value in base.items() if key not in lost}
            return {**kept, **top}
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = over(below, value, (*path, key))
        else:
            merged[key] = value
    return merged


def parsed(text: str) -> dict[str, Any]:
    """`train.steps=5` -> {"train": {"steps": 5}}; the value is YAML. Raises BadInput."""
    shown = shortened(text)
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise BadInput(f"--set {shown}: key=value was due, for example --set seed=1")
    try:
        # as in a file, so that numbers, lists and null are written alike
        content = yaml_file.parse(value)
    except BadInput as error:
        raise BadInput(
            f"--set {shown}: the value is not readable as YAML: {error}"
        ) from None
    parts = key.split(".")
    # no setting lies deeper, and none of them is nameless
    if len(parts) > DEEPEST or not all(parts):
        raise BadInput(f"--set {shown}: a key such as model.motionbert.pad was due")
    # from the inside out: the last part holds the value
    for part in reversed(parts):
        content = {part: content}
    return dict(content)
