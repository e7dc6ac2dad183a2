"""Many runs of one grid: each point a run folder, each cell done once and known by content."""
