"""From clips to batches: windows, scaling, work done ahead."""
