"""YAML that people write, read safely, within bounds, with a one-line complaint; and written.

What comes of it is plain: mappings, lists, texts, finite numbers, truth values and null. Numbers
are those of YAML 1.2, so that `1e-3` is one, and a date or a time of day is a text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.data.formats import whole_file, words
from models.errors import BadInput, shortened

LARGEST = 1 << 18  # bytes of a file: settings are a page
DEEPEST = 40  # mappings and lists in each other: settings go down to five
MOST_ALIASES = 100
WHOLE = 1 << 63  # from here on, no whole number fits the 64 bits of all that read it

INTEGER = re.compile(r"[-+]?[0-9][0-9_]*|0x[0-9a-fA-F]+|0o[0-7]+")
REAL = re.compile(
    r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
INTEGER_TAG, REAL_TAG = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
# as YAML 1.1 has them: 1e-3 a text, 1:30 the number 90, 010 eight, and a date no text
REPLACED = (INTEGER_TAG, REAL_TAG, "tag:yaml.org,2002:timestamp")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """libyaml's, ten times as fast, where PyYAML was built with it."""

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Any, Any]:
        """As its parent does, but a key that comes twice is an error."""
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, _ in node.value:
                name = (key.tag, str(key.value))
                if name in seen:
                    # the parent would keep the last, and say nothing
                    said = f"key {shortened(name[1])} comes twice"
                    raise ValueError(_at_line(key, said))
                seen.add(name)
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return found


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """The first character of a plain text -> what it may be, with numbers as in YAML 1.2."""
    found = {
        first: [(tag, form) for tag, form in forms if tag not in REPLACED]
        for first, forms in _Loader.yaml_implicit_resolvers.items()
    }
    for first in "-+.0123456789":
        found.setdefault(first, [])
        found[first] += [
            (INTEGER_TAG, re.compile(rf"(?:{INTEGER.pattern})\Z")),
            (REAL_TAG, re.compile(rf"(?:{REAL.pattern})\Z")),
        ]
    return found


def _integer(loader: Any, node: yaml.ScalarNode) -> int:
    text = str(node.value).replace("_", "")
    # more digits than 64 bits have: Python refuses thousands of them in words of its own
    if len(text) > 100:
        raise ValueError(f"{shortened(text)} has more than 64 bits")
    return int(text, 16 if "x" in text else 8 if "o" in text else 10)


def _real(loader: Any, node: yaml.ScalarNode) -> float:
    text = str(node.value).replace("_", "")
    # YAML writes infinity with a point, Python without
    return float(re.sub(r"\.(?=[inIN])", "", text))


_Loader.yaml_implicit_resolvers = _resolvers()
_Loader.add_constructor(INTEGER_TAG, _integer)
_Loader.add_constructor(REAL_TAG, _real)


# libyaml's, ten times as fast, where PyYAML was built with it
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read(path: Path) -> dict[str, Any]:
    """Keys and values of a file.

    Raises BadInput where it is unreadable, too large, or holds something else.
    """
    due = "a YAML file of keys and values"
    size = whole_file.size(path, due)
    try:
        if size > LARGEST:
            raise BadInput(f"{size:,} bytes came, {LARGEST:,} at most were due")
        content = _parsed(whole_file.content(path, due).decode("utf-8"))
    except (BadInput, UnicodeDecodeError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise BadInput(f"{path}: not a readable YAML file: {reason}") from None
    if not isinstance(content, dict):
        raise BadInput(f"{path}: keys and values were due, {words.kind(content)} came")
    try:
        _plain(content)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    return content


def text(content: Mapping[str, Any]) -> str:
    """Plain keys and values as YAML that `parse` gives back, in their order."""
    return yaml.dump(dict(content), Dumper=_DUMPER, sort_keys=False, allow_unicode=True)


def parse(text: str) -> Any:
    """The plain value that a text says. Raises BadInput with one short line."""
    value = _parsed(text)
    _plain(value)
    return value


def _parsed(text: str) -> Any:
    """What a text says, whose numbers may be without bounds."""
    if len(text) > LARGEST:
        raise BadInput(f"{len(text):,} characters came, {LARGEST:,} at most were due")
    try:
        _bounded(text)
        # a safe loader, which makes plain values alone
        return yaml.load(text, _Loader)  # noqa: S506
    # ValueError: ours, and Python's of a date or a number that is none
    except (yaml.YAMLError, ValueError) as error:
        # YAML's own complaints are of several lines, and call a text without a name one
        said = " ".join(str(error).split()).replace('in "<unicode string>", ', "at ")
        raise BadInput(shortened(said, 300)) from None


def line(path: Path, keys: Sequence[str]) -> int:
    """The line, from 1, of what stands at some keys of a file that can be read.

    Of the last of them that is there, where not all are; entries of a list go by their number.
    """
    node = yaml.compose(path.read_text(encoding="utf-8"), _Loader)
    found = 1
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            named = {_key(name): (name, value) for name, value in node.value}
            if key not in named:
                break
            name, node = named[key]
            found = name.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and key.isdigit():
            node = node.value[int(key)]
            found = node.start_mark.line + 1
    return found


def _at_line(what: yaml.Node | yaml.Event, said: str) -> str:
    """A complaint with the line of what it is about, from 1."""
    mark = what.start_mark
    return f"line {mark.line + 1}: {said}" if mark else said


def _key(node: yaml.Node) -> str:
    """A key as its value reads: that of 3.10 is 3.1."""
    if isinstance(node, yaml.ScalarNode) and node.tag == REAL_TAG:
        return str(_real(None, node))
    return str(node.value)


def _bounded(text: str) -> None:
    """Raises ValueError for what takes more than its length to hold.

    A list of aliases of lists of aliases stands for billions; an alias inside of what it
    names, for a list without end. Event by event, so that depth costs no stack.
    """
    anchors: list[bool] = []  # of the mappings and lists that are open
    aliases = 0
    for event in yaml.parse(text, _Loader):
        # a tag makes a date of a text, or worse of it; without one all values are plain
        if tag := getattr(event, "tag", None):
            raise ValueError(
                _at_line(event, f"tag {shortened(tag)} came; leave it out")
            )
        if isinstance(event, yaml.CollectionStartEvent):
            anchors.append(event.anchor is not None)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchors.pop()
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
            if any(anchors):
                named = f"alias *{shortened(event.anchor)}"
                said = f"{named} stands inside of what has an anchor; write it out"
                raise ValueError(_at_line(event, said))
        if len(anchors) > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST} mappings and lists")
        if aliases > MOST_ALIASES:
            raise ValueError(f"more than {MOST_ALIASES} aliases; write them out")


def _plain(value: Any, path: tuple[str, ...] = ()) -> None:
    """Raises BadInput for a number that JSON or 64 bits cannot hold, naming its key."""
    if isinstance(value, dict):
        for key, part in value.items():
            _plain(key, path)
            _plain(part, (*path, str(key)))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            _plain(part, (*path, str(place)))
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadInput(f"{_at(path)}a finite number was due, {value} came")
    elif isinstance(value, int) and not -WHOLE <= value < WHOLE:
        said = "a whole number within 64 bits was due, a larger one came"
        raise BadInput(f"{_at(path)}{said}")


def _at(path: tuple[str, ...]) -> str:
    """Which key a value is of, where it is of one."""
    return f"key {shortened('.'.join(path))}: " if path else ""
