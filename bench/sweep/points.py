"""The configuration of each point: what `base` says, with what the grid chooses over it."""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import config as configs
from bench import data
from bench.config import Config
from bench.coordinator import checking, dataset, spec
from bench.data.formats import words
from bench.recipes.layers import merge
from bench.sweep import grid as grids
from bench.sweep import written
from bench.sweep.grid import Grid
from bench.sweep.written import Written
from models.errors import BadInput, Missing, PosePortError

# settings of a sweep as a whole, or of none
WHOLE = {
    "workers": "it is of the whole sweep; say it in base",
    "declared": "nothing is run of a framework on paper; ask `python -m bench feasibility`",
}
SEED = "seed"  # nothing else follows from it, and grids vary it most
KEPT = 64  # configurations that differ in more than their seed, ready to be used
USUAL = "smoke"  # the profile where none is said
Told = Callable[[str, float], None]
IsHere = Callable[
    [str], bool
]  # whether a backend's cells are computed in this environment


@dataclass(frozen=True)
class Points:
    """All points of a sweep's file."""

    file: Path
    written: Written
    grid: Grid
    _known: dict[str, bytes] = field(default_factory=dict)
    _recent: OrderedDict[str, Config] = field(default_factory=OrderedDict)
    _found: set[str] = field(default_factory=set)  # backends that are here

    def config(self, place: int) -> Config:
        """The configuration of a point.

        Raises BadInput that names the file, and the key that is wrong or the point whose keys
        contradict each other.
        """
        chosen = self.grid.at(place)
        try:
            return self._loaded(chosen)
        except PosePortError as error:
            raise self._where(chosen, error, anywhere) from None

    def check(self, told: Told, is_here: IsHere) -> None:
        """Raise for the first point that cannot be run, before anything is written.

        A backend that is not to be found here may be where its cells are computed.
        Points that differ in their seeds alone are looked at once, and so are their data.
        """
        seen: set[str] = set()
        read: set[str] = set()
        with spec.remembering(wanted=True):
            for place in self.grid.places():
                told("checking points", place / self.grid.size)
                config = self.config(place)
                whole = config.model_dump_json(exclude={SEED})
                if whole in seen:
                    continue
                seen.add(whole)
                try:
                    self._check(config, read, is_here)
                except PosePortError as error:
                    raise self._where(self.grid.at(place), error, is_here) from None

    def _check(self, config: Config, read: set[str], is_here: IsHere) -> None:
        # each is looked for once, of all that is installed
        new = [name for name in config.backend if name not in self._found]
        asked = config.model_copy(update={"backend": tuple(filter(is_here, new))})
        if config.against in config.backend:
            asked = asked.model_copy(update={"against": ""})
        clips = json.dumps({**dataset.asked(config), SEED: None})
        if clips in read:
            checking.check_settings(asked)
        else:
            checking.check(asked)
            read.add(clips)
        self._found.update(new)

    def _loaded(self, chosen: Mapping[str, Any]) -> Config:
        """The same for many points: all that is said but the seed is looked at once."""
        rest = {key: value for key, value in chosen.items() if key != SEED}
        key = json.dumps(rest, sort_keys=True)
        config = self._recent.pop(key, None) or self._looked_up(key, rest)
        self._recent[key] = config
        if len(self._recent) > KEPT:
            self._recent.popitem(last=False)
        if SEED not in chosen:
            return config
        seed = configs.validate({SEED: chosen[SEED]}).seed
        return config.model_copy(update={SEED: seed})

    def _looked_up(self, key: str, chosen: Mapping[str, Any]) -> Config:
        """A configuration as it was loaded before: small, as JSON, for there may be thousands."""
        if key in self._known:
            return Config.model_validate_json(zlib.decompress(self._known[key]))
        config = self._load(chosen)
        self._known[key] = zlib.compress(config.model_dump_json().encode())
        return config

    def _load(self, chosen: Mapping[str, Any]) -> Config:
        said: dict[str, Any] = {}
        names: list[str] = []
        for key, value in [*self.written.base.items(), *chosen.items()]:
            if (key in chosen and key in WHOLE) or key == "declared":
                raise BadInput(f"configuration key {key}: {WHOLE[key]}")
            if key == "model" and not isinstance(value, Mapping):
                names = _names(value)
            else:
                said = merge(said, _nested(key, value))
        _heard(chosen, names)
        models = said.get("model")
        if names and isinstance(models, Mapping):
            said["model"] = {name: models[name] for name in names if name in models}
        for key in ("backend", "tasks", "metrics"):
            if isinstance(said.get(key), str):
                said[key] = [said[key]]
        said |= self._limits(said)
        config = configs.load(
            profile=said.pop("profile", None) or USUAL,
            recipe=said.pop("recipe", None),
            file=None,
            overrides=[],
            options=said,
            models=names,
        )
        # by name: the default may hang on files that a resumed sweep no longer needs
        protocol = data.protocol_for(config.data, config.protocol).name
        return config.model_copy(update={"protocol": protocol})

    def _limits(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """The limits of the file, as settings. Raises BadInput for what says the same."""
        found = {}
        limits = self.written.limits
        for name, key in (("seconds", "timeout"), ("memory", "memory")):
            limit = getattr(limits, name)
            if limit is not None and key in said:
                raise BadInput(
                    f"configuration key {key}: limits.{name} says it, too; leave one out"
                )
            if limit is not None:
                found[key] = limit
        return found

    def _where(
        self, chosen: Mapping[str, Any], error: PosePortError, is_here: IsHere
    ) -> PosePortError:
        """The error with its place in the file: base, one value, or values together.

        Values without which it does not come are to blame; where it comes anyhow, base is.
        """
        kind = Missing if isinstance(error, Missing) else BadInput
        blamed = {
            key: value
            for key, value in chosen.items()
            if not self._fails(_without(chosen, key), is_here)
        }
        place = f"grid: {grids.said(blamed)}" if blamed else "base"
        apart = " contradict each other" if len(blamed) > 1 else ""
        return kind(f"{self.file}: {place}{apart}: {error}")

    def _fails(self, chosen: Mapping[str, Any], is_here: IsHere) -> bool:
        try:
            self._check(self._loaded(chosen), set(), is_here)
        except PosePortError:
            return True
        return False


def of(file: Path) -> Points:
    """The points of a file. Raises BadInput that names it."""
    said = written.read(file)
    try:
        return Points(file, said, grids.of(said.grid))
    except BadInput as error:
        raise BadInput(f"{file}: {error}") from None


def anywhere(backend: str) -> bool:
    """Every backend is looked for here."""
    return True


def _without(chosen: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {other: value for other, value in chosen.items() if other != key}


def _names(value: object) -> list[str]:
    """Models by name, of a text or a list. Raises BadInput."""
    names = [value] if isinstance(value, str) else value
    if not (
        isinstance(names, list) and names and all(isinstance(n, str) for n in names)
    ):
        raise BadInput(
            f"configuration key model: a name or several were due, got {words.value(value)}"
        )
    return list(names)


def _nested(key: str, value: Any) -> dict[str, Any]:
    """`model.a.pad`, v -> {"model": {"a": {"pad": v}}}."""
    for part in reversed(str(key).split(".")):
        value = {part: value}
    return dict(value)


def _heard(chosen: Mapping[str, Any], names: list[str]) -> None:
    """Raise BadInput for a choice about a model that the point leaves out."""
    for key in chosen:
        head, _, rest = key.partition(".")
        name = rest.partition(".")[0]
        if head == "model" and name and names and name not in names:
            raise BadInput(
                f"{key} is of {name}, and its models are {', '.join(names)}; exclude the"
                " point, or vary them by `together`"
            )
