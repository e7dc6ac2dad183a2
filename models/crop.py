"""The units of models of pictures: a person's crop of the picture, and its depth.

x and y run from -0.5 to 0.5 across the crop, and z, the depth behind the root, from -0.5 to 0.5
over DEPTH (Sun et al., 2018).
"""

DEPTH = 2.0  # metres
