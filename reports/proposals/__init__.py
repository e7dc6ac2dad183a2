"""What to build next, so that models that cannot live in a framework can: one proposal a cause."""
