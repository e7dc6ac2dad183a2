"""Records of an older schema, read as if this version had written them.

Only what can be done truly: nothing is guessed, and no number is changed. Under schema 1 every
evaluation had the trivial predictors' scores in it; they are a record of their own since.
"""

from __future__ import annotations

from typing import Any

Content = dict[str, Any]
OLDER = (1,)  # schemas that can be read as the present one
# of an evaluation, what is true of the predictors beside it, too
SHARED = ("data", "protocol", "protocol_hash", "headline", "averaging")


def due(content: object) -> bool:
    """Whether a line or a `run.json` is of an older schema."""
    return isinstance(content, dict) and content.get("schema_version") in OLDER


def current(content: Content, schema: int) -> Content:
    """A `run.json`, which lacks nothing but the number."""
    return {**content, "schema_version": schema} if due(content) else content


def records(content: Content, schema: int) -> list[Content]:
    """What one record of an older schema is under the present one.

    Raises KeyError, TypeError or ValueError for what is no record of that schema.
    """
    record = current(content, schema)
    payload = record.get("payload")
    if not payload or "baselines" not in payload:
        return [record]
    rest = dict(payload)
    baselines = {
        "task": "baselines",
        "baselines": rest.pop("baselines"),
        **{name: payload[name] for name in SHARED},
    }
    alone = {**record, "task": "baselines", "backend": "", "model": "", "config": {}}
    # their scores count whatever became of the model's; seconds of their own nobody measured
    own = {"status": "ok", "reason": "", "seconds": None, "peak_rss_bytes": None}
    return [
        {**alone, **own, "actual_device": None, "payload": baselines},
        {**record, "payload": rest},
    ]
