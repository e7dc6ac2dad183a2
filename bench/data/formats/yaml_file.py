"""Reading YAML that people write: safely, as a mapping, with a one-line complaint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from models.errors import BadInput

# libyaml's, ten times as fast, where PyYAML was built with it
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(path: Path) -> dict[str, Any]:
    """Keys and values of a file.

    Raises BadInput where it is unreadable or holds something else.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), LOADER)  # noqa: S506  # a safe one
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        # YAML's own complaints are of several lines
        reason = " ".join(str(error).split())
        raise BadInput(f"{path}: not a readable YAML file: {reason}") from None
    if not isinstance(content, dict):
        raise BadInput(
            f"{path}: keys and values were due, {type(content).__name__} came"
        )
    return content
