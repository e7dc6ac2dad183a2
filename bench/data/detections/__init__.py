"""What 2D detectors write: files of people in pictures, made the frames of one person."""
