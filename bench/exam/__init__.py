"""The op exam: every operation put to a backend alone."""
