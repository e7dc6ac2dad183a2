"""The catalogue: every file states its `KIND` and its `FAULTS`. The folder is the list."""
