"""Noise that a backend draws itself: what a model asks for, what comes, and what chance allows.

Parity feeds noise; here nothing is fed, and what comes is judged by statistics.
"""
