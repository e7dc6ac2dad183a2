"""Show every setting, its value, and where that comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    Seed,
    Set,
)

if TYPE_CHECKING:
    from bench.config import Config

EXAMPLES = (
    "config --model motionbert",
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
    config: ConfigFile = None,
    set: Set = None,
    seed: Seed = None,
    json: Json = False,
) -> int:
    """Show every setting, its value, and where that comes from.

    A built-in default, the profile, the model's own file, --config, an option or --set: each over
    those before it. `run` with the same options takes these settings.
    """
    from bench.commands._chosen import chosen

    typed = {
        "backend": chosen(backend) or None,
        "device": device,
        "precision": precision,
        "data": data,
        "protocol": protocol,
        "allow_mismatch": allow_mismatch,
        "allow_smaller_batch": allow_smaller_batch,
        "seed": seed,
    }
    options = {key: value for key, value in typed.items() if value is not None}
    where = {"profile": profile or "smoke", "file": config}
    asked = {**where, "overrides": set or [], "options": options}
    chose = [("--profile", {"profile": profile})] if profile else []
    _show(asked, model or [], chose, as_json=json)
    return 0


def _show(
    asked: Mapping[str, Any], models: Sequence[str], chose: Layers, *, as_json: bool
) -> None:
    import json

    from bench import config as configs
    from bench.commands._tables import table

    settings = configs.load(**asked, models=models)
    rows = list(_rows(settings, [*configs.layers(**asked), *chose]))
    if as_json:
        print(json.dumps(rows))
        return
    lines = [(row["key"], json.dumps(row["value"]), row["from"]) for row in rows]
    table(("key", "value", "from"), lines)


def _rows(settings: Config, layers: Layers) -> Iterator[dict[str, Any]]:
    """A row for each key, as `--set` takes it."""
    for path, value in _leaves(settings.model_dump(mode="json")):
        origin = _origin(path, settings, layers)
        yield {"key": ".".join(path), "value": value, "from": origin}


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """What holds nothing more; an empty table is such a thing, too."""
    if not isinstance(value, dict) or not value:
        yield path, value
        return
    for key, part in value.items():
        yield from _leaves(part, (*path, key))


def _origin(path: Path, settings: Config, layers: Layers) -> str:
    """Who said it last, or whose it is where nobody has."""
    for origin, said in reversed(layers):
        if _says(said, path):
            return origin
    match path:
        case ("model", _, "preset"):
            return _origin(("preset",), settings, layers)
        case ("model", name, "train", key):
            return _of_training(name, key, settings)
    return "default"


def _of_training(name: str, key: str, settings: Config) -> str:
    """The model's file has trainings of its presets, which `share` of a profile cuts short."""
    from bench import config as configs

    said = configs.recipe(name, settings.model[name].preset)
    if key not in said:
        return "default"
    file = f"models/zoo/{name}.py"
    share = settings.share
    cut = share != 1 and getattr(settings.model[name].train, key) != said[key]
    return f"{file}, share {share:g} of it" if cut else file


def _says(said: Any, path: Path) -> bool:
    for key in path:
        if not isinstance(said, Mapping) or key not in said:
            return False
        said = said[key]
    return True
