"""For whoever brings a framework of their own: a package to begin with, and what it must give."""
