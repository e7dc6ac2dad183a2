"""What a trained model's numbers rest on beside its protocol: sizes, data and recipe."""

from __future__ import annotations

from collections.abc import Mapping

from bench.history.point import digest
from bench.records import Record, RunInfo

DATA = ("data", "small", "noise", "corrupt", "augment")
# of a training, what changes no weight
FREE = ("validate_every", "validation_windows", "keep")


def recipe(record: Record, run: RunInfo) -> str:
    """Hash of it. The seed is no part: chance is what a history has to see through."""
    settings = _inside(run.config, "model", record.model, "train")
    return digest(
        {
            **{name: run.config.get(name) for name in DATA},
            "sizes": record.config,
            "train": {
                name: value
                for name, value in settings.items()
                if value is not None and name not in FREE
            },
        }
    )


def _inside(content: object, *path: str) -> Mapping[str, object]:
    """The mapping that lies there; an empty one where none does."""
    for name in path:
        content = content.get(name) if isinstance(content, Mapping) else None
    return content if isinstance(content, Mapping) else {}
