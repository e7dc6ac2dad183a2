"""What can be done to a clip: one file, one step; the folder is the list (`augment.py` reads it).

A step's file has `change`, whose keyword-only parameters are the step's options and whose
annotations check them, and DRAWN: whether its random numbers are those of the take, so that all
views still show one motion, or of each view.
"""
