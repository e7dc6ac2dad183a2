"""A framework on paper: what its owners declare of it, in YAML, and what nobody knows.

`unknown` is an answer everywhere and is what a field says that is left out: nothing is guessed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from bench.data.formats import yaml_file
from bench.exam.settings import DTYPES
from bench.exam.third_party import reasons
from bench.feasibility import wheels as tables
from bench.feasibility import wording
from bench.kinds import Strict
from models import ops, optim
from models.errors import BadInput, UnknownName
from models.graph import FLOATS

UNKNOWN: Literal["unknown"] = "unknown"
OPERATORS = Path(__file__).with_name("operators.yaml")
# As packages call their backends, and room for `-measured` behind it.
NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$"
MOST_OPSET = 100
PROCESSORS = ("cpu", "cuda", "mps")
ACCELERATOR = re.compile(r"[a-z][a-z0-9]{1,31}")  # npu, tpu, or of nobody else
A_SLIP = 0.75  # of a name like `cuda`: one letter in four


def _of(kind: str, known: Callable[[], Iterable[str]]) -> AfterValidator:
    def check(name: str) -> str:
        names = set(known())
        if name not in names:
            raise UnknownName(kind, name, names)
        return name

    return AfterValidator(check)


def _op(name: str) -> str:
    if name not in ops.table():
        raise ops.unknown(name)
    return name


def _device(name: str) -> str:
    """One that is known, or an accelerator of the framework's own, whose name is no slip."""
    if name in PROCESSORS:
        return name
    slip = difflib.get_close_matches(name, PROCESSORS, cutoff=A_SLIP)
    if slip or not ACCELERATOR.fullmatch(name):
        raise UnknownName("device", name, PROCESSORS)
    return name


