"""JSON that others wrote, with a one-line complaint where it is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.data.formats import whole_file
from models.errors import BadInput


def read(path: Path) -> Any:
    """The value of a file.

    Raises BadInput where it is unreadable, truncated or not JSON, or where a key comes
    twice in an object.
    """
    raw = whole_file.content(path, "the path of a JSON file")
    try:
        # -sig: editors of Windows put a mark of three bytes at the beginning
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_single)
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{path}:{error.lineno}: not JSON ({error.msg}); the file is truncated or"
            " damaged"
        ) from None
    # not UTF-8, a number of thousands of digits, nested without end
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:80]
        raise BadInput(f"{path}: not JSON ({reason}); the file is damaged") from None


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of two values under one key, Python would keep the last without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        # a ValueError is what json.loads lets through, and `read` knows
        raise ValueError(f"key {twice!r:.40} comes twice in one object")
    return found
