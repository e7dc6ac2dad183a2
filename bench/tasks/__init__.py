"""Tasks: one file each, `run(job, backend, device, progress) -> Finding`, found by name, run in a worker."""
