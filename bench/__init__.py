"""What is measured: tasks run in isolated workers, records of what they found, and the
data, metrics and timing they use.
"""
