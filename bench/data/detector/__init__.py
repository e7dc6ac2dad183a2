"""What 2D detectors write, and the errors they make."""
