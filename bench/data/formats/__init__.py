"""Bytes to arrays and back; nothing here knows what a pose is."""
