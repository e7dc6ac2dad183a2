"""How fast, measured in turns so that nobody can argue."""