def _word(value: object) -> object:
    """YAML makes truth values of yes and no, which stand here for words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value


def _filled(text: str) -> str:
    if not text.strip():
        raise BadInput("it is blank; say it, or leave it out")
    return text


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"{name} comes twice; name it once")
    return names


@cache
def operators() -> dict[str, dict[str, int]]:
    """By op of the language, the ONNX operators that a kernel is made of, with their opsets."""
    return yaml_file.read(OPERATORS)


@cache
def _operator_names() -> set[str]:
    # here: it loads all that writes foreign graphs down
    from bench.exam.third_party import mapping

    known = {name for each in operators().values() for name in each}
    return known | reasons.OPERATORS.keys() | mapping.table().keys()


Said = Annotated[Literal["yes", "no", "unknown"], BeforeValidator(_word)]
Op = Annotated[str, AfterValidator(_op)]
Ops = Annotated[tuple[Op, ...], AfterValidator(_once)]
Operator = Annotated[str, _of("ONNX operator", _operator_names)]
Text = Annotated[
    str,
    BeforeValidator(_word),
    Field(min_length=1, max_length=500),
    AfterValidator(_filled),
]
Dtypes = Annotated[
    tuple[Annotated[str, _of("dtype", lambda: DTYPES)], ...], AfterValidator(_once)
]
Rules = Annotated[
    tuple[Annotated[str, _of("optimizer", lambda: optim.RULES)], ...],
    AfterValidator(_once),
]
Devices = Annotated[
    tuple[Annotated[str, AfterValidator(_device)], ...], AfterValidator(_once)
]
Unsaid = Literal["unknown"]
Flaw = tuple[tuple[str, ...], str]  # the keys of a field, and what is wrong there


def _number(said: object) -> object:
    """YAML makes a number of 3.11."""
    return str(said) if isinstance(said, int | float) else said


def _checked(check: Callable[[str], object]) -> AfterValidator:
    def kept(said: str) -> str:
        check(said)
        return said

    return AfterValidator(kept)


Python = Annotated[str, BeforeValidator(_number), _checked(tables.python)]
Platform = Annotated[str, _checked(tables.platform)]
WheelTag = Annotated[str, _checked(lambda tag: tables.of_tags([tag]))]
# several tags of one platform are usual, of older and newer systems; the same one is a slip
Platforms = Annotated[tuple[Platform, ...], AfterValidator(_once)]
WheelTags = Annotated[tuple[WheelTag, ...], AfterValidator(_once)]
# one form is looked at, or an error would name those that nobody wrote
Wheels = Annotated[
    Annotated[dict[Python, Platforms], Tag("dict")]
    | Annotated[WheelTags, Tag("list")]
    | Annotated[Unsaid, Tag("word")],
    Discriminator(
        lambda said: (
            "word" if said == UNKNOWN else "dict" if isinstance(said, dict) else "list"
        )
    ),
]


def _meanings(said: dict[str, str]) -> dict[str, str]:
    # here: what is told apart by its semantics is told by the exam's probes
    from bench.semantics import catalogue

    for probe, variant in said.items():
        if variant not in (known := catalogue.variants(probe)):
            raise UnknownName(f"variant of {probe}", variant, known)
    return said


Meanings = Annotated[dict[str, str], AfterValidator(_meanings)]


def _least(op: str) -> int:
    """The rank that an op needs at the least, of all its cases."""
    cases = ops.table()[op].cases
    return min(max(map(len, case.shapes), default=0) for case in cases)


class Manifest(Strict):
    """One framework."""

    name: Annotated[str, Field(pattern=NAME)]
    version: Text = UNKNOWN
    ops: Ops = ()  # that it has a kernel of, by our names
    onnx: Annotated[tuple[Operator, ...], AfterValidator(_once)] = ()  # or by ONNX's
    opset: Annotated[int, Field(ge=1, le=MOST_OPSET, strict=True)] | None = (
        None  # of `onnx`
    )
    lacks: dict[Op, Text] = {}  # op -> why, or what is known of it
    # what of ops that stand in none of these: that they are not there, or that nobody knows
    others: Literal["no", "unknown"] = UNKNOWN
    rank: (
        Annotated[int, Field(ge=1, le=16, strict=True)] | Literal["any", "unknown"]
    ) = UNKNOWN
    dynamic_shapes: Said = UNKNOWN
    dtypes: Dtypes | Unsaid = UNKNOWN
    autograd: Said = UNKNOWN
    optimizers: Rules | Unsaid = UNKNOWN
    semantics: Meanings = {}  # probe of `bench/semantics` -> its variant
    inference_graph: Said = UNKNOWN  # another than that of training
    graph_loops: Said = UNKNOWN
    devices: Devices | Unsaid = UNKNOWN
    platforms: dict[Text, Text] | Unsaid = (
        UNKNOWN  # linux, macos, ... -> how well it goes
    )
    # Python -> platforms, or tags such as cp311-manylinux_2_28_x86_64
    wheels: Wheels = UNKNOWN
    notes: tuple[Text, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _others(cls, content: Any) -> Any:
        # the truth value that YAML makes of `no`
        if isinstance(content, dict) and content.get("others") is False:
            return {**content, "others": "no"}
        return content

    def kernels(self) -> set[str]:
        """Ops of the language that it has."""
        told = set(self.onnx)
        found = {op for op, made in operators().items() if made and made.keys() <= told}
        return (found - set(self.lacks)) | set(self.ops)

    def contradiction(self) -> Flaw | None:
        """A field, and what in it cannot be together with another; None where all can."""
        for op in self.lacks:
            if op in self.ops:
                return ("lacks", op), f"{op} stands in `ops`, too; say one"
        for op in sorted(set(self.lacks) & operators().keys()):
            made = operators()[op].keys()
            if made and made <= set(self.onnx):
                named = ", ".join(sorted(made))
                return ("lacks", op), f"`onnx` has {named}, which are {op}; say one"
        others = self._opset, self._types, self._wheels, self._ranks, self._absent
        return next((flaw for find in others if (flaw := find())), None)

    def _opset(self) -> Flaw | None:
        if bool(self.onnx) != (self.opset is not None):
            field, other = ("onnx", "opset") if self.onnx else ("opset", "onnx")
            return (field,), f"it says nothing without `{other}`; give both"
        since = {
            name: new for made in operators().values() for name, new in made.items()
        }
        for i, name in enumerate(self.onnx):
            if self.opset is not None and since.get(name, 1) > self.opset:
                came = f"{name} came with opset {since[name]}"
                return (
                    "onnx",
                    str(i),
                ), f"{came}, and `opset` is {self.opset}; change one"
        return None

    def _types(self) -> Flaw | None:
        inexact = self.dtypes == UNKNOWN or set(FLOATS) & set(self.dtypes)
        if self.autograd == "yes" and not inexact:
            return ("autograd",), "yes, and `dtypes` has no float to differentiate"
        return None

    def built(self) -> tables.Table | None:
        """Wheels by Python and platform; None where it does not say."""
        return None if isinstance(self.wheels, str) else tables.table(self.wheels)

    def _wheels(self) -> Flaw | None:
        if isinstance(self.wheels, dict) and (again := tables.twice(self.wheels)):
            keys, said = again
            return ("wheels", *keys), said
        there, places = self.built(), self.platforms
        if not there or not any(there.values()) or isinstance(places, str):
            return None
        lost = {name for name, said in places.items() if said == "no"}
        if lost and lost == places.keys():
            return ("wheels",), "there are some, and every one of `platforms` is no"
        for one, platforms in there.items():
            for platform in platforms:
                if named := sorted(lost & tables.covered(platform, lost)):
                    said = f"one for {platform}, and `platforms.{named[0]}` is no"
                    return ("wheels", one), f"{said}; change one"
        return None

    def _ranks(self) -> Flaw | None:
        if not isinstance(self.rank, int):
            return None
        found = [("ops", i, op, _least(op)) for i, op in enumerate(self.ops)]
        for i, name in enumerate(self.onnx):
            # of what it makes alone: with others it may do less than all of it
            alone = [op for op, made in operators().items() if made.keys() == {name}]
            found.append(("onnx", i, name, min(map(_least, alone), default=0)))
        for field, i, name, least in found:
            if least > self.rank:
                most = f"the largest `rank` is {self.rank}"
                said = f"{name} takes tensors of rank {least}, and {most}"
                return (field, str(i)), said
        return None

    def _absent(self) -> Flaw | None:
        # here: what is told apart by its semantics is told by the exam's probes
        from bench.semantics import catalogue

        for probe in self.semantics:
            concerned = set(catalogue.table()[probe].ops)
            if concerned and concerned <= set(self.lacks):
                named = ", ".join(sorted(concerned))
                said = f"it is a meaning of {named}, which `lacks` has; say one"
                return ("semantics", probe), said
        return None


def read(path: Path) -> Manifest:
    """The manifest in a file. Raises BadInput with the field, its line, and what was due."""
    content = yaml_file.read(path)
    try:
        found = Manifest.model_validate(content)
    except ValidationError as error:
        raise BadInput(_explained(path, content, error)) from None
    if flaw := found.contradiction():
        keys, said = flaw
        raise BadInput(f"{_place(path, keys)}: {'.'.join(keys)}: {said}")
    return found


def _explained(path: Path, content: Any, error: ValidationError) -> str:
    """One line for the first thing that is wrong: field, line, what was due."""
    wrong = error.errors()[0]
    # "[key]" is pydantic's word for a key that is wrong, and the names of types are its own
    keys = _keys(wrong["loc"], content)
    if not keys:
        return f"{path}: {wording.wrong([wrong])}"
    place = f"{_place(path, keys)}: {'.'.join(keys)}"
    if wrong["type"] == "value_error":
        return f"{place}: {wrong['ctx']['error']}"
    if wrong["type"] == "extra_forbidden":
        return f"{place}: {UnknownName('field', keys[-1], Manifest.model_fields)}"
    if wrong["type"] == "missing":
        return f"{place}: it is missing; say it"
    # each alternative of a field has an error of its own
    alike = [each for each in error.errors() if _keys(each["loc"], content) == keys]
    return f"{place}: {wording.wrong(alike)}"


def _keys(loc: Sequence[int | str], content: Any) -> list[str]:
    """The keys of a file in a place as pydantic has it, which names alternatives, too."""
    if not loc:
        return []  # the whole
    field, *inner = map(str, loc)
    keys, here = [field], _named(content).get(field)
    for part in inner:
        # a number of a list, or a name of a table; whatever else stands there is pydantic's own
        if part in (named := _named(here)):
            keys.append(part)
            here = named[part]
    return keys


def _named(content: Any) -> dict[str, Any]:
    if isinstance(content, list):
        content = dict(enumerate(content))
    items = content.items() if isinstance(content, dict) else ()
    return {str(key): value for key, value in items}


def _place(path: Path, keys: Sequence[str]) -> str:
    """File and line of what stands at some keys, or of the last of them that is there."""
    return f"{path}:{yaml_file.line(path, keys)}"
