"""Where joints and cameras are: skeletons, conversions between them, projection."""
