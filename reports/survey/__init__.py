"""The survey of published methods: what is known of them, as data, and the page that it makes.

The YAML files of this folder are the data, `entries` says what belongs into them, `page` makes
Markdown of it. Numbers of others are quoted, each with its source; none is measured here.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
