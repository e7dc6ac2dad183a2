"""Processes of their own.

The parent's handle, the child's main, one question, the machine they run on.
"""
