"""JSON that others wrote, with a one-line complaint where it is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models.errors import BadInput


def read(path: Path) -> Any:
    """The value of a file. Raises BadInput where it is unreadable, truncated or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); give the path of a JSON file") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}:{error.lineno}: not JSON ({error.msg}); the file is truncated or damaged") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, a number of thousands of digits, nested without end
        reason = " ".join(str(error).split())[:80]
        raise BadInput(f"{path}: not JSON ({reason}); the file is damaged") from None
