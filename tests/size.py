"""How dense the code is: `python -m tests.size [PLACE ...]` prints it, `test_size.py` bounds it.

A token is what Python's own tokenizer makes of a line, but for layout, comments and docstrings:
packing lines gains nothing. After tinygrad's `sz.py`.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.paths import ROOT

PRODUCT = ("models", "backends", "bench", "reports")
LAYOUT = {
    tokenize.NEWLINE,
    tokenize.NL,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
Documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Size:
    """What is counted of one file."""

    path: Path
    tokens: int
    code_lines: int
    comments: int
    lines: int
    wide: tuple[int, ...]  # numbers of the lines beyond 100 columns
    functions: tuple[tuple[str, int], ...]  # each with its lines


def measure(path: Path) -> Size:
    """Read one file and count."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    documentation = set(_documentation(tree))
    tokens = comments = 0
    code_lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments += 1
        elif token.type not in LAYOUT and token.start[0] not in documentation:
            tokens += 1
            code_lines |= set(range(token.start[0], token.end[0] + 1))
    lines = text.splitlines()
    wide = tuple(
        number for number, line in enumerate(lines, start=1) if len(line) > 100
    )
    return Size(
        path,
        tokens,
        len(code_lines),
        comments,
        len(lines),
        wide,
        tuple(_functions(tree)),
    )


def sizes(places: Iterable[Path]) -> list[Size]:
    """Every Python file of some folders, and files given by name."""
    files = [
        file
        for place in places
        for file in (place.rglob("*.py") if place.is_dir() else [place])
    ]
    return [measure(file) for file in sorted(files)]


def tokens_a_line(found: Iterable[Size]) -> float:
    """Over the whole, not the mean of files."""
    counted = list(found)
    return sum(size.tokens for size in counted) / sum(
        size.code_lines for size in counted
    )


def comments_a_hundred(found: Iterable[Size]) -> float:
    """Comments for each hundred lines of code, over the whole."""
    counted = list(found)
    return (
        100
        * sum(size.comments for size in counted)
        / sum(size.code_lines for size in counted)
    )


def _documentation(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if (
            isinstance(node, Documented)
            and ast.get_docstring(node, clean=False) is not None
        ):
            text = node.body[0]
            yield from range(text.lineno, (text.end_lineno or text.lineno) + 1)


def _functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def _quantiles(numbers: Iterable[int]) -> str:
    """Median, 95th percentile, largest."""
    ordered = sorted(numbers)
    at = [
        ordered[min(len(ordered) - 1, int(len(ordered) * share))]
        for share in (0.5, 0.95, 1.0)
    ]
    return " / ".join(map(str, at))


def _report(title: str, found: list[Size]) -> None:
    lengths = [length for size in found for _, length in size.functions] or [0]
    print(
        f"{title:10} {len(found):4} files,",
        f"{sum(size.code_lines for size in found):6} lines of code,",
        f"{tokens_a_line(found):5.2f} tokens a line,",
        f"{comments_a_hundred(found):4.1f} comments per 100,",
        f"{sum(len(size.wide) for size in found)} wide;",
        f"median / p95 / largest: file {_quantiles(size.lines for size in found)},",
        f"function {_quantiles(lengths)}",
    )


def main(arguments: list[str]) -> None:
    """Print each place that is given, or each room and the product as a whole."""
    for place in arguments or [*PRODUCT, "tests"]:
        _report(place, sizes([ROOT / place]))
    if not arguments:
        _report("product", sizes(ROOT / room for room in PRODUCT))
    for size in sizes(ROOT / place for place in arguments):
        far = [f"line {number}: over 100 columns" for number in size.wide]
        far += [
            f"{name}: {length} lines" for name, length in size.functions if length > 40
        ]
        far += [f"{size.lines} lines"] if size.lines > 400 else []
        for remark in far:
            print(f"  {size.path.relative_to(ROOT)}: {remark}")


if __name__ == "__main__":
    main(sys.argv[1:])
