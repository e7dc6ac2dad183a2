"""What is measured, and what of it is kept.

Tasks run in isolated workers, records hold what they found; data, metrics and timing are
what they use.
"""
