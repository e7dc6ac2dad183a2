"""Which cells a run has, in which order they are done, and what is kept of them."""
