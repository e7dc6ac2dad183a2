"""Losses are graphs: each file holds one function (pose, target) -> scalar of its own name.

Both are (batch, frames, joints, 3). A loss that needs the skeleton takes `body` as well, by
keyword, and is given the `Body` that the model is built with.
"""
