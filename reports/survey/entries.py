"""What the survey's files hold, strictly: a misspelt field or a number in quotes is an error.

None and an empty text are what was not found. They are shown as a dash, and never filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Category = Literal["single frame", "video", "graph", "probabilistic", "image", "mesh"]
Number = float | None
Millimetres = Field(default=None, gt=0)
Percent = Field(default=None, ge=0, le=100)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Result(_Entry):
    """A published score, quoted."""

    data: str  # a data set, by its key
    # 2D keypoints from a detector, or the data's own, or a picture
    input: Literal["image", "detected", "truth", "unstated"]
    detail: str = ""
    mpjpe: Number = Millimetres
    pa_mpjpe: Number = Millimetres
    pck: Number = Percent
    auc: Number = Percent
    protocol: str = ""
    source: str = Field(min_length=1)
    aside: str = ""  # why it is not to stand beside the others
    # parameters of this very variant: as the zoo's preset has them, or as published
    preset: str = ""
    millions: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _says_something(self) -> Result:
        if self.preset and self.millions is not None:
            raise ValueError("either `preset` or `millions` was due, and not both")
        if (self.mpjpe, self.pa_mpjpe, self.pck, self.auc) == (None,) * 4:
            raise ValueError("a result without a number; leave it out")
        return self


class Count(_Entry):
    """A published number of parameters."""

    millions: float = Field(gt=0)
    what: str = ""  # of which variant, or part
    source: str = Field(min_length=1)


class Method(_Entry):
    """A published method."""

    title: str
    year: int = Field(ge=2000, le=2100)
    category: tuple[Category, ...] = Field(min_length=1)  # the first is its colour
    blocks: tuple[str, ...] = Field(min_length=1)
    model: str = ""  # the same network in the zoo
    published: tuple[Count, ...] = ()
    results: tuple[Result, ...] = ()
    note: str = ""


class Block(_Entry):
    """A part that methods are built of."""

    about: str
    ops: tuple[str, ...] = ()  # that it needs at the least
    open: str = ""  # why nobody can say what it needs
    note: str = ""

    @model_validator(mode="after")
    def _is_known_or_open(self) -> Block:
        if bool(self.ops) == bool(self.open):
            raise ValueError("either `ops` or `open` was due, and not both")
        return self


class Dataset(_Entry):
    """A data set of the field."""

    title: str
    content: str = ""
    licence: str = ""
    size: str = ""
    protocol: str = ""
    reader: str = ""  # the sources that read it here
    traps: tuple[str, ...] = ()


class Row(_Entry):
    """A line of the study's table; with an optimizer where it is of the study itself."""

    method: str
    mpjpe: Number = Millimetres
    pa_mpjpe: Number = Millimetres
    optimizer: str = ""


class Study(_Entry):
    """The table of a study that this project was to take up again."""

    source: str
    rows: tuple[Row, ...]


class Survey(_Entry):
    """All of it."""

    methods: Mapping[str, Method]
    blocks: Mapping[str, Block]
    datasets: Mapping[str, Dataset]
    pose2mesh_study: Study

    @model_validator(mode="after")
    def _names_are_known(self) -> Survey:
        for key, method in self.methods.items():
            for kind, name, known in self._named(method):
                if name not in known:
                    listed = ", ".join(known)
                    raise ValueError(
                        f"methods.{key}: no {kind} {name}; known: {listed}"
                    )
        return self

    def _named(self, method: Method) -> Iterator[tuple[str, str, Mapping[str, _Entry]]]:
        """What one method names, and where that is to be found."""
        for block in method.blocks:
            yield "block", block, self.blocks
        for result in method.results:
            yield "data set", result.data, self.datasets
