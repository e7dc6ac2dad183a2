"""Show every setting, its value, and where that comes from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.commands import (
    AllowMismatch,
    AllowSmallerBatch,
    Backends,
    ConfigFile,
    Data,
    Device,
    Json,
    Models,
    Precision,
    Profile,
    ProtocolName,
    Recipe,
    Seed,
    Set,
)
from bench.commands._said import say

if TYPE_CHECKING:
    from bench.config import Config

EXAMPLES = (
    "config --model motionbert",
    "config --recipe motionbert-quick --set seed=1",
    "config --profile standard --config mine.yaml --set seed=1",
)
Layers = Sequence[tuple[str, Mapping[str, Any]]]
Path = tuple[str, ...]


def command(
    backend: Backends = None,
    model: Models = None,
    device: Device = None,
    precision: Precision = None,
    data: Data = None,
    protocol: ProtocolName = None,
    allow_mismatch: AllowMismatch = None,
    allow_smaller_batch: AllowSmallerBatch = None,
    profile: Profile = None,
    recipe: Recipe = None,
    config: ConfigFile = None,
    set: Set = None,
    seed: Seed = None,
    json: Json = False,
) -> int:
    """Show every setting, its value, and where that comes from.

    A built-in default, the profile, the recipe and those that it extends (where none is named,
    the model's own), --config, an option or --set: each over those before it. `train` with the
    same --recipe, or `run`, takes these settings, and refuses what is refused here.
    """
    typed = {
        "device": device,
        "precision": precision,
        "data": data,
        "protocol": protocol,
        "allow_mismatch": allow_mismatch,
        "allow_smaller_batch": allow_smaller_batch,
        "seed": seed,
    }
    asked = {
        "profile": profile or _usual(recipe),
        "recipe": recipe,
        "file": config,
        "overrides": set or [],
        "options": _said(backend, typed),
    }
    _show(asked, model or [], _chose(profile=profile, recipe=recipe), as_json=json)
    return 0


def _usual(recipe: str | None) -> str:
    """The profile of `train`, by which a recipe is used, or of `run`."""
    from bench.commands import _profile

    return _profile.TRAINS if recipe else _profile.USUAL


def _chose(**named: str | None) -> Layers:
    """What options name that are no settings, as layers of their own."""
    return [(f"--{key}", {key: name}) for key, name in named.items() if name]


def _said(backend: list[str] | None, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Options that were given, by configuration key."""
    from bench.commands._chosen import chosen

    found = {"backend": chosen(backend)} if backend else {}
    return found | {key: value for key, value in typed.items() if value is not None}


@dataclass(frozen=True)
class _Asked:
    """A configuration, and all that was said of it, each over those before it."""

    settings: Config
    layers: Layers
    recipes: Collection[str]  # which layers are some, whose steps `share` cuts


def _show(
    asked: Mapping[str, Any], models: Sequence[str], chose: Layers, *, as_json: bool
) -> None:
    import json
    import sys

    from bench import config as configs
    from bench.commands._tables import table

    settings = configs.load(**asked, models=models)
    _check(settings)
    if "--profile" not in dict(chose):
        taker = "train" if asked["recipe"] else "run"
        say(f"defaults of {taker}: profile {asked['profile']}", file=sys.stderr)
    beneath = configs.beneath(profile=asked["profile"], recipe=asked["recipe"])
    typed = {key: asked[key] for key in ("file", "overrides", "options")}
    layers = [*beneath, *configs.above(**typed), *chose]
    # the first is the profile
    known = _Asked(settings, layers, [label for label, _ in beneath[1:]])
    rows = list(_rows(known))
    if as_json:
        print(json.dumps(rows))
        return
    lines = [(row["key"], json.dumps(row["value"]), row["from"]) for row in rows]
    table(("key", "value", "from"), lines)


def _check(settings: Config) -> None:
    """Raise what the command would that takes these settings, before it reads data."""
    from bench.coordinator import checking

    # a recipe is there to be trained by
    tasks = ("train",) if settings.recipe else settings.tasks
    checking.check_settings(settings.model_copy(update={"tasks": tasks}))


def _rows(asked: _Asked) -> Iterator[dict[str, Any]]:
    """A row for each key, as `--set` takes it."""
    for path, value in _leaves(asked.settings.model_dump(mode="json")):
        yield {"key": ".".join(path), "value": value, "from": _origin(path, asked)}


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """What holds nothing more; an empty table is such a thing, too."""
    if not isinstance(value, dict) or not value:
        yield path, value
        return
    for key, part in value.items():
        yield from _leaves(part, (*path, key))


def _origin(path: Path, asked: _Asked) -> str:
    """Who said it last, or whose it is where nobody has."""
    if origin := _last(path, asked.layers):
        return _cut(origin, path, asked) if origin in asked.recipes else origin
    match path:
        case ("model", _, "preset"):
            return _origin(("preset",), asked)
        case ("model", name, "train", *_):
            return _own(name, path, asked)
    return "default"


def _own(name: str, path: Path, asked: _Asked) -> str:
    """The model's own file has recipes of its presets, and the published one beneath them."""
    from bench import recipes

    preset = asked.settings.model[name].preset
    for wanted in (preset, recipes.PAPER):
        # of the plain model, where the file does not speak of a stage
        own = [
            (one.label, {"model": {name: settings}})
            for one in recipes.usual(name, wanted)
            for settings in one.said["model"].values()
        ]
        if origin := _last(path, own):
            return _cut(origin, path, asked)
    return "default"


def _cut(origin: str, path: Path, asked: _Asked) -> str:
    """Where it stands in a recipe, whose steps `share` of a profile cuts short."""
    share = asked.settings.share
    if share == 1 or path[-1] not in ("steps", "validate_every"):
        return origin
    return f"{origin}, share {share:g} of it"


def _last(path: Path, layers: Layers) -> str:
    """The last of some that says a key; empty where none does."""
    return next((origin for origin, said in reversed(layers) if _says(said, path)), "")


def _says(said: Any, path: Path) -> bool:
    for key in path:
        if not isinstance(said, Mapping) or key not in said:
            return False
        said = said[key]
    return True
