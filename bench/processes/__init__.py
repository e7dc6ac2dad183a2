"""Processes of their own: the parent's handle, the child's main, one question, the machine
they run on.
"""
