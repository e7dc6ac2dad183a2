"""Training that no backend implements: data to batches, schedule, checkpoints, and the loop
that drives `Trainer.step`.
"""
