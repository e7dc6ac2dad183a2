"""Losses are graphs: each file holds one function (pose, target) -> scalar, both (batch,
frames, joints, 3).
"""
