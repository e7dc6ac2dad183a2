"""Readers: one source of poses or keypoints, one file, found by listing."""
