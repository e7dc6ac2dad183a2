"""What the file of a sweep says, checked against a schema; what the grid is, `grid.py` says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from bench.config import explain
from bench.data.formats import yaml_file
from bench.kinds import Count, Memory, Seconds, Strict
from models.errors import BadInput


class Limits(Strict):
    """What one cell may take."""

    seconds: Seconds | None = None
    memory: Memory | None = None  # bytes that its worker may ask for


class Written(Strict):
    """The file of a sweep."""

    # what all cells have in common, as a configuration of `run` may say it
    base: dict[str, Any] = {}
    # setting -> its values; `together` and `exclude` are no settings
    grid: dict[str, list[Any]]
    limits: Limits = Limits()
    attempts: Annotated[Count, Field(le=100)] = 2  # of a cell that fails, in all
    # each cell in a process of its own, whose memory is measured, too
    fresh: bool = False
    # by backend, what Ray makes its environment of (`runtime_env`)
    environments: dict[str, dict[str, Any]] = {}


def read(file: Path) -> Written:
    """The file of a sweep. Raises BadInput that names the file and the key."""
    content = yaml_file.read(file)
    try:
        return Written.model_validate(content)
    except ValidationError as error:
        raise BadInput(f"{file}: {explain(error, Written)}") from None
