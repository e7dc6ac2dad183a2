"""One file for each format that detectors write; each says whether a value is its own."""
