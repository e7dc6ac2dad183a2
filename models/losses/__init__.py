"""Losses are graphs: each file holds one function of its own name, which gives a scalar.

It is given what it names as parameters: `pose` and `target` (batch, frames, joints, 3); of a mesh
model `vertices` and their truth `surface` (batch, vertices, 3), metres from the root; `body`, the
`Body` that the model is built with, whose `mesh` such a model has.
"""
